"""What is to be decided: the issues below some paths, each as a tracker knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from stormlog.issues.state import STATE_OF_STATUS
from stormlog.query import IssueFilter

if TYPE_CHECKING:
    from stormlog.query import IssueTable, QueryStore
    from stormlog.tracking import Tracker

__all__ = ["list_with_tracker", "require_filter", "without_states"]

#: Fields of a filter about which a tracker has the say.
_OF_TRACKER: Final = ("state", "hide_ignored")
_STATES: Final = frozenset(STATE_OF_STATUS.values())
#: States of what no tracker knows yet.
_UNTRACKED: Final = frozenset({"open", "new"})


def list_with_tracker(store: QueryStore, tracker: Tracker, fields: Mapping[str, Any]) -> IssueTable:
    """Return the issues below the paths of a store, a row for each issue of a tracker.

    Fingerprints that were merged are one row, one that several programs share has a row for each of their issues, and
    those that no scan has recorded yet have rows of their own. Everything but states is told by the telemetry.

    Args:
        store: What was opened.
        tracker: Where issues are tracked.
        fields: Of `stormlog.query.IssueFilter`; states may be those of the tracker, such as ``new``.

    Raises:
        ValueError: a bad value.
    """
    conditions: dict[str, Any] = {name: fields[name] for name in _OF_TRACKER if name in fields}
    issues = tracker.fingerprints_of_issues(**conditions)
    states = conditions.get("state") or ()
    words = {states} if isinstance(states, str) else set(states)
    found = store.issue_table(IssueFilter(**without_states(fields)))
    return found.tracked(issues, shows_untracked=not words or not words.isdisjoint(_UNTRACKED))


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
