"""Scans record of copies what they record of one, and lose nothing when the other goes."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.compaction import compact_sink
from stormlog.tracking import ScanReport, Tracker
from stormlog.tracking.scanning.options import ScanOptions
from stormlog.tracking.scanning.scan import scan
from tests.engine.analysis.test_copies import oom_bundle
from tests.query.sinks import busy_session, write_sink
from tests.tracking.people import Clock, new_tracker
from tests.tracking.shared_stores import one_store_of
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


class Scans:
    """Trackers that scan the same folder with a copy, at those moments of its life that their names speak of.

    Each state of the folder is opened once. With the original alone it is what is wanted of all others.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trackers: dict[str, Tracker] = {}
        self.reports: dict[str, list[ScanReport]] = {}
        self.recorded: dict[str, list[dict[str, Any]]] = {}

    def scan(self, name: str, *paths: Path, now_ns: int | None = None, **options: Any) -> None:
        if name not in self._trackers:
            self._trackers[name] = new_tracker(self._folder, Clock(), f"{name}.db")
        tracker = self._trackers[name]
        if now_ns is not None:
            tracker.clock = lambda: now_ns
        report = tracker.scan(list(paths), **{"settle_ns": 0, **options})
        self.reports.setdefault(name, []).append(report)
        self.recorded.setdefault(name, []).append(recorded(tracker))

    def close(self) -> None:
        for tracker in self._trackers.values():
            tracker.close()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scans]:
    folder = tmp_path_factory.mktemp("scans")
    runs, now_ns, wait = write_runs(folder), time.time_ns(), {"settle_ns": 600 * S}
    with contextlib.closing(Scans(folder)) as scans:
        with one_store_of(runs):
            scans.scan("alone", runs)
            scans.scan("copied later", runs)
        compact_sink(runs / "job", None)
        with one_store_of(runs):
            for name in ("copied first", "copied later"):
                scans.scan(name, runs)
                scans.scan(name, runs)
            scans.scan("gone", runs)
            scans.scan("gone, full", runs)
            scans.scan("settles when gone", runs, now_ns=now_ns, **wait)
        shutil.rmtree(runs / "job")
        with one_store_of(runs):
            scans.scan("gone", runs)
            scans.scan("gone, full", runs, full=True)
            scans.scan("settles when gone", runs, now_ns=now_ns + 3600 * S, **wait)
        yield scans


@pytest.fixture(scope="module")
def wanted(scans: Scans) -> dict[str, Any]:
    """What a scan without any copy records, wherever the files lie."""
    return scans.recorded["alone"][0]


@pytest.mark.parametrize("name", ["copied first", "copied later"])
def test_a_compacted_copy_adds_nothing(name: str, scans: Scans, wanted: dict[str, Any]) -> None:
    report, again = scans.reports[name][-2:]
    assert [*scans.recorded[name]] == [wanted] * len(scans.reports[name])
    assert report.sources_seen == 4
    assert ["copy_of" in warning["code"] for warning in report.warnings] == [True]
    assert again.sources_read == 0


@pytest.mark.parametrize("name", ["gone", "gone, full"])
def test_when_the_original_is_gone_the_copy_adds_and_takes_nothing(
    name: str, scans: Scans, wanted: dict[str, Any]
) -> None:
    assert scans.recorded[name] == [wanted, wanted]


def test_a_session_settles_in_the_copy_when_the_original_is_gone(
    scans: Scans, wanted: dict[str, Any]
) -> None:
    before, after = scans.recorded["settles when gone"]
    assert before != wanted
    assert [row[:8] for row in after["issues"]] == [row[:8] for row in wanted["issues"]]


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


@pytest.fixture(scope="module", params=["beginning", "zz"])
def beginnings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scans]:
    """Scans of the beginning of a session, and then of all of it, whichever of the two comes first by name."""
    folder = tmp_path_factory.mktemp("beginnings")
    runs, beginning = write_runs(folder), folder / request.param
    write_sink(beginning, {"segment-000001.jsonl": busy_session("s", 60)[:25]})
    with contextlib.closing(Scans(folder)) as scans:
        with one_store_of(beginning):
            scans.scan("over", beginning)
            scans.scan("may grow", beginning)
        with one_store_of(runs, beginning):
            scans.scan("over", runs, beginning)
            scans.scan("may grow", runs, beginning, now_ns=time.time_ns(), settle_ns=600 * S)
        yield scans


def test_findings_of_the_beginning_of_a_session_give_way_to_those_of_the_whole(
    beginnings: Scans, wanted: dict[str, Any]
) -> None:
    first, both = beginnings.recorded["over"]
    assert first != wanted
    assert both == wanted


def test_findings_of_the_beginning_of_a_session_stay_while_the_whole_may_grow(beginnings: Scans) -> None:
    first, both = (
        [row[7] for row in found["issues"] if row[2] == "hidden_memory_anomaly"]
        for found in beginnings.recorded["may grow"]
    )
    assert first == both


def test_a_copied_bundle_is_recorded_once(tmp_path: Path, tracker: Tracker) -> None:
    oom_bundle(tmp_path / "runs" / "oom_dump_1")
    shutil.copytree(tmp_path / "runs" / "oom_dump_1", tmp_path / "runs" / "backup" / "oom_dump_1")
    tracker.scan([tmp_path / "runs"], settle_ns=0)
    (issue,) = tracker.list_issues(limit=10).issues
    assert issue.hit_count == 1
