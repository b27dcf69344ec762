"""A sink whose options ask for it is Parquet once it is closed, with the same answers; what fails is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.capture import MemoryTracker, SinkOptions, SinkWriter
from stormlog.capture.sink import compacting
from stormlog.compaction import compact_sink
from stormlog.errors import SourceError
from tests.capture.test_tracker import NEVER, FakeCollector
from tests.compaction.answers import answers, assert_same

LINES = SinkOptions(rollover_max_events=100, writes_in_background=False)
OPTIONS = SinkOptions(rollover_max_events=100, writes_in_background=False, compact_at_close=True)


def wait_for_compaction() -> None:
    """Wait until all that was begun here has ended."""
    for compaction in list(compacting._running.values()):
        compaction.finish()


def write_job(sink: Path, options: SinkOptions, *, steps: int = 60) -> MemoryTracker:
    with MemoryTracker(
        sink, interval=NEVER, collector=FakeCollector(), sink_options=options, job_id="j", alerts=None
    ) as tracker:
        for _ in range(steps):
            with tracker.phase("train"), tracker.phase("forward"):
                pass
        tracker.record_oom(MemoryError("Unable to allocate 5 GiB"))
    return tracker


def segments(sink: Path) -> list[str]:
    listed = json.loads((sink / "manifest.json").read_text())["segments"]
    return [segment["filename"] for segment in listed]


def test_answers_are_those_of_the_lines(tmp_path: Path) -> None:
    tracker = write_job(tmp_path / "sink", LINES)
    before = answers(tmp_path / "sink")
    compacting.start_compaction(str(tmp_path / "sink"), 60, tracker.problems.append)
    wait_for_compaction()
    assert segments(tmp_path / "sink") == [f"segment-{number:06d}.parquet" for number in (1, 2, 3)]
    assert before["issues"]
    assert_same(answers(tmp_path / "sink"), before)
    assert tracker.problems == []


def test_a_process_waits_for_it_at_its_end(tmp_path: Path) -> None:
    code = """
import sys
from stormlog.capture import MemoryTracker, SinkOptions
tracker = MemoryTracker(sys.argv[1], sink_options=SinkOptions(compact_at_close=True)).start()
for _ in range(200):
    with tracker.phase("train"):
        pass
"""
    # A folder with a module of a name that Stormlog uses must not be asked for it.
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    (tmp_path / "script.py").write_text(code)
    job = subprocess.run(
        [sys.executable, "-P", "script.py", "sink"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (job.returncode, job.stdout, job.stderr) == (0, "", "")
    assert segments(tmp_path / "sink") == ["segment-000001.parquet"]
    assert sorted(os.listdir(tmp_path)) == ["json.py", "script.py", "sink"]


def test_a_new_session_stops_it_and_reads_what_it_left(tmp_path: Path) -> None:
    problems: list[str] = []
    writer = SinkWriter(tmp_path / "sink", OPTIONS, on_problem=problems.append)
    for number in range(3):
        # No pause: what the session before began is stopped, wherever it is.
        writer.append({"number": number, "padding": "x" * 5000})
        writer.close()
    wait_for_compaction()
    assert all("stopped for a new session" in problem for problem in problems), problems
    listed = json.loads((tmp_path / "sink" / "manifest.json").read_text())
    assert len(listed["sessions"]) == 3
    assert sum(segment["event_count"] for segment in listed["segments"]) == 3
    assert os.listdir(tmp_path) == ["sink"]


def test_a_sink_that_is_parquet_goes_on(tmp_path: Path) -> None:
    write_job(tmp_path / "sink", OPTIONS)
    wait_for_compaction()
    write_job(tmp_path / "sink", LINES, steps=5)
    assert [name.rpartition(".")[2] for name in segments(tmp_path / "sink")] == ["parquet"] * 3 + ["jsonl"]
    with stormlog.query.open([tmp_path / "sink"], cache=False) as store:
        assert [session.event_count for session in store.list_sessions()] == [23, 243]
        assert store.catalog.warnings == []


def _raise(*arguments: object, **named: object) -> None:
    raise OSError("no more processes")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("sys.executable", "/no/such/python", "cannot be started"),
        ("subprocess.Popen", _raise, "no more processes"),
    ],
)
def test_what_cannot_be_started_is_told(
    name: str, value: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(name, value)
        tracker = write_job(tmp_path / "sink", OPTIONS, steps=1)
    [problem] = tracker.problems
    assert said in problem
    assert segments(tmp_path / "sink") == ["segment-000001.jsonl"]


def test_what_fails_is_told_in_the_words_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "sink").mkdir()
    (tmp_path / "sink" / "link").symlink_to(tmp_path)
    tracker = write_job(tmp_path / "sink", OPTIONS, steps=1)
    wait_for_compaction()
    [problem] = tracker.problems
    assert "was not compacted" in problem
    assert "is a link" in problem


def test_the_end_of_a_job_does_not_wait_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[str] = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        "subprocess.Popen",
        lambda command, **named: popen([sys.executable, "-c", "import time; time.sleep(600)"], **named),
    )
    compacting.start_compaction(str(tmp_path), 0.05, problems.append)
    process = compacting._running[str(tmp_path)]._process
    begun = time.monotonic()
    wait_for_compaction()
    assert time.monotonic() - begun < 20
    assert process.returncode in (-signal.SIGINT, 1)
    assert problems == [f"{tmp_path} was not compacted: stopped after 0.05 s at the end of the job"]


def test_a_sink_that_is_written_to_is_not_replaced(tmp_path: Path) -> None:
    write_job(tmp_path / "sink", SinkOptions(), steps=1)
    writer = SinkWriter(tmp_path / "sink")
    with pytest.raises(SourceError, match="a writer is at work on it"):
        compact_sink(tmp_path / "sink", replace=True)
    assert os.listdir(tmp_path) == ["sink"]
    writer.close()
    assert compact_sink(tmp_path / "sink", replace=True).is_replaced


def test_what_is_written_at_the_last_moment_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_job(tmp_path / "sink", LINES, steps=1)

    def write_meanwhile(staging: Path) -> None:
        # The sink was found unchanged by now.
        (tmp_path / "sink" / "pid-7").mkdir()
        (tmp_path / "sink" / "pid-7" / "segment-000001.jsonl").write_text("{}\n")

    monkeypatch.setattr("stormlog.compaction.compact.sync_tree", write_meanwhile)
    with pytest.raises(SourceError, match="changed while the sink was compacted"):
        compact_sink(tmp_path / "sink", replace=True)
    assert segments(tmp_path / "sink") == ["segment-000001.jsonl"]
    assert (tmp_path / "sink" / "pid-7" / "segment-000001.jsonl").read_text() == "{}\n"
    assert os.listdir(tmp_path) == ["sink"]
