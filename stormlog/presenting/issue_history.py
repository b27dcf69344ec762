"""What was done to an issue, and how it came to its status, in sentences.

Promise: what is not known is left out. Texts of people and telemetry stand in the sentences as they were recorded; who
prints them makes them safe.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stormlog.presenting.quantities import human_count, human_time
from stormlog.presenting.texts import listed

__all__ = ["activity_sentence", "status_sentence", "until_text"]

Fields = Mapping[str, Any]

#: Changes after which an issue has another status.
_STATUS_ACTIONS = frozenset(
    {"create", "claim", "resolve", "reopen", "ignore", "regress", "unsilence", "amend"}
)
#: Status in the store -> what people read.
_STATUS_WORDS = {"silenced": "ignored", "in_progress": "in progress"}


def activity_sentence(activity: Fields) -> str:
    """Return what a change was, and who made it: ``resolved in 1.4.0 by alice``.

    Args:
        activity: What `Activity.as_dict` of a tracker returns.
    """
    before, after = activity["before"] or {}, activity["after"] or {}
    actor = _actor(activity)
    describe = _SENTENCES.get(activity["action"])
    return describe(before, after, actor) if describe is not None else _other(activity, before, after, actor)


def status_sentence(issue: Fields, history: Sequence[Fields]) -> str:
    """Return the status of an issue and how it came to it: ``ignored (was resolved in 1.4.0)``.

    Args:
        issue: What `TrackedIssue.as_dict` returns.
        history: Its changes, the latest first, as `Activity.as_dict` returns them; perhaps only the latest ones.
    """
    status = issue["status"]
    undone = {(entry["after"] or {}).get("activity_id") for entry in history if entry["action"] == "undo"}
    last = next(
        (
            entry
            for entry in history
            if entry["issue_id"] == issue["issue_id"]
            and entry["action"] in _STATUS_ACTIONS
            and entry.get("activity_id", -1) not in undone
            and _led_to(entry, status)
        ),
        None,
    )
    if status == "regressed":
        found = None if last is None else _regression(last["before"] or {}, last["after"] or {})
        return "regressed" if found is None else f"regressed: {found}"
    by = "" if last is None else f" by {_actor(last)}"
    if status == "resolved":
        return _resolved(issue["fix_version"]) + by
    if status == "silenced":
        return _ignored(issue, last)
    if status == "in_progress":
        return f"in progress{'' if last is None else f', claimed{by}'}"
    return str(_STATUS_WORDS.get(status, status))


def _led_to(entry: Fields, status: str) -> bool:
    """Return whether an issue had a status after a change; a claim that takes it from somebody changes none."""
    if status == "in_progress" and entry["action"] == "claim":
        return True
    return (entry["after"] or {}).get("status") == status


def _ignored(issue: Fields, last: Fields | None) -> str:
    earlier = None if last is None else (last["before"] or {}).get("status")
    was = "" if earlier is None else f" (was {_word(earlier)})"
    if issue["fix_version"] is not None:
        was = f" (was {_resolved(issue['fix_version'])})"
    return f"ignored{was}"


def until_text(until: Fields | None) -> str | None:
    """Return when an issue is not ignored any more, and why it is; None where nothing is said."""
    if until is None:
        return None
    ends = []
    if "count" in until:
        ends.append(f"{human_count(until['count'])} more sessions")
    if "runs" in until:
        ends.append(f"{human_count(until['runs'])} more runs")
    if "date_ns" in until:
        ends.append(f"{human_time(until['date_ns'])} UTC")
    if until.get("next"):
        ends.append("it is seen again")
    if "rule" in until:
        ends.append(f"rule {until['rule']} is removed")
    reason = until.get("reason")
    text = f"until {' or '.join(ends)}" if ends else "for good"
    return text if reason is None else f"{text}: {reason}"


def _actor(activity: Fields) -> str:
    if activity["actor_type"] == "scan":
        return "a scan"
    return f"agent {activity['actor_id']}" if activity["actor_type"] == "agent" else str(activity["actor_id"])


def _word(status: str) -> str:
    return _STATUS_WORDS.get(status, status)


def _resolved(version: str | None) -> str:
    return "resolved without a version" if version is None else f"resolved in {version}"


def _regression(before: Fields, after: Fields) -> str | None:
    seen, fixed, basis = after.get("code_version"), before.get("fix_version"), after.get("basis")
    if seen is None or fixed is None:
        return None
    return f"seen in {seen}, fixed in {fixed}{'' if basis is None else f' ({basis})'}"


def _regressed(before: Fields, after: Fields, actor: str) -> str:
    seen, fixed, basis = after.get("code_version"), before.get("fix_version"), after.get("basis")
    if seen is None or fixed is None:
        return f"regressed, found by {actor}"
    sign = "=" if seen == fixed else ">"
    return f"regressed: {seen} {sign} {fixed}{'' if basis is None else f' ({basis})'}, found by {actor}"


def _ignored_by(_: Fields, after: Fields, actor: str) -> str:
    until = until_text(after.get("ignore_until"))
    return f"ignored by {actor}{'' if until is None else f', {until}'}"


def _not_ignored(before: Fields, _: Fields, actor: str) -> str:
    rule = (before.get("ignore_until") or {}).get("rule")
    if rule is not None:
        return f"not ignored any more: rule {rule} was removed by {actor}"
    return f"not ignored any more: its end was reached, found by {actor}"


def _imported(before: Fields, after: Fields, actor: str) -> str:
    changes = [
        f"{field.replace('_', ' ')} {_value(field, after[field])}"
        for field in ("status", "fix_version", "assignee")
        if field in after and after[field] != before.get(field)
    ]
    until = until_text(after.get("ignore_until"))
    if until is not None:
        changes.append(until)
    source = after.get("source")
    place = "" if source is None else f" from {source}"
    return f"imported by {actor}{place}{f': {listed(changes)}' if changes else ''}"


def _amended(before: Fields, after: Fields, actor: str) -> str:
    was = before.get("fix_version")
    return (
        f"fix version changed to {after.get('fix_version')}{'' if was is None else f' from {was}'} by {actor}"
    )


def _assigned(_: Fields, after: Fields, actor: str) -> str:
    name = after.get("assignee")
    return f"assigned to {'nobody' if name is None else name} by {actor}"


def _created(_: Fields, __: Fields, actor: str) -> str:
    return f"found by {actor}" if actor == "a scan" else f"recorded by {actor}"


def _merged(_: Fields, after: Fields, actor: str) -> str:
    return f"{after.get('source_issue_id')} merged into this issue by {actor}"


def _unmerged(_: Fields, after: Fields, actor: str) -> str:
    if "source_issue_id" in after:
        return f"{after['source_issue_id']} split off again by {actor}"
    return f"split off again from {after.get('target_issue_id')} by {actor}"


def _undone(_: Fields, after: Fields, actor: str) -> str:
    action = str(after.get("action", "a change")).replace("_", " ")
    entry = after.get("activity_id")
    status = after.get("status")
    became = "" if status is None else f", so it is {_word(str(status))} again"
    return f"{action}{'' if entry is None else f' (entry {entry})'} undone by {actor}{became}"


def _other(activity: Fields, before: Fields, after: Fields, actor: str) -> str:
    """Return a change that has no sentence of its own: its name and the fields that changed."""
    name = str(activity["action"]).replace("_", " ")
    changes = [
        f"{field.removesuffix('_ns').replace('_', ' ')} {_value(field, before.get(field))} -> {_value(field, value)}"
        if field in before
        else f"{field.removesuffix('_ns').replace('_', ' ')} {_value(field, value)}"
        for field, value in after.items()
    ]
    return f"{name} by {actor}{f': {listed(changes)}' if changes else ''}"


def _value(field: str, value: Any) -> str:
    if value is None:
        return "none"
    if field.endswith("_ns") and isinstance(value, int):
        return f"{human_time(value)} UTC"
    if field == "status":
        return _word(str(value))
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


#: Action -> the sentence about it, made of the fields before and after, and who it was.
_SENTENCES: dict[str, Callable[[Fields, Fields, str], str]] = {
    "create": _created,
    "claim": lambda _, __, actor: f"claimed by {actor}",
    "resolve": lambda _, after, actor: f"{_resolved(after.get('fix_version'))} by {actor}",
    "amend": _amended,
    "reopen": lambda _, __, actor: f"reopened by {actor}",
    "ignore": _ignored_by,
    "assign": _assigned,
    "regress": _regressed,
    "unsilence": _not_ignored,
    "import": _imported,
    "merge": _merged,
    "unmerge": _unmerged,
    "undo": _undone,
    "comment": lambda _, __, actor: f"commented by {actor}",
    "edit_comment": lambda _, __, actor: f"comment changed by {actor}",
    "delete_comment": lambda _, __, actor: f"comment deleted by {actor}",
}
