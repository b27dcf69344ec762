"""Jobs that hand over odd values, interrupt recording by signals or have closed their files: nothing fails in them."""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.artifacts import ArtifactCatalog
from stormlog.capture import FlightRecorder, FlightRecorderOptions, MemoryTracker, SinkOptions, SinkWriter
from stormlog.phases import PHASE_SCOPE_METADATA_KEY, PhaseProtocolError
from tests.capture.test_tracker import NEVER, FakeCollector, records, types

NOW = SinkOptions(flush_every_events=1, writes_in_background=False)


class Silent:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class BrokenDictionary(dict[str, int]):
    def items(self) -> Any:
        raise RuntimeError


def holding_itself() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def nested_deeply() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


ODD_VALUES: dict[str, tuple[Any, Any, bool]] = {
    "half of a pair": ("\ud800", "\ud800", False),
    "no number": (math.nan, "nan", False),
    "keys of two types": ({1: 2, "a": 3}, {"1": 2, "a": 3}, False),
    "of no form": ({1}, "<builtins.set>", False),
    "without a text": (Silent(), f"<{__name__}.Silent>", False),
    "a tuple as key": ({(1, 2): 3}, "<builtins.dict>", True),
    "holds itself": (holding_itself(), "<builtins.dict>", True),
    "nested deeply": (nested_deeply(), "<builtins.list>", True),
    "too long": ("x" * 10_000_000, "<builtins.str>", True),
    "too long inside": (["x" * 10_000_000], "<builtins.list>", True),
    "a number of many digits": (10**5000, "<builtins.int>", True),
    "broken methods": (BrokenDictionary(a=1), f"<{__name__}.BrokenDictionary>", True),
}


def tracker_in(place: Path, **named: Any) -> MemoryTracker:
    named.setdefault("sink_options", NOW)
    return MemoryTracker(place, interval=NEVER, collector=FakeCollector(), alerts=None, **named)


@pytest.mark.parametrize("name", ODD_VALUES)
def test_an_odd_value_costs_itself_alone(name: str, tmp_path: Path) -> None:
    value, written, is_told = ODD_VALUES[name]
    with tracker_in(tmp_path, metadata={"of_tracker": value}) as tracker:
        with tracker.phase("train", metadata={"of_phase": value, "good": 1}):
            pass
        recorded = (
            tracker.recorder.record_failure("x", metadata={"of_failure": value}) if tracker.recorder else None
        )
    assert recorded is not None and recorded.error is None
    found = records(tmp_path)
    assert types(tmp_path) == ["start", "phase_enter", "phase_exit", "error", "stop"]
    enter = found[1]["metadata"]
    assert str(enter["of_tracker"]) == str(written)
    attributes = enter[PHASE_SCOPE_METADATA_KEY]["attributes"]
    assert (str(attributes["of_phase"]), attributes["good"]) == (str(written), 1)
    assert str(found[3]["metadata"]["of_failure"]) == str(written)
    assert (len(tracker.problems) > 0) == is_told
    assert "dropped" not in json.loads((tmp_path / "manifest.json").read_text())


def test_a_record_that_cannot_be_written_is_counted_and_told_to_readers(tmp_path: Path) -> None:
    with tracker_in(tmp_path) as tracker, tracker.phase("x" * 6_000_000):
        pass
    assert len(tracker.problems) >= 1
    [warning] = [
        item for item in ArtifactCatalog(tmp_path).warnings if item.code.startswith("records_dropped")
    ]
    assert warning.code.endswith(":2")
    assert "could not be written as JSON" in warning.message


@pytest.mark.parametrize("event", [{"a": holding_itself()}, {"metadata": {(1, 2): 3}}, {"context": Silent()}])
def test_an_odd_event_does_not_cost_a_bundle(event: dict[str, Any], tmp_path: Path) -> None:
    recorder = FlightRecorder(FlightRecorderOptions(directory=str(tmp_path)))
    recorder.record(event)
    recorder.record({"event_type": "sample"})
    recorded = recorder.record_failure("x", message="y" * 10_000_000)
    assert recorded.bundle_path is not None, recorded.error
    events = json.loads(Path(recorded.bundle_path, "events.json").read_text())
    assert events[1]["event_type"] == "sample"
    assert os.path.getsize(Path(recorded.bundle_path, "metadata.json")) < 200_000


INTERRUPTED = """
import signal, sys, time
from stormlog.capture import MemoryTracker, SinkOptions
tracker = MemoryTracker(sys.argv[1], interval=0.001, sink_options=SinkOptions(fsync="never")).start()
def handle(*arguments):
    with tracker.phase("in a handler"):
        tracker.flush()
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
end = time.monotonic() + 0.7
while time.monotonic() < end:
    with tracker.phase("train"):
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
tracker.stop()
print(len(tracker.problems) <= 1)
"""


