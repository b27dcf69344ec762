"""One issue of two, and two of one again."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormlog.errors import LifecycleError
from stormlog.tracking import Tracker
from stormlog.tracking.database.maintenance import check_store
from stormlog.tracking.database.sequences import next_sequence
from tests.soak import few_or_many
from tests.tracking.evidence import fingerprint_id, see
from tests.tracking.people import BOT, as_actor, new_tracker, of, refused, seen
from tests.tracking.tables import everything, tables


def statistics(tracker: Tracker, name: str = "F1") -> tuple[int, int, int]:
    issue = of(tracker, name)
    return issue.occurrence_count, issue.hit_count, issue.run_count


def sessions(tracker: Tracker, name: str) -> list[str]:
    return sorted(occurrence.session_id for occurrence in tracker.issue(fingerprint_id(name)).occurrences)


@pytest.fixture
def pair(tracker: Tracker) -> Tracker:
    """F1 in s1 and s2, F2 in s2 and s3, and a comment on each."""
    for name, among in (("F1", ("s1", "s2")), ("F2", ("s2", "s3"))):
        for at, session in enumerate(among, 10 if name == "F1" else 20):
            see(tracker, name, session, at, rank=1 if name == "F1" else 2)
    for name in ("F2", "F1"):
        tracker.comment(of(tracker, name).issue_id, f"about {name}")
    return tracker


def merge(tracker: Tracker, target: str = "F1", source: str = "F2", **options: bool) -> str:
    """Merge by names of fingerprints, and return the id of the source."""
    source_id = of(tracker, source).issue_id
    tracker.merge(fingerprint_id(target), source_id, **options)
    return source_id


# ---- merging -------------------------------------------------------------------------------------------


def test_everything_of_the_source_moves_and_its_id_leads_to_the_target(pair: Tracker) -> None:
    target_id = of(pair, "F1").issue_id
    source_id = merge(pair)
    issue = of(pair, "F1")
    assert issue.issue_id == target_id
    assert set(issue.fingerprint_ids) == {fingerprint_id("F1"), fingerprint_id("F2")}
    assert (issue.occurrence_count, issue.hit_count, issue.run_count) == (3, 4, 3)
    assert (issue.first_seen_ns, issue.last_seen_ns) == (10 * 10**9, 21 * 10**9)
    assert [comment.body for comment in pair.comments(target_id)] == ["about F2", "about F1"]
    assert pair.issue(source_id).merged_into == target_id
    assert len(pair.list_issues().issues) == 1


def test_a_session_of_both_is_combined(pair: Tracker) -> None:
    merge(pair)
    (shared,) = (o for o in pair.issue(fingerprint_id("F1")).occurrences if o.session_id == "s2")
    assert (shared.first_ns, shared.last_ns, shared.hit_count) == (11 * 10**9, 20 * 10**9, 2)
    assert shared.ranks == (1, 2)
    details = [e for e in pair.issue(fingerprint_id("F1")).evidence if e.session_id == "s2"]
    assert {e.fingerprint_id for e in details} == {fingerprint_id("F1"), fingerprint_id("F2")}


def test_what_is_known_of_a_shared_session_is_kept(tracker: Tracker) -> None:
    see(tracker, "F1", "s1", host=None)
    see(tracker, "F2", "s1", host="node-b", user="u", run="j1")
    merge(tracker)
    (occurrence,) = tracker.issue(fingerprint_id("F1")).occurrences
    assert (occurrence.host, occurrence.user, occurrence.run_id) == ("node-b", "u", "j1")
    assert of(tracker).unique_user_count == 1


def test_evidence_that_both_have_counts_once_and_comes_back(tracker: Tracker) -> None:
    for name in ("F1", "F2"):
        see(tracker, name, "s1", evidence="shared")
        see(tracker, name, f"only-{name}")
    before = tables(tracker)
    source_id = merge(tracker)
    assert statistics(tracker) == (3, 3, 3)
    tracker.unmerge(source_id)
    assert tables(tracker) == before


def test_bundles_stay_with_their_occurrence(tracker: Tracker) -> None:
    seen(tracker, "F1")
    seen(tracker, "F2", session="s2")
    with tracker.writing() as connection:
        connection.execute("UPDATE issue_evidence SET bundle_path = '/bundles/1'")
    merge(tracker)
    assert {e.bundle_path for e in tracker.issue(fingerprint_id("F1")).evidence} == {"/bundles/1"}
    assert len(tracker.issue(fingerprint_id("F1")).evidence) == 2


def test_later_evidence_of_either_goes_to_the_target(pair: Tracker) -> None:
    merge(pair)
    recorded = see(pair, "F2", "s4", 40)
    assert recorded.issues_created == 0
    assert statistics(pair, "F1") == (4, 5, 4)
    assert len(pair.list_issues().issues) == 1


def test_versions_and_times_are_those_of_both(tracker: Tracker) -> None:
    see(tracker, "F1", "s1", 50, version="2.0")
    see(tracker, "F2", "s2", 5, version="1.0")
    merge(tracker)
    issue = of(tracker, "F1")
    assert (issue.first_seen_version, issue.last_seen_version) == ("1.0", "2.0")
    assert (issue.first_seen_ns, issue.last_seen_ns) == (5 * 10**9, 50 * 10**9)


def shown(tracker: Tracker, name: str) -> tuple[str, str, str]:
    issue = of(tracker, name)
    return issue.title, issue.severity, issue.kind


@pytest.fixture
def three(tracker: Tracker) -> dict[str, tuple[str, str, str]]:
    """A, B and C, of which each earlier one is worse; what is shown of them."""
    for name, at, severity in (("A", 10, "critical"), ("B", 20, "warning"), ("C", 30, "info")):
        see(tracker, name, f"s{name}", at, severity=severity, title=f"Alert: {name}")
    with tracker.writing() as connection:
        connection.execute("UPDATE issues SET kind = 'oom' WHERE title = 'Alert: A'")
    return {name: shown(tracker, name) for name in "ABC"}


def test_a_merge_keeps_title_severity_and_kind_of_the_target(
    tracker: Tracker, three: dict[str, tuple[str, str, str]]
) -> None:
    source_id = merge(tracker, "C", "A")
    assert shown(tracker, "C") == three["C"]
    see(tracker, "A", "later", 1, severity="critical", title="Alert: A, earlier still")
    assert shown(tracker, "C") == three["C"]
    assert check_store(tracker.store.path) == []
    tracker.unmerge(source_id)
    assert shown(tracker, "C") == three["C"]
    assert shown(tracker, "A") == ("Alert: A, earlier still", "critical", "oom")


def test_what_earlier_versions_made_of_a_merge_is_sound_until_more_is_seen(
    tracker: Tracker, three: dict[str, tuple[str, str, str]]
) -> None:
    merge(tracker, "C", "A")
    with tracker.writing() as connection:
        connection.execute(
            "UPDATE issues SET title = 'Alert: A', severity = 'critical'  WHERE title = 'Alert: C'"
        )
    assert check_store(tracker.store.path) == []
    see(tracker, "A", "later", 1)
    assert shown(tracker, "C") == three["C"]


def test_what_is_seen_of_the_target_itself_changes_it_as_ever(
    tracker: Tracker, three: dict[str, tuple[str, str, str]]
) -> None:
    merge(tracker, "C", "A")
    see(tracker, "C", "sC", 5, severity="warning", title="Alert: C, earlier")
    assert shown(tracker, "C")[:2] == ("Alert: C, earlier", "warning")


def test_the_last_target_of_a_chain_is_what_is_shown(
    tracker: Tracker, three: dict[str, tuple[str, str, str]]
) -> None:
    ids = {name: merge(tracker, target, name) for target, name in (("B", "A"), ("C", "B"))}
    assert shown(tracker, "C") == three["C"]
    tracker.unmerge(ids["B"])
    assert (shown(tracker, "B"), shown(tracker, "C")) == (three["B"], three["C"])
    tracker.unmerge(ids["A"])
    assert {name: shown(tracker, name) for name in "ABC"} == three


def test_an_issue_that_came_back_may_take_those_over_that_it_was_part_of(
    tracker: Tracker, three: dict[str, tuple[str, str, str]]
) -> None:
    """A into B into C, A back again, and C into A: A is what is shown, and nothing of it leaves with B."""
    ids = {name: merge(tracker, target, name) for target, name in (("B", "A"), ("C", "B"))}
    tracker.unmerge(ids["A"])
    ids["C"] = merge(tracker, "A", "C")
    assert shown(tracker, "A") == three["A"]
    tracker.unmerge(ids["B"])
    assert (sessions(tracker, "A"), sessions(tracker, "B")) == (["sA", "sC"], ["sB"])
    tracker.unmerge(ids["C"])
    assert {name: shown(tracker, name) for name in "ABC"} == three


def test_a_target_of_which_nothing_was_seen_does_not_take_the_kind_of_the_source(tracker: Tracker) -> None:
    see(tracker, "F1", "s1", 50)
    see(tracker, "F2", "s2", 5)
    with tracker.writing() as connection:
        connection.execute("UPDATE issues SET kind = 'unknown' WHERE title = 'Alert: F1'")
        connection.execute("UPDATE issue_fingerprints SET kind = 'unknown' WHERE title = 'Alert: F1'")
    merge(tracker)
    see(tracker, "F2", "s3", 1)
    assert of(tracker).kind == "unknown"
    see(tracker, "F1", "s3", 1)
    assert of(tracker).kind == "alert"


@pytest.mark.parametrize(
    ("one", "other", "least"), [(None, None, None), (5, None, 5), (None, 7, 7), (9, 7, 7)]
)
def test_what_was_not_mailed_of_either_is_mailed(
    tracker: Tracker, one: int | None, other: int | None, least: int | None
) -> None:
    for name, stamp in (("F1", one), ("F2", other)):
        issue = seen(tracker, name)
        with tracker.writing() as connection:
            connection.execute(
                "UPDATE issues SET last_notified_ns = ? WHERE issue_id = ?", [stamp, issue.issue_id]
            )
    latest = of(tracker, "F2").last_activity_ns
    merge(tracker)
    assert (of(tracker).last_notified_ns, of(tracker).last_activity_ns) == (least, latest)


def test_the_history_of_both_is_told_together(pair: Tracker) -> None:
    source_id = merge(pair)
    activities = pair.history(fingerprint_id("F1")).activities
    assert [activity.action for activity in activities] == ["merge", "comment", "comment", "create", "create"]
    assert activities[0].after == {"status": "new", "source_issue_id": source_id, "source_status": "new"}
    assert {activity.issue_id for activity in activities} == {of(pair).issue_id, source_id}


# ---- refusals ------------------------------------------------------------------------------------------


def test_an_issue_is_not_merged_into_itself(pair: Tracker) -> None:
    stored = everything(pair)
    with pytest.raises(ValueError, match="itself"):
        pair.merge(fingerprint_id("F1"), of(pair, "F1").issue_id)
    with pytest.raises(ValueError, match="name the issue"):
        pair.merge(fingerprint_id("F1"), " ")
    assert everything(pair) == stored


def test_unknown_issues_and_those_of_other_projects_are_not_found(pair: Tracker) -> None:
    pair.project = "other"
    foreign = seen(pair, "F9").issue_id
    pair.project = "default"
    stored = everything(pair)
    for source in ("ffffffff", foreign):
        with refused("not_found"):
            pair.merge(fingerprint_id("F1"), source)
        with refused("not_found"):
            pair.merge(source, fingerprint_id("F1"))
    assert everything(pair) == stored


def test_development_and_production_stay_apart(tracker: Tracker) -> None:
    seen(tracker, "F1")
    seen(tracker, "F2", is_dev=True)
    stored = everything(tracker)
    for target, source in itertools.permutations(("F1", "F2")):
        with refused("merge_scope", "development"):
            merge(tracker, target, source, across_apps=True)
    assert everything(tracker) == stored


def test_different_apps_are_merged_if_that_is_said(tracker: Tracker) -> None:
    seen(tracker, "F1", app="a")
    seen(tracker, "F2", session="s2", app="b")
    with refused("merge_scope", "apps"):
        merge(tracker)
    merge(tracker, across_apps=True)
    assert statistics(tracker) == (2, 2, 2)


def test_a_merged_issue_is_not_merged_again(pair: Tracker) -> None:
    seen(pair, "F3", session="s9")
    source_id = merge(pair)
    with pytest.raises(LifecycleError) as refusal:
        pair.merge(fingerprint_id("F3"), source_id)
    assert refusal.value.code == "already_merged"
    assert refusal.value.details["merged_into"] == of(pair, "F1").issue_id
    assert "#1" in str(refusal.value)


def test_whoever_saw_an_older_target_merges_nothing(pair: Tracker) -> None:
    revision = of(pair, "F1").revision
    pair.claim(fingerprint_id("F1"))
    with refused("stale_revision"):
        pair.merge(fingerprint_id("F1"), of(pair, "F2").issue_id, revision=revision)
    pair.merge(fingerprint_id("F1"), of(pair, "F2").issue_id, revision=revision + 1)


# ---- status --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["claim", "ignore", "reopen"])
def test_the_target_keeps_its_status(pair: Tracker, verb: str) -> None:
    if verb == "reopen":
        pair.claim(fingerprint_id("F1"))
    getattr(pair, verb)(fingerprint_id("F1"))
    pair.resolve(fingerprint_id("F2"), version="1.0")
    status = of(pair, "F1").status
    merge(pair)
    assert of(pair, "F1").status == status


def test_a_live_issue_is_not_hidden_by_a_resolved_one_unless_that_is_said(pair: Tracker) -> None:
    pair.resolve(fingerprint_id("F1"), version="1.4.0")
    stored = everything(pair)
    with refused("merge_hides_live_issue", "resolved", "new"):
        merge(pair)
    with pytest.raises(ValueError, match="exclude"):
        merge(pair, keep_status=True, reopen=True)
    assert everything(pair) == stored
    merge(pair, keep_status=True)
    assert (of(pair, "F1").status, of(pair, "F1").fix_version) == ("resolved", "1.4.0")


def test_reopening_with_a_merge_clears_the_fix(pair: Tracker) -> None:
    pair.resolve(fingerprint_id("F1"), version="1.4.0")
    see(pair, "F1", "s9", 90)
    assert of(pair, "F1").recurred_count == 1
    merge(pair, reopen=True)
    issue = of(pair, "F1")
    assert (issue.status, issue.fix_version, issue.resolved_ns, issue.recurred_count) == (
        "new",
        None,
        None,
        0,
    )
    assert pair.history(fingerprint_id("F1")).activities[0].before == {
        "status": "resolved",
        "fix_version": "1.4.0",
    }


@pytest.mark.parametrize("verb", ["resolve", "ignore"])
def test_an_issue_that_nobody_has_to_look_at_may_join_a_resolved_one(pair: Tracker, verb: str) -> None:
    pair.resolve(fingerprint_id("F1"), version="1.4.0")
    getattr(pair, verb)(fingerprint_id("F2"))
    merge(pair)
    assert (of(pair, "F1").status, of(pair, "F1").fix_version) == ("resolved", "1.4.0")


# ---- chains --------------------------------------------------------------------------------------------


@pytest.fixture
def chain(tracker: Tracker) -> dict[str, str]:
    """A merged into B, B into C; returns their ids."""
    ids = {name: seen(tracker, name, session=name, at=at).issue_id for at, name in enumerate("ABC", 10)}
    for name in "ABC":
        tracker.comment(ids[name], f"about {name}")
    tracker.merge(ids["B"], ids["A"])
    tracker.comment(ids["B"], "about both")
    tracker.merge(ids["C"], ids["B"])
    return ids


def test_a_chain_is_followed_in_one_step(tracker: Tracker, chain: dict[str, str]) -> None:
    seen(tracker, "A", session="later", at=50)
    assert statistics(tracker, "C") == (4, 4, 4)
    for name in "AB":
        assert tracker.issue(chain[name]).merged_into == chain["C"]
    with tracker.reading() as connection:
        targets = {target for (target,) in connection.execute("SELECT target_issue_id FROM issue_merges")}
    assert targets == {chain["C"]}


def test_the_last_merge_of_a_chain_is_undone_with_what_it_took_along(
    tracker: Tracker, chain: dict[str, str]
) -> None:
    tracker.unmerge(chain["B"])
    assert (sessions(tracker, "B"), sessions(tracker, "C")) == (["A", "B"], ["C"])
    assert tracker.issue(chain["A"]).merged_into == chain["B"]
    assert [c.body for c in tracker.comments(chain["B"])] == ["about A", "about B", "about both"]
    tracker.unmerge(chain["A"])
    assert [sessions(tracker, name) for name in "ABC"] == [["A"], ["B"], ["C"]]
    assert [c.body for c in tracker.comments(chain["A"])] == ["about A"]
    assert [c.body for c in tracker.comments(chain["B"])] == ["about B", "about both"]


def test_the_first_merge_of_a_chain_is_undone_alone(tracker: Tracker, chain: dict[str, str]) -> None:
    tracker.unmerge(chain["A"])
    assert [sessions(tracker, name) for name in "AC"] == [["A"], ["B", "C"]]
    tracker.unmerge(chain["B"])
    assert [sessions(tracker, name) for name in "ABC"] == [["A"], ["B"], ["C"]]
    assert [c.body for c in tracker.comments(chain["B"])] == ["about B", "about both"]


def test_what_was_merged_anew_stays_where_it_was_merged_to(tracker: Tracker, chain: dict[str, str]) -> None:
    tracker.unmerge(chain["A"])
    tracker.merge(chain["C"], chain["A"])
    tracker.unmerge(chain["B"])
    assert (sessions(tracker, "B"), sessions(tracker, "C")) == (["B"], ["A", "C"])
    assert tracker.issue(chain["A"]).merged_into == chain["C"]
    assert "about A" in [c.body for c in tracker.comments(chain["C"])]


# ---- unmerging -----------------------------------------------------------------------------------------


def test_an_issue_comes_back_as_it_was_and_keeps_what_comes(pair: Tracker) -> None:
    pair.ignore(fingerprint_id("F2"), until_runs=3)
    before, source = tables(pair), of(pair, "F2")
    source_id = merge(pair)
    pair.comment(source_id, "about both")
    back = pair.unmerge(source_id)
    assert back.issue_id == source_id
    assert (back.status, back.ignore_until, back.created_ns) == (
        "silenced",
        source.ignore_until,
        source.created_ns,
    )
    assert back.revision > source.revision
    assert [comment.body for comment in pair.comments(source_id)] == ["about F2"]
    assert [comment.body for comment in pair.comments(fingerprint_id("F1"))] == ["about F1", "about both"]
    assert {**tables(pair), "comments": None} == {**before, "comments": None}

    see(pair, "F2", "s5", 50)
    assert (sessions(pair, "F1"), sessions(pair, "F2")) == (["s1", "s2"], ["s2", "s3", "s5"])
    actions = [pair.history(fingerprint_id(name)).activities[0].action for name in ("F1", "F2")]
    assert actions == ["unmerge", "unmerge"]


def test_evidence_that_came_after_the_merge_goes_with_its_fingerprint(pair: Tracker) -> None:
    source_id = merge(pair)
    see(pair, "F2", "s1", 60)
    see(pair, "F2", "s7", 70)
    pair.unmerge(source_id)
    assert (sessions(pair, "F1"), sessions(pair, "F2")) == (["s1", "s2"], ["s1", "s2", "s3", "s7"])
    assert (statistics(pair, "F1"), statistics(pair, "F2")) == ((2, 2, 2), (4, 4, 4))


def test_one_fingerprint_of_two_apps_is_split_by_app(tracker: Tracker) -> None:
    for app in ("a", "b"):
        see(tracker, "F1", f"{app}1", app=app)
    target, source = sorted(tracker.list_issues().issues, key=lambda issue: issue.app)
    tracker.merge(target.issue_id, source.issue_id, across_apps=True)
    for app in ("a", "b"):
        see(tracker, "F1", f"{app}2", app=app)
    assert tracker.issue(target.issue_id).issue.occurrence_count == 4
    tracker.unmerge(source.issue_id)
    for issue in (target, source):
        detail = tracker.issue(issue.issue_id)
        assert sorted(o.session_id for o in detail.occurrences) == [f"{issue.app}1", f"{issue.app}2"]


def test_an_issue_that_is_not_merged_cannot_come_back(pair: Tracker) -> None:
    for text in (of(pair, "F1").issue_id, fingerprint_id("F1"), "ffffffff"):
        with refused("not_found"):
            pair.unmerge(text)
    source_id = merge(pair)
    pair.unmerge(source_id)
    with refused("not_found", "not merged"):
        pair.unmerge(source_id)


def test_a_digest_about_both_was_about_the_one_that_comes_back(pair: Tracker) -> None:
    source_id = merge(pair)
    with pair.writing() as connection:
        connection.execute(
            "UPDATE issues SET last_notified_ns = ?, notified_sequence = ?",
            [
                pair.clock(),
                next_sequence(
                    connection, connection.execute("SELECT project_id FROM projects").fetchone()[0]
                ),
            ],
        )
    assert pair.unmerge(source_id).last_notified_ns is not None


def test_issues_merge_and_split_again_and_again(pair: Tracker) -> None:
    before = tables(pair)
    for _ in range(3):
        source_id = merge(pair)
        pair.unmerge(source_id)
    for target, source in (("F2", "F1"), ("F1", "F2")):
        source_id = merge(pair, target, source)
        pair.unmerge(source_id)
    assert tables(pair) == before


def test_agents_merge_too(pair: Tracker) -> None:
    with as_actor(pair, BOT):
        merge(pair)
    with pair.reading() as connection:
        assert connection.execute("SELECT actor FROM issue_merges").fetchone()[0] == "agent:bot"


# ---- any sequence --------------------------------------------------------------------------------------

NAMES = ("F1", "F2", "F3", "F4")

EVIDENCE = st.fixed_dictionaries(
    {
        "fingerprint": st.sampled_from(NAMES),
        "session": st.sampled_from(("s1", "s2", "s3")),
        "at": st.sampled_from((None, 10, 20, 30, 40)),
        "version": st.sampled_from((None, "1.0", "1.1")),
        "rank": st.sampled_from((None, 0, 1)),
        "severity": st.sampled_from(("info", "warning", "critical")),
    }
)
STEPS = st.lists(
    st.one_of(
        EVIDENCE,
        st.tuples(st.just("merge"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.tuples(st.just("unmerge"), st.sampled_from(NAMES)),
    ),
    max_size=30,
)


@contextmanager
def trackers() -> Iterator[tuple[Tracker, Tracker]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        new_tracker(Path(folder)) as one,
        new_tracker(Path(folder), name="control.db") as other,
    ):
        yield one, other


def apply(tracker: Tracker, control: Tracker, first: dict[str, str], step: Any) -> None:
    """Take a step; the control sees the evidence and never merges.

    Args:
        first: Name -> id of the issue that its fingerprint made.
    """
    if isinstance(step, dict):
        see(tracker, **step)
        see(control, **step)
        first.setdefault(step["fingerprint"], of(tracker, step["fingerprint"]).issue_id)
        return
    kind, *names = step
    if not set(names) <= set(first):
        return
    if kind == "unmerge":
        with tracker.reading() as connection:
            query = "SELECT 1 FROM issue_merges WHERE source_issue_id = ? AND undone_ns IS NULL"
            is_merged = connection.execute(query, [first[names[0]]]).fetchone()
        if is_merged:
            tracker.unmerge(first[names[0]])
        return
    target, source = (tracker.issue(first[name]).issue.issue_id for name in names)
    if target != source:
        tracker.merge(target, source)


@settings(max_examples=few_or_many(25, 500), deadline=None)
@given(STEPS)
def test_counts_are_right_after_any_steps_and_nothing_is_lost(steps: list[Any]) -> None:
    with trackers() as (tracker, control):
        first: dict[str, str] = {}
        for step in steps:
            apply(tracker, control, first, step)
        assert check_store(tracker.store.path) == []
        with tracker.reading() as connection:
            query = "SELECT source_issue_id FROM issue_merges WHERE undone_ns IS NULL ORDER BY rowid DESC"
            merged = [source for (source,) in connection.execute(query)]
        for source in merged:
            tracker.unmerge(source)
        assert tables(tracker) == tables(control)
        assert check_store(tracker.store.path) == []
