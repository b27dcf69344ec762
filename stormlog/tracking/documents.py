"""Mappings that are printed as JSON of the tracker's answers.

They are apart so that no command makes these classes to answer: that takes longer than some answers. What
`stormlog.specification` makes of a class goes by the annotations that name them.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

__all__ = ["ChangeWarning", "RuleDocument", "SkippedInput"]


class SkippedInput(TypedDict):
    """Something below the paths that was skipped.

    Attributes:
        path: Where it is.
        message: What and why, for people.
        code: The reason for programs, with details after a colon; not there for lines.
    """

    path: str
    message: str
    code: NotRequired[str]


class ChangeWarning(TypedDict):
    """What to think about after a change.

    Attributes:
        issue_id: The issue that this is about; null for all of them.
        code: no_fix_version, newer_evidence or unseen_fingerprint.
        message: The same for people.
        version: The newest version with evidence, where that is newer than the fix.
    """

    issue_id: str | None
    code: str
    message: str
    version: NotRequired[str]


class RuleDocument(TypedDict):
    """What `TrackedRule.as_dict` returns.

    Attributes:
        kind: Kind of the issues that fit; null for all.
        dimensions: Dimension -> its text, in which ``*`` stands for any characters.
        fingerprint_id: The one fingerprint that fits; null for all.
        reason: Why they are ignored.
    """

    rule_id: int
    project: str
    kind: str | None
    dimensions: dict[str, str]
    fingerprint_id: str | None
    reason: str | None
    actor_type: str
    actor_id: str
    created_ns: int
    issue_count: int
