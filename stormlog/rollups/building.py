"""Counts what ``rollups.json`` of a sink says: sums and peaks of its sessions, their ranks and windows.

Promise: events are grouped in SQL; Python sees one row for each session, rank and window.

Source: docs/concepts.md#rollups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.artifacts.rollups import COUNTERS, ROLLUPS_FORMAT, coverage_of
from stormlog.engine import load_query
from stormlog.errors import SourceError

if TYPE_CHECKING:
    from stormlog.query import QueryStore
    from stormlog.telemetry import TelemetrySinkManifest

__all__ = ["DEFAULT_WINDOW_NS", "build_rollups"]

#: Length of a window: a minute.
DEFAULT_WINDOW_NS = 60_000_000_000
#: Most skipped lines that are told one by one.
_MOST_WARNINGS = 20

_SESSION_COLUMNS = (
    *("session_id", "status", "started_at_ns", "ended_at_ns", "host", "pid", "job_id", "rank", "local_rank"),
    *("world_size", "source"),
)


def build_rollups(
    store: QueryStore, sink: str, *, window_duration_ns: int = DEFAULT_WINDOW_NS, now_ns: int
) -> dict[str, Any]:
    """Return the content of ``rollups.json`` for a sink.

    Args:
        store: A store with the sink.
        sink: Its directory, as the catalog of the store spells it.
        window_duration_ns: Length of a window in nanoseconds, 1 or more.
        now_ns: When it is counted, in nanoseconds since the Unix epoch.

    Raises:
        ValueError: the window is too short.
        SourceError: the store has no such sink.
        QueryError: DuckDB failed.
    """
    if window_duration_ns < 1:
        raise ValueError(f"a window must be 1 nanosecond or more, not {window_duration_ns}")
    numbers = [
        number
        for number, source in enumerate(store.catalog.sources)
        if source.source_kind == "sink" and str(source.path) == sink
    ]
    if not numbers:
        raise SourceError("is not the directory of a sink", path=sink)
    manifest = store.catalog.sources[numbers[0]].manifest
    assert manifest is not None, "sinks are known by their manifests"
    sessions = _sessions(store, numbers[0], manifest)
    groups = _groups(store, numbers[0], sessions, window_duration_ns)
    files = _files(store, numbers[0])
    warnings = _warnings(store, numbers[0])
    return {
        "schema_version": 1,
        "format": ROLLUPS_FORMAT,
        "generated_at_ns": now_ns,
        "source_manifest": "manifest.json",
        "source_manifest_schema_version": manifest.schema_version,
        "window_duration_ns": window_duration_ns,
        "coverage": coverage_of(manifest),
        "sessions": [
            _session(
                session,
                groups.get(session["session_id"], []),
                files.get(session["session_id"], [sink]),
                warnings,
                window_duration_ns,
            )
            for session in sessions
        ],
    }


def _sessions(store: QueryStore, source_id: int, manifest: TelemetrySinkManifest) -> list[dict[str, Any]]:
    """Return the sessions of a sink by start: those of its ledger, and those of which only events tell."""
    listed = {
        session.session_id: {name: getattr(session, name) for name in _SESSION_COLUMNS}
        for session in manifest.sessions
    }
    rows = store.sql(
        f"""
        SELECT
            session_id, any_value(session_status), min(timestamp_ns), max(timestamp_ns) FILTER (event_type = 'stop'),
            {", ".join(f"arg_min({name}, (timestamp_ns, file_id, line_number))" for name in _SESSION_COLUMNS[4:10])}
        FROM events
        WHERE source_id = $source_id AND NOT list_contains(CAST($listed AS VARCHAR[]), session_id)
        GROUP BY session_id
        """,
        {"source_id": source_id, "listed": list(listed)},
    ).rows
    name = store.catalog.sources[source_id].path.name
    others = [dict(zip(_SESSION_COLUMNS, (*row, f"artifact:{name}"), strict=True)) for row in rows]
    return sorted([*listed.values(), *others], key=lambda row: (row["started_at_ns"], row["session_id"]))


def _groups(
    store: QueryStore, source_id: int, sessions: Sequence[Mapping[str, Any]], window_ns: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the groups of events of each session."""
    found = store.sql(
        load_query("rollup_groups"),
        {
            "source_id": source_id,
            "window_ns": window_ns,
            "session_ids": [session["session_id"] for session in sessions],
            "starts": [session["started_at_ns"] for session in sessions],
        },
    )
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in found.rows:
        groups.setdefault(row[0], []).append(dict(zip(found.columns, row, strict=True)))
    return groups


def _files(store: QueryStore, source_id: int) -> dict[str, list[str]]:
    rows = store.sql(
        """
        SELECT session_id, list(segment_path ORDER BY file_id)
        FROM (SELECT DISTINCT session_id, file_id, segment_path FROM events WHERE source_id = $source_id)
        GROUP BY session_id
        """,
        {"source_id": source_id},
    ).rows
    return dict(rows)


