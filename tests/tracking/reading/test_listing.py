"""Lists: filters, orders and pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.reading.listing import SORTS
from stormlog.tracking.statuses import shown_status
from tests.tracking.evidence import see
from tests.tracking.people import BOT, Clock, as_actor, new_tracker, of, refused, seen
from tests.tracking.tables import everything


def titles(tracker: Tracker, **options: Any) -> list[str]:
    return sorted(issue.title.removeprefix("Alert: ") for issue in tracker.list_issues(**options).issues)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A tracker with a mixture of issues, to be copied, and the time of its clock."""
    clock = Clock()
    with new_tracker(tmp_path_factory.mktemp("recorded"), clock) as tracker:
        see(tracker, "F1", "s1", run="j1", version="1.0", app="a")
        see(tracker, "F1", "s1", at=20, run="j1", version="2.0", app="a")
        see(
            tracker,
            "F2",
            "s2",
            run="j2",
            app="b",
            severity="critical",
            kind="oom",
            title="CUDA 100% out_of MEMORY",
        )
        see(tracker, "F3", "s2", run="j2", is_dev=True, severity="blocker")
        tracker.claim(of(tracker, "F1").issue_id)
        tracker.project = "other"
        see(tracker, "F4", "s1", run="j1")
    return tracker.store.path, clock.now_ns


@pytest.fixture
def mixed(recorded: tuple[Path, int], tmp_path: Path, clock: Clock) -> Iterator[Tracker]:
    path, clock.now_ns = recorded
    shutil.copy(path, tmp_path / path.name)
    with new_tracker(tmp_path, clock) as tracker:
        yield tracker


# ---- filters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["CUDA 100% out_of MEMORY", "F1", "F3"]),
        ({"statuses": ["in_progress"]}, ["F1"]),
        ({"statuses": ["in_progress", "new"]}, ["CUDA 100% out_of MEMORY", "F1", "F3"]),
        ({"kinds": ["oom"]}, ["CUDA 100% out_of MEMORY"]),
        ({"kinds": ["hidden_memory_anomaly"]}, []),
        ({"severities": ["critical"]}, ["CUDA 100% out_of MEMORY"]),
        ({"severities": ["blocker", "info"]}, ["F3"]),
        ({"app": "b"}, ["CUDA 100% out_of MEMORY"]),
        ({"app": "c"}, []),
        ({"is_dev": True}, ["F3"]),
        ({"is_dev": False}, ["CUDA 100% out_of MEMORY", "F1"]),
        ({"run": "j1"}, ["F1"]),
        ({"session": "s2"}, ["CUDA 100% out_of MEMORY", "F3"]),
        ({"version": "1.0"}, ["F1"]),
        ({"version": "2.0"}, ["F1"]),
        ({"version": "3.0"}, []),
        ({"text": "memory"}, ["CUDA 100% out_of MEMORY"]),
        ({"text": "0% out_"}, ["CUDA 100% out_of MEMORY"]),
        ({"text": "0_ out"}, []),
        ({"where": "run_count = 1 AND state = 'open' AND app = 'b'"}, ["CUDA 100% out_of MEMORY"]),
        ({"where": "fingerprint_ids LIKE '%issue:%' OR 1 -- all"}, ["CUDA 100% out_of MEMORY", "F1", "F3"]),
        ({"where": "title IN (SELECT title FROM issues WHERE is_dev)"}, ["F3"]),
        (
            {"statuses": ["new"], "where": "is_dev OR app = 'b'", "text": "f"},
            ["CUDA 100% out_of MEMORY", "F3"],
        ),
        ({"all_projects": True, "run": "j1"}, ["F1", "F4"]),
    ],
    ids=str,
)
def test_filters_narrow_a_list(mixed: Tracker, options: dict[str, Any], expected: list[str]) -> None:
    assert titles(mixed, **options) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"statuses": ["opened"]},
        {"statuses": ["new"], "state": "new"},
        {"state": "ignored", "hide_ignored": True},
        {"state": ["silenced", "new"], "hide_ignored": True},
        {"since": "2026-11-21", "until": "2026-11-20"},
        {"since": "soon"},
        {"rank": "0"},
        {"page": 0},
        {"page": 2, "after": "x"},
        {"statuses": ["new", "News"]},
        {"kinds": ["ooms"]},
        {"severities": ["critcal"]},
        {"sort": "severity"},
        {"limit": 0},
        {"limit": 201},
        {"after": "nonsense"},
        {"after": "W10="},
        {"where": "colour = 'red'"},
    ],
    ids=str,
)
def test_a_filter_that_nobody_knows_is_an_error(mixed: Tracker, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        mixed.list_issues(**options)


def test_an_unknown_project_is_not_found_and_an_empty_store_is_empty(tracker: Tracker) -> None:
    assert tracker.list_issues().issues == []
    tracker.project = "misspelt"
    with refused("not_found", "misspelt"):
        tracker.list_issues()


# ---- conditions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        "",
        "1) OR (1",
        "status = 'a') OR (status = 'new'",
        "status = 'a' THEN 1 END OR CASE WHEN 1",
        "1); DELETE FROM issues; --",
        "1; DELETE FROM issues",
        "1 /* ",
        "1 -- \n) OR (1",
        "'",
        "1 UNION SELECT 1",
        "1 ORDER BY 1",
        "EXISTS (SELECT 1 FROM projects)",
        "EXISTS (SELECT 1 FROM main.issues)",
        "EXISTS (SELECT 1 FROM issue_comments)",
        "(SELECT count(*) FROM sqlite_master)",
        "EXISTS (SELECT 1 FROM pragma_database_list)",
        "EXISTS (SELECT 1 FROM json_each('[1]'))",
        "(WITH RECURSIVE t (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t)",
        "load_extension('x')",
        "count(*) > 0",
        "run_count = ?",
        "run_count = :limit",
        "run_count = $project",
        "1\x00",
        "DELETE FROM issues",
        "PRAGMA user_version = 3",
        "ATTACH 'x' AS y",
    ],
)
def test_a_condition_cannot_leave_its_place(mixed: Tracker, where: str) -> None:
    stored = everything(mixed)
    with pytest.raises(ValueError):
        mixed.list_issues(where=where)
    with pytest.raises(ValueError):
        mixed.ignore(where=where)
    assert everything(mixed) == stored


