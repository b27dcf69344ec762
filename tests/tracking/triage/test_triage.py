"""What people and agents may do with issues of every status, and what it changes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from stormlog.errors import LifecycleError
from stormlog.tracking import Tracker
from stormlog.tracking.models import Change, TrackedIssue
from stormlog.tracking.statuses import STATUSES, Status, require_move, shown_status
from tests.tracking.evidence import fingerprint_id, see
from tests.tracking.people import BOT, DAY, Clock, as_actor, of, refused, seen
from tests.tracking.tables import everything

#: Moves that are allowed; ``regressed`` is set by scans only.
ALLOWED = {
    ("new", "in_progress"),
    ("new", "resolved"),
    ("new", "silenced"),
    ("in_progress", "new"),
    ("in_progress", "resolved"),
    ("in_progress", "silenced"),
    ("resolved", "new"),
    ("resolved", "silenced"),
    ("regressed", "in_progress"),
    ("regressed", "resolved"),
    ("regressed", "silenced"),
    ("silenced", "new"),
    ("silenced", "in_progress"),
    ("silenced", "resolved"),
}

VERBS = {"new": "reopen", "in_progress": "claim", "resolved": "resolve", "silenced": "ignore"}


def move(tracker: Tracker, status: str, *ids: str, **options: Any) -> Change:
    change: Change = getattr(tracker, VERBS[status])(*ids, **options)
    return change


def bring_to(tracker: Tracker, status: str, fingerprint: str = "F1") -> TrackedIssue:
    """Return an issue of a status, by moves that lead there."""
    issue = seen(tracker, fingerprint, version="1.0")
    if status == "regressed":
        tracker.resolve(issue.issue_id, version="1.0")
        return seen(tracker, fingerprint, session="later", version="2.0")
    if status != "new":
        move(tracker, status, issue.issue_id)
    return of(tracker, fingerprint)


# ---- moves ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATUSES, VERBS)))
def test_every_move_is_allowed_or_refused_without_a_trace(tracker: Tracker, before: str, after: str) -> None:
    issue = bring_to(tracker, before)
    assert issue.status == before
    if (before, after) == ("in_progress", "in_progress"):
        # Who has an issue may claim it again.
        assert move(tracker, after, issue.issue_id).issues == (issue,)
        return
    if (before, after) in ALLOWED:
        (moved,) = move(tracker, after, issue.issue_id).issues
        assert (moved.status, moved.revision) == (after, issue.revision + 1)
        assert moved.updated_ns > issue.updated_ns
        assert (moved.occurrence_count, moved.last_activity_ns) == (
            issue.occurrence_count,
            issue.last_activity_ns,
        )
        return
    stored = everything(tracker)
    with pytest.raises(LifecycleError) as refusal:
        move(tracker, after, issue.issue_id)
    error = refusal.value
    assert error.code == "illegal_transition"
    assert shown_status(before) in str(error)
    assert shown_status(after) in str(error)
    targets = {target for status, target in ALLOWED if status == before}
    assert error.details["issue_id"] == issue.issue_id
    assert (error.details["from"], error.details["to"]) == (before, after)
    assert set(error.details["allowed"]) == targets
    assert everything(tracker) == stored


@pytest.mark.parametrize("before", STATUSES)
def test_nobody_may_ask_for_regressed(before: Status) -> None:
    with refused("illegal_transition", shown_status(before), "regressed"):
        require_move("an-issue", before, "regressed")


def test_a_regressed_issue_is_claimed_rather_than_reopened(tracker: Tracker) -> None:
    issue = bring_to(tracker, "regressed")
    with refused("illegal_transition", "claim"):
        tracker.reopen(issue.issue_id)


def test_resolving_keeps_the_version_and_when(tracker: Tracker, clock: Clock) -> None:
    issue = seen(tracker, version="1.0")
    (moved,) = tracker.resolve(issue.issue_id, version=" 1.4.0 ").issues
    assert (moved.fix_version, moved.resolved_ns, moved.state) == ("1.4.0", clock.now_ns, "resolved")


@pytest.mark.parametrize("verb", ["reopen", "claim"])
def test_live_issues_have_no_fix_version(tracker: Tracker, verb: str) -> None:
    issue = seen(tracker)
    tracker.resolve(issue.issue_id, version="1.4.0")
    if verb == "claim":
        tracker.ignore(issue.issue_id)
    (moved,) = getattr(tracker, verb)(issue.issue_id).issues
    assert (moved.fix_version, moved.resolved_ns) == (None, None)


def test_a_silenced_issue_keeps_its_fix_version_whatever_comes(tracker: Tracker) -> None:
    issue = seen(tracker)
    tracker.resolve(issue.issue_id, version="1.4.0")
    tracker.ignore(issue.issue_id)
    issue = seen(tracker, session="s2", version="9.9")
    assert (issue.status, issue.fix_version, issue.occurrence_count) == ("silenced", "1.4.0", 2)


def test_an_issue_in_progress_stays_so_when_it_is_seen(tracker: Tracker) -> None:
    tracker.claim(seen(tracker).issue_id)
    issue = seen(tracker, session="s2")
    assert (issue.status, issue.occurrence_count) == ("in_progress", 2)


@pytest.mark.parametrize("verb", ["reopen", "ignore"])
def test_a_move_forgets_what_recurred(tracker: Tracker, verb: str) -> None:
    tracker.resolve(seen(tracker).issue_id, version="1.4.0")
    issue = seen(tracker, session="s2")
    assert (issue.status, issue.recurred_count) == ("resolved", 1)

    (moved,) = getattr(tracker, verb)(issue.issue_id).issues
    assert (moved.recurred_count, moved.recurred_last_ns) == (0, None)
    if verb == "ignore":
        tracker.reopen(issue.issue_id)
    tracker.resolve(issue.issue_id, version="1.5.0")
    # Counted anew from the evidence that follows.
    assert seen(tracker, session="s3").recurred_count == 1


# ---- resolving -----------------------------------------------------------------------------------------


def test_resolving_without_a_version_warns_that_it_cannot_regress(tracker: Tracker) -> None:
    change = tracker.resolve(seen(tracker).issue_id)
    (warning,) = change.warnings
    assert (warning["code"], warning["issue_id"]) == ("no_fix_version", None)
    assert "cannot regress" in warning["message"]
    issue = seen(tracker, session="s2", version="3.0")
    assert (issue.status, issue.recurred_count) == ("resolved", 1)


def test_resolving_warns_of_evidence_that_is_newer_already(tracker: Tracker) -> None:
    for session, version in (("s1", "1.5.0"), ("s2", "1.10.0"), ("s3", "1.9.0"), ("s4", None)):
        see(tracker, session=session, version=version)
    change = tracker.resolve(of(tracker).issue_id, version="1.4.0")
    (warning,) = change.warnings
    assert (warning["code"], warning["version"]) == ("newer_evidence", "1.10.0")
    assert "1.10.0" in warning["message"]
    assert change.issues[0].status == "resolved"

    # Seen again it changes nothing: it was known.
    see(tracker, session="s2", version="1.10.0")
    assert of(tracker).status == "resolved"


def test_resolving_in_the_newest_version_warns_of_nothing(tracker: Tracker) -> None:
    assert tracker.resolve(seen(tracker, version="1.4.0").issue_id, version="1.4.0").warnings == ()


def test_commits_are_as_new_as_they_were_first_seen(tracker: Tracker) -> None:
    see(tracker, session="s1", at=100, version="0a1b2c3")
    see(tracker, session="s2", at=200, version="9f8e7d6")
    (warning,) = tracker.resolve(of(tracker).issue_id, version="0a1b2c3").warnings
    assert warning["version"] == "9f8e7d6"


def test_a_fix_version_is_amended_in_place(tracker: Tracker) -> None:
    issue = seen(tracker, version="1.5.0")
    tracker.resolve(issue.issue_id, version="1.4.0")
    resolved = of(tracker)
    change = tracker.resolve(issue.issue_id, version="1.6.0", amend=True)
    (amended,) = change.issues
    assert (amended.status, amended.fix_version) == ("resolved", "1.6.0")
    assert (amended.resolved_ns, amended.revision) == (resolved.resolved_ns, resolved.revision + 1)
    assert change.warnings == ()
    latest = tracker.history(issue.issue_id).activities[0]
    assert (latest.action, latest.before, latest.after) == (
        "amend",
        {"fix_version": "1.4.0"},
        {"fix_version": "1.6.0"},
    )


def test_only_resolved_issues_are_amended_and_only_to_a_version(tracker: Tracker) -> None:
    issue = seen(tracker)
    with refused("illegal_transition", "new"):
        tracker.resolve(issue.issue_id, version="1.0", amend=True)
    tracker.resolve(issue.issue_id)
    with pytest.raises(ValueError, match="version"):
        tracker.resolve(issue.issue_id, amend=True)
    with refused("illegal_transition", "amend"):
        tracker.resolve(issue.issue_id, version="1.0")


@pytest.mark.parametrize("version", ["", "  "])
def test_a_blank_version_is_no_version(tracker: Tracker, version: str) -> None:
    issue = seen(tracker)
    with pytest.raises(ValueError, match="blank"):
        tracker.resolve(issue.issue_id, version=version)
    assert of(tracker) == issue


# ---- ignoring ------------------------------------------------------------------------------------------


def test_a_silence_counts_from_now(tracker: Tracker, clock: Clock) -> None:
    see(tracker, session="s1", run="j1")
    issue = seen(tracker, session="s2", run="j1")
    until_ns = clock.now_ns + DAY
    (moved,) = tracker.ignore(
        issue.issue_id, reason=" noise ", until_count=5, until_runs=3, until_ns=until_ns
    ).issues
    assert moved.ignore_until == {
        "count": 5,
        "from_count": 2,
        "runs": 3,
        "from_runs": 1,
        "date_ns": until_ns,
        "reason": "noise",
    }
    assert tracker.history(issue.issue_id).activities[0].after["ignore_until"] == moved.ignore_until  # type: ignore[index]


def test_a_silence_is_for_good_without_a_condition(tracker: Tracker) -> None:
    assert tracker.ignore(seen(tracker).issue_id).issues[0].ignore_until is None


def test_a_move_ends_a_silence(tracker: Tracker) -> None:
    issue = seen(tracker)
    tracker.ignore(issue.issue_id, until_count=5)
    assert tracker.reopen(issue.issue_id).issues[0].ignore_until is None


@pytest.mark.parametrize(
    "options", [{"until_count": 0}, {"until_runs": -1}, {"until_ns": 1}, {"reason": "  "}], ids=str
)
def test_a_silence_that_cannot_be_meant_is_refused(tracker: Tracker, options: dict[str, Any]) -> None:
    issue = seen(tracker)
    with pytest.raises(ValueError):
        tracker.ignore(issue.issue_id, **options)
    assert of(tracker) == issue


# ---- assigning -----------------------------------------------------------------------------------------


def test_issues_belong_to_somebody_or_nobody(tracker: Tracker) -> None:
    issue = seen(tracker)
    (assigned,) = tracker.assign(issue.issue_id, assignee=" lee ").issues
    assert (assigned.assignee, assigned.status) == ("lee", "new")
    assert tracker.assign(issue.issue_id, assignee="lee").issues == (assigned,)
    assert tracker.assign(issue.issue_id, assignee=None).issues[0].assignee is None
    actions = [activity.action for activity in tracker.history(issue.issue_id).activities]
    assert actions == ["assign", "assign", "create"]
    with pytest.raises(ValueError, match="blank"):
        tracker.assign(issue.issue_id, assignee=" ")


# ---- who, when, which ----------------------------------------------------------------------------------


def test_every_change_says_who_made_it_and_what_was_before(tracker: Tracker, clock: Clock) -> None:
    issue = seen(tracker)
    with as_actor(tracker, BOT):
        tracker.claim(issue.issue_id)
    claimed = tracker.history(issue.issue_id).activities[0]
    assert (claimed.actor_type, claimed.actor_id, claimed.action) == ("agent", "bot", "claim")
    assert claimed.before == {"status": "new", "assignee": None}
    assert claimed.after == {"status": "in_progress", "assignee": "bot"}
    assert claimed.at_ns == clock.now_ns


def test_whoever_saw_an_older_issue_changes_nothing(tracker: Tracker) -> None:
    issue = seen(tracker)
    tracker.claim(issue.issue_id, revision=issue.revision)
    stored = everything(tracker)
    with refused("stale_revision", "changed meanwhile"):
        tracker.resolve(issue.issue_id, version="1.0", revision=issue.revision)
    assert everything(tracker) == stored
    tracker.resolve(issue.issue_id, version="1.0", revision=issue.revision + 1)


def test_a_revision_is_that_of_one_issue(tracker: Tracker) -> None:
    ids = [seen(tracker, name).issue_id for name in ("F1", "F2")]
    with pytest.raises(ValueError, match="one issue"):
        tracker.claim(*ids, revision=1)


def test_several_issues_change_together_or_not_at_all(tracker: Tracker) -> None:
    first, second = (seen(tracker, name) for name in ("F1", "F2"))
    tracker.resolve(second.issue_id)
    stored = everything(tracker)
    with refused("illegal_transition", f"#{second.number}"):
        tracker.claim(first.issue_id, second.issue_id)
    with refused("not_found"):
        tracker.claim(first.issue_id, "ffffffff")
    assert everything(tracker) == stored
    moved = tracker.ignore(second.issue_id, first.issue_id, first.issue_id[-8:]).issues
    assert {issue.issue_id for issue in moved} == {first.issue_id, second.issue_id}
    assert [issue.status for issue in moved] == ["silenced", "silenced"]


def test_a_condition_names_issues_of_the_project(tracker: Tracker) -> None:
    for name in ("F1", "F2", "F3"):
        seen(tracker, name, severity="critical" if name == "F3" else "warning")
    tracker.project = "other"
    seen(tracker, "F1")
    tracker.project = "default"

    assert len(tracker.claim(where="severity = 'warning'").issues) == 2
    assert [of(tracker, name).status for name in ("F1", "F2", "F3")] == ["in_progress", "in_progress", "new"]
    assert tracker.claim(where="severity = 'nothing'").issues == ()
    tracker.project = "other"
    assert of(tracker, "F1").status == "new"


def test_many_issues_need_assent(tracker: Tracker) -> None:
    for number in range(3):
        see(tracker, f"F{number}")
    with pytest.raises(ValueError, match="3 issues"):
        tracker.claim(where="TRUE", at_most=2)
    assert len(tracker.claim(where="TRUE", at_most=3).issues) == 3


def test_a_verb_needs_issues(tracker: Tracker) -> None:
    seen(tracker)
    with pytest.raises(ValueError, match="name issues"):
        tracker.claim()


def test_a_fingerprint_names_its_issue(tracker: Tracker) -> None:
    seen(tracker)
    assert tracker.claim(fingerprint_id("F1")).issues[0].status == "in_progress"
