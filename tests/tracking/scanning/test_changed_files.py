"""What scans make of files that changed since the last one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stormlog.errors import SourceError
from stormlog.tracking import Tracker
from tests.tracking.people import StandingClock, with_tables
from tests.tracking.scanning.test_scan import alert, issues
from tests.tracking.tables import everything, tables


class Changed(NamedTuple):
    """Files that changed between two scans, each in a way of its own, and a third scan of what is left.

    Attributes:
        folder: Where they lie, each named after its program.
        tracker: What holds their evidence.
        reports: Of the three scans.
        hits: Program -> hits, after each scan.
        known: What the tracker held before the last scan.
    """

    folder: Path
    tracker: Tracker
    reports: list[dict[str, Any]]
    hits: list[dict[str, int]]
    known: dict[str, list[tuple[Any, ...]]]

    def files(self) -> dict[str, tuple[int, int]]:
        """Return name -> lines, and lines that were skipped."""
        return {Path(row[0]).stem: (row[6], row[7]) for row in tables(self.tracker)["files"]}


def lines(program: str, *times: int) -> str:
    events = [alert(f"session of {program}", at, metadata={"app": program}) for at in times]
    return "".join(json.dumps(event, sort_keys=True) + "\n" for event in events)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changed]:
    below = tmp_path_factory.mktemp("changed")
    folder = below / "runs"
    odd = folder / os.fsdecode(b"runs-\xff")
    odd.mkdir(parents=True)
    (odd / "no_text.jsonl").write_text(lines("no_text", 10))
    first = {
        "unfinished": lines("unfinished", 10, 20)[:-100],
        "shorter": lines("shorter", 10, 20, 30),
        "damaged": lines("damaged", 10) + "nonsense\n" + lines("damaged", 20),
    } | {name: lines(name, 10) for name in ("renamed", "touched", "gone")}
    for name, text in first.items():
        (folder / f"{name}.jsonl").write_text(text)
    reports, hits = [], []

    def scan(tracker: Tracker) -> None:
        reports.append(tracker.scan([folder]).as_dict())
        hits.append({issue.app: issue.hit_count for issue in issues(tracker)})

    with Tracker(with_tables(below / "tracker.db"), clock=StandingClock()) as tracker:
        scan(tracker)
        (folder / "unfinished.jsonl").write_text(lines("unfinished", 10, 20))
        (folder / "shorter.jsonl").write_text(lines("shorter", 20, 40))
        (folder / "renamed.jsonl").rename(folder / "other_name.jsonl")
        os.utime(folder / "touched.jsonl")
        (folder / "gone.jsonl").unlink()
        scan(tracker)
        known = everything(tracker)
        scan(tracker)
        yield Changed(folder, tracker, reports, hits, known)


def test_a_scan_reports_what_it_read(changed: Changed) -> None:
    names = ("sources_seen", "sources_read", "sources_pending", "sources_missing")
    names += ("lines_read", "lines_skipped", "evidence_new", "issues_created")
    assert [tuple(report[name] for name in names) for report in changed.reports] == [
        (7, 7, 1, 0, 10, 1, 10, 7),
        # The line that was unfinished, and both of the shorter file, of which one is new.
        (6, 4, 0, 1, 3, 0, 2, 0),
        (6, 0, 0, 1, 0, 0, 0, 0),
    ]


def test_a_scan_that_finds_nothing_new_changes_nothing(changed: Changed) -> None:
    assert everything(changed.tracker) == changed.known


def test_an_unfinished_line_is_pending(changed: Changed) -> None:
    assert [hits["unfinished"] for hits in changed.hits] == [1, 2, 2]
    assert changed.files()["unfinished"] == (2, 0)


def test_a_shorter_file_in_its_place_adds_nothing_it_had(changed: Changed) -> None:
    assert [hits["shorter"] for hits in changed.hits] == [3, 4, 4]


def test_a_renamed_file_is_the_same_file(changed: Changed) -> None:
    assert {"renamed", "other_name"} & changed.files().keys() == {"other_name"}
    assert [hits["renamed"] for hits in changed.hits] == [1, 1, 1]


def test_a_file_that_was_only_touched_adds_nothing(changed: Changed) -> None:
    assert [hits["touched"] for hits in changed.hits] == [1, 1, 1]


def test_what_is_gone_is_missing_and_its_evidence_stays(changed: Changed) -> None:
    assert "gone" in changed.files()
    assert [hits["gone"] for hits in changed.hits] == [1, 1, 1]


def test_names_that_are_no_text(changed: Changed) -> None:
    assert [hits["no_text"] for hits in changed.hits] == [1, 1, 1]


def test_bad_lines_are_counted_and_hide_nothing(changed: Changed, tracker: Tracker) -> None:
    damaged = changed.folder / "damaged.jsonl"
    assert (changed.files()["damaged"], changed.hits[0]["damaged"]) == ((2, 1), 2)
    assert [warning["path"] for warning in changed.reports[1]["warnings"]] == [str(damaged)]
    with pytest.raises(SourceError):
        tracker.scan([damaged], strict=True)
