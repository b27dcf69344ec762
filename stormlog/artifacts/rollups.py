"""Reads ``rollups.json``, the sums and peaks that a sink keeps beside its events.

The promise: a file is taken whole or not at all, and one that no longer describes its sink is not taken. Telemetry is
never lost for it: whoever wants the numbers counts the events instead.

Source: docs/concepts.md#rollups.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog._opening import OpenedPaths
from stormlog._values import frozen_class
from stormlog.artifacts.file_state import FileState, state_of
from stormlog.artifacts.files import read_json_object
from stormlog.artifacts.models import ROLLUPS_UNUSABLE, CatalogWarning

if TYPE_CHECKING:
    from stormlog.artifacts.models import CatalogSource
    from stormlog.telemetry import SessionSummary, TelemetrySinkManifest

__all__ = ["ROLLUPS_FORMAT", "ReadRollups", "coverage_of", "read_rollups", "require_rollups", "rollup_rows"]

ROLLUPS_FORMAT = "stormlog.telemetry_rollups"

_Check = Callable[[object], bool]


@frozen_class
class ReadRollups:
    """What is known of the ``rollups.json`` of one sink.

    Args:
        source_id: Number of the sink in the order of the catalog, from 0.
        path: The file.
        state: ``fresh``; ``stale`` where the sink has gone on since; ``unusable``.
        reason: Why it is not fresh.
        document: The content, checked; None where it is unusable.
    """

    source_id: int
    path: str
    state: str
    reason: str | None
    document: Mapping[str, Any] | None

    @property
    def session_ids(self) -> list[str]:
        """Return the sessions that it describes."""
        sessions = () if self.document is None else self.document["sessions"]
        return [item["session"]["session_id"] for item in sessions]

    @property
    def warning(self) -> CatalogWarning | None:
        """Return what to tell about a file that cannot be used; None for one that can, or that is only old."""
        if self.state != "unusable":
            return None
        message = f"cannot be used as rollups ({self.reason}); its sums are counted from the events instead"
        return CatalogWarning(self.path, message, ROLLUPS_UNUSABLE)


def read_rollups(
    source_id: int, source: CatalogSource, state: FileState | None, opened: OpenedPaths
) -> ReadRollups:
    """Read the rollups of a sink that has a file of that name.

    Args:
        source_id: Number of the sink in the catalog.
        source: The sink.
        state: State of the file when the catalog was made.
        opened: Paths that links may lead to.
    """
    path = source.rollups_path or ""

    def unusable(reason: str) -> ReadRollups:
        return ReadRollups(source_id, path, "unusable", reason, None)

    try:
        document = read_json_object(path, opened)
    except OSError as error:
        return unusable(f"it cannot be read: {error.strerror or error}")
    if document is None:
        return unusable("it holds no JSON object")
    try:
        require_rollups(document)
    except ValueError as error:
        return unusable(str(error))
    if state_of(path) != state:
        return ReadRollups(source_id, path, "stale", "it changed after it was found", document)
    reason = _difference(document, source.manifest)
    return ReadRollups(source_id, path, "fresh" if reason is None else "stale", reason, document)


def coverage_of(manifest: TelemetrySinkManifest) -> dict[str, Any]:
    """Return what rollups say of the segments that they describe: names, events, bytes."""
    return {
        "retained_segment_filenames": [segment.filename for segment in manifest.segments],
        "retained_segment_count": len(manifest.segments),
        "retained_event_count": sum(segment.event_count for segment in manifest.segments),
        "retained_bytes": sum(segment.size_bytes for segment in manifest.segments),
        "pruned_segment_count": None,
        "pruned_bytes": None,
    }


def _difference(document: Mapping[str, Any], manifest: TelemetrySinkManifest | None) -> str | None:
    """Return in what rollups differ from what the manifest of their sink says now; None if in nothing."""
    if manifest is None:
        return None
    if document["source_manifest_schema_version"] != manifest.schema_version:
        return "the manifest is of another version"
    coverage, now = document["coverage"], coverage_of(manifest)
    for key, noun in (
        ("retained_segment_filenames", "segments"),
        ("retained_event_count", "events"),
        ("retained_bytes", "bytes"),
    ):
        if coverage[key] != now[key]:
            return f"the sink has other {noun} now"
    return None


# ---- what a file must hold ---------------------------------------------------------------------------------


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_count(value: object) -> bool:
    return _is_integer(value) and value >= 0  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, float) or _is_integer(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _or_null(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _is_session(value: object) -> bool:
    from stormlog.telemetry import TelemetryRecordError, session_summary_from_dict

    try:
        return isinstance(value, dict) and session_summary_from_dict(value) is not None
    except TelemetryRecordError:
        return False


_COUNT_OR_NULL = _or_null(_is_count)
_INTEGER_OR_NULL = _or_null(_is_integer)
#: The shapes below: key -> a check, the shape of an object, or in a list the shape of each item.
_PEAK = {"value": _COUNT_OR_NULL, "timestamp_ns": _COUNT_OR_NULL, "rank": _COUNT_OR_NULL}
_PEAK |= {"device_id": _INTEGER_OR_NULL}
COUNTERS = ("allocator_allocated_bytes", "allocator_reserved_bytes", "device_used_bytes")
_COUNTERS = dict.fromkeys(COUNTERS, _PEAK)
_EVENTS = {"event_count": _is_count, "sample_count": _is_count, "counters": _COUNTERS}
_BOUNDS = {"first_timestamp_ns": _COUNT_OR_NULL, "last_timestamp_ns": _COUNT_OR_NULL}
_GAPS = (
    "hidden_gap_first_bytes",
    "hidden_gap_latest_bytes",
    "hidden_gap_peak_bytes",
    "hidden_gap_delta_bytes",
)
_RANK = {
    "rank": _is_count,
    "local_rank": _is_count,
    "world_size": _is_count,
    **_EVENTS,
    **_BOUNDS,
    **dict.fromkeys(_GAPS, _INTEGER_OR_NULL),
    "hidden_gap_drift_bytes_per_second": _or_null(_is_number),
}
_WINDOW = {
    "index": _is_count,
    "start_ns": _is_integer,
    "end_ns": _is_integer,
    **_EVENTS,
    "rank_count": _is_count,
    "alert_count": _is_count,
    "collector_transition_count": _is_count,
    "oom_count": _is_count,
}
_HEALTH = dict.fromkeys(
    ("transition_count", "degraded_count", "recovered_count", "degraded_time_ns"), _is_count
)
_SESSION = {
    "session": _is_session,
    **_EVENTS,
    **_BOUNDS,
    "source_count": _is_count,
    "sources_loaded": _is_texts,
    "warnings": _is_texts,
    "alerts": {
        "total_count": _is_count,
        "severity_counts": _is_counts,
        "event_type_counts": _is_counts,
    },
    "collector_health": {**_HEALTH, "last_status": _or_null(_is_text)},
    "oom": dict.fromkeys(("marker_count", "event_count", "bundle_path_count"), _is_count),
    "ranks": [_RANK],
    "windows": [_WINDOW],
}
_FILE = {
    "schema_version": lambda value: type(value) is int and value == 1,
    "format": lambda value: value == ROLLUPS_FORMAT,
    "generated_at_ns": _is_count,
    "source_manifest": _or_null(_is_text),
    "source_manifest_schema_version": _COUNT_OR_NULL,
    "window_duration_ns": lambda value: _is_count(value) and value != 0,
    "coverage": {
        "retained_segment_filenames": _is_texts,
        "retained_segment_count": _is_count,
        "retained_event_count": _is_count,
        "retained_bytes": _is_count,
        "pruned_segment_count": _COUNT_OR_NULL,
        "pruned_bytes": _COUNT_OR_NULL,
    },
    "sessions": [_SESSION],
}


def require_rollups(document: object) -> None:
    """Refuse what is not the content of a ``rollups.json``: unknown keys are fine, missing ones are not.

    Raises:
        ValueError: it says where.
    """
    _require_shape(document, _FILE, "")


def _require_shape(value: object, shape: Any, where: str) -> None:
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise ValueError(f"{where or 'the file'} is no object")
        for key, inner in shape.items():
            place = f"{where}.{key}" if where else key
            if key not in value:
                raise ValueError(f"{place} is missing")
            _require_shape(value[key], inner, place)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ValueError(f"{where} is no list")
        for number, item in enumerate(value):
            _require_shape(item, shape[0], f"{where}[{number}]")
    elif not shape(value):
        raise ValueError(f"{where} has a value that it cannot have")


# ---- rows --------------------------------------------------------------------------------------------------


def rollup_rows(files: Sequence[ReadRollups]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table that is about rollups; sessions, ranks and windows of fresh ones only."""
    from stormlog.telemetry import session_summary_from_dict

    rows: dict[str, list[tuple[Any, ...]]] = {
        "raw.rollup_files": [_file_row(file) for file in files],
        "raw.rollup_sessions": [],
        "raw.rollup_ranks": [],
        "raw.rollup_windows": [],
    }
    for file in files:
        if file.state != "fresh" or file.document is None:
            continue
        for number, item in enumerate(file.document["sessions"]):
            session = session_summary_from_dict(item["session"])
            key = (file.source_id, number)
            rows["raw.rollup_sessions"].append((*key, *_session_values(session, item)))
            rows["raw.rollup_ranks"] += [(*key, *_rank_values(rank)) for rank in item["ranks"]]
            rows["raw.rollup_windows"] += [(*key, *_window_values(window)) for window in item["windows"]]
    return rows