def test_a_condition_that_fails_on_some_rows_is_the_callers_error(mixed: Tracker) -> None:
    with pytest.raises(ValueError, match="malformed JSON"):
        mixed.list_issues(where="json_extract(title, '$.x') = 1")


# ---- orders and pages ----------------------------------------------------------------------------------


def paged(tracker: Tracker, **options: Any) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = tracker.list_issues(after=cursor, **options)
        found += [issue.issue_id for issue in page.issues]
        assert page.has_more == (page.cursor is not None)
        if page.cursor is None:
            return found
        assert len(page.issues) == options["limit"]
        cursor = page.cursor


@pytest.fixture(scope="module")
def unequal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    """A tracker for tests that only read: issues with and without times and users."""
    with new_tracker(tmp_path_factory.mktemp("unequal")) as tracker:
        for number, (at, user) in enumerate(
            [(10, None), (10, "u"), (None, "u"), (30, None), (None, None), (20, "v")]
        ):
            for session in range(1 + number % 3):
                see(tracker, f"F{number}", f"s{session}", at, user=user, run=f"j{session // 2}")
        yield tracker


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_are_parts_of_the_list_in_every_order(unequal: Tracker, sort: str, limit: int) -> None:
    whole = unequal.list_issues(sort=sort).issues
    values = [getattr(issue, SORTS[sort]) for issue in whole]
    keys = [
        (value is not None, value or 0, issue.issue_id) for value, issue in zip(values, whole, strict=True)
    ]
    assert keys == sorted(keys, reverse=True)
    assert paged(unequal, sort=sort, limit=limit) == [issue.issue_id for issue in whole]


