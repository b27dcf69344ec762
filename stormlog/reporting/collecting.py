"""Asks a store for everything that a report shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stormlog import __version__
from stormlog.issues.what import what_of
from stormlog.presenting import activity_sentence
from stormlog.reporting.models import IssueLine, Report, SkippedFile, TrackedChange, TrackedIssue

if TYPE_CHECKING:
    from stormlog.explaining import Explanation, MemoryHistory
    from stormlog.query import QueryStore

__all__ = ["MOST_ISSUES", "MOST_PICTURES", "collect_report"]

#: Issues that a report shows in full, the worst and latest ones.
MOST_ISSUES = 50
#: Issues of these whose memory is drawn large.
MOST_PICTURES = 20
#: Most changes of an issue that are shown.
_MOST_CHANGES = 5

_STATES = """
SELECT
    s.fingerprint_id, s.issue_id, n.number, s.status, s.assignee, s.fix_version, s.first_seen_version,
    s.last_seen_version, s.run_count
FROM tracking.issue_states AS s
LEFT JOIN tracking.issue_numbers AS n ON s.issue_id = n.issue_id AND n.is_former = 0
WHERE list_contains($fingerprints, s.fingerprint_id)
"""

_CHANGES = """
SELECT issue_id, at_ns, actor_type, actor_id, action, before_json, after_json
FROM tracking.activity
WHERE list_contains($issues, issue_id)
QUALIFY row_number() OVER (PARTITION BY issue_id ORDER BY at_ns DESC, activity_id DESC) <= $most
ORDER BY issue_id, at_ns DESC, activity_id DESC
"""


def collect_report(
    store: QueryStore,
    *,
    run_id: str | None = None,
    tracker: str | None = None,
    project: str | None = None,
    most_issues: int = MOST_ISSUES,
) -> Report:
    """Ask a store for everything that a report shows.

    Args:
        store: What was opened, with the same tracker and project.
        run_id: The run to explain; by default the one that failed last.
        tracker: File of the tracker, if there is one.
        project: Its project.
        most_issues: Issues that are shown in full.

    Raises:
        UnknownIdError: there is no such run.
        SourceError: there is no telemetry, or the store is strict and something had to be skipped.
        ValueError: ``most_issues`` is negative.
    """
    if most_issues < 0:
        raise ValueError(f"most_issues must not be negative: {most_issues}")
    explanation = store.explain(run_id=run_id)
    issues = _issue_lines(store)
    shown = [issue.fingerprint_id for issue in issues[:most_issues]]
    sessions = store.list_sessions()
    times = [time for row in sessions for time in (row.started_at_ns, row.ended_at_ns) if time is not None]
    if explanation.run.last_ns is not None:
        times.append(explanation.run.last_ns)
    return Report(
        paths=tuple(str(path) for path in store.catalog.paths),
        tracker=tracker,
        project=project,
        version=__version__,
        explanation=explanation,
        history=_history(store, explanation),
        issues=tuple(issues),
        accounts=tuple(store.issue_accounts(shown)),
        tracked={} if tracker is None else _tracked(store, shown),
        skipped=tuple(_skipped(store)),
        session_count=len({row.session_id for row in sessions}),
        first_ns=min(times, default=None),
        last_ns=max(times, default=None),
    )


def _issue_lines(store: QueryStore) -> list[IssueLine]:
    return [
        IssueLine(
            fingerprint_id=issue.fingerprint_id,
            kind=issue.kind,
            severity=issue.severity,
            state=issue.state,
            title=issue.title,
            what=what_of(issue.kind, issue.fingerprint.dimensions, issue.details),
            hit_count=issue.hit_count,
            session_count=len(issue.affected_sessions),
            first_ns=issue.first_seen_ns,
            last_ns=issue.last_seen_ns,
            path=issue.representative_evidence.source_path,
            session_id=issue.representative_evidence.session_id,
            timestamp_ns=issue.representative_evidence.timestamp_ns,
        )
        for issue in store.list_issues()
    ]


def _history(store: QueryStore, explanation: Explanation) -> MemoryHistory:
    """Return the memory of the explained run, with the series that its account is about."""
    run, memory, failure = explanation.run, explanation.memory, explanation.first_failure
    shown = None
    if memory is not None:
        shown = memory.session_id, memory.rank
    elif failure is not None and failure.session_id is not None and failure.rank is not None:
        shown = failure.session_id, failure.rank
    # Where sessions of a rank overlap, only one of them is explained.
    only = shown[0] if run.ambiguous and shown is not None else None
    return store.memory_history(run.run_id, run.attempt, session_id=only, shown=shown)


def _skipped(store: QueryStore) -> list[SkippedFile]:
    lines = [
        SkippedFile(found.path, found.line_count, found.line_number, found.message or "see view rejects")
        for found in store.skipped_lines()
    ]
    files = [
        SkippedFile(warning.path, None, None, warning.message, warning.is_note)
        for warning in store.catalog.warnings
    ]
    return [*lines, *sorted(files, key=lambda found: (found.is_note, found.path, found.message))]


def _tracked(store: QueryStore, fingerprint_ids: Sequence[str]) -> dict[str, TrackedIssue]:
    """Return what the tracker of the store knows of some issues."""
    states = store.sql(_STATES, {"fingerprints": list(fingerprint_ids)}).rows
    ids = sorted({row[1] for row in states if row[1] is not None})
    changes: dict[str, list[TrackedChange]] = {}
    for issue_id, at_ns, actor_type, actor_id, action, before, after in store.sql(
        _CHANGES, {"issues": ids, "most": _MOST_CHANGES}
    ).rows:
        activity = {
            "issue_id": issue_id,
            "at_ns": at_ns,
            "actor_type": actor_type,
            "actor_id": actor_id,
            "action": action,
            "before": json.loads(before or "null"),
            "after": json.loads(after or "null"),
        }
        changes.setdefault(issue_id, []).append(TrackedChange(at_ns, activity_sentence(activity)))
    found = {}
    for name, issue_id, number, status, assignee, fix_version, first_version, last_version, runs in states:
        history = tuple(changes.get(issue_id, ()))
        found[name] = TrackedIssue(
            issue_id, number, status, assignee, fix_version, first_version, last_version, runs, history
        )
    return found
