"""What evidence does to issues of every status, whenever and in whatever order it comes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormlog.tracking import Tracker
from stormlog.tracking.models import TrackedIssue
from tests.soak import few_or_many
from tests.tracking.evidence import fingerprint_id, see
from tests.tracking.people import with_tables
from tests.tracking.tables import everything, tables

S = 10**9


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    ticks = itertools.count(1_800_000_000 * S, S)
    with Tracker(tmp_path / "tracker.db", clock=lambda: next(ticks)) as opened:
        yield opened


def only(tracker: Tracker) -> TrackedIssue:
    (issue,) = tracker.list_issues().issues
    return issue


def resolve(tracker: Tracker, version: str | None) -> None:
    tracker.resolve(only(tracker).issue_id, version=version)


def test_the_first_evidence_makes_an_issue(tracker: Tracker) -> None:
    recorded = see(tracker, at=7, version="1.0", rank=3, user="kim")

    assert (recorded.issues_created, recorded.occurrences_created, recorded.evidence_new) == (1, 1, 1)
    issue = only(tracker)
    assert (issue.status, issue.state, issue.occurrence_count, issue.hit_count) == ("new", "open", 1, 1)
    assert (issue.first_seen_ns, issue.last_seen_ns) == (7 * S, 7 * S)
    assert (issue.first_seen_version, issue.last_seen_version, issue.unique_user_count) == ("1.0", "1.0", 1)
    assert issue.fingerprint_ids == (fingerprint_id("F1"),) or list(issue.fingerprint_ids) == [
        fingerprint_id("F1")
    ]
    assert issue.revision == 1


def test_sessions_are_occurrences(tracker: Tracker) -> None:
    for session in ("s1", "s2", "s3"):
        see(tracker, session=session)
    assert only(tracker).occurrence_count == 3


def test_repeats_in_a_session_are_hits(tracker: Tracker) -> None:
    for at in (10, 20, 30):
        see(tracker, at=at)
    issue = only(tracker)
    assert (issue.occurrence_count, issue.hit_count, issue.last_seen_ns) == (1, 3, 30 * S)
    (occurrence,) = tracker.issue(issue.issue_id).occurrences
    assert (occurrence.first_ns, occurrence.last_ns, occurrence.hit_count) == (10 * S, 30 * S, 3)


def test_known_evidence_changes_nothing(tracker: Tracker) -> None:
    see(tracker)
    before = everything(tracker)
    assert see(tracker).evidence_new == 0
    assert everything(tracker) == before


def test_late_evidence_lowers_first_seen_and_gives_the_title(tracker: Tracker) -> None:
    see(tracker, at=100, title="later")
    activity = only(tracker).last_activity_ns
    see(tracker, session="s9", at=50, title="earlier")
    issue = only(tracker)
    assert (issue.first_seen_ns, issue.last_seen_ns, issue.title) == (50 * S, 100 * S, "earlier")
    assert issue.last_activity_ns > activity


def test_apps_and_kinds_of_run_have_their_own_issues(tracker: Tracker) -> None:
    see(tracker, app="a")
    see(tracker, app="b")
    see(tracker, app="a", is_dev=True)
    issues = tracker.list_issues().issues
    assert sorted((issue.app, issue.is_dev) for issue in issues) == [("a", False), ("a", True), ("b", False)]
    assert len({issue.fingerprint_ids[0] for issue in issues}) == 1


def test_ranks_of_one_job_are_one_run(tracker: Tracker) -> None:
    for rank in range(4):
        see(tracker, session=f"s{rank}", rank=rank, run="job-1")
    issue = only(tracker)
    assert (issue.occurrence_count, issue.run_count) == (4, 1)


def test_claimed_issues_stay_claimed(tracker: Tracker) -> None:
    see(tracker)
    tracker.claim(only(tracker).issue_id)
    see(tracker, session="s2")
    issue = only(tracker)
    assert (issue.status, issue.occurrence_count) == ("in_progress", 2)


def test_silenced_issues_stay_silenced_and_count(tracker: Tracker) -> None:
    see(tracker)
    resolve(tracker, "1.4.0")
    tracker.ignore(only(tracker).issue_id)
    see(tracker, session="s2", version="9.9")
    issue = only(tracker)
    assert (issue.status, issue.fix_version, issue.occurrence_count) == ("silenced", "1.4.0", 2)


@pytest.mark.parametrize(
    ("fix", "seen", "status", "recurred"),
    [
        ("1.9.0", "1.10.0", "regressed", 0),
        ("2.0.0", "1.9.0", "resolved", 0),
        ("1.4.0", "1.4.0", "resolved", 1),
        ("1.4.0", None, "resolved", 1),
        (None, "3.0", "resolved", 1),
        ("1.2.0", "latest", "resolved", 1),
    ],
)
def test_evidence_of_a_resolved_issue(
    tracker: Tracker, fix: str | None, seen: str | None, status: str, recurred: int
) -> None:
    see(tracker)
    resolve(tracker, fix)
    recorded = see(tracker, session="s2", at=99, version=seen)
    issue = only(tracker)
    assert (issue.status, issue.recurred_count) == (status, recurred)
    assert issue.recurred_last_ns == (99 * S if recurred else None)
    assert recorded.issues_regressed == (status == "regressed")
    assert issue.fix_version == (None if status == "regressed" else fix)


def test_the_order_of_versions_is_a_setting(tracker: Tracker) -> None:
    see(tracker)
    tracker.set_project("default", version_order="string")
    resolve(tracker, "1.9.0")
    see(tracker, session="s2", version="1.10.0")
    assert only(tracker).status == "resolved"


def test_the_fix_itself_may_count_as_newer(tracker: Tracker) -> None:
    see(tracker)
    tracker.set_project("default", regress_on_equal=True)
    resolve(tracker, "1.4.0")
    see(tracker, session="s2", version="1.4.0")
    assert only(tracker).status == "regressed"


def test_only_new_evidence_can_make_an_issue_regressed(tracker: Tracker) -> None:
    see(tracker, version="1.5")
    resolve(tracker, "1.4")
    before = everything(tracker)
    see(tracker, version="1.5")
    assert everything(tracker) == before


def test_one_newer_version_is_enough_and_counts_once(tracker: Tracker) -> None:
    see(tracker)
    resolve(tracker, "1.4.0")
    regressed = [see(tracker, session=f"s-{v}", version=v).issues_regressed for v in ("1.3", "1.5", "1.6")]
    assert regressed == [0, 1, 0]
    assert only(tracker).status == "regressed"


@pytest.mark.parametrize(
    ("fix", "seen", "status"), [("0a1b2c3", "9f8e7d6", "regressed"), ("9f8e7d6", "0a1b2c3", "resolved")]
)
def test_commits_are_ordered_by_when_they_were_first_seen(
    tracker: Tracker, fix: str, seen: str, status: str
) -> None:
    see(tracker, "other", "monday", at=100, version="0a1b2c3")
    see(tracker, "another", "tuesday", at=200, version="9f8e7d6")
    see(tracker, "F1", "s1")
    issue_id = fingerprint_id("F1")
    tracker.resolve(issue_id, version=fix)
    see(tracker, "F1", "s2", at=300, version=seen)
    assert tracker.issue(issue_id).issue.status == status


def test_a_regression_says_why(tracker: Tracker) -> None:
    see(tracker)
    resolve(tracker, "1.4.0")
    see(tracker, session="s2", version="1.5.0")
    (entry,) = [
        entry for entry in tracker.history(only(tracker).issue_id).activities if entry.action == "regress"
    ]
    assert entry.before == {"status": "resolved", "fix_version": "1.4.0"}
    assert entry.after is not None
    assert entry.after["code_version"] == "1.5.0"
    assert entry.after["basis"]


def test_detail_is_kept_of_the_first_and_last_pieces(tracker: Tracker) -> None:
    order = list(range(40))
    for at in order[::2] + order[1::2]:
        see(tracker, at=at)
    issue = only(tracker)
    assert issue.hit_count == 40
    kept = sorted(
        e.timestamp_ns // S for e in tracker.issue(issue.issue_id).evidence if e.timestamp_ns is not None
    )
    assert kept == [*range(5), *range(25, 40)]


def test_error_texts_are_issues(tracker: Tracker) -> None:
    first = tracker.record_error("User 123 not found", module="db", session_id="s1")
    second = tracker.record_error("User 456 not found", module="db", session_id="s2")
    assert first.issue_id == second.issue_id
    assert (second.kind, second.title, second.occurrence_count) == ("error", "User 123 not found", 2)
    assert tracker.record_error("User 1 not found", module="Db").issue_id != first.issue_id
    nowhere = [tracker.record_error("x", module=module).issue_id for module in (None, "")]
    assert len(set(nowhere)) == 1


SIGHTINGS = st.lists(
    st.tuples(
        st.sampled_from(["F1", "F2"]),
        st.sampled_from(["s1", "s2", "s3"]),
        st.integers(0, 6),
        st.sampled_from([None, "1.0", "1.1"]),
        st.integers(0, 2),
        st.sampled_from([None, "kim", "lee"]),
        st.sampled_from([None, "job"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=few_or_many(20, 500))
@given(sightings=SIGHTINGS, seed=st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory,
    sightings: list[tuple[str, str, int, str | None, int, str | None, str | None]],
    seed: object,
) -> None:
    shuffled = list(sightings)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    results = []
    for order in (sightings, shuffled):
        path = with_tables(tmp_path_factory.mktemp("order") / "tracker.db")
        with Tracker(path, clock=lambda: 5) as tracker:
            for name, session, at, version, rank, user, run in order:
                see(tracker, name, session, at, version=version, rank=rank, user=user, run=run)
            results.append(tables(tracker))
    assert results[0] == results[1]