def _file_row(file: ReadRollups) -> tuple[Any, ...]:
    document = file.document or {}
    return (
        file.source_id,
        file.path,
        file.state,
        file.reason,
        document.get("generated_at_ns"),
        document.get("window_duration_ns"),
        len(document.get("sessions", ())),
    )


def _session_values(session: SessionSummary, item: Mapping[str, Any]) -> tuple[Any, ...]:
    alerts, health = item["alerts"], item["collector_health"]
    return (
        session.session_id,
        session.status,
        session.started_at_ns,
        session.ended_at_ns,
        session.job_id if isinstance(session.job_id, str) and session.job_id else None,
        session.world_size,
        item["event_count"],
        item["sample_count"],
        item["first_timestamp_ns"],
        item["last_timestamp_ns"],
        *_peaks(item),
        alerts["total_count"],
        json.dumps(alerts["severity_counts"]),
        json.dumps(alerts["event_type_counts"]),
        health["transition_count"],
        health["degraded_time_ns"],
        health["last_status"],
        item["oom"]["event_count"],
    )


def _rank_values(rank: Mapping[str, Any]) -> tuple[Any, ...]:
    counts = ("rank", "local_rank", "world_size", "event_count", "sample_count")
    gaps = (*_GAPS, "hidden_gap_drift_bytes_per_second")
    return (
        *(rank[key] for key in counts),
        rank["first_timestamp_ns"],
        rank["last_timestamp_ns"],
        *_peaks(rank),
        *(rank[key] for key in gaps),
    )


def _window_values(window: Mapping[str, Any]) -> tuple[Any, ...]:
    counts = ("index", "start_ns", "end_ns", "event_count", "sample_count", "rank_count", "alert_count")
    return (
        *(window[key] for key in counts),
        window["collector_transition_count"],
        window["oom_count"],
        *_peaks(window),
    )


def _peaks(item: Mapping[str, Any]) -> list[Any]:
    counters = item["counters"]
    return [counters[name][key] for name in COUNTERS for key in ("value", "timestamp_ns", "rank")]
