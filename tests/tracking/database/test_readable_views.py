"""The tracker's file opened with other programs: its views with times as text."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.tracking.database.maintenance import check_store, store_status
from tests.captures import capture_path
from tests.tracking.people import new_tracker, seen

SEEN_S = 1_800_000_000

VIEWS = ["issues_readable", "occurrences_readable", "comments_readable", "activity_readable"]


def utc_text(time_ns: int | None) -> str | None:
    """Return a time as the views write it, worked out in whole numbers."""
    if time_ns is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 10**9)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % 10**9:09d}Z"


def text_name(name: str) -> str:
    stem = name.removesuffix("_ns")
    return stem if stem == "at" else f"{stem}_at"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tracker with two issues, one without times, a merged one, and what people did with them."""
    folder = tmp_path_factory.mktemp("tracker")
    with new_tracker(folder) as tracker:
        first = seen(tracker, "F1", at=SEEN_S, version="1.0")
        other = seen(tracker, "F2", at=None)
        merged = seen(tracker, "F3", at=SEEN_S + 1)
        tracker.comment(first.issue_id, "look at <b>this</b>\n\x1b[2J")
        removed = tracker.comment(other.issue_id, "never mind")
        tracker.delete_comment(removed.comment_id)
        tracker.resolve(first.issue_id, version="1.1")
        tracker.merge(other.issue_id, merged.issue_id)
        with tracker.writing() as connection:
            connection.execute(f"UPDATE issues SET created_ns = {SEEN_S}003999999")
    return folder / "tracker.db"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file as other programs do, which know nothing of Stormlog."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def rows_of(path: Path, view: str) -> list[dict[str, Any]]:
    with opened(path) as connection:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {view}")]


@pytest.mark.parametrize("view", VIEWS)
def test_every_time_stands_beside_its_text(path: Path, view: str) -> None:
    rows = rows_of(path, view)
    names = [name for name in rows[0] if name.endswith("_ns")]
    assert names and {text_name(name) for name in names} == {
        name for name in rows[0] if name == "at" or name.endswith("_at")
    }
    for row in rows:
        for name in names:
            assert row[text_name(name)] == utc_text(row[name]), (name, row[name])


def test_issues_have_their_numbers_and_the_names_of_their_places(path: Path) -> None:
    by_number = {row["number"]: row for row in rows_of(path, "issues_readable")}
    # The third was merged into the second.
    assert sorted(by_number) == [1, 2]
    first, other = by_number[1], by_number[2]
    assert (first["project"], first["app"], first["status"]) == ("default", "a", "resolved")
    assert (first["title"], first["fix_version"]) == ("Alert: F1", "1.1")
    assert first["first_seen_at"] == "2027-01-15T08:00:00.000000000Z"
    assert first["created_at"] == "2027-01-15T08:00:00.003999999Z"
    assert first["resolved_at"] is not None and other["resolved_at"] is None


def test_an_issue_without_any_time_has_none(tmp_path: Path) -> None:
    with new_tracker(tmp_path) as tracker:
        seen(tracker, at=None)
    (issue,) = rows_of(tmp_path / "tracker.db", "issues_readable")
    assert issue["first_seen_at"] is issue["last_seen_at"] is None
    (occurrence,) = rows_of(tmp_path / "tracker.db", "occurrences_readable")
    assert occurrence["first_at"] is None and occurrence["recorded_at"] is not None


def test_texts_are_as_they_were_written_and_deleted_comments_are_left_out(path: Path) -> None:
    (comment,) = rows_of(path, "comments_readable")
    assert (comment["number"], comment["author_id"]) == (1, "kim")
    assert comment["body"] == "look at <b>this</b>\n\x1b[2J"


def test_what_was_done_with_an_issue_that_was_merged_keeps_its_number(path: Path) -> None:
    rows = rows_of(path, "activity_readable")
    assert {row["action"] for row in rows} >= {"comment", "resolve", "merge"}
    assert {row["project"] for row in rows} == {"default"}
    with opened(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM activity").fetchone()
    assert len(rows) == count
    assert all(row["number"] for row in rows if row["issue_id"])


def test_tables_are_all_that_queries_and_the_status_see(path: Path) -> None:
    assert not set(VIEWS) & set(store_status(path).rows)
    with stormlog.query.open(capture_path("v4-cuda-sim"), tracker=path, cache=False) as store:
        names = {name for (name,) in store.sql("SELECT name FROM (SHOW ALL TABLES)").rows}
        assert store.sql("SELECT count(*) FROM tracking.issues").rows == [(2,)]
    assert "issues" in names and not set(VIEWS) & names


def test_a_view_that_is_not_as_it_was_made_is_found(tmp_path: Path) -> None:
    new_tracker(tmp_path).close()
    path = tmp_path / "tracker.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP VIEW issues_readable")
        connection.execute("CREATE VIEW issues_readable AS SELECT 1 AS number")
    assert [problem.message for problem in check_store(path)] == ["issues_readable is not as it was made"]


def test_the_guide_names_every_view() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "tracking.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+_readable)`", guide)) == set(VIEWS)