def _warnings(store: QueryStore, source_id: int) -> list[str]:
    """Return what was skipped in a sink, line by line as far as that is not too long."""
    rows = store.sql(
        """
        SELECT concat(path, ':', line_number, ': ', message), count(*) OVER ()
        FROM rejects WHERE source_id = $source_id ORDER BY path, line_number LIMIT $most
        """,
        {"source_id": source_id, "most": _MOST_WARNINGS},
    ).rows
    texts = [text for text, _ in rows]
    if rows and rows[0][1] > len(rows):
        texts.append(f"... and {rows[0][1] - len(rows):,} more lines")
    return texts


def _session(
    session: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    files: list[str],
    warnings: list[str],
    window_ns: int,
) -> dict[str, Any]:
    whole = next((group for group in groups if group["level"] == "session"), _NOTHING)
    ended_ns, since_ns = session["ended_at_ns"], whole["degraded_since_ns"]
    degraded_time_ns = whole["degraded_time_ns"]
    if since_ns is not None:
        degraded_time_ns += max(0, (whole["last_ns"] if ended_ns is None else ended_ns) - since_ns)
    return {
        "session": dict(session),
        **_counts(whole),
        **_bounds(whole),
        "source_count": len(files),
        "sources_loaded": files,
        "warnings": warnings,
        "alerts": {
            "total_count": whole["alert_count"],
            "severity_counts": json.loads(whole["severity_counts"] or "{}"),
            "event_type_counts": json.loads(whole["event_type_counts"] or "{}"),
        },
        "collector_health": {
            "transition_count": whole["degraded_count"] + whole["recovered_count"],
            "degraded_count": whole["degraded_count"],
            "recovered_count": whole["recovered_count"],
            "degraded_time_ns": degraded_time_ns,
            "last_status": whole["last_status"],
        },
        "oom": {
            "marker_count": whole["oom_count"],
            "event_count": whole["oom_count"],
            "bundle_path_count": whole["bundle_path_count"],
        },
        "ranks": [_rank(group) for group in groups if group["level"] == "rank"],
        "windows": [
            _window(group, session["started_at_ns"], window_ns)
            for group in groups
            if group["level"] == "window"
        ],
    }


def _rank(group: Mapping[str, Any]) -> dict[str, Any]:
    first, latest = group["first_gap"], group["latest_gap"]
    delta = drift = None
    if first is not None:
        delta = latest[0] - first[0]
        elapsed_ns = latest[1] - first[1]
        drift = round(delta / (elapsed_ns / 1e9), 6) if elapsed_ns > 0 else None
    return {
        "rank": group["rank"],
        "local_rank": group["local_rank"],
        "world_size": group["world_size"],
        **_counts(group),
        **_bounds(group),
        "hidden_gap_first_bytes": None if first is None else first[0],
        "hidden_gap_latest_bytes": None if latest is None else latest[0],
        "hidden_gap_peak_bytes": group["peak_gap_bytes"],
        "hidden_gap_delta_bytes": delta,
        "hidden_gap_drift_bytes_per_second": drift,
    }


def _window(group: Mapping[str, Any], started_at_ns: int, window_ns: int) -> dict[str, Any]:
    start_ns = started_at_ns + group["window_index"] * window_ns
    return {
        "index": group["window_index"],
        "start_ns": start_ns,
        "end_ns": start_ns + window_ns,
        **_counts(group),
        "rank_count": group["rank_count"],
        "alert_count": group["alert_count"],
        "collector_transition_count": group["degraded_count"] + group["recovered_count"],
        "oom_count": group["oom_count"],
    }


def _counts(group: Mapping[str, Any]) -> dict[str, Any]:
    names = ("allocated_peak", "reserved_peak", "used_peak")
    return {
        "event_count": group["event_count"],
        "sample_count": group["sample_count"],
        "counters": {
            counter: dict(
                zip(("value", "timestamp_ns", "rank", "device_id"), group[name] or _NO_PEAK, strict=True)
            )
            for counter, name in zip(COUNTERS, names, strict=True)
        },
    }


def _bounds(group: Mapping[str, Any]) -> dict[str, Any]:
    return {"first_timestamp_ns": group["first_ns"], "last_timestamp_ns": group["last_ns"]}


_NO_PEAK = (None, None, None, None)
#: The group of a session without events.
_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("event_count", "sample_count", "alert_count", "degraded_count", "recovered_count"), 0),
    **dict.fromkeys(("degraded_time_ns", "oom_count", "bundle_path_count"), 0),
    **dict.fromkeys(("first_ns", "last_ns", "allocated_peak", "reserved_peak", "used_peak")),
    **dict.fromkeys(("severity_counts", "event_type_counts", "degraded_since_ns", "last_status")),
}
