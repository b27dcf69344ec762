"""Lists of issues as front ends show them: what telemetry says of each, and what became of it in a tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.query import IssueFilter, QueryStore

__all__ = ["ListedIssue", "list_issue_page"]

_TRACKED: Final = """
SELECT s.fingerprint_id, n.number, s.status, s.assignee, s.fix_version, i.revision
FROM tracking.issue_states AS s
INNER JOIN tracking.issues AS i ON s.issue_id = i.issue_id
LEFT JOIN tracking.issue_numbers AS n ON i.issue_id = n.issue_id AND n.is_former = 0
WHERE list_contains($fingerprint_ids, s.fingerprint_id)
"""


@frozen_class
class ListedIssue:
    """One issue of a list.

    Args:
        fingerprint_id: Its id in telemetry; trackers know it too.
        kind: oom, collector_degradation, alert or hidden_memory_anomaly.
        state: open, resolved, ignored or regressed, as a tracker or sidecar says.
        severity: The most severe word among the hits.
        title: Short name.
        what: What tells the issue apart from others with the same title; empty where nothing does.
        hit_count: Pieces of evidence.
        failure_count: Pieces of evidence, an OOM bundle and the event that it tells of being one.
        run_count: Runs with hits.
        session_count: Sessions with hits.
        first_seen_ns: Earliest hit, in nanoseconds since the Unix epoch.
        last_seen_ns: Latest hit, likewise.
        number: Its short number in the tracker; null, like what follows, where no tracker has the issue.
        status: new, in_progress, resolved, silenced or regressed.
        assignee: Who works on it.
        fix_version: Version of the code that it was resolved in.
        revision: Grows with every change; verbs take it, so that nobody's change is overwritten.
        dimensions: What makes the issue.
        details: Facts of the last hit.
        affected_sessions: Sessions with hits.
    """

    fingerprint_id: str
    kind: str
    state: str
    severity: str
    title: str
    what: str
    hit_count: int
    failure_count: int | None
    run_count: int | None
    session_count: int
    first_seen_ns: int | None
    last_seen_ns: int | None
    number: int | None
    status: str | None
    assignee: str | None
    fix_version: str | None
    revision: int | None
    dimensions: Mapping[str, Any]
    details: Mapping[str, Any]
    affected_sessions: Sequence[str]
    first_seen = ReadableTime()
    last_seen = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **fields,
            "dimensions": dict(self.dimensions),
            "details": dict(self.details),
            "affected_sessions": list(self.affected_sessions),
        }


def list_issue_page(
    store: QueryStore, filters: IssueFilter, *, offset: int, limit: int, has_tracker: bool
) -> tuple[list[ListedIssue], int]:
    """Return some issues of a list, and how many there are altogether.

    Args:
        store: What is asked.
        filters: Which issues, in which order; its own limit and page do not count.
        offset: Issues that are left out at the start.
        limit: Most issues.
        has_tracker: Whether the store was opened with a tracker.

    Raises:
        QueryError: the store is closed, or DuckDB failed.
        SourceError: the store is strict and something had to be skipped.
    """
    from stormlog.presenting.issue_rows import issue_rows

    issues = store.list_issues(replace(filters, limit=offset + limit, page=None))[offset:]
    there_are = store.count_rows(replace(filters, limit=None, page=None))
    ids = [issue.fingerprint_id for issue in issues]
    counts = store.issue_counts(ids) if issues else {}
    names = ("number", "status", "assignee", "fix_version", "revision")
    tracked: dict[str, Sequence[Any]] = {}
    if has_tracker and issues:
        tracked = {row[0]: row[1:] for row in store.sql(_TRACKED, {"fingerprint_ids": ids})}
    found = []
    for issue, row in zip(issues, issue_rows(issues, counts), strict=True):
        del row["short_id"]
        known = tracked.get(issue.fingerprint_id, (None,) * len(names))
        found.append(
            ListedIssue(
                fingerprint_id=issue.fingerprint_id,
                hit_count=issue.hit_count,
                dimensions=issue.fingerprint.as_dict()["dimensions"],
                details=issue.details,
                affected_sessions=issue.affected_sessions,
                **row,
                **dict(zip(names, known, strict=True)),
            )
        )
    return found, there_are
