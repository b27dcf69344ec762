"""What happens to a sink when the job, the disk or the directory fails: nothing in the job, and a count of the loss."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts import ArtifactCatalog
from stormlog.capture import SinkInUseError, SinkOptions, SinkWriter
from stormlog.capture.sink import segment_files
from stormlog.telemetry import TelemetryRecordError
from tests.soak import few_or_many

NOW = SinkOptions(flush_every_events=1, writes_in_background=False)
LATER = SinkOptions(flush_every_events=1000, flush_every_seconds=3600, writes_in_background=False)


def manifest(directory: Path) -> Any:
    return json.loads((directory / "manifest.json").read_text())


def numbers(directory: Path) -> list[int]:
    """Return the numbers of the whole records, in written order."""
    found = []
    for path in sorted(directory.glob("segment-*.jsonl")):
        lines = path.read_bytes().split(b"\n")
        found += [json.loads(line)["number"] for line in lines[:-1]]
    return found


@pytest.mark.parametrize("seed", range(few_or_many(3, 30)))
def test_a_killed_job_loses_at_most_what_it_had_not_flushed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    sink = tmp_path / "sink"
    command = [
        sys.executable,
        "-m",
        "tests.capture.writing_process",
        str(sink),
        str(chance.choice([1, 7, 50])),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        told = [int(job.stdout.readline())]
        time.sleep(chance.random() * 0.2)
        job.kill()
        told += [int(line) for line in job.stdout.read().splitlines(True) if line.endswith("\n")]

    written = numbers(sink)
    assert written == list(range(len(written)))
    assert written[-1] >= told[-1]

    with_next = SinkWriter(sink, SinkOptions(retention_max_files=10_000))
    (session,) = manifest(sink)["sessions"]
    assert session["status"] == "interrupted"
    assert all(segment["closed"] for segment in manifest(sink)["segments"])
    with_next.append({"number": -1})
    with_next.close()
    assert sorted(item["status"] for item in manifest(sink)["sessions"]) == ["completed", "interrupted"]
    assert numbers(sink) == [*written, -1]


class _FullDisk:
    """Takes so many bytes, then none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        write = os.write

        def write_while_there_is_room(descriptor: int, batch: memoryview) -> int:
            taken = batch[: self.room]
            if not taken:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= len(taken)
            return write(descriptor, taken)

        monkeypatch.setattr(segment_files.os, "write", write_while_there_is_room)


def test_a_full_disk_raises_nothing_and_leaves_no_half_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _FullDisk(monkeypatch, 20)
    writer = SinkWriter(
        tmp_path, SinkOptions(flush_every_events=1, writes_in_background=False, retry_seconds=1e-9)
    )
    writer.append({"number": 0})
    for number in range(1, 6):
        writer.append({"number": number})
    assert numbers(tmp_path) == [0]
    assert writer.diagnostics.failed_write_count >= 1
    assert "No space left" in str(writer.diagnostics.last_error)
    assert writer.diagnostics.dropped_record_count == 0

    disk.room = 10_000
    writer.flush()
    assert numbers(tmp_path) == [0, 1, 2, 3, 4, 5]
    assert manifest(tmp_path)["segments"][0]["event_count"] == 6
    writer.close()
    assert "dropped" not in manifest(tmp_path)


def test_what_a_full_disk_cost_is_told_to_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = _FullDisk(monkeypatch, 0)
    writer = SinkWriter(
        tmp_path / "sink",
        SinkOptions(
            flush_every_events=2, writes_in_background=False, buffer_max_bytes=100, retry_seconds=1e-9
        ),
    )
    session = writer.start_session()
    for number in range(20):
        writer.append({"number": number})
    disk.room = 10_000
    writer.close()

    kept = numbers(tmp_path / "sink")
    assert kept == list(range(20))[-len(kept) :]
    lost = 20 - len(kept)
    assert lost > 0
    assert writer.diagnostics.dropped_record_count == lost
    (warning,) = [
        item for item in ArtifactCatalog(tmp_path).warnings if item.code.startswith("records_dropped")
    ]
    assert warning.code == f"records_dropped:{session.session_id}:{lost}"
    assert str(warning.path).endswith("manifest.json")
    assert f"{lost} records" in warning.message


def test_records_that_no_close_could_write_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _FullDisk(monkeypatch, 0)
    writer = SinkWriter(tmp_path, LATER)
    for number in range(3):
        writer.append({"number": number})
    writer.close()
    assert writer.diagnostics.dropped_record_count == 3
    assert manifest(tmp_path)["dropped"][0]["record_count"] == 3


def test_a_job_without_memory_keeps_its_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise MemoryError

    writer = SinkWriter(tmp_path, NOW)
    with monkeypatch.context() as patch:
        patch.setattr("stormlog.capture.sink.writer.append_batch", fail)
        writer.append({"number": 0})
    assert str(writer.diagnostics.last_error).startswith("MemoryError")
    writer.close()
    assert numbers(tmp_path) == [0]


def test_after_a_failure_the_disk_is_left_alone_for_longer_and_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _FullDisk(monkeypatch, 0)
    moment = 0.0
    monkeypatch.setattr("stormlog.capture.sink.writer.time.monotonic", lambda: moment)
    writer = SinkWriter(
        tmp_path,
        SinkOptions(
            flush_every_events=1, writes_in_background=False, retry_seconds=1.0, retry_max_seconds=4.0
        ),
    )
    tried = []
    for step in range(40):
        moment = step / 2
        before = writer.diagnostics.failed_write_count
        writer.append({"number": step})
        if writer.diagnostics.failed_write_count > before:
            tried.append(moment)
    assert tried == [0.0, 1.0, 3.0, 7.0, 11.0, 15.0, 19.0]


