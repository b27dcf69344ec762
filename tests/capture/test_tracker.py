"""A tracker writes what a job does to memory, and nothing that fails in it fails the job."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.capture import AlertOptions, MemoryCapabilities, MemoryReading, MemoryTracker, SinkOptions
from stormlog.capture import tracker as tracker_module
from stormlog.phases import PhaseProtocolError
from stormlog.telemetry import validate_telemetry_record
from stormlog.tracking import Tracker

#: Longer than any test: samples are taken when a test says so.
NEVER = 3600.0
COMPLETE = MemoryReading(0, allocated=10, reserved=20, used=30, free=70, total=100)


class FakeCollector:
    """Returns what a test puts into ``next``; raises it if it is an exception."""

    name = "stormlog.fake_tracker"
    backend = "cuda"
    sampling_source = "fake"

    def __init__(self, reading: Any = COMPLETE, *, knows_allocator: bool = True) -> None:
        self.next = reading
        self.is_closed = False
        self.capabilities = MemoryCapabilities(
            allocated=knows_allocator, reserved=knows_allocator, active=False, inactive=False, used=True, free=True,
            total=True,
        )  # fmt: skip

    def read(self) -> MemoryReading:
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    def close(self) -> None:
        self.is_closed = True


def records(directory: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(directory.rglob("segment-*.jsonl")):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    for record in found:
        validate_telemetry_record(record)
    return found


def types(directory: Path) -> list[str]:
    return [record["event_type"] for record in records(directory)]


def manifest(directory: Path) -> Any:
    return json.loads((directory / "manifest.json").read_text())


def sample(tracker: MemoryTracker) -> None:
    if tracker._health.is_due(time.monotonic()):
        tracker._take_sample()


def test_a_job_is_sampled_until_it_ends(tmp_path: Path) -> None:
    options = {"app": "lm", "code_version": "1.2", "environment": "dev"}
    with MemoryTracker(tmp_path, interval=0.01, alerts=None, **options) as tracker:
        deadline = time.monotonic() + 30
        while len(tracker.recorder.events) < 4 and time.monotonic() < deadline:  # type: ignore[union-attr]
            time.sleep(0.01)
    found = records(tmp_path)
    assert [found[0]["event_type"], *{record["event_type"] for record in found[1:-1]}] == ["start", "sample"]
    assert found[-1]["event_type"] == "stop"
    assert tracker.problems == []
    for record in found:
        assert record["metadata"]["app"] == "lm"
        assert record["metadata"]["code_version"] == "1.2"
        assert record["sampling_interval_ms"] == 10
    (session,) = manifest(tmp_path)["sessions"]
    assert (session["status"], session["source"]) == ("completed", "stormlog.capture")
    with stormlog.query.open([tmp_path], cache=False) as store:
        (run,) = store.list_runs()
        (row,) = store.list_sessions()
    assert row.event_count == len(found)
    assert run.session_count == 1


def test_sessions_are_of_version_3_while_all_their_counters_are_known(tmp_path: Path) -> None:
    collector = FakeCollector()
    with MemoryTracker(tmp_path, interval=NEVER, collector=collector, alerts=None) as tracker:
        sample(tracker)
        collector.next = MemoryReading(
            0, allocated=15, reserved=20, used=None, missing=("device_used_bytes",)
        )
        sample(tracker)
        collector.next = COMPLETE
        sample(tracker)
    found = records(tmp_path)
    assert {record["schema_version"] for record in found} == {3}
    assert [record["event_type"] for record in found] == [
        *("start", "sample", "collector_degraded", "collector_recovered", "sample", "stop"),
    ]
    assert found[2]["metadata"]["collector_partial_fields"] == ["device_used_bytes"]
    # The last numbers that were known, with the note that they are not whole.
    assert (found[2]["device_used_bytes"], found[2]["metadata"]["telemetry_partial"]) == (30, True)
    assert tracker.problems == ["an event of type sample was left out: its counters are not known"]
    assert collector.is_closed


def test_sessions_are_of_version_4_where_a_counter_cannot_be_known(tmp_path: Path) -> None:
    collector = FakeCollector(MemoryReading(0, used=30, total=100), knows_allocator=False)
    with MemoryTracker(tmp_path, interval=NEVER, collector=collector) as tracker:
        sample(tracker)
        collector.next = OSError("the driver is gone")
        sample(tracker)
    found = records(tmp_path)
    assert {record["schema_version"] for record in found} == {4}
    assert [record["event_type"] for record in found] == ["start", "sample", "collector_degraded", "stop"]
    for record in found:
        assert record["allocator_allocated_bytes"] is record["allocator_change_bytes"] is None
        assert record["metadata"]["memory_capabilities"]["supports_allocator_allocated"] is False
    assert found[2]["metadata"]["collector_last_error"] == "the driver is gone"


def test_a_collector_that_never_worked_makes_up_no_numbers(tmp_path: Path) -> None:
    with MemoryTracker(tmp_path, interval=NEVER, collector=FakeCollector(OSError("no device"))) as tracker:
        sample(tracker)
    found = records(tmp_path)
    assert [record["event_type"] for record in found] == ["start", "collector_degraded", "stop"]
    assert {record["device_used_bytes"] for record in found} == {None}


def test_alerts_are_written_beside_their_sample(tmp_path: Path) -> None:
    collector = FakeCollector()
    with MemoryTracker(tmp_path, interval=NEVER, collector=collector) as tracker:
        for free in (70, 10, 9, 2):
            collector.next = MemoryReading(
                0, allocated=10, reserved=20, used=100 - free, free=free, total=100
            )
            sample(tracker)
    assert types(tmp_path) == ["start", "sample", "sample", "warning", "sample", "sample", "critical", "stop"]
    with stormlog.query.open([tmp_path], cache=False) as store:
        found = {(issue.kind, issue.severity) for issue in store.list_issues()}
    assert found >= {("alert", "critical"), ("alert", "warning")}


def test_phases_are_nested_by_thread_and_by_task(tmp_path: Path) -> None:
    tracker = MemoryTracker(tmp_path, interval=NEVER, collector=FakeCollector())
    step = tracker.phase("step", {"batch": 4})

    @step
    def train() -> int:
        with tracker.phase("forward"):
            return 5

    async def load(name: str, turn: asyncio.Event, other: asyncio.Event) -> None:
        with tracker.phase(name):
            other.set()
            await turn.wait()
            with tracker.phase("read"):
                await asyncio.sleep(0)

    async def load_two() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(load("a", second, first), load("b", first, second))

    @tracker.phase("evaluate")
    async def evaluate() -> int:
        return 6

    with tracker:
        assert train() == 5
        thread = threading.Thread(target=train, name="worker")
        thread.start()
        thread.join()
        asyncio.run(load_two())
        assert asyncio.run(evaluate()) == 6
    assert tracker.problems == []
    scopes = [
        record["metadata"]["phase_scope"]
        for record in records(tmp_path)
        if record["event_type"] == "phase_enter"
    ]
    assert sorted(tuple(scope["path"]) for scope in scopes) == sorted(
        [
            *[("step",), ("step", "forward")] * 2,
            *[("a",), ("a", "read"), ("b",), ("b", "read"), ("evaluate",)],
        ]
    )
    assert scopes[0]["attributes"] == {"batch": 4}
    assert {scope["thread_name"] for scope in scopes} >= {"MainThread", "worker"}
    assert types(tmp_path).count("phase_exit") == len(scopes)


def test_phases_that_are_closed_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    with MemoryTracker(tmp_path, interval=NEVER, collector=FakeCollector()) as tracker:
        outer = tracker.enter_phase("outer")
        inner = tracker.enter_phase("inner")
        with pytest.raises(PhaseProtocolError):
            outer.close()
        inner.close()
        outer.close()
        with pytest.raises(ValueError, match="blank"):
            tracker.enter_phase(" ")
        left_open = tracker.enter_phase("left open")
    left_open.close()
    with tracker.phase("after the end"):
        pass
    assert types(tmp_path).count("phase_exit") == 2
    assert types(tmp_path)[-1] == "stop"


def test_memory_that_runs_out_in_a_phase_is_an_issue_of_that_phase(tmp_path: Path) -> None:
    with (
        pytest.raises(MemoryError),
        MemoryTracker(tmp_path, interval=NEVER, collector=FakeCollector()) as tracker,
        tracker.phase("train"),
        tracker.phase("backward"),
    ):
        raise MemoryError("Unable to allocate 2.00 GiB")
    assert types(tmp_path) == [
        "start",
        "phase_enter",
        "phase_enter",
        "error",
        "phase_exit",
        "phase_exit",
        "stop",
    ]
    assert manifest(tmp_path)["sessions"][0]["status"] == "incomplete"
    (bundle,) = (tmp_path / "oom_dumps").iterdir()
    with stormlog.query.open([tmp_path], cache=False) as store:
        account = store.explain()
        kinds = {issue.kind for issue in store.list_issues()}
    assert kinds == {"oom"}
    failure = account.first_failure
    assert failure is not None
    assert failure.exception_message == "Unable to allocate 2.00 GiB"
    assert failure.phase == "train / backward"
    assert failure.requested_bytes == 2 * 1024**3
    assert json.loads((bundle / "manifest.json").read_text())["event_count"] == 3


def test_a_failure_is_one_issue_of_its_program_in_a_tracker(tmp_path: Path) -> None:
    with (
        pytest.raises(MemoryError),
        MemoryTracker(tmp_path, interval=60, app="trainer", code_version="1.2", metadata={"user": "ann"}),
    ):
        raise MemoryError("no more")
    with Tracker(tmp_path / "tracker.db") as issues:
        issues.scan([tmp_path], settle_ns=0)
        # The bundle and the record are of the same program and version.
        (issue,) = issues.list_issues().issues
    assert (issue.app, issue.first_seen_version, issue.failure_count, issue.unique_user_count) == (
        "trainer",
        "1.2",
        1,
        1,
    )


def test_failures_that_a_job_survives_can_be_recorded(tmp_path: Path) -> None:
    tracker = MemoryTracker(tmp_path, interval=NEVER, collector=FakeCollector())
    assert tracker.record_oom(RuntimeError("out of memory")) is None
    with tracker:
        assert tracker.record_oom(ValueError("no")) is None
        assert tracker.record_oom(RuntimeError("out of memory"), context="probe") is not None
    assert types(tmp_path) == ["start", "error", "stop"]
    assert manifest(tmp_path)["sessions"][0]["status"] == "completed"


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [("", "completed", 0), ("raise ValueError", "incomplete", 1), ("sys.exit(3)", "completed", 3)],
)
def test_a_tracker_that_is_not_stopped_is_stopped_by_the_end_of_the_process(
    end: str, status: str, code: int, tmp_path: Path
) -> None:
    program = f"""
