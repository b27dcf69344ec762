"""A snapshot of PyTorch's allocator lies beside a bundle where it is asked for, and never costs the bundle."""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.capture import FlightRecorder, FlightRecorderOptions, MemoryTracker
from stormlog.presenting import markdown, screen
from tests.capture.fake_torch import FakeTorch

NAME = "cuda_allocator_snapshot.pickle"


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> FakeTorch:
    fake = FakeTorch()
    monkeypatch.setitem(sys.modules, "torch", fake)
    return fake


def recorder_in(directory: Path, **options: Any) -> FlightRecorder:
    return FlightRecorder(
        FlightRecorderOptions(directory=str(directory), allocator_snapshot=True, **options),
        backend=lambda: "cuda",
    )


def content(path: str | None, name: str) -> Any:
    assert path is not None
    return json.loads(Path(path, name).read_text())


def test_a_snapshot_is_written_and_named_in_the_manifest(torch: FakeTorch, tmp_path: Path) -> None:
    recorded = recorder_in(tmp_path).record_failure("torch.cuda.OutOfMemoryError")
    assert recorded.snapshot_path == os.path.join(str(recorded.bundle_path), NAME)
    assert pickle.loads(Path(recorded.snapshot_path).read_bytes()) == torch.snapshot
    manifest = content(recorded.bundle_path, "manifest.json")
    assert sorted(manifest["files"]) == sorted(os.listdir(str(recorded.bundle_path)))
    assert manifest["native_history_files"] == [NAME]


def test_without_asking_there_is_none(torch: FakeTorch, tmp_path: Path) -> None:
    recorder = FlightRecorder(FlightRecorderOptions(directory=str(tmp_path)))
    recorder.begin_history()
    recorded = recorder.record_failure("torch.cuda.OutOfMemoryError")
    assert (recorded.snapshot_path, recorded.snapshot_error, torch.history) == (None, None, [])
    assert "native_history_files" not in content(recorded.bundle_path, "manifest.json")


@pytest.mark.parametrize(
    ("initialized", "exception_type"), [(False, "OutOfMemoryError"), (True, "MemoryError")]
)
def test_none_is_made_of_a_device_that_did_not_fail(
    initialized: bool, exception_type: str, torch: FakeTorch, tmp_path: Path
) -> None:
    torch.is_initialized = initialized
    recorded = recorder_in(tmp_path).record_failure("x", exception_type=exception_type)
    assert recorded.bundle_path is not None
    assert (recorded.snapshot_path, recorded.snapshot_error) == (None, None)


@pytest.mark.parametrize(
    ("answer", "most", "error"),
    [
        (RuntimeError("no snapshot"), 10_000, "RuntimeError: no snapshot"),
        (MemoryError(), 10_000, "MemoryError"),
        ({"segments": [lambda: 0]}, 10_000, "pickle"),
        ({"segments": ["x" * 20_000], "device_traces": []}, 10_000, "larger than 10,000 bytes"),
    ],
)
def test_a_bundle_is_written_where_a_snapshot_cannot(
    answer: Any, most: int, error: str, torch: FakeTorch, tmp_path: Path
) -> None:
    torch.snapshot = answer
    recorded = recorder_in(tmp_path, max_snapshot_bytes=most).record_failure("torch.cuda.OutOfMemoryError")
    assert recorded.error is None
    assert recorded.snapshot_path is None
    assert error in str(recorded.snapshot_error)
    assert sorted(content(recorded.bundle_path, "manifest.json")["files"]) == sorted(
        os.listdir(str(recorded.bundle_path))
    )
    said = content(recorded.bundle_path, "metadata.json")["custom_metadata"]["allocator_snapshot_error"]
    assert said == recorded.snapshot_error


def test_a_history_that_is_too_large_is_left_out(torch: FakeTorch, tmp_path: Path) -> None:
    torch.snapshot["device_traces"] = [["x" * 20_000]]
    recorded = recorder_in(tmp_path, max_snapshot_bytes=10_000).record_failure("torch.cuda.OutOfMemoryError")
    assert recorded.snapshot_path is not None
    assert pickle.loads(Path(recorded.snapshot_path).read_bytes()) == {**torch.snapshot, "device_traces": []}


