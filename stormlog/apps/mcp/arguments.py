"""Arguments of the tools: what an agent may write, and how it is read.

The promise: what an argument does not mean is refused. Nothing is left out without a word, and no text is taken for
something else.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stormlog.issues import IssueKind, IssueState
from stormlog.query.filters import ISSUE_SORTS

__all__ = [
    "Around",
    "Change",
    "Claim",
    "Comment",
    "Describe",
    "GetIssue",
    "Ignore",
    "ListIssues",
    "Query",
    "Reopen",
    "Resolve",
    "Why",
]


def _listed(value: Any) -> Any:
    """Read a list that a client wrote as text: JSON, or names with commas between."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return [name.strip() for name in value.split(",") if name.strip()]


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("has to be a whole number")
    return value


def _id(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _value(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        raise ValueError("a value has to be a text, a number, true, false or null")
    return value


# What limits a value stands before what reads it: only then it is about the value, and JSON Schema has a word for it.
Names = Annotated[list[str], BeforeValidator(_listed)]
Whole = Annotated[int, BeforeValidator(_number)]
NotNegative = Annotated[int, Field(ge=0), BeforeValidator(_number)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_number)]
Value = Annotated[str | int | float | bool | None, BeforeValidator(_value)]
IssueId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="The issue: its fingerprint_id, or where a tracker is open its number, such as 12.",
    ),
    BeforeValidator(_id),
]
Fields = Annotated[
    Names | None, Field(description="Names of the fields to return; by default those that are needed most.")
]
Limit = Annotated[int, Field(ge=1, le=100), BeforeValidator(_number)]
Offset = Annotated[
    int,
    Field(ge=0, le=10**9, description="Rows to leave out at the start: next_offset of the answer before."),
    BeforeValidator(_number),
]
Revision = Annotated[
    int,
    Field(
        ge=0,
        description="Its revision when you looked, as list_issues and get_issue show it: nothing happens if "
        "somebody has changed it since.",
    ),
    BeforeValidator(_number),
]
_TIME = "2h or 7d (ago), yesterday, an ISO date or time (UTC), or seconds or nanoseconds since the Unix epoch"


class Arguments(BaseModel):
    """What a tool is called with."""

    model_config = ConfigDict(extra="forbid")


class ListIssues(Arguments):
    """Arguments of list_issues."""

    kind: IssueKind | None = None
    state: IssueState | None = None
    severity: str | None = Field(None, description="Such as critical or warning.")
    run: str | None = Field(None, description="Id of a run or job with a hit.")
    session_id: str | None = Field(None, description="Session with a hit.")
    rank: Whole | None = Field(None, description="Rank with a hit.")
    host: str | None = Field(None, description="Machine with a hit.")
    app: str | None = Field(None, description="Training program with a hit.")
    since: str | None = Field(None, description=f"Earliest time of a hit: {_TIME}.")
    until: str | None = Field(None, description="Latest time of a hit.")
    search: str | None = Field(
        None, description="Part of the title, of a value that makes the issue, or of a message of a hit."
    )
    hide_ignored: bool = Field(False, description="Leave out issues in state ignored.")
    sort: str = Field(
        ISSUE_SORTS[0],
        description="The greatest first; severity puts the worst and latest first.",
        json_schema_extra={"enum": list(ISSUE_SORTS)},
    )
    limit: Limit = Field(20, description="Most issues.")
    offset: Offset = 0
    fields: Fields = None


class GetIssue(Arguments):
    """Arguments of get_issue."""

    issue: IssueId
    fields: Fields = None


class Why(Arguments):
    """Arguments of why; without any it explains the run that failed last."""

    run_id: str | None = Field(None, description="Explain this run.")
    attempt: Positive | None = Field(None, description="This attempt of it.")
    session_id: str | None = Field(None, description="Explain the run of this session.")
    issue: IssueId | None = Field(None, description="Explain the run of the latest evidence of this issue.")
    at: str | None = Field(
        None, description=f"No failure, but the memory of every device at this time: {_TIME}."
    )
    fields: Fields = None


class Around(Arguments):
    """Arguments of around: either an issue, or a record, or a moment."""

    issue: IssueId | None = Field(None, description="Events around the last hit of this issue, on all ranks.")
    record_id: str | None = Field(None, description="What happened around the event with this record id.")
    session_id: str | None = Field(None, description="With at: the session of the moment.")
    at: str | None = Field(None, description=f"What happened around this time: {_TIME}.")
    window: str = Field("10s", description="How far before and after: 500ms, 30s, 5m.")
    rank: NotNegative | None = Field(None, description="Only this rank.")
    limit: Limit = Field(50, description="Most events; the nearest are kept.")
    fields: Fields = None


class Query(Arguments):
    """Arguments of query."""

    sql: str = Field(
        min_length=1,
        max_length=100_000,
        description="One SELECT of DuckDB over the views; $name stands for a parameter.",
    )
    parameters: dict[str, Value] | None = Field(None, description="Values of $name.")
    limit: Limit = Field(100, description="Most rows.")


class Describe(Arguments):
    """Arguments of describe."""

    view: str | None = Field(None, description="One view; by default all, without their columns.")
    fields: Fields = None


class Change(Arguments):
    """What every tool that changes an issue takes."""

    issue: IssueId
    revision: Revision
    fields: Fields = None


class Claim(Change):
    """Arguments of claim."""


class Resolve(Change):
    """Arguments of resolve."""

    version: str | None = Field(None, description="Version of the code that has the fix.")
    no_version: bool = Field(
        False, description="Say so where no version has the fix: what recurs is then only counted."
    )


class Ignore(Change):
    """Arguments of ignore; without an end it is for good."""

    reason: str = Field(min_length=1, description="Why.")
    until: str | None = Field(None, description="Until then: 3d (from now), tomorrow, an ISO date or time.")
    until_count: Positive | None = Field(None, description="Until it is seen in so many more sessions.")
    until_runs: Positive | None = Field(None, description="Until it is seen in so many more runs.")
    until_next: bool = Field(False, description="Until it is seen the next time.")


class Reopen(Change):
    """Arguments of reopen."""


class Comment(Arguments):
    """Arguments of comment."""

    issue: IssueId
    body: str = Field(min_length=1, max_length=20_000, description="Markdown.")
