"""Out-of-memory failures leave a bundle that Stormlog reads, whoever sees them first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.capture import FlightRecorder, FlightRecorderOptions, OomHooks, RecordedOom
from stormlog.telemetry import create_session_summary
from tests.capture.fake_torch import FakeTorch

EVENT = {
    "schema_version": 3,
    "session_id": "s-1",
    "timestamp_ns": 1_700_000_000_500_000_000,
    "event_type": "sample",
    "allocator_allocated_bytes": 10,
    "allocator_reserved_bytes": 20,
    "allocator_active_bytes": None,
    "allocator_change_bytes": 5,
    "device_used_bytes": 30,
    "device_total_bytes": 40,
    "device_id": 0,
    "rank": 1,
    "world_size": 2,
    "metadata": {"backend": "cuda"},
}


def recorder_in(directory: Path, **options: Any) -> FlightRecorder:
    session = create_session_summary(source="test", session_id="s-1", rank=1, world_size=2)
    return FlightRecorder(
        FlightRecorderOptions(directory=str(directory), **options),
        session=lambda: session,
        backend=lambda: "cuda",
    )


def bundles(directory: Path) -> list[Path]:
    return sorted(directory.glob("*"))


def test_a_failure_in_a_group_of_exceptions_is_recorded_once(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    inner = ExceptionGroup("inner", [KeyError("a"), MemoryError("Unable to allocate 3 GiB")])
    group = ExceptionGroup("workers", [ValueError("x"), inner])
    recorded = recorder.record_exception(group)
    assert recorded is not None
    assert (recorded.failure.exception_type, recorded.failure.message) == (
        "MemoryError",
        "Unable to allocate 3 GiB",
    )
    assert recorder.record_exception(group) is recorded
    assert recorder.record_exception(ExceptionGroup("workers", [ValueError("x")])) is None


def raised_from(exception: BaseException, cause: BaseException | None) -> BaseException:
    exception.__cause__ = cause
    return exception


def test_what_was_raised_from_a_failure_of_memory_is_that_failure(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    failure = MemoryError("Unable to allocate 3 GiB")
    wrapped = raised_from(KeyError("outer"), raised_from(RuntimeError("step 7 failed"), failure))
    recorded = recorder.record_exception(wrapped)
    assert recorded is not None and recorded.failure.exception_type == "MemoryError"
    # Whichever of them is seen again, and by whom.
    group = raised_from(ExceptionGroup("workers", [OSError()]), failure)
    member = ExceptionGroup("workers", [OSError(), raised_from(RuntimeError("worker 3"), failure)])
    assert [recorder.record_exception(one) for one in (wrapped, failure, group, member)] == [recorded] * 4
    assert len(bundles(tmp_path)) == 1


def test_what_was_raised_while_a_failure_was_handled_is_not_that_failure(tmp_path: Path) -> None:
    handling = KeyError("x")
    handling.__context__ = MemoryError("no room")
    in_a_circle = ValueError("x")
    raised_from(in_a_circle, in_a_circle)
    recorder = recorder_in(tmp_path)
    assert [recorder.record_exception(one) for one in (handling, in_a_circle)] == [None, None]


def test_a_bundle_holds_the_failure_and_the_last_events(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, buffer_size=2)
    for number in range(3):
        recorder.record({**EVENT, "allocator_allocated_bytes": number})

    with pytest.raises(RuntimeError), recorder.watch("train/step", step=7):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    (bundle,) = bundles(tmp_path)
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["reason"] == "message_pattern:out of memory"
    assert manifest["event_count"] == 2
    assert sorted(manifest["files"]) == sorted(path.name for path in bundle.iterdir())
    events = json.loads((bundle / "events.json").read_text())
    assert [event["memory_allocated"] for event in events] == [1, 2]
    assert events[0]["timestamp"] == 1_700_000_000.5
    assert events[0]["active_memory"] is None
    assert json.loads((bundle / "metadata.json").read_text())["custom_metadata"] == {"step": 7}

    with stormlog.query.open([tmp_path], cache=False) as store:
        (row,) = store.list_oom_bundles()
        (issue,) = store.list_issues()
    assert (row.session_id, row.exception_type, row.event_count) == ("s-1", "RuntimeError", 2)
    assert issue.kind == "oom"
    assert issue.fingerprint.dimensions["backend"] == "cuda"


@pytest.mark.parametrize(
    ("exception", "reason"),
    [
        (MemoryError(), "message_pattern:memoryerror"),
        (MemoryError("Unable to allocate 2 GiB"), "message_pattern:memoryerror"),
        (RuntimeError("failed to allocate 5"), "message_pattern:failed to allocate"),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you"
            ),
            "message_pattern:failed to allocate",
        ),
        (
            RuntimeError(
                "[enforce fail at CPUAllocator.cpp:72] data. DefaultCPUAllocator: not enough memory"
            ),
            "message_pattern:failed to allocate",
        ),
        (ValueError("no"), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_other_exceptions_leave_nothing(exception: BaseException, reason: str | None, tmp_path: Path) -> None:
    recorded = recorder_in(tmp_path).record_exception(exception)
    assert (recorded.failure.reason if recorded else None) == reason
    assert len(bundles(tmp_path)) == (reason is not None)


def test_an_exception_is_recorded_once(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    exception = RuntimeError("out of memory")
    assert recorder.record_exception(exception) is recorder.record_exception(exception)
    assert len(bundles(tmp_path)) == 1


def test_old_bundles_go_and_the_newest_stays(tmp_path: Path) -> None:
    (tmp_path / "oom_dump_notes").mkdir()
    recorder = recorder_in(tmp_path, max_bundles=3)
    paths = []
    for number in range(5):
        path = recorder.record_failure("message_pattern:out of memory").bundle_path
        assert path is not None
        os.utime(path, (number, number))
        paths.append(path)
    assert {path.name for path in bundles(tmp_path)} == {*map(os.path.basename, paths[2:]), "oom_dump_notes"}

    small = recorder_in(tmp_path, max_total_bytes=1)
    path = small.record_failure("message_pattern:out of memory").bundle_path
    assert {item.name for item in bundles(tmp_path)} == {os.path.basename(str(path)), "oom_dump_notes"}


def test_where_nothing_can_be_written_the_failure_passes_as_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[RecordedOom] = []
    recorder = FlightRecorder(
        FlightRecorderOptions(directory=str(tmp_path / "file" / "x")), on_oom=told.append
    )
    with pytest.raises(RuntimeError, match="out of memory"), recorder.watch():
        raise RuntimeError("out of memory")
    assert told[0].bundle_path is None
    assert "NotADirectoryError" in str(told[0].error)


def test_a_bundle_that_was_not_finished_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = recorder_in(tmp_path)
    recorder.record(EVENT)

    def stop(*names: object) -> None:
        raise OSError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr("stormlog.capture.oom.bundles.os.rename", stop)
        patch.setattr("stormlog.capture.oom.bundles.shutil.rmtree", lambda *arguments, **named: None)
        assert recorder.record_failure("message_pattern:out of memory").bundle_path is None
    assert len(bundles(tmp_path)) == 1
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert store.list_oom_bundles() == []
        assert list(store.list_issues()) == []


def test_what_nobody_catches_is_recorded_and_reported_as_before(tmp_path: Path) -> None:
    code = """
