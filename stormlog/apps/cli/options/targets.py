"""What each ``stormlog query`` command asks for, and which columns its answer shows in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from stormlog._values import frozen_class

__all__ = ["EVENTS", "INDEXES", "ISSUES", "OOMS", "SESSIONS", "Column", "ColumnKind", "Target"]
__all__ += ["issue_target", "light_row"]

ColumnKind = Literal[
    "text",
    "word",
    "kind",
    "number",
    "count",
    "bytes",
    "time",
    "instant",
    "date",
    "ranks",
    "list",
    "fields",
    "path",
    "severity",
    "status",
]


@frozen_class
class Column:
    """A column of a table for people.

    Args:
        key: Key of the row.
        header: What stands above it; headers of times get their zone.
        kind: How values are shown: ``text`` may be broken into lines and is cut where it is very long, a ``path`` may
            be cut on its left, the rest is shown in full. ``time`` and ``instant`` (with milliseconds) are nanoseconds
            since the Unix epoch, ``date`` is a time as ISO text, ``kind`` is a kind of issue by its short word,
            ``ranks`` are drawn together, a ``list`` of texts has commas, ``fields`` are names with their values,
            ``number`` is right-aligned like all amounts, ``severity`` and ``status`` are coloured.
        rank: Columns with the highest rank are the first to go where the terminal is narrow.
        most: Most characters of a text; None for no bound.
    """

    key: str
    header: str
    kind: ColumnKind = "text"
    rank: int = 0
    most: int | None = 200


@frozen_class
class Target:
    """One kind of rows.

    Args:
        method: Method of the store that lists them; ``<method>_sql`` returns the statement.
        filter_name: Name of the filter class in `stormlog.query.filters`.
        preferred: Leading columns of CSV.
        readable: Columns of tables.
        stream_method: Method of the store that yields them without holding all; None if there is none.
    """

    method: str
    filter_name: str
    preferred: tuple[str, ...]
    readable: tuple[Column, ...]
    stream_method: str | None = None

    def columns(self, keys: Sequence[str]) -> list[str]:
        """Return the preferred columns among ``keys``, then the others by name.

        Args:
            keys: Keys of a row; none if there are no rows, and then all preferred columns are meant.
        """
        if not keys:
            return list(self.preferred)
        return [key for key in self.preferred if key in keys] + sorted(set(keys).difference(self.preferred))


def light_row(row: Any, keys: Sequence[str]) -> Mapping[str, Any]:
    """Return only some fields of a row: reading all evidence of an issue to print its title takes long.

    Args:
        row: A row or an issue.
        keys: The fields wanted.
    """
    if not hasattr(row, "representative_evidence"):
        whole: Mapping[str, Any] = row.as_dict()
        return whole
    fields: dict[str, Any] = {}
    for key in keys:
        value = getattr(row, key)
        fields[key] = value.as_dict() if hasattr(value, "as_dict") else value
    return fields


ISSUES = Target(
    method="list_issues",
    filter_name="IssueFilter",
    preferred=(
        "fingerprint_id",
        "kind",
        "state",
        "severity",
        "title",
        "hit_count",
        "first_seen_ns",
        "last_seen_ns",
        "affected_sessions",
        "representative_evidence",
    ),
    readable=(
        Column("short_id", "Fingerprint", "word", 1),
        Column("severity", "Severity", "severity", 1),
        Column("kind", "Kind", "kind", 6),
        Column("title", "Title"),
        Column("what", "What", most=None),
        Column("failure_count", "Failures", "count", 2),
        Column("run_count", "Runs", "count", 4),
        Column("session_count", "Sessions", "count", 5),
        Column("first_seen_ns", "First seen", "time", 7),
        Column("last_seen_ns", "Last seen", "time", 3),
    ),
)

_STATE = Column("state", "State", "word", 2)


def issue_target(issues: Sequence[Any]) -> Target:
    """Return how to print issues: tables for people have a column for states if there are any but open."""
    if all(issue.state == "open" for issue in issues):
        return ISSUES
    first, *others = ISSUES.readable
    return replace(ISSUES, readable=(first, _STATE, *others))


SESSIONS = Target(
    method="list_sessions",
    filter_name="SessionFilter",
    preferred=(
        "session_id",
        "status",
        "started_at_ns",
        "ended_at_ns",
        "host",
        "pid",
        "job_id",
        "rank",
        "local_rank",
        "world_size",
        "source_kind",
        "source_path",
        "source_count",
        "warning_count",
        "event_count",
        "oom_bundle_count",
    ),
    readable=(
        Column("session_id", "Session", "word"),
        Column("status", "Status", "status"),
        Column("started_at_ns", "Started", "time", 1),
        Column("ended_at_ns", "Ended", "time", 4),
        Column("host", "Host", "text", 7),
        Column("job_id", "Job", "text", 6),
        Column("rank", "Rank", "number", 3),
        Column("world_size", "World", "number", 8),
        Column("event_count", "Events", "count", 2),
        Column("oom_bundle_count", "OOMs", "count", 2),
        Column("source_path", "Source", "path", 5),
    ),
)

EVENTS = Target(
    method="query_events",
    stream_method="iter_events",
    filter_name="EventFilter",
    preferred=(
        "session_id",
        "timestamp_ns",
        "event_type",
        "rank",
        "local_rank",
        "world_size",
        "collector",
        "allocator_allocated_bytes",
        "allocator_reserved_bytes",
        "device_used_bytes",
        "source_kind",
        "source_path",
        "session_status",
    ),
    readable=(
        Column("timestamp_ns", "Time", "instant"),
        Column("session_id", "Session", "word", 2),
        Column("rank", "Rank", "number", 3),
        Column("event_type", "Type", "word"),
        Column("allocator_allocated_bytes", "Allocated", "bytes", 4),
        Column("allocator_reserved_bytes", "Reserved", "bytes", 5),
        Column("device_used_bytes", "Used", "bytes", 4),
        Column("collector", "Collector", "text", 6),
        Column("context", "Context", "text", 1),
    ),
)

OOMS = Target(
    method="list_oom_bundles",
    filter_name="OOMBundleFilter",
    preferred=(
        "bundle_path",
        "created_at_utc",
        "backend",
        "reason",
        "event_count",
        "session_id",
        "session_status",
        "exception_type",
        "exception_module",
    ),
    readable=(
        Column("created_at_utc", "Created", "date"),
        Column("backend", "Backend", "word", 2),
        Column("reason", "Reason", "text"),
        Column("session_id", "Session", "word", 1),
        Column("session_status", "Status", "status", 3),
        Column("event_count", "Events", "count", 5),
        Column("exception_type", "Exception", "text", 4),
        Column("bundle_path", "Bundle", "path", 1),
    ),
)

INDEXES = Target(
    method="",
    filter_name="",
    preferred=("paths", "size_bytes", "file_count", "part_count", "answer_count", "last_used_ns", "folder"),
    readable=(
        Column("paths", "Paths", "path"),
        Column("size_bytes", "Size", "bytes"),
        Column("file_count", "Files", "count", 3),
        Column("answer_count", "Answers", "count", 4),
        Column("last_used_ns", "Last used", "time", 1),
        Column("folder", "Folder", "path", 2),
    ),
)
