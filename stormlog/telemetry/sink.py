"""Reads what an append-only sink says about itself: its manifest and which segments belong to it.

Reading is lenient: an unusable entry is left out, an unusable number becomes 0. Only bare file names
are accepted for segments, so that a manifest cannot point outside its directory.

Source: docs/concepts.md#artifacts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from stormlog._values import mutable_class
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.session import SessionSummary, session_summary_from_dict

__all__ = [
    "MANIFEST_FILENAME",
    "SEGMENT_PREFIX",
    "SEGMENT_SUFFIX",
    "SINK_FORMAT",
    "SINK_SCHEMA_VERSION",
    "DroppedRecords",
    "TelemetrySinkManifest",
    "TelemetrySinkSegment",
    "is_bare_filename",
    "read_telemetry_sink_manifest",
    "resolve_telemetry_sink_manifest_path",
    "resolve_telemetry_sink_segment_paths",
    "sink_manifest_from_payload",
]

MANIFEST_FILENAME = "manifest.json"
SEGMENT_PREFIX = "segment-"
SEGMENT_SUFFIX = ".jsonl"
SINK_FORMAT = "stormlog.append_only_telemetry_sink"
SINK_SCHEMA_VERSION = 2


@mutable_class
class TelemetrySinkSegment:
    """One segment as the manifest counts it; ``filename`` is given as written, bare or not."""

    filename: str
    event_count: int
    size_bytes: int
    closed: bool
    session_id: str | None = None


@mutable_class
class DroppedRecords:
    """How many records of a session its writer had to give up, and how many bytes they were."""

    session_id: str
    record_count: int
    size_bytes: int


@mutable_class
class TelemetrySinkManifest:
    """A manifest: the session ledger and the segments, both in written order, and what its writer dropped."""

    schema_version: int
    format: str
    sessions: list[SessionSummary] = field(default_factory=list)
    segments: list[TelemetrySinkSegment] = field(default_factory=list)
    dropped: list[DroppedRecords] = field(default_factory=list)


def is_bare_filename(filename: str) -> bool:
    """Tell whether ``filename`` names something directly inside the sink, on any operating system."""
    if filename in ("", ".", "..") or "\0" in filename:
        return False
    if not ("/" in filename or "\\" in filename or ":" in filename):
        return True
    from pathlib import PurePosixPath, PureWindowsPath

    return PurePosixPath(filename).name == filename and PureWindowsPath(filename).name == filename


def sink_manifest_from_payload(payload: object) -> TelemetrySinkManifest | None:
    """Read a decoded manifest.

    Args:
        payload: Any JSON value.

    Returns:
        The manifest with unusable sessions and segments left out, or None if ``payload`` is no object.

    Source: docs/concepts.md#artifacts.
    """
    if not isinstance(payload, Mapping):
        return None
    version = max(1, _lenient_integer(payload.get("schema_version")))
    name = payload.get("format")
    sessions = []
    if version >= SINK_SCHEMA_VERSION:
        for item in _list_of(payload, "sessions"):
            try:
                sessions.append(session_summary_from_dict(item))
            except TelemetryRecordError:
                continue
    segments = []
    for item in _list_of(payload, "segments"):
        # The plain type first: asking the abstract one for each of ten thousand segments takes longer
        # than all the rest.
        if not isinstance(item, dict) and not isinstance(item, Mapping):
            continue
        filename = item.get("filename")
        if not isinstance(filename, str):
            continue
        session_id = item.get("session_id")
        segments.append(
            TelemetrySinkSegment(
                filename,
                _count(item.get("event_count")),
                _count(item.get("size_bytes")),
                bool(item.get("closed")),
                session_id if isinstance(session_id, str) else None,
            )
        )
    return TelemetrySinkManifest(
        schema_version=version,
        format=name if isinstance(name, str) and name else SINK_FORMAT,
        sessions=sessions,
        segments=segments,
        dropped=_dropped_of(payload),
    )


def resolve_telemetry_sink_manifest_path(path: str | Path) -> Path | None:
    """Return the existing manifest that goes with a path, or None.

    Args:
        path: A sink directory, its ``manifest.json``, or a ``.jsonl`` file beside one.
    """
    candidate = Path(path)
    if candidate.is_dir():
        candidate = candidate / MANIFEST_FILENAME
    elif candidate.suffix == SEGMENT_SUFFIX:
        candidate = candidate.with_name(MANIFEST_FILENAME)
    elif candidate.name != MANIFEST_FILENAME:
        return None
    return candidate if candidate.is_file() else None


def read_telemetry_sink_manifest(path: str | Path) -> TelemetrySinkManifest | None:
    """Return the manifest that goes with a path, or None if there is none that can be read.

    Args:
        path: As for ``resolve_telemetry_sink_manifest_path``.
    """
    manifest_path = resolve_telemetry_sink_manifest_path(path)
    if manifest_path is None:
        return None
    try:
        payload = json.loads(manifest_path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return sink_manifest_from_payload(payload)


def resolve_telemetry_sink_segment_paths(path: str | Path) -> list[Path]:
    """Return the existing segments of a sink, by file name.

    Args:
        path: A sink directory or its ``manifest.json``; a ``.jsonl`` file stands for itself.
    """
    candidate = Path(path)
    if candidate.is_dir():
        root = candidate
    elif candidate.suffix == SEGMENT_SUFFIX:
        return [candidate] if candidate.is_file() else []
    elif candidate.name == MANIFEST_FILENAME and candidate.is_file():
        root = candidate.parent
    else:
        return []
    found = {entry.name: entry for entry in root.glob(f"{SEGMENT_PREFIX}*{SEGMENT_SUFFIX}")}
    manifest = read_telemetry_sink_manifest(root)
    for segment in manifest.segments if manifest is not None else ():
        if is_bare_filename(segment.filename):
            found.setdefault(segment.filename, root / segment.filename)
    return [found[name] for name in sorted(found) if found[name].is_file()]


def _list_of(payload: Mapping[str, Any], key: str) -> list[Any]:
    value = payload.get(key)
    return value if isinstance(value, list) else []


def _dropped_of(payload: Mapping[str, Any]) -> list[DroppedRecords]:
    dropped = []
    for item in _list_of(payload, "dropped"):
        session_id = item.get("session_id") if isinstance(item, Mapping) else None
        if isinstance(session_id, str):
            dropped.append(
                DroppedRecords(session_id, _count(item.get("record_count")), _count(item.get("size_bytes")))
            )
    return dropped


def _count(value: Any) -> int:
    if type(value) is int:
        return value if value > 0 else 0
    return max(0, _lenient_integer(value))


def _lenient_integer(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