import sys, threading
from stormlog.capture import FlightRecorder, FlightRecorderOptions, OomHooks
hooks = OomHooks(FlightRecorder(FlightRecorderOptions(directory=sys.argv[1])))
hooks.install()
def run(): raise MemoryError("in a thread")
thread = threading.Thread(target=run); thread.start(); thread.join()
sys.stdout.close()
raise RuntimeError("out of memory in main")
"""
    job = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert job.returncode == 1
    assert "MemoryError: in a thread" in job.stderr
    assert "RuntimeError: out of memory in main" in job.stderr
    contexts = {json.loads((path / "metadata.json").read_text())["context"] for path in bundles(tmp_path)}
    assert contexts == {"uncaught exception", "uncaught exception in thread Thread-1 (run)"}


def test_failures_that_a_job_survives_are_seen_by_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = FakeTorch()
    monkeypatch.setitem(sys.modules, "torch", torch)
    recorder = recorder_in(tmp_path)
    hooks = OomHooks(recorder)
    hooks.install()
    try:
        with pytest.raises(RuntimeError), recorder.watch():
            torch.run_out_of_memory()
        (bundle,) = bundles(tmp_path)
        metadata = json.loads((bundle / "metadata.json").read_text())
        assert metadata["reason"] == "torch.cuda.OutOfMemoryError"
        assert metadata["custom_metadata"]["requested_bytes"] == 1024
        recorder.record_exception(MemoryError())
        assert len(bundles(tmp_path)) == 2
        hooks.install()
        assert len(torch.observers) == 1
    finally:
        hooks.remove()
    with pytest.raises(RuntimeError):
        torch.run_out_of_memory()
    assert len(bundles(tmp_path)) == 2


def test_listening_to_pytorch_does_not_start_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = FakeTorch(initialized=False)
    monkeypatch.setitem(sys.modules, "torch", torch)
    hooks = OomHooks(recorder_in(tmp_path))
    hooks.install()
    try:
        assert torch.observers == []
        torch.is_initialized = True
        hooks.install()
        assert len(torch.observers) == 1
    finally:
        hooks.remove()


def test_hooks_leave_those_of_others_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda *arguments: seen.append("first"))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    hooks = OomHooks(recorder_in(tmp_path))
    hooks.install()
    ours = sys.excepthook
    monkeypatch.setattr(sys, "excepthook", lambda *arguments: (seen.append("second"), ours(*arguments)))
    hooks.remove()
    exception = RuntimeError("out of memory")
    sys.excepthook(RuntimeError, exception, None)
    assert seen == ["second", "first"]
    assert bundles(tmp_path) == []