def test_snapshots_count_as_bytes_of_their_bundles(torch: FakeTorch, tmp_path: Path) -> None:
    torch.snapshot["segments"] = ["x" * 30_000]
    recorder = recorder_in(tmp_path, max_total_bytes=50_000)
    first = recorder.record_failure("torch.cuda.OutOfMemoryError")
    second = recorder.record_failure("torch.cuda.OutOfMemoryError")
    assert os.listdir(tmp_path) == [os.path.basename(str(second.bundle_path))]
    assert first.bundle_path is not None


def test_what_a_killed_process_left_unfinished_is_removed_after_an_hour(
    torch: FakeTorch, tmp_path: Path
) -> None:
    old, new = tmp_path / ".stormlog-bundle-old", tmp_path / ".stormlog-bundle-new"
    for path in (old, new):
        path.mkdir()
    os.utime(old, (0, time.time() - 4000))
    recorder_in(tmp_path).record_failure("torch.cuda.OutOfMemoryError")
    assert (old.exists(), new.exists()) == (False, True)


def test_history_is_recorded_from_the_first_use_of_a_device_to_the_end(
    torch: FakeTorch, tmp_path: Path
) -> None:
    torch.is_initialized = False
    recorder = recorder_in(tmp_path, allocator_history=7)
    recorder.begin_history()
    assert torch.history == []
    torch.is_initialized = True
    recorder.begin_history()
    recorder.begin_history()
    recorder.end_history()
    assert torch.history == [
        {"enabled": "all", "context": "alloc", "stacks": "python", "max_entries": 7},
        {"enabled": None},
    ]


def test_history_that_the_job_records_is_left_to_it(torch: FakeTorch, tmp_path: Path) -> None:
    torch.history = before = [{"enabled": "all", "max_entries": 99}]
    recorder = recorder_in(tmp_path)
    recorder.begin_history()
    recorder.end_history()
    assert torch.history is before
    assert len(before) == 1


def test_a_job_whose_pytorch_cannot_record_history_goes_on(torch: FakeTorch, tmp_path: Path) -> None:
    torch.cuda.memory._record_memory_history = lambda enabled: None
    options = FlightRecorderOptions(allocator_snapshot=True)
    with MemoryTracker(tmp_path / "sink", interval=0.005, oom=options) as tracker:
        time.sleep(0.05)
    found = [problem for problem in tracker.problems if "history" in problem]
    assert len(found) == 1
    assert "TypeError" in found[0]


def test_answers_name_the_snapshot(torch: FakeTorch, tmp_path: Path) -> None:
    options = FlightRecorderOptions(allocator_snapshot=True)
    with MemoryTracker(tmp_path / "sink", interval=60, oom=options) as tracker:
        assert len(torch.observers) == 1
        with pytest.raises(RuntimeError), tracker.phase("forward"):
            torch.run_out_of_memory()
    assert tracker.problems == []
    [path] = (tmp_path / "sink" / "oom_dumps").glob(f"*/{NAME}")
    with stormlog.query.open([tmp_path], cache=False) as store:
        account = store.explain()
        [issue] = [issue for issue in store.list_issues() if issue.kind == "oom"]
        of_issue = store.issue_account(issue.fingerprint.fingerprint_id)
        rows = store.relation("oom_bundles").project("allocator_snapshot_path").fetchall()
        assert store.catalog.warnings == []
    assert account.first_failure is not None
    assert account.first_failure.allocator_snapshot_path == str(path)
    assert of_issue.allocator_snapshot_path == str(path)
    assert rows == [(str(path),)]
    shown = ["".join(piece.text for piece in line) for line in screen(account, width=80)]
    assert f"Snapshot  {path}" in shown
    assert f"- **Allocator snapshot:** {path}".replace("_", "\\_") in markdown(account)
