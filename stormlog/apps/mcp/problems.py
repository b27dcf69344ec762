"""What an agent is told when a tool cannot answer: what is wrong, and what to do next."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from stormlog.errors import (
    LifecycleError,
    MigrationError,
    OutOfRoomError,
    PermissionDeniedError,
    QueryError,
    SourceError,
    StoreBusyError,
    StormlogError,
    UnknownIdError,
)
from stormlog.presenting import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError

__all__ = ["ToolError", "bad_arguments", "problem_text", "unknown_name"]

#: Most characters of a message: it may quote a text of a file.
_LONGEST = 2_000

#: Code of a `LifecycleError` -> what helps.
_AFTER_REFUSAL = {
    "not_found": "list_issues lists the issues of the telemetry; the tracker gets to know them by 'stormlog scan'.",
    "ambiguous_id": "Name the whole id.",
    "illegal_transition": "get_issue shows its status and its revision.",
    "ignored_by_rule": "Leave rules to people.",
}
#: What an id should name -> what lists them.
_WHERE_IDS_ARE = {
    "issue": "list_issues lists the issues; get_issue shows what a tracker remembers of one.",
    "run": "query with SELECT run_id FROM runs lists the runs.",
    "attempt": "query with SELECT run_id, attempt FROM run_attempts lists the attempts.",
    "session": "query with SELECT session_id FROM sessions lists the sessions.",
}


#: What pydantic finds -> what is wanted, in the words of JSON.
_IN_PLAIN_WORDS = {
    "dict_type": "has to be an object",
    "finite_number": "has to be a whole number",
    "list_type": "has to be a list",
    "missing": "is missing",
    "string_type": "has to be a text",
}


class ToolError(Exception):
    """A tool cannot do what was asked; the message says what to do next."""


def unknown_name(kind: str, name: str, there_are: Iterable[str]) -> str:
    """Return a sentence about a name that is none: the nearest one, or all that there are."""
    known = list(there_are)
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"there is no {kind} {name[:100]!r}; {hint}"


def bad_arguments(tool: str, error: ValidationError, there_are: Iterable[str]) -> str:
    """Return what is wrong with the arguments of a call, one after the other.

    Args:
        tool: Name of the tool.
        error: What pydantic found.
        there_are: Names of the arguments of the tool.
    """
    problems: dict[str, Any] = {}
    for found in error.errors(include_url=False):
        name = str(found["loc"][0]) if found["loc"] else ""
        if found["type"] == "extra_forbidden":
            problems[name] = unknown_name("argument", name, there_are)
        else:
            # Of a choice of types, each says what it wants: the first is enough.
            said = _IN_PLAIN_WORDS.get(found["type"]) or found["msg"].removeprefix("Value error, ")
            where = _place(found["loc"])
            problems.setdefault(name, f"{where}: {said}" if where else said)
    return f"{tool}: {'; '.join(problems.values())}"


def _place(location: tuple[int | str, ...]) -> str:
    """Return where in the arguments something is wrong: ``fields[1]``, or ``parameters.rank``."""
    if not location:
        return ""
    # Between name and place stand the names of the types that were tried.
    inner = location[1:] if location[0] == "parameters" else [one for one in location if isinstance(one, int)]
    return f"{location[0]}" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in inner)


def problem_text(error: BaseException) -> str:
    """Return the message of an error for an agent: one line, without control characters, not too long."""
    # Without the carets that point into a statement.
    lines = [line for line in _sentence(error).splitlines() if line.strip("^~ ")]
    text = printable(" ".join(" ".join(lines).split()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, LifecycleError):
        return _joined(text, _AFTER_REFUSAL.get(error.code, ""))
    if isinstance(error, PermissionDeniedError):
        return _joined(text, "Whoever starts the server gives it with --allow issues:write.")
    if isinstance(error, StoreBusyError):
        return _joined(text, "Nothing was changed; call again in a moment.")
    if isinstance(error, UnknownIdError) and error.kind in ("run", "session"):
        # Not those that there are: ids are texts of files.
        return f"no {error.kind} {error.name!r} under the opened paths. {_WHERE_IDS_ARE[error.kind]}"
    if isinstance(error, UnknownIdError):
        return _joined(text, _WHERE_IDS_ARE.get(error.kind, ""))
    if isinstance(error, OutOfRoomError):
        return _joined(
            error.explain("--memory-limit", "--spill-limit", "--spill-dir"), "Or ask for less at a time."
        )
    if isinstance(error, QueryError) and error.statement == "sql":
        return _joined(text, "describe lists the views, and describe with a view its columns and an example.")
    if isinstance(error, MigrationError):
        return _joined(text, "Tell whoever started the server.")
    if isinstance(error, SourceError):
        return _joined(text, "If this stays so, tell whoever started the server.")
    if isinstance(error, (ToolError, StormlogError, ValueError)):
        return text
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror or text}"
    return f"{type(error).__name__}: {text}. This is a defect of Stormlog; tell whoever started the server."


def _joined(text: str, hint: str) -> str:
    sentence = text.strip().rstrip("^~ \n")
    return f"{sentence}{'' if sentence.endswith(('.', '?', '!')) else '.'} {hint}".rstrip()
