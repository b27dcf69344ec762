"""Issues as rows of lists: what front ends show of each, worked out in one place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stormlog.issues.what import what_of

if TYPE_CHECKING:
    from stormlog.issues import StormlogIssue
    from stormlog.query import IssueCounts

__all__ = ["COUNTS", "TABLE_FIELDS", "issue_rows", "short_id"]


#: Fields of `issue_rows` that are counted by a question of their own.
COUNTS = ("failure_count", "run_count")
#: Fields of `issue_rows` that issues do not have themselves.
TABLE_FIELDS = ("short_id", "what", "session_count", *COUNTS)

#: Digits of a fingerprint that tables show: enough to name it, and no other of a million.
_DIGITS = 12


def issue_rows(
    issues: Iterable[StormlogIssue], counts: Mapping[str, IssueCounts]
) -> Iterator[dict[str, Any]]:
    """Yield what lists show of issues.

    Args:
        issues: The issues.
        counts: How often they happened, by fingerprint id; what is not known of one is shown as unknown.
    """
    for issue in issues:
        fingerprint = issue.fingerprint
        count = counts.get(fingerprint.fingerprint_id)
        yield {
            "short_id": short_id(fingerprint.fingerprint_id),
            "state": issue.state,
            "severity": issue.severity,
            "kind": fingerprint.kind,
            "title": issue.title,
            "what": what_of(
                fingerprint.kind, fingerprint.dimensions, issue.details, fingerprint.fingerprint_id
            ),
            "failure_count": None if count is None else count.failure_count,
            "run_count": None if count is None else count.run_count,
            "session_count": len(issue.affected_sessions),
            "first_seen_ns": issue.first_seen_ns,
            "last_seen_ns": issue.last_seen_ns,
        }


def short_id(fingerprint_id: str) -> str:
    """Return the first digits of a fingerprint, with one letter at least: digits alone name an issue by its number."""
    digits = fingerprint_id.removeprefix("issue:")
    length = _DIGITS
    while digits[:length].isdecimal() and length < len(digits):
        length += 1
    return digits[:length]
