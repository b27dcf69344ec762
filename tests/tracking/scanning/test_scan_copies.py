"""Scans record of copies what they record of one, and lose nothing when the other goes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from stormlog.compaction import compact_sink
from stormlog.tracking import Tracker
from stormlog.tracking.scanning.options import ScanOptions
from stormlog.tracking.scanning.scan import scan
from tests.engine.analysis.test_copies import oom_bundle
from tests.query.sinks import busy_session, write_sink
from tests.tracking.people import Clock, new_tracker
from tests.tracking.tables import tables

S = 10**9
RECORDED = ("issues", "occurrences", "evidence_keys")


def recorded(tracker: Tracker) -> dict[str, Any]:
    found = tables(tracker)
    return {name: found[name] for name in RECORDED}


def write_runs(folder: Path) -> Path:
    events = busy_session("s", 60)
    write_sink(
        folder / "runs" / "job", {"segment-000001.jsonl": events[:40], "segment-000002.jsonl": events[40:]}
    )
    return folder / "runs"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return write_runs(tmp_path)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a scan without any copy records, wherever the files lie."""
    folder = tmp_path_factory.mktemp("wanted")
    with new_tracker(folder, Clock()) as tracker:
        tracker.scan([write_runs(folder)], settle_ns=0)
        return recorded(tracker)


@pytest.mark.parametrize("is_there_first", [True, False])
def test_a_compacted_copy_adds_nothing(
    is_there_first: bool, runs: Path, tracker: Tracker, wanted: dict[str, Any]
) -> None:
    if not is_there_first:
        tracker.scan([runs], settle_ns=0)
    compact_sink(runs / "job", None)
    report = tracker.scan([runs], settle_ns=0)
    assert recorded(tracker) == wanted
    assert report.sources_seen == 4
    assert ["copy_of" in warning["code"] for warning in report.warnings] == [True]
    again = tracker.scan([runs], settle_ns=0)
    assert (again.sources_read, recorded(tracker)) == (0, wanted)


@pytest.mark.parametrize("full", [True, False])
def test_when_the_original_is_gone_the_copy_adds_and_takes_nothing(
    full: bool, runs: Path, tracker: Tracker, wanted: dict[str, Any]
) -> None:
    compact_sink(runs / "job", None)
    tracker.scan([runs], settle_ns=0)
    shutil.rmtree(runs / "job")
    tracker.scan([runs], settle_ns=0, full=full)
    assert recorded(tracker) == wanted


def test_a_session_settles_in_the_copy_when_the_original_is_gone(
    runs: Path, tracker: Tracker, clock: Clock, wanted: dict[str, Any]
) -> None:
    compact_sink(runs / "job", None)
    clock.now_ns = time.time_ns()
    tracker.scan([runs], settle_ns=600 * S)
    assert recorded(tracker) != wanted
    shutil.rmtree(runs / "job")
    clock.now_ns += 3600 * S
    tracker.scan([runs], settle_ns=600 * S)
    assert [row[:8] for row in recorded(tracker)["issues"]] == [row[:8] for row in wanted["issues"]]


def test_what_a_cancelled_scan_did_not_record_is_found_in_the_copy(
    runs: Path, tracker: Tracker, wanted: dict[str, Any]
) -> None:
    compact_sink(runs / "job", runs / "a")
    scan(tracker, [runs], ScanOptions(settle_ns=0), should_stop=lambda: True)
    shutil.rmtree(runs / "job")
    tracker.scan([runs], settle_ns=0)
    assert recorded(tracker) == wanted


def test_a_copy_that_grows_past_the_original_brings_what_is_new(runs: Path, tracker: Tracker) -> None:
    shutil.copytree(runs / "job", runs / "mirror")
    tracker.scan([runs / "job", runs / "mirror"], settle_ns=0)
    lines = (runs / "mirror" / "segment-000001.jsonl").read_text().splitlines()
    with (runs / "mirror" / "segment-000002.jsonl").open("a") as stream:
        stream.write(lines[5].replace("1700000005", "1700000099") + "\n")
    report = tracker.scan([runs / "job", runs / "mirror"], settle_ns=0)
    assert report.evidence_new == 1


@pytest.mark.parametrize("name", ["beginning", "zz"])
def test_findings_of_the_beginning_of_a_session_give_way_to_those_of_the_whole(
    name: str, runs: Path, tracker: Tracker, wanted: dict[str, Any]
) -> None:
    write_sink(runs.parent / name, {"segment-000001.jsonl": busy_session("s", 60)[:25]})
    tracker.scan([runs.parent / name], settle_ns=0)
    assert recorded(tracker) != wanted
    tracker.scan([runs, runs.parent / name], settle_ns=0)
    assert recorded(tracker) == wanted


def test_findings_of_the_beginning_of_a_session_stay_while_the_whole_may_grow(
    runs: Path, tracker: Tracker, clock: Clock
) -> None:
    write_sink(runs.parent / "beginning", {"segment-000001.jsonl": busy_session("s", 60)[:25]})
    tracker.scan([runs.parent / "beginning"], settle_ns=0)
    before = [row[7] for row in recorded(tracker)["issues"] if row[2] == "hidden_memory_anomaly"]
    clock.now_ns = time.time_ns()
    tracker.scan([runs, runs.parent / "beginning"], settle_ns=600 * S)
    assert [row[7] for row in recorded(tracker)["issues"] if row[2] == "hidden_memory_anomaly"] == before


def test_a_copied_bundle_is_recorded_once(tmp_path: Path, tracker: Tracker) -> None:
    oom_bundle(tmp_path / "runs" / "oom_dump_1")
    shutil.copytree(tmp_path / "runs" / "oom_dump_1", tmp_path / "runs" / "backup" / "oom_dump_1")
    tracker.scan([tmp_path / "runs"], settle_ns=0)
    (issue,) = tracker.list_issues(limit=10).issues
    assert issue.hit_count == 1