def test_a_directory_that_is_removed_is_made_again(tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    writer = SinkWriter(sink, NOW)
    writer.append({"number": 0})
    for path in sink.iterdir():
        path.unlink()
    sink.rmdir()
    writer.append({"number": 1})
    writer.close()
    assert numbers(sink) == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_writes_nothing_and_takes_nothing_from_its_parent(tmp_path: Path) -> None:
    writer = SinkWriter(tmp_path, LATER)
    writer.append({"number": 0})
    child = os.fork()
    if child == 0:
        writer.append({"number": 1})
        writer.flush()
        writer.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert numbers(tmp_path) == []
    assert manifest(tmp_path)["sessions"][0]["status"] == "running"
    writer.append({"number": 2})
    writer.close()
    assert numbers(tmp_path) == [0, 2]


def test_sixteen_threads_lose_nothing(tmp_path: Path) -> None:
    writer = SinkWriter(
        tmp_path, SinkOptions(flush_every_events=10, flush_every_seconds=0.001, fsync="never")
    )
    writer.start_session()

    def append(thread: int) -> None:
        for number in range(thread, 1600, 16):
            writer.append({"number": number})

    threads = [threading.Thread(target=append, args=(thread,)) for thread in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert sorted(numbers(tmp_path)) == list(range(1600))
    assert sum(segment["event_count"] for segment in manifest(tmp_path)["segments"]) == 1600


def test_what_waits_is_written_by_time_and_at_the_end_of_the_process(tmp_path: Path) -> None:
    writer = SinkWriter(tmp_path / "a", SinkOptions(flush_every_events=1000, flush_every_seconds=0.01))
    writer.append({"number": 0})
    deadline = time.monotonic() + 30
    while not numbers(tmp_path / "a") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert numbers(tmp_path / "a") == [0]
    writer.close()

    code = (
        "import sys; from stormlog.capture import SinkWriter; "
        "writer = SinkWriter(sys.argv[1]); writer.append({'number': 7}); sys.stderr.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b")], check=True, timeout=60)
    assert numbers(tmp_path / "b") == [7]
    assert manifest(tmp_path / "b")["sessions"][0]["status"] == "running"


def test_a_directory_has_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = SinkWriter(tmp_path, NOW)
    with pytest.raises(SinkInUseError, match="a directory of its own"):
        SinkWriter(tmp_path, NOW)
    writer.close()
    other = SinkWriter(tmp_path, NOW)
    other.append({"number": 0})
    with pytest.raises(SinkInUseError):
        writer.start_session()
    other.close()
    writer.append({"number": 1})
    writer.close()
    assert numbers(tmp_path) == [0, 1]
    assert [session["status"] for session in manifest(tmp_path)["sessions"]] == ["completed"] * 2
    assert [segment["event_count"] for segment in manifest(tmp_path)["segments"]] == [1, 1]


def test_a_session_never_ends_before_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SinkWriter(tmp_path, NOW)
    writer.append({"number": 0})
    monkeypatch.setattr("stormlog.capture.sink.ledger.now_ns", lambda: 5)
    writer.close()
    (session,) = manifest(tmp_path)["sessions"]
    assert session["ended_at_ns"] == session["started_at_ns"]


def _holds_itself() -> dict[str, Any]:
    record: dict[str, Any] = {}
    record["self"] = record
    return record


@pytest.mark.parametrize(
    "record",
    [{"a": "x" * (16 * 1024 * 1024)}, _holds_itself(), {1: 0, "a": 0}],
    ids=["longer than a reader takes", "holds itself", "keys of two types"],
)
def test_a_record_that_is_no_line_is_refused(record: dict[Any, Any], tmp_path: Path) -> None:
    writer = SinkWriter(tmp_path, NOW)
    with pytest.raises(ValueError, match="record"):
        writer.append(record)
    writer.append({"number": 0})
    writer.close()
    assert numbers(tmp_path) == [0]


def test_values_that_json_does_not_know_are_named(tmp_path: Path) -> None:
    writer = SinkWriter(tmp_path, NOW)
    writer.append({"number": 0, "b": {1}, "a": float("nan"), "c": "\ud800é"})
    writer.close()
    text = (tmp_path / "segment-000001.jsonl").read_text()
    assert text == '{"a": NaN, "b": "<builtins.set>", "c": "\\ud800\\u00e9", "number": 0}\n'


def test_deleting_old_segments_touches_no_file_outside_the_sink(tmp_path: Path) -> None:
    outside = tmp_path / "segment-000001.jsonl"
    outside.write_text("{}\n")
    sink = tmp_path / "sink"
    sink.mkdir()
    listed = [
        {"filename": name, "event_count": 1, "size_bytes": 3, "closed": True, "session_id": None}
        for name in ("../segment-000001.jsonl", str(outside))
    ]
    (sink / "manifest.json").write_text(json.dumps({"schema_version": 2, "sessions": [], "segments": listed}))
    options = SinkOptions(
        flush_every_events=1, rollover_max_events=1, retention_max_files=1, writes_in_background=False
    )
    writer = SinkWriter(sink, options)
    for number in range(4):
        writer.append({"number": number})
    writer.close()
    assert outside.read_text() == "{}\n"
    assert numbers(sink) == [3]


def test_stores_read_a_sink_while_it_is_written(tmp_path: Path) -> None:
    writer = SinkWriter(tmp_path, NOW)
    with pytest.raises(TelemetryRecordError):
        writer.append({"session_id": 5})
    writer.append({"number": 0})
    with stormlog.query.open([tmp_path], cache=False) as store:
        (session,) = store.list_sessions()
        assert session.status == "running"
    writer.close()
