"""Lists of a tracker whose rows are equal in what they are sorted by: each row once, whatever the pages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from tests.tracking.evidence import fingerprint_id, see
from tests.tracking.people import with_tables

S = 10**9
SORTS = ("last_seen", "first_seen", "occurrences", "runs", "users")


@contextlib.contextmanager
def tracker_of_ties(folder: Path) -> Iterator[Tracker]:
    with Tracker(with_tables(folder / "tracker.db"), clock=lambda: 2_000_000_000 * S) as opened:
        for name in ("F5", "F2", "F4", "F1", "F3"):
            see(opened, name, "s1", 10)
        # Two without any time, and one that is greater in everything.
        for name in ("F7", "F6"):
            see(opened, name, "s1", None)
        for session in ("s1", "s2"):
            see(opened, "F8", session, 20, user=session)
        yield opened


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    with tracker_of_ties(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    """A tracker for tests that only read."""
    with tracker_of_ties(tmp_path_factory.mktemp("ties")) as opened:
        yield opened


@pytest.mark.parametrize("sort", SORTS)
def test_issues_of_equal_rank_are_listed_by_their_ids(unchanged: Tracker, sort: str) -> None:
    ids = [issue.issue_id for issue in unchanged.list_issues(sort=sort).issues]
    timeless = {unchanged.issue(fingerprint_id(name)).issue.issue_id for name in ("F6", "F7")}
    first = unchanged.issue(fingerprint_id("F8")).issue.issue_id

    equal = ids[1:] if sort in ("occurrences", "runs", "users") else ids[1:-2]

    assert ids[0] == first and len(ids) == 8
    assert equal == sorted(equal, reverse=True)
    if sort in ("last_seen", "first_seen"):
        assert ids[-2:] == sorted(timeless, reverse=True)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 9])
def test_pages_of_equal_issues_are_the_list(unchanged: Tracker, sort: str, limit: int) -> None:
    whole = [issue.issue_id for issue in unchanged.list_issues(sort=sort).issues]
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = unchanged.list_issues(sort=sort, limit=limit, after=cursor)
        found += [issue.issue_id for issue in page.issues]
        cursor, pages = page.cursor, pages + 1
    assert found == whole
    assert pages == -(-len(whole) // limit)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_pages_of_a_history_of_one_moment_are_the_list(tracker: Tracker, limit: int) -> None:
    issue = fingerprint_id("F1")
    tracker.claim(issue)
    tracker.assign(issue, assignee="ann")
    tracker.comment(issue, "seen")
    whole = [activity.activity_id for activity in tracker.history(issue).activities]
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = tracker.history(issue, limit=limit, after=cursor)
        found += [activity.activity_id for activity in page.activities]
        cursor, pages = page.cursor, pages + 1
    assert found == whole == sorted(whole, reverse=True)
    assert len(whole) == 4 and pages == -(-4 // limit)


def test_sessions_of_one_moment_are_listed_by_their_ids(tracker: Tracker) -> None:
    for session in ("s3", "s2", "s4"):
        see(tracker, "F1", session, 10)
    found = [occurrence.occurrence_id for occurrence in tracker.issue(fingerprint_id("F1")).occurrences]
    assert len(found) == 4 and found == sorted(found, reverse=True)
