"""However files arrive and however often they are scanned meanwhile: the tables are those of one scan."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from tests.captures import capture_path, scenarios
from tests.query.sinks import busy_session, write_sink
from tests.soak import few_or_many
from tests.tracking.arrivals import arrive
from tests.tracking.shared_stores import one_store_of
from tests.tracking.tables import tables

WITH_COPIES = "edge-cases"


def scanned(database: Path, *paths: Path) -> dict[str, list[tuple[object, ...]]]:
    with Tracker(database) as tracker:
        tracker.scan(list(paths), settle_ns=0)
        return tables(tracker)


def without_line_counts(files: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Leave out how many lines of a file count: of several copies, those of the one that came first do."""
    return [(*row[:6], *row[8:]) for row in files]


def compare(source: Path, work: Path, seed: int) -> None:
    target = work / "files"
    target.mkdir()
    rng = random.Random(seed)
    count = 0
    whole: dict[str, list[tuple[object, ...]]] = {}
    with Tracker(work / "split.db") as tracker:
        for is_whole in arrive(source, target, rng, stops=few_or_many(3, 6)):
            # Now and then two scans see a part of it each, in any order.
            folders = sorted(path for path in target.iterdir())
            if rng.random() < 0.3:
                rng.shuffle(folders)
                for folder in folders:
                    tracker.scan([folder], settle_ns=0)
            with one_store_of(target):
                tracker.scan([target], settle_ns=0)
                if is_whole:
                    whole = scanned(work / "whole.db", target)
            count += 1
        split = tables(tracker)
    for name, rows in whole.items():
        if name == "files" and source.name == WITH_COPIES:
            split[name], rows = map(without_line_counts, (split[name], rows))
        assert split[name] == rows, name
    assert count > 1
    assert whole["files"]


@pytest.mark.parametrize("seed", range(1, 1 + few_or_many(1, 6)))
def test_a_capture_with_copies(tmp_path: Path, seed: int) -> None:
    compare(capture_path(WITH_COPIES), tmp_path, seed)


@pytest.mark.parametrize("seed", range(few_or_many(1, 6)))
def test_captures_and_sessions_over_several_segments(tmp_path: Path, seed: int) -> None:
    """They lie side by side, and each is at another place of its way whenever a scan looks."""
    for scenario in scenarios():
        if scenario != WITH_COPIES:
            shutil.copytree(capture_path(scenario), tmp_path / "source" / scenario)
    for number in range(2):
        events = [
            event for session in ("a", "b") for event in busy_session(f"{session}{number}", 80, rank=number)
        ]
        events[0]["metadata"]["app_version"] = f"1.{number}"
        write_sink(
            tmp_path / "source" / f"rank{number}",
            {
                "segment-000001.jsonl": events[:50],
                "segment-000002.jsonl": events[50:120],
                "segment-000003.jsonl": events[120:],
            },
        )
    compare(tmp_path / "source", tmp_path, seed)


def test_the_order_of_paths_and_copies_do_not_matter(tmp_path: Path) -> None:
    for name in ("x", "y"):
        write_sink(tmp_path / name, {"segment-000001.jsonl": busy_session(f"s-{name}", 60)})
    one = scanned(tmp_path / "1.db", tmp_path / "x", tmp_path / "y")
    other = scanned(tmp_path / "2.db", tmp_path / "y", tmp_path / "x")
    assert one == other
    write_sink(tmp_path / "z", {"segment-000001.jsonl": busy_session("s-x", 60)})
    with_copy = scanned(tmp_path / "3.db", tmp_path / "z", tmp_path / "y", tmp_path / "x")
    for name in ("issues", "occurrences", "evidence_keys"):
        assert with_copy[name] == one[name]
