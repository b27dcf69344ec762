"""Pairs each question about runs and their surroundings with the statement and the parameters that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from stormlog.engine import load_query
from stormlog.query.filters import AttachmentFilter, CorrelationFilter
from stormlog.query.statements import Statement

__all__ = [
    "SUMMARY_GROUPS",
    "SUMMARY_METRICS",
    "anchor_statements",
    "attachments_statement",
    "correlation_statement",
    "event_statement",
    "listing_statement",
    "require_metric",
    "summary_statement",
]

#: Metrics of `QueryStore.summarize`.
SUMMARY_METRICS = (
    "session_count_by_status",
    "peak_allocator_allocated_bytes",
    "peak_allocator_reserved_bytes",
    "peak_device_used_bytes",
    "alert_count",
    "collector_degradation_transitions",
    "interrupted_sessions_with_oom_bundles",
    "hidden_memory_gap_growth",
)
#: Ways to group events.
SUMMARY_GROUPS = ("session", "session-rank", "rank", "status")

#: Metric -> its statement over events, and the one over rollups with the groups that it can answer for.
_EVENT_METRICS = {
    **dict.fromkeys(
        SUMMARY_METRICS[1:4], ("summarize_peaks", "summarize_rollup_peaks", frozenset(SUMMARY_GROUPS))
    ),
    **dict.fromkeys(
        ("alert_count", "collector_degradation_transitions"),
        ("summarize_counts", "summarize_rollup_counts", frozenset({"session", "status"})),
    ),
    "hidden_memory_gap_growth": (
        "summarize_gap_growth",
        "summarize_rollup_gap_growth",
        frozenset({"session-rank", "rank"}),
    ),
}
#: Metric about sessions -> its statement, and the group that its rows are about.
_SESSION_METRICS = {
    "session_count_by_status": ("summarize_session_counts", "status"),
    "interrupted_sessions_with_oom_bundles": ("summarize_interrupted_sessions", "session"),
}


def attachments_statement(filters: AttachmentFilter | None) -> Statement:
    """Return the statement of ``list_attachments``."""
    given = asdict(filters or AttachmentFilter())
    return load_query("list_attachments"), {name: _listed(value) for name, value in given.items()}


def listing_statement(name: str, parameters: Mapping[str, Any]) -> Statement:
    """Return a statement of ``sql/queries`` whose parameters are values as they are."""
    return load_query(name), dict(parameters)


def require_metric(metric: str, group_by: str | None) -> None:
    """Refuse what is no metric, or no way to group.

    Raises:
        ValueError: it names those that there are.
    """
    if metric not in SUMMARY_METRICS:
        raise ValueError(f"unknown metric {metric!r}: choose from {', '.join(SUMMARY_METRICS)}")
    if group_by is not None and group_by not in SUMMARY_GROUPS:
        raise ValueError(f"unknown group_by {group_by!r}: choose from {', '.join(SUMMARY_GROUPS)}")


def summary_statement(
    metric: str, group_by: str | None, rollup_session_count: int | None
) -> tuple[Statement, str]:
    """Return the statement of ``summarize``, and the views that it needs.

    Args:
        metric: One of `SUMMARY_METRICS`.
        group_by: One of `SUMMARY_GROUPS`; None for ``session``.
        rollup_session_count: How many sessions the rollups have that may answer; None where they may not.
    """
    if metric in _SESSION_METRICS:
        name, group = _SESSION_METRICS[metric]
        parameters = {"metric": metric, "group_by": group}
        return (load_query(name), parameters), "sessions"
    group = group_by or "session"
    name, rollup_name, rollup_groups = _EVENT_METRICS[metric]
    parameters = {"metric": metric, "group_by": group}
    # The gap of a rank across sessions cannot be told from those of each session.
    is_across = metric == "hidden_memory_gap_growth" and group == "rank" and rollup_session_count != 1
    if rollup_session_count is not None and group in rollup_groups and not is_across:
        return (load_query(rollup_name), parameters), "rollup_sessions rollup_ranks"
    return (load_query(name), parameters), "memory_readings"


def anchor_statements(record_id: str) -> list[tuple[Statement, str]]:
    """Return the statements that find the event with a record id, and what they need, the quickest first.

    Nearly all events are kept as the text from which their ids are made; to bring the others into that form takes much
    longer than to look through all of them.
    """
    parameters = {"record_id": record_id}
    return [
        ((load_query("correlation_anchor_as_written"), parameters), "events"),
        ((load_query("correlation_anchor"), parameters), "projected_records"),
    ]


def event_statement(file_id: int, line_number: int, timestamp_ns: int) -> Statement:
    """Return the statement that reads the event at a place."""
    place = {"file_id": file_id, "line_number": line_number, "timestamp_ns": timestamp_ns}
    return load_query("correlation_event"), place


def correlation_statement(filters: CorrelationFilter, anchor: Mapping[str, Any]) -> Statement:
    """Return the statement of ``correlate`` for a moment that is known."""
    return load_query("correlate"), {
        "anchor_ns": anchor["at_ns"],
        "anchor_session_id": anchor["session_id"],
        "anchor_job_id": anchor["job_id"],
        "anchor_rank": anchor["rank"],
        "window_ns": filters.window_ns,
        "scope": filters.scope,
        "kinds": list(filters.kinds) or None,
        "session_id": filters.session_id,
        "job_id": filters.job_id,
        "rank": filters.rank,
        "limit": filters.limit,
    }


def _listed(value: Any) -> list[Any] | None:
    if value is None:
        return None
    return list(value) if isinstance(value, (list, tuple)) else [value]
