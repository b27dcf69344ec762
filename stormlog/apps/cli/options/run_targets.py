"""What ``stormlog query runs``, ``attachments``, ``summary`` and ``correlate`` show, in which order."""

from __future__ import annotations

from stormlog.apps.cli.options.targets import Column, Target

__all__ = ["CORRELATION", "RUNS", "RUN_ATTACHMENTS", "summary_fields", "summary_target"]

RUNS = Target(
    method="list_runs",
    filter_name="RunFilter",
    preferred=(
        "run_id",
        "explicit",
        "title",
        "job_id",
        "started_at_ns",
        "ended_at_ns",
        "session_count",
        "attachment_count",
        "source_kind",
        "source_path",
        "source_namespace",
        "source_ref",
        "sessions",
        "ranks",
    ),
    readable=(
        Column("run_id", "Run", "word"),
        Column("title", "Title", "text", 2),
        Column("started_at_ns", "Started", "time", 1),
        Column("ended_at_ns", "Ended", "time", 4),
        Column("session_count", "Sessions", "count", 3),
        Column("attachment_count", "Attachments", "count", 5),
        Column("source_namespace", "Known in", "word", 6),
        Column("source_ref", "As", "text", 6),
        Column("source_path", "Source", "path", 7),
    ),
)

RUN_ATTACHMENTS = Target(
    method="list_run_attachments",
    filter_name="RunAttachmentFilter",
    preferred=(
        "run_id",
        "kind",
        "title",
        "storage",
        "session_id",
        "job_id",
        "rank",
        "source_kind",
        "source_path",
        "source_namespace",
        "source_ref",
        "url",
        "path",
    ),
    readable=(
        Column("run_id", "Run", "word", 2),
        Column("kind", "Kind", "word", 3),
        Column("title", "Title", "text"),
        Column("session_id", "Session", "text", 5),
        Column("rank", "Rank", "number", 4),
        Column("start_ns", "From", "time", 6),
        Column("source_path", "Where", "path", 1),
    ),
)

#: Metrics in bytes, with the time of each peak.
_BYTES = ("peak_allocator_allocated_bytes", "peak_allocator_reserved_bytes", "peak_device_used_bytes")


def summary_target(metric: str, group_by: str | None) -> Target:
    """Return how to print the summary of a metric: tables have the columns that its rows fill."""
    groups = {
        "session_count_by_status": ("status",),
        "interrupted_sessions_with_oom_bundles": ("session_id",),
    }.get(metric, tuple(_GROUP_COLUMNS[group_by or "session"]))
    is_bytes = metric in _BYTES or metric == "hidden_memory_gap_growth"
    readable = [
        *(_GROUP_HEADERS[name] for name in groups),
        Column("value", _VALUE_HEADERS.get(metric, "Count"), "bytes" if is_bytes else "count"),
    ]
    if metric in _BYTES:
        readable.append(Column("timestamp_ns", "At", "instant", 1))
    if metric == "hidden_memory_gap_growth":
        readable += [
            Column("first_gap_bytes", "First gap", "bytes", 2),
            Column("latest_gap_bytes", "Last gap", "bytes", 2),
            Column("peak_gap_bytes", "Highest gap", "bytes", 1),
            Column("sample_count", "Samples", "count", 3),
        ]
    return Target(
        method="summarize",
        filter_name="",
        preferred=(
            *(*_SUMMARY_FIELDS, "timestamp_ns"),
            *("first_gap_bytes", "latest_gap_bytes", "peak_gap_bytes", "sample_count"),
        ),
        readable=tuple(readable),
    )


def summary_fields(target: Target) -> tuple[str, ...]:
    """Return the fields that the rows of a summary have; what each metric tells besides its value differs."""
    shown = (column.key for column in target.readable)
    return tuple(dict.fromkeys((*_SUMMARY_FIELDS, *shown)))


_SUMMARY_FIELDS = ("metric", "group_by", "session_id", "rank", "status", "value")
_VALUE_HEADERS = {**dict.fromkeys(_BYTES, "Peak"), "hidden_memory_gap_growth": "Growth"}
_GROUP_COLUMNS = {
    "session": ("session_id",),
    "session-rank": ("session_id", "rank"),
    "rank": ("rank",),
    "status": ("status",),
}
_GROUP_HEADERS = {
    "session_id": Column("session_id", "Session"),
    "rank": Column("rank", "Rank", "number"),
    "status": Column("status", "Status", "status"),
}

CORRELATION = Target(
    method="correlate",
    filter_name="CorrelationFilter",
    preferred=(
        "confidence",
        "kind",
        "title",
        "session_id",
        "job_id",
        "rank",
        "start_ns",
        "end_ns",
        "source_kind",
        "source_path",
        "reasons",
    ),
    readable=(
        Column("confidence", "Sure", "word"),
        Column("start_ns", "Time", "instant"),
        Column("kind", "Kind", "word", 1),
        Column("title", "Title", "text"),
        Column("session_id", "Session", "text", 3),
        Column("rank", "Rank", "number", 2),
        Column("source_path", "Source", "path", 4),
    ),
)
