"""What a person does with issues in a front end: done, said in a sentence, and named as the command that does the same.

The promise: an action leaves in the tracker exactly what its command would, and nothing if somebody changed one of the
issues since they were looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from stormlog._times import parse_time
from stormlog._values import frozen_class
from stormlog.presenting import listed, printable
from stormlog.workflows.commands import triage_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stormlog.tracking import TrackedIssue, Tracker

__all__ = ["UNDONE", "Action", "ActionDone", "action_command", "ignore_options", "perform"]

#: Verb -> the sentence that confirms it; ``{}`` stands for the numbers.
_SENTENCES: Final = {
    "claim": "Claimed {}",
    "reopen": "Reopened {}",
    "ignore": "Ignored {}",
    "comment": "Commented on {}",
    "unmerge": "Brought back {}",
}
#: What was done -> what an undo takes back.
UNDONE: Final[Mapping[str, str]] = {
    "claim": "the claim of",
    "resolve": "the resolution of",
    "amend": "the amended version of",
    "reopen": "the reopening of",
    "ignore": "the ignoring of",
    "assign": "the assignment of",
    "merge": "the merge of",
    "unmerge": "the unmerge of",
    "comment": "a comment on",
    "edit_comment": "the edit of a comment on",
    "delete_comment": "the deletion of a comment on",
}
_NAMED: Final = 5
_COUNT: Final = re.compile(r"([0-9]+) *(runs?|sessions?)")


@frozen_class
class Action:
    """Something to be done.

    Args:
        verb: claim, resolve, ignore, reopen, assign, comment, merge, unmerge or undo.
        issues: Numbers or ids; of a merge first the one that stays, of an undo none. Whoever looked at a list names
            full ids: a number may be another issue's if the tracker was replaced meanwhile.
        options: As of the command, with underscores: ``version``, ``take``, ``reason``, ``until``, ``until_count``,
            ``until_runs``, ``until_next``, ``to``, ``nobody``, ``across_apps``, ``reopen``.
        text: Of a comment.
    """

    verb: str
    issues: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None


@frozen_class
class ActionDone:
    """What an action did.

    Args:
        sentence: The same for people.
        issues: Those it was about, as they are now.
        warnings: What to think about.
    """

    sentence: str
    issues: tuple[TrackedIssue, ...] = ()
    warnings: tuple[str, ...] = ()


def action_command(tracker: Tracker, action: Action) -> str:
    """Return the command line that does the same; several, one after the other, to merge more than two issues."""
    if action.verb == "undo":
        return f"stormlog issues undo{tracker.command_options()}"
    first, *others = _typed(tracker, action.issues)
    if action.verb == "merge":
        return " && ".join(
            triage_command(tracker, "merge", first, other, **action.options) for other in others
        )
    words = [action.text] if action.text is not None else others
    return triage_command(tracker, action.verb, first, *words, **action.options)


def _typed(tracker: Tracker, ids: Sequence[str]) -> list[str]:
    """Return issues as people type them: by their numbers."""
    found = tracker.issues_by_id(ids)
    return [str(found[name].number) if name in found else name for name in ids]


def ignore_options(text: str) -> dict[str, Any]:
    """Return the options of ``stormlog issues ignore`` that an end means.

    Args:
        text: Blank for no end, ``next``, ``5 runs``, ``20 sessions``, or a time such as ``3d`` or ``2026-12-24``.

    Raises:
        ValueError: it is none of these.
    """
    word = " ".join(text.split()).lower()
    if not word:
        return {}
    if word == "next":
        return {"until_next": True}
    count = _COUNT.fullmatch(word)
    if count is not None:
        number = int(count[1][:18])
        if number < 1:
            raise ValueError(f"{word}: one or more")
        return {"until_runs" if count[2].startswith("run") else "until_count": number}
    try:
        parse_time(text, is_ahead=True)
    except ValueError:
        raise ValueError(
            f"{printable(text[:40])!r} is no end: leave it blank, or write next, 5 runs, 20 sessions, 3d or 2026-12-24"
        ) from None
    return {"until": text.strip()}


def perform(tracker: Tracker, action: Action, revisions: Mapping[str, int] | None = None) -> ActionDone:
    """Do something.

    Args:
        tracker: Where.
        action: What.
        revisions: Full id of an issue -> the revision that the caller has seen.

    Raises:
        LifecycleError: it is refused and nothing was done; code ``stale_revision``: somebody was quicker.
        ValueError: an option is wrong.
    """
    verb, ids = action.verb, action.issues
    if verb == "undo":
        undone = tracker.undo()
        sentence = f"Undone: {UNDONE.get(undone.action, f'{undone.action} of')} {_names(undone.issues)}"
        return ActionDone(sentence, tuple(undone.issues))
    if verb == "comment":
        tracker.comment(ids[0], action.text or "")
        issue = tracker.issue(ids[0]).issue
        return ActionDone(f"Commented on #{issue.number}", (issue,))
    if verb == "unmerge":
        issue = tracker.unmerge(ids[0])
        return ActionDone(f"Brought back #{issue.number}", (issue,))
    if verb == "merge":
        return _merge(tracker, ids, action.options, revisions or {})
    change = _CHANGES[verb](tracker, ids, action.options, revisions)
    warnings = tuple(str(warning["message"]) for warning in change.warnings)
    return ActionDone(_sentence(action, change.issues), tuple(change.issues), warnings)


def _merge(
    tracker: Tracker, ids: tuple[str, ...], options: Mapping[str, Any], revisions: Mapping[str, int]
) -> ActionDone:
    target, *sources = ids
    numbers = _typed(tracker, sources)
    seen = tracker.issue(target).issue.issue_id
    # A merge changes the revision of the issue that stays.
    revision = revisions.get(seen)
    for source in sources:
        issue = tracker.merge(target, source, **options, revision=revision)
        revision = None
    return ActionDone(f"Merged {listed([f'#{number}' for number in numbers])} into #{issue.number}", (issue,))


def _ignore(tracker: Tracker, ids: tuple[str, ...], options: Mapping[str, Any], revisions: Any) -> Any:
    given = dict(options)
    until = given.pop("until", None)
    until_ns = None if until is None else parse_time(until, is_ahead=True)
    return tracker.ignore(*ids, **given, until_ns=until_ns, revision=revisions)


def _assign(tracker: Tracker, ids: tuple[str, ...], options: Mapping[str, Any], revisions: Any) -> Any:
    return tracker.assign(*ids, assignee=options.get("to"), revision=revisions)


#: Verb -> what calls the tracker with ids, options and revisions.
_CHANGES: Final[Mapping[str, Callable[[Tracker, tuple[str, ...], Mapping[str, Any], Any], Any]]] = {
    "claim": lambda tracker, ids, options, seen: tracker.claim(*ids, **options, revision=seen),
    "resolve": lambda tracker, ids, options, seen: tracker.resolve(*ids, **options, revision=seen),
    "reopen": lambda tracker, ids, options, seen: tracker.reopen(*ids, **options, revision=seen),
    "ignore": _ignore,
    "assign": _assign,
}


def _sentence(action: Action, issues: Any) -> str:
    names = _names(issues)
    if action.verb == "resolve":
        version = action.options.get("version")
        return f"Resolved {names}{'' if version is None else f' in {version.strip()}'}"
    if action.verb == "assign":
        assignee = action.options.get("to")
        return f"Unassigned {names}" if assignee is None else f"Assigned {names} to {assignee.strip()}"
    return _SENTENCES[action.verb].replace("{}", names)


def _names(issues: Any) -> str:
    names = [f"#{issue.number}" for issue in issues]
    rest = len(names) - _NAMED
    return listed([*names[:_NAMED], f"{rest:,} more"] if rest > 0 else names)