def test_a_page_goes_on_where_the_last_one_ended_whatever_came_meanwhile(tracker: Tracker) -> None:
    for number in range(4):
        see(tracker, f"F{number}", at=10 * number)
    first = tracker.list_issues(limit=2)
    see(tracker, "F9", at=90)
    second = tracker.list_issues(limit=2, after=first.cursor)
    assert [issue.title for issue in second.issues] == ["Alert: F1", "Alert: F0"]
    assert not second.has_more


def test_a_cursor_belongs_to_its_order(tracker: Tracker) -> None:
    for number in range(2):
        see(tracker, f"F{number}")
    cursor = tracker.list_issues(limit=1).cursor
    with pytest.raises(ValueError, match="sorted by runs"):
        tracker.list_issues(sort="runs", after=cursor)


# ---- one issue -----------------------------------------------------------------------------------------


def test_an_issue_comes_with_all_that_belongs_to_it(tracker: Tracker) -> None:
    see(tracker, "F1", "s1", 10, run="j1", version="1.0", rank=2, user="u")
    see(tracker, "F1", "s1", 30, run="j1", version="1.1", rank=0, user="u")
    issue = seen(tracker, session="s2", at=20)
    comment = tracker.comment(issue.issue_id, "text")
    detail = tracker.issue(issue.issue_id)
    assert [fingerprint.fingerprint_id for fingerprint in detail.fingerprints] == list(issue.fingerprint_ids)
    assert detail.fingerprints[0].dimensions == {"name": "F1"}
    first, second = detail.occurrences
    assert (first.session_id, first.run_id, first.ranks, first.hit_count) == ("s1", "j1", (0, 2), 2)
    assert (first.code_version, first.user, second.session_id) == ("1.1", "u", "s2")
    assert [evidence.session_id for evidence in detail.evidence] == ["s1", "s2", "s1"]
    assert detail.comments == [comment]
    assert set(detail.as_dict()) == {
        "issue",
        "fingerprints",
        "occurrences",
        "evidence",
        "comments",
        "merged_into",
    }


def test_occurrences_come_in_pages_the_latest_first(tracker: Tracker) -> None:
    for number in range(7):
        see(tracker, session=f"s{number}", at=None if number == 3 else 10 + number // 2)
    issue_id = of(tracker).issue_id
    whole = tracker.occurrences(issue_id).occurrences
    assert len(whole) == 7
    assert whole[-1].last_ns is None
    found, cursor = [], None
    while True:
        page = tracker.occurrences(issue_id, limit=2, after=cursor)
        found += page.occurrences
        cursor = page.cursor
        if not page.has_more:
            break
    assert found == whole
    with pytest.raises(ValueError):
        tracker.occurrences(issue_id, limit=0)


def test_history_comes_in_pages_the_latest_first(tracker: Tracker) -> None:
    issue_id = seen(tracker).issue_id
    tracker.claim(issue_id)
    with as_actor(tracker, BOT):
        tracker.resolve(issue_id)
    page = tracker.history(issue_id, limit=2)
    assert [activity.action for activity in page.activities] == ["resolve", "claim"]
    rest = tracker.history(issue_id, limit=2, after=page.cursor)
    assert [activity.action for activity in rest.activities] == ["create"]
    assert (rest.cursor, rest.has_more) == (None, False)


def test_people_and_programs_may_say_it_in_their_own_word(tracker: Tracker) -> None:
    for name in ("F1", "F2"):
        seen(tracker, name)
    tracker.ignore(of(tracker, "F1").issue_id)
    found = [tracker.list_issues(statuses=[word]).issues for word in ("silenced", "ignored")]
    assert found[0] == found[1]
    assert [issue.title for issue in found[0]] == ["Alert: F1"]
    assert shown_status("silenced") == "ignored"
    assert [shown_status(word) for word in ("new", "resolved", "regressed")] == [
        "new",
        "resolved",
        "regressed",
    ]


def test_a_page_behind_all_others_is_empty_however_far(mixed: Tracker) -> None:
    assert mixed.list_issues(page=2**63, limit=200).issues == []
