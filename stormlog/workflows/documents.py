"""What is printed as JSON of answers that several packages have a part in.

The promise: keys do not change.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from stormlog.explaining import IssueAccount, IssueRule
from stormlog.tracking import Comment, Evidence, Fingerprint, Occurrence, TrackedIssue

__all__ = ["IssuePageDocument"]


class IssuePageDocument(TypedDict):
    """One issue: what a tracker knows of it, and what its telemetry tells; at least one of both is known.

    Attributes:
        issue: What a tracker knows of it; null without one that knows the issue, and the lists down to ``comments`` are
            empty then.
        fingerprints: What makes it.
        occurrences: The latest sessions with it.
        evidence: What is behind these.
        comments: What people said, the earliest first.
        merged_into: Id of the issue if it was asked for by that of one merged into it.
        account: What its telemetry tells; null where none was read.
        account_problem: Why there is no account; null where there is one.
        gone: Sources with evidence that do not exist any more.
        rule: The rule that made the issue, if it was asked for.
        git_command: Command that lists the changes between two versions, if it was asked for and can be told.
        next: Commands that lead on.
    """

    issue: Annotated[dict[str, Any], TrackedIssue] | None
    fingerprints: list[Annotated[dict[str, Any], Fingerprint]]
    occurrences: list[Annotated[dict[str, Any], Occurrence]]
    evidence: list[Annotated[dict[str, Any], Evidence]]
    comments: list[Annotated[dict[str, Any], Comment]]
    merged_into: str | None
    account: Annotated[dict[str, Any], IssueAccount] | None
    account_problem: str | None
    gone: list[str]
    rule: Annotated[dict[str, Any], IssueRule] | None
    git_command: str | None
    next: list[str]
