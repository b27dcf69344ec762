"""Mappings that are printed as JSON by the command line itself, or by several commands.

They are apart so that no command makes these classes to answer: that takes longer than some answers. What
`stormlog.specification` makes of a class goes by the annotations that name them.
"""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["ErrorDocument", "IssueCells", "StatementDocument", "TrackedIssueCells"]


class StatementDocument(TypedDict):
    """The statement that answers a command.

    Attributes:
        sql: Its text.
        parameters: Name of each parameter in it, without the dollar sign -> its value.
    """

    sql: str
    parameters: dict[str, Any]


class ErrorFacts(TypedDict):
    """Why a command failed.

    Attributes:
        code: For programs.
        message: For people.
        details: What it is about, depending on the code: path and line, statement, id, ...
    """

    code: str
    message: str
    details: dict[str, Any]


class ErrorDocument(TypedDict):
    """What stands on stderr, on one line, where a command that was asked for JSON fails."""

    error: ErrorFacts


class IssueCells(TypedDict):
    """What tables show of an issue beside its own fields.

    Attributes:
        short_id: The first digits of the fingerprint, which are enough to name it.
        what: What tells the issue apart from others with the same title.
        session_count: Sessions with hits.
        failure_count: Hits, an OOM bundle and the event that it tells of being one; null where that is not known.
        run_count: Runs with hits; null where that is not known.
    """

    short_id: str
    what: str
    session_count: int
    failure_count: int | None
    run_count: int | None


class TrackedIssueCells(TypedDict):
    """What tables show of a tracked issue beside its own fields.

    Attributes:
        short_id: Its number; behind the name of its project where issues of several are listed.
        shown_status: Its status in the words of tables.
        shown_app: Its training program, and whether it comes from development runs.
        versions: The first and the last version with it; null where none says.
    """

    short_id: str
    shown_status: str
    shown_app: str
    versions: str | None
