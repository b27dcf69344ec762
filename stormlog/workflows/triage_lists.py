"""What is to be decided: the issues below some paths, each as a tracker knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from stormlog._values import frozen_class
from stormlog.issues.state import STATE_OF_STATUS
from stormlog.query import IssueFilter

if TYPE_CHECKING:
    from stormlog.query import IssueTable, QueryStore
    from stormlog.tracking import Tracker

__all__ = ["TriageList", "list_with_tracker", "require_filter", "without_states"]

#: Fields of a filter about which a tracker has the say.
_OF_TRACKER: Final = ("state", "hide_ignored")
#: Fields that choose no issues.
_OF_LISTS: Final = ("sort", "limit", "page")
_STATES: Final = frozenset(STATE_OF_STATUS.values())
#: States of what no tracker knows yet.
_UNTRACKED: Final = frozenset({"open", "new"})


@frozen_class
class TriageList:
    """Issues to be decided about.

    Args:
        issues: The list.
        tracker_only_count: Issues of the tracker that fit and have no evidence below the paths, listed or not.
    """

    issues: IssueTable
    tracker_only_count: int = 0


def list_with_tracker(
    store: QueryStore, tracker: Tracker, fields: Mapping[str, Any], *, shows_tracker_only: bool = False
) -> TriageList:
    """Return the issues below the paths of a store, a row for each issue of a tracker.

    Fingerprints that were merged are one row, one that several programs share has a row for each of their issues, and
    those that no scan has recorded yet have rows of their own. Everything but states is told by the telemetry; issues
    that have no evidence there are as the tracker says, and stand behind all others.

    Args:
        store: What was opened.
        tracker: Where issues are tracked.
        fields: Of `stormlog.query.IssueFilter`; states may be those of the tracker, such as ``new``.
        shows_tracker_only: Whether issues without evidence below the paths are listed too.

    Raises:
        ValueError: a bad value.
    """
    conditions: dict[str, Any] = {name: fields[name] for name in _OF_TRACKER if name in fields}
    issues = tracker.fingerprints_of_issues(**conditions)
    states = conditions.get("state") or ()
    words = {states} if isinstance(states, str) else set(states)
    found = store.issue_table(IssueFilter(**without_states(fields)))
    listed = found.tracked(issues, shows_untracked=not words or not words.isdisjoint(_UNTRACKED))
    ids = _without_evidence(store, tracker, fields, issues, found)
    if shows_tracker_only and ids:
        listed = listed.followed_by(tracker.rows_of_issues(ids, sort=fields.get("sort")))
    return TriageList(listed, len(ids))


def _without_evidence(
    store: QueryStore,
    tracker: Tracker,
    fields: Mapping[str, Any],
    issues: Sequence[tuple[str, str, bool]],
    found: IssueTable,
) -> list[str]:
    """Return the ids of the issues of a tracker that fit a filter and have no evidence below the paths of a store.

    Args:
        issues: What the tracker says of the states that are asked for.
        found: What the store says of everything else.
    """
    conditions = {name: value for name, value in fields.items() if name not in _OF_LISTS}
    if "fingerprint_id" in conditions:
        return []
    if conditions.keys() <= set(_OF_TRACKER):
        known = set(found.keys(0, len(found)))
    else:
        known = set(store.fingerprint_ids())
        try:
            issues = tracker.fingerprints_of_issues(**conditions)
        except ValueError:
            # The telemetry has a word that no issue of the tracker has.
            return []
    seen = {issue_id for fingerprint_id, issue_id, _ in issues if fingerprint_id in known}
    return list(dict.fromkeys(issue_id for _, issue_id, fits in issues if fits and issue_id not in seen))


def require_filter(fields: Mapping[str, Any], *, is_tracked: bool) -> None:
    """Refuse fields with a bad value.

    Args:
        fields: As of `list_with_tracker`.
        is_tracked: Whether there is a tracker, whose states count.

    Raises:
        ValueError: there is a bad value.
    """
    if not is_tracked:
        IssueFilter(**fields)
        return
    from stormlog.tracking.statuses import require_status

    IssueFilter(**without_states(fields))
    states = fields.get("state") or ()
    for word in {states} if isinstance(states, str) else set(states):
        if word not in _STATES:
            require_status(word)
    if fields.get("hide_ignored") and "ignored" in states:
        raise ValueError("state 'ignored' asks for what hide_ignored leaves out")


def without_states(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a filter without those about which a tracker has the say."""
    return {name: value for name, value in fields.items() if name not in _OF_TRACKER}