def test_a_signal_handler_waits_for_nothing_that_it_interrupted(tmp_path: Path) -> None:
    job = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (job.returncode, job.stdout) == (0, "True\n"), job.stderr
    scopes: list[str] = []
    for record in records(tmp_path):
        if record["event_type"] == "phase_enter":
            scopes.append(record["context"])
        elif record["event_type"] == "phase_exit":
            scopes.pop()
    assert scopes == []


def test_a_session_that_is_closed_while_it_is_written_is_closed_when_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stormlog.capture.sink import writer as module

    append_batch = module.append_batch
    writer = SinkWriter(tmp_path, SinkOptions(flush_every_events=100, writes_in_background=False))

    def interrupted(path: str, batch: bytes, *, sync: bool) -> None:
        # What a handler of SIGTERM does.
        writer.flush()
        writer.close("interrupted")
        append_batch(path, batch, sync=sync)

    writer.append({"number": 0})
    monkeypatch.setattr(module, "append_batch", interrupted)
    writer.flush()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["sessions"][0]["status"] == "interrupted"
    assert [segment["event_count"] for segment in manifest["segments"]] == [1]
    assert (tmp_path / "segment-000001.jsonl").read_text() == '{"number": 0}\n'


def test_ctrl_c_while_files_are_written_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stormlog.capture.sink import segment_files

    write = os.write

    def half(descriptor: int, batch: memoryview) -> int:
        write(descriptor, batch[:5])
        raise KeyboardInterrupt

    writer = SinkWriter(tmp_path, SinkOptions(flush_every_events=100, writes_in_background=False))
    writer.append({"number": 0})
    with monkeypatch.context() as patch:
        patch.setattr(segment_files.os, "write", half)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
    writer.close()
    assert (tmp_path / "segment-000001.jsonl").read_text() == '{"number": 0}\n'
    assert writer.diagnostics.dropped_record_count == 0


CLOSED = """
import ctypes, sys, time
from stormlog.capture import MemoryTracker, SinkOptions
library = ctypes.CDLL(None)
with MemoryTracker(sys.argv[1], interval=0.001, sink_options=SinkOptions(flush_every_events=1)):
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        for descriptor in range(3):
            library.write(descriptor, b"from a library\\n", 15)
"""


def test_what_libraries_say_does_not_get_into_files_where_standard_output_is_closed(tmp_path: Path) -> None:
    shell = 'exec "$@" <&- >&- 2>&-'
    command = ["sh", "-c", shell, "sh", sys.executable, "-c", CLOSED, str(tmp_path / "sink")]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert len(records(tmp_path / "sink")) > 2
    assert "from a library" not in (tmp_path / "sink" / "manifest.json").read_text()


def test_a_command_whose_files_are_closed_has_them_closed(tmp_path: Path) -> None:
    code = f"""
import os
found = []
for descriptor in range(3):
    try:
        os.fstat(descriptor)
    except OSError:
        found.append(descriptor)
with open({str(tmp_path / "found")!r}, "w") as file:
    file.write(str(found))
raise MemoryError
"""
    command = [sys.executable, "-m", "stormlog", "run", "-q", "--sink", str(tmp_path / "sink"), "--"]
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command, sys.executable, "-c", code]
    assert subprocess.run(shell, timeout=60, check=False).returncode == 1
    assert (tmp_path / "found").read_text() == "[0, 1]"
    assert "error" in types(tmp_path / "sink")


def test_coroutines_are_tracked_while_they_run_and_generators_are_refused(tmp_path: Path) -> None:
    tracker = tracker_in(tmp_path)

    @tracker
    async def train() -> int:
        with tracker.phase("train"):
            await asyncio.sleep(0)
        return 7

    assert asyncio.run(train()) == 7
    assert types(tmp_path) == ["start", "phase_enter", "phase_exit", "stop"]

    def batches() -> Iterator[int]:
        yield 1

    for wrap in (tracker, tracker.phase("load")):
        with pytest.raises(TypeError, match="is a generator"):
            wrap(batches)


def test_a_cancelled_task_leaves_its_phases(tmp_path: Path) -> None:
    async def main(tracker: MemoryTracker) -> None:
        async def work() -> None:
            with tracker.phase("work"):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with tracker_in(tmp_path) as tracker:
        asyncio.run(main(tracker))
    assert types(tmp_path) == ["start", "phase_enter", "phase_exit", "stop"]


def test_a_phase_that_is_left_on_another_thread_is_told_so(tmp_path: Path) -> None:
    raised: list[BaseException] = []
    with tracker_in(tmp_path) as tracker:
        phase = tracker.phase("train")
        phase.__enter__()

        def leave() -> None:
            try:
                phase.__exit__(None, None, None)
            except PhaseProtocolError as error:
                raised.append(error)

        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        phase.__exit__(None, None, None)
    assert "was not entered on this thread" in str(raised[0])
    assert types(tmp_path)[-2:] == ["phase_exit", "stop"]
