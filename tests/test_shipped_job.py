"""The job that comes with the checkout is always the same one, is read whole, and shows what it is meant to show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import stormlog.query
from tests.stories import oracle
from tests.stories.oracle_phases import phase_spans, phase_text

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "make_shipped_job.py"


def make(directory: Path) -> Path:
    answer = subprocess.run([sys.executable, SCRIPT, directory], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return directory


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shipped") / "job")


def contents(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and times of all files by their names."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns // 1000)
        for path in files
    }


def test_the_same_bytes_come_out_every_time_also_over_what_is_there(job: Path, tmp_path: Path) -> None:
    before = contents(job)
    assert contents(make(tmp_path / "again")) == before
    assert contents(make(job)) == before
    assert sum(len(content) for content, _ in before.values()) < 1_500_000


def test_it_is_read_without_a_warning(job: Path) -> None:
    with stormlog.query.open([job], cache=False) as store:
        (events,) = store.sql("SELECT count(*) AS events FROM events").rows[0]
        lines = sum(len(path.read_bytes().splitlines()) for path in job.rglob("segment-*.jsonl"))
        assert events == lines
        assert store.catalog.warnings == []
        assert [run.run_id for run in store.catalog.run_envelopes] == [
            f"lm-pretrain-{version}" for version in ("1.3.9", "1.4.0", "1.4.1")
        ]
        assert len(store.catalog.oom_bundles) == 2
        issues = store.list_issues()
    assert [issue.kind for issue in issues] == ["oom", "alert"]
    assert len(issues[0].affected_sessions) == 2


@pytest.mark.parametrize("version", ["1.3.9", "1.4.1"])
def test_rank_5_leaks_until_it_fails_in_backward(job: Path, version: str) -> None:
    lines = (job / version / "ranks" / "rank5" / "segment-000001.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    (failure,) = [event for event in events if event["event_type"] == "error"]
    of = oracle.series(events, failure["timestamp_ns"], device_id=1)
    levels = oracle.levels(of)
    assert (levels["largest_growth"], levels["pattern"]) == ("allocated", "steady")
    assert phase_text(phase_spans(events), failure["timestamp_ns"]) == "train / backward"
    assert of.samples[-1]["device_used_bytes"] < of.samples[-1]["device_total_bytes"]


def test_the_fixed_run_does_not_fail(job: Path) -> None:
    for path in (job / "1.4.0").rglob("segment-*.jsonl"):
        events = [json.loads(line) for line in path.read_text().splitlines()]
        assert {event["event_type"] for event in events} == {
            "start",
            "sample",
            "phase_enter",
            "phase_exit",
            "stop",
        }
        used = [event["device_used_bytes"] for event in events if event["event_type"] == "sample"]
        assert max(used) < 0.7 * events[0]["device_total_bytes"]


def test_a_call_without_a_directory_says_how_to_call_it() -> None:
    answer = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert "DIRECTORY" in answer.stderr
