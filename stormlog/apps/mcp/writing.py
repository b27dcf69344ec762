"""The tools that change issues in a tracker; they exist only with the permission ``issues:write``.

The promise: each is one verb of the tracker, recorded in its activity log as if it had been called in Python or on the
command line. Who saw another state than there is changes nothing, and is told what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from stormlog._times import parse_time
from stormlog.apps.mcp import arguments
from stormlog.apps.mcp.answers import chosen, fields_that_fit, plain, room_beside
from stormlog.apps.mcp.problems import ToolError, problem_text
from stormlog.apps.mcp.shapes import SCHEMAS, TRACKED_FIELDS
from stormlog.apps.mcp.times import with_texts
from stormlog.apps.mcp.tool import Call, Tool
from stormlog.errors import LifecycleError
from stormlog.presenting import activity_sentence
from stormlog.tracking import Comment, TrackedIssue
from stormlog.workflows import triage_command

if TYPE_CHECKING:
    from stormlog.tracking import Change, Tracker

__all__ = ["WRITING"]

_USUAL: Final = (
    *(
        "number",
        "issue_id",
        "status",
        "state",
        "assignee",
        "fix_version",
        "ignore_until",
        "revision",
        "title",
    ),
    *("fingerprint_ids", "occurrence_count", "last_seen_version"),
)
#: What is said of an issue after a comment.
_AFTER_COMMENT: Final = ("number", "status", "assignee", "fix_version", "revision")
#: Refusals after which an agent has to know the issue as it is now.
_SEEN_OTHERWISE: Final = ("already_claimed", "illegal_transition", "stale_revision")


def _claim(call: Call, wanted: arguments.Claim) -> dict[str, Any]:
    return _change(call, wanted, "claim", lambda tracker, issue, **options: tracker.claim(issue, **options))


def _resolve(call: Call, wanted: arguments.Resolve) -> dict[str, Any]:
    if (wanted.version is None) != wanted.no_version:
        raise ToolError(
            "say version=... with the version of the code that has the fix, or no_version=true where none has"
        )
    return _change(
        call,
        wanted,
        "resolve",
        lambda tracker, issue, **options: tracker.resolve(issue, **options),
        version=wanted.version,
    )


def _ignore(call: Call, wanted: arguments.Ignore) -> dict[str, Any]:
    until_ns = None if wanted.until is None else parse_time(wanted.until, is_ahead=True)

    def ignore(tracker: Tracker, issue: str, *, until: str | None = None, **options: Any) -> Change:
        del until
        return tracker.ignore(issue, until_ns=until_ns, **options)

    return _change(
        call,
        wanted,
        "ignore",
        ignore,
        reason=wanted.reason,
        until=wanted.until,
        until_count=wanted.until_count,
        until_runs=wanted.until_runs,
        until_next=wanted.until_next,
    )


def _reopen(call: Call, wanted: arguments.Reopen) -> dict[str, Any]:
    return _change(call, wanted, "reopen", lambda tracker, issue, **options: tracker.reopen(issue, **options))


def _change(
    call: Call, wanted: arguments.Change, verb: str, act: Callable[..., Change], **options: Any
) -> dict[str, Any]:
    """Do what a verb does to an issue, and return the issue as it is then.

    Args:
        call: The call.
        wanted: Its arguments.
        verb: Name of the verb on the command line.
        act: Calls it, with the tracker, the id of the issue, ``revision`` and the options.
        options: Options of the verb, under the names that they have on the command line.
    """
    fields = chosen(wanted.fields, TRACKED_FIELDS, _USUAL)
    with call.workplace.open_tracker(call.agent) as tracker:
        # A fingerprint that no scan has recorded would become a rule: rules are up to people.
        issue = tracker.issue(wanted.issue).issue
        try:
            change = act(tracker, issue.issue_id, revision=wanted.revision, **options)
        except LifecycleError as error:
            if error.code not in _SEEN_OTHERWISE:
                raise
            raise ToolError(f"{problem_text(error)} {_state(tracker, issue.issue_id)}") from error
        command = triage_command(tracker, verb, issue.number, **options)
    answer = {"command": plain(command)}
    now = with_texts(TrackedIssue, change.issues[0].as_dict())
    facts = {name: now[name] for name in fields}
    facts["warnings"] = [{"code": one["code"], "message": one["message"]} for one in change.warnings]
    kept, _ = fields_that_fit(facts, room_beside(answer))
    return {"untrusted_data": kept, **answer}


def _state(tracker: Tracker, issue_id: str) -> str:
    """Return a sentence about an issue as it is now, and who did what to it last."""
    issue = tracker.issue(issue_id).issue
    said = f"Now it is {issue.status}, revision {issue.revision}"
    said += ", nobody's" if issue.assignee is None else f", {plain(issue.assignee, 100)}'s"
    if issue.fix_version is not None:
        said += f", fixed in {plain(issue.fix_version, 100)}"
    (*_, latest) = (None, *tracker.history(issue_id, limit=1).activities)
    if latest is not None:
        said += f"; last change: {plain(activity_sentence(latest.as_dict()), 300)}"
    return f"{said}. Look again with get_issue, and decide anew."


def _comment(call: Call, wanted: arguments.Comment) -> dict[str, Any]:
    with call.workplace.open_tracker(call.agent) as tracker:
        comment = tracker.comment(wanted.issue, wanted.body)
        # A comment makes a new revision. Who goes on with it has to see what it is the revision of.
        now = tracker.issue(comment.issue_id).issue.as_dict()
        command = triage_command(tracker, "comment", now["number"], wanted.body)
    answer = {"command": plain(command)}
    facts = {"issue": {name: now[name] for name in _AFTER_COMMENT}, **with_texts(Comment, comment.as_dict())}
    kept, _ = fields_that_fit(facts, room_beside(answer))
    return {"untrusted_data": kept, **answer}


WRITING: Final = (
    Tool(
        "claim",
        "Claim an issue",
        "Say that you work on an issue: it becomes in_progress, and yours. Refused if somebody else has it.",
        arguments.Claim,
        SCHEMAS["claim"],
        _claim,
        changes=True,
        is_idempotent=False,
    ),
    Tool(
        "comment",
        "Comment on an issue",
        "Add a comment in Markdown: what you found, with the evidence, and what you did. The answer has the new "
        "revision of the issue.",
        arguments.Comment,
        SCHEMAS["comment"],
        _comment,
        changes=True,
        is_idempotent=False,
    ),
    Tool(
        "resolve",
        "Resolve an issue",
        "Say that an issue is fixed, in which version of the code. Evidence of a newer version makes it "
        "regressed. no_version=true says that no version has the fix; then what recurs is only counted.",
        arguments.Resolve,
        SCHEMAS["resolve"],
        _resolve,
        changes=True,
        is_idempotent=False,
    ),
    Tool(
        "ignore",
        "Ignore an issue",
        "Say that an issue does not matter, and why: for good, or until a time, a number of sessions or runs, or the "
        "next time that it is seen.",
        arguments.Ignore,
        SCHEMAS["ignore"],
        _ignore,
        changes=True,
        is_idempotent=False,
    ),
    Tool(
        "reopen",
        "Reopen an issue",
        "Take back that an issue is resolved, ignored or worked on: it becomes new.",
        arguments.Reopen,
        SCHEMAS["reopen"],
        _reopen,
        changes=True,
        is_idempotent=False,
    ),
)
