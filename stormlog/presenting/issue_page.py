"""What the page of an issue shows: what a tracker knows of it, and what its telemetry tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from stormlog._values import frozen_class
from stormlog.explaining import IssueAccount, IssueRule

__all__ = ["ShownIssue"]

#: What is shown of an issue that no tracker knows.
_UNTRACKED: Mapping[str, Any] = {
    "issue": None,
    "fingerprints": [],
    "occurrences": [],
    "evidence": [],
    "comments": [],
    "merged_into": None,
}


@frozen_class
class ShownIssue:
    """One issue from two sides; at least one of them is known.

    Args:
        tracked: What `IssueDetail.as_dict` of a tracker returns; None without a tracker that knows the issue.
        account: What its telemetry tells; None where none was read.
        history: What `Activity.as_dict` returns for each change, the latest first.
        has_more_history: Whether there are earlier changes.
        gone: Sources with evidence that do not exist any more.
        account_problem: Why there is no account; None where there is one.
        rule: The rule that made the issue, if it was asked for.
        git_command: Command that lists the changes between two versions, if it was asked for and can be told.
        next: Commands that lead on.
    """

    tracked: Mapping[str, Any] | None
    account: IssueAccount | None
    history: Sequence[Mapping[str, Any]] = ()
    has_more_history: bool = False
    gone: tuple[str, ...] = ()
    account_problem: str | None = None
    rule: IssueRule | None = None
    git_command: str | None = None
    next: tuple[str, ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``stormlog issues show --json`` prints."""
        return {
            **(_UNTRACKED if self.tracked is None else self.tracked),
            "account": None if self.account is None else self.account.as_dict(),
            "account_problem": self.account_problem,
            "gone": list(self.gone),
            "rule": None if self.rule is None else self.rule.as_dict(),
            "git_command": self.git_command,
            "next": list(self.next),
        }