import sys
from stormlog.capture import MemoryTracker
tracker = MemoryTracker(sys.argv[1], interval=3600).start()
tracker.enter_phase("train")
sys.stderr.close()
{end}
"""
    job = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60, check=False)
    assert job.returncode == code
    assert types(tmp_path) == ["start", "phase_enter", "stop"]
    assert manifest(tmp_path)["sessions"][0]["status"] == status


def test_a_file_in_the_place_of_a_sink_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with MemoryTracker(tmp_path / "file", interval=NEVER, alerts=None) as tracker:
        pass
    assert tracker.problems == [
        f"nothing is written: {tmp_path / 'file'} is a file, and a sink is a directory"
    ]


def test_where_nothing_can_be_written_the_job_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        MemoryTracker(tmp_path / "file" / "sink", interval=NEVER, alerts=None) as tracker,
        tracker.phase("train"),
    ):
        sample(tracker)
    (problem,) = tracker.problems
    assert problem == f"nothing is written: {tmp_path / 'file' / 'sink'}: Not a directory"
    assert len(tracker.recorder.events) == 5  # type: ignore[union-attr]


def _fails(*arguments: object, **named: object) -> Any:
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    "broken",
    [
        "stormlog.capture.sink.writer.SinkWriter.append_line",
        "stormlog.capture.sink.writer.SinkWriter.close",
        "stormlog.capture.alerts.AlertRules.alerts",
        "stormlog.capture.oom.recorder.FlightRecorder.record_exception",
    ],
)
def test_what_breaks_inside_is_noted_and_not_raised(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = MemoryTracker(tmp_path, interval=0.001, collector=FakeCollector())
    with monkeypatch.context() as patch:
        patch.setattr(broken, _fails)
        with pytest.raises(KeyError), tracker, tracker.phase("train"):
            deadline = time.monotonic() + 30
            while "alerts" in broken and not tracker.problems and time.monotonic() < deadline:
                time.sleep(0.001)
            raise KeyError
    assert any("RuntimeError: broken" in problem for problem in tracker.problems)


def test_a_reading_that_has_no_form_is_noted_and_left_out(tmp_path: Path) -> None:
    collector = FakeCollector()
    tracker = MemoryTracker(tmp_path, interval=0.001, collector=collector).start()
    collector.next = MemoryReading(0, 10, 20, used=30, details=None)  # type: ignore[arg-type]
    deadline = time.monotonic() + 30
    while not tracker.problems and time.monotonic() < deadline:
        time.sleep(0.001)
    tracker.stop()
    assert tracker.problems[0].startswith("sampling: TypeError")
    assert types(tmp_path)[-1] == "stop" and manifest(tmp_path)["sessions"][0]["status"] == "completed"


def test_a_job_without_threads_to_spare_is_tracked_without_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tracker = MemoryTracker(tmp_path, interval=0.001, collector=FakeCollector())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        tracker.start()
    with tracker.phase("train"):
        pass
    tracker.stop()
    assert types(tmp_path) == ["start", "phase_enter", "phase_exit", "stop"]
    assert tracker.problems == ["no samples: can't start new thread"]


def test_times_never_go_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MemoryTracker(tmp_path, interval=NEVER, collector=FakeCollector()) as tracker:
        monkeypatch.setattr("stormlog.capture.clock.time.time_ns", lambda: 5)
        sample(tracker)
    moments = [record["timestamp_ns"] for record in records(tmp_path)]
    assert moments == sorted(moments)
    assert moments[0] > 10**18


def test_each_rank_and_each_process_has_a_directory_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    with MemoryTracker(tmp_path, interval=NEVER) as first, MemoryTracker(tmp_path, interval=NEVER) as second:
        assert first.sink_directory == str(tmp_path / "rank-00001")
        assert second.sink_directory == str(tmp_path / "rank-00001" / f"pid-{os.getpid()}")
    (record, *_) = records(tmp_path)
    assert (record["job_id"], record["rank"], record["world_size"]) == ("77", 1, 2)


def test_variables_that_make_no_sense_are_told_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("WORLD_SIZE", "two")
    with MemoryTracker(tmp_path, interval=NEVER):
        pass
    record = records(tmp_path)[0]
    assert (record["rank"], record["world_size"]) == (0, 1)
    assert "'two'" in record["metadata"]["identity_error"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_works_and_writes_nothing(tmp_path: Path) -> None:
    with MemoryTracker(tmp_path, interval=0.001) as tracker:
        child = os.fork()
        if child == 0:
            with tracker.phase("in the child"):
                tracker.flush()
            tracker.stop()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        with tracker.phase("in the parent"):
            pass
    names = {record["metadata"].get("phase_scope", {}).get("name") for record in records(tmp_path)}
    assert names == {None, "in the parent"}
    assert types(tmp_path)[-1] == "stop"


def test_a_tracker_can_be_started_again_and_decorates_functions(tmp_path: Path) -> None:
    tracker = MemoryTracker(tmp_path, interval=NEVER, collector=FakeCollector())

    @tracker
    def train(number: int) -> int:
        return number + 1

    assert [train(1), train(2)] == [2, 3]
    assert len(manifest(tmp_path)["sessions"]) == 2
    tracker.stop()
    assert types(tmp_path) == ["start", "stop"] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MemoryTracker(None, interval=0), "interval"),
        (lambda: MemoryTracker(None, interval=float("nan")), "interval"),
        (lambda: MemoryTracker(None, rank=-1), "rank"),
        (lambda: MemoryTracker(None, alerts=AlertOptions(warning_percent=0)), "warning_percent"),
        (lambda: MemoryTracker(None, collector="tpu").start(), "no collector 'tpu'"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_sampling_thread_that_hangs_does_not_keep_the_job_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker_module, "_LONGEST_WAIT_SECONDS", 0.05)
    let_go = threading.Event()
    collector = FakeCollector()
    tracker = MemoryTracker(tmp_path, interval=0.001, collector=collector).start()
    is_hanging = threading.Event()

    def hang() -> MemoryReading:
        is_hanging.set()
        let_go.wait(30)
        return COMPLETE

    collector.read = hang  # type: ignore[method-assign]
    assert is_hanging.wait(30)
    begun = time.monotonic()
    tracker.stop()
    assert time.monotonic() - begun < 10
    let_go.set()
    assert types(tmp_path)[-1] != "sample"


def test_a_run_begins_when_its_session_did_whatever_is_kept_of_it(tmp_path: Path) -> None:
    options = SinkOptions(
        flush_every_events=1, rollover_max_events=3, retention_max_files=1, writes_in_background=False
    )
    with MemoryTracker(
        tmp_path, interval=NEVER, collector=FakeCollector(), sink_options=options, alerts=None
    ) as tracker:
        for _ in range(5):
            with tracker.phase("train"):
                pass
        tracker.record_oom(MemoryError())
    assert "start" not in types(tmp_path)
    (session,) = json.loads((tmp_path / "manifest.json").read_text())["sessions"]
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert store.explain().run.started_ns == session["started_at_ns"]
