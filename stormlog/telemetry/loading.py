"""Reads whole files strictly: one bad record and nothing of the file is returned.

Source: docs/concepts.md#sessions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from stormlog._paths import require_path
from stormlog.telemetry.conversion import telemetry_event_from_record
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.events import AnyTelemetryEvent
from stormlog.telemetry.projection import (
    ProjectedTelemetryRecord,
    project_telemetry_events,
    unique_projected_correlations,
    unique_projected_resources,
)
from stormlog.telemetry.session import (
    SessionSummary,
    infer_session_summary_from_events,
    select_default_loaded_session,
    session_selection_key,
    stable_legacy_session_id,
)
from stormlog.telemetry.sink import (
    SEGMENT_SUFFIX,
    read_telemetry_sink_manifest,
    resolve_telemetry_sink_segment_paths,
)

__all__ = ["LoadedTelemetrySession", "load_telemetry_events", "load_telemetry_sessions"]

#: Keys of a JSON object that hold its records, the first that holds a list counts.
_LIST_KEYS = ("events", "telemetry_events")
_RECORD_KEYS = (
    "schema_version",
    "event_type",
    "type",
    "memory_allocated",
    "memory_mb",
    "timestamp",
    "timestamp_ns",
)


@dataclass
class LoadedTelemetrySession:
    """One session of a source: its summary, its events in time order, the files that hold them."""

    summary: SessionSummary
    events: list[AnyTelemetryEvent]
    sources_loaded: list[str]
    warnings: list[str]

    def telemetry_records(self) -> list[ProjectedTelemetryRecord]:
        """Return the events projected, in time order."""
        return project_telemetry_events(self.events)

    def resources(self) -> list[dict[str, Any]]:
        """Return the distinct resources of the events, in order of first appearance."""
        return unique_projected_resources(self.telemetry_records())

    def correlations(self) -> list[dict[str, Any]]:
        """Return the distinct correlations of the events, in order of first appearance."""
        return unique_projected_correlations(self.telemetry_records())


def load_telemetry_sessions(
    path: str | Path,
    permissive_legacy: bool = True,
    events_key: str | None = None,
) -> list[LoadedTelemetrySession]:
    """Return the sessions of a file or sink, best default first.

    Args:
        path: A ``.jsonl`` file, a sink directory or its ``manifest.json``; anything else is one JSON
            document.
        permissive_legacy: Whether records without ``schema_version`` are accepted.
        events_key: Key of a JSON object that holds the records.

    Returns:
        Sessions in selection order, those of the sink's ledger included even without events.

    Raises:
        TelemetryRecordError: a record or line is bad; ``code`` says why.
        OSError: the path cannot be read as a file.
        UnicodeDecodeError: a file is not UTF-8.
        json.JSONDecodeError: a JSON document is malformed.

    Source: docs/concepts.md#sessions.
    """
    root = Path(require_path(path))
    segments = resolve_telemetry_sink_segment_paths(root)
    if not segments:
        return _load_json_document(root, permissive_legacy, events_key)
    manifest = read_telemetry_sink_manifest(root)
    hints = {} if manifest is None else {entry.filename: entry.session_id for entry in manifest.segments}
    fallback_id = stable_legacy_session_id(root.resolve(), "sink")
    grouped: dict[str, list[AnyTelemetryEvent]] = {}
    sources: dict[str, set[str]] = {}
    for segment in segments:
        default_id = hints.get(segment.name) or fallback_id
        # Without any event, a segment counts for the session that the manifest wrote it for.
        holds = {default_id}
        for number, event in enumerate(_jsonl_events(segment, permissive_legacy, default_id)):
            if number == 0:
                holds.clear()
            holds.add(event.session_id)
            grouped.setdefault(event.session_id, []).append(event)
        for session_id in holds:
            sources.setdefault(session_id, set()).add(str(segment))
    return assemble_sessions(
        grouped,
        ledger=() if manifest is None else manifest.sessions,
        sources=sources,
        root=root,
    )


def load_telemetry_events(
    path: str | Path,
    permissive_legacy: bool = True,
    events_key: str | None = None,
    session_id: str | None = None,
) -> list[AnyTelemetryEvent]:
    """Return the events of one session in time order.

    Args:
        path: As for ``load_telemetry_sessions``.
        permissive_legacy: Whether records without ``schema_version`` are accepted.
        events_key: Key of a JSON object that holds the records.
        session_id: Which session; None takes the default one.

    Returns:
        The events; none when the source holds no session at all.

    Raises:
        TelemetryRecordError: as for ``load_telemetry_sessions``, or ``session_not_found:<id>``.
        OSError: the path cannot be read as a file.
    """
    sessions = load_telemetry_sessions(path, permissive_legacy, events_key)
    if session_id is not None and sessions:
        for session in sessions:
            if session.summary.session_id == session_id:
                return session.events
        known = ", ".join(session.summary.session_id for session in sessions)
        raise TelemetryRecordError(
            f"session_not_found:{session_id}", f"{path} has no session {session_id!r} (it has: {known})"
        )
    chosen: LoadedTelemetrySession | None = select_default_loaded_session(sessions)
    return [] if chosen is None else chosen.events


def assemble_sessions(
    grouped: Mapping[str, list[AnyTelemetryEvent]],
    *,
    root: Path,
    ledger: Iterable[SessionSummary] = (),
    sources: Mapping[str, set[str]] | None = None,
) -> list[LoadedTelemetrySession]:
    """Join events with the ledger's summaries; infer the summaries that the ledger lacks.

    Args:
        grouped: Events per session id; the lists are sorted by time in place.
        root: The path that was opened, as it was given.
        ledger: Summaries, used unchanged; a later one of the same id wins.
        sources: Files per session id; a session without any names ``root`` in full.
    """
    summaries = {summary.session_id: summary for summary in ledger}
    source = artifact_source(root)
    for session_id, events in grouped.items():
        events.sort(key=attrgetter("timestamp_ns"))
        if session_id not in summaries:
            summaries[session_id] = infer_session_summary_from_events(
                session_id=session_id, events=events, source=source
            )
    files = sources or {}
    sessions = [
        LoadedTelemetrySession(
            summary=summary,
            events=grouped.get(session_id, []),
            sources_loaded=sorted(files.get(session_id) or {str(root.resolve())}),
            warnings=[],
        )
        for session_id, summary in summaries.items()
    ]
    return sorted(sessions, key=lambda session: session_selection_key(session.summary))


def artifact_source(path: Path) -> str:
    """Return the ``source`` of summaries inferred from a file or sink, by the path as it was given."""
    # A path such as "." has no last component.
    return f"artifact:{path.name or path.resolve()}"


def _load_json_document(
    root: Path, permissive_legacy: bool, events_key: str | None
) -> list[LoadedTelemetrySession]:
    try:
        document = json.loads(root.read_bytes().decode("utf-8"))
    except RecursionError as error:
        raise TelemetryRecordError("json_nested_too_deeply", f"{root}: nested too deeply") from error
    default_id = stable_legacy_session_id(root.resolve(), events_key or "json")
    grouped: dict[str, list[AnyTelemetryEvent]] = {}
    for index, record in enumerate(records_of_document(document, root, events_key)):
        if not isinstance(record, dict):
            raise TelemetryRecordError(
                f"json_event_not_object:{index}", f"{root}: item {index} is no object but {record!r:.60}"
            )
        event = _convert(record, permissive_legacy, default_id, f"{root}: item {index}")
        grouped.setdefault(event.session_id, []).append(event)
    return assemble_sessions(grouped, root=root)


def records_of_document(document: Any, root: str | Path, events_key: str | None = None) -> list[Any]:
    """Return the records of a parsed JSON document: its items, its ``events`` and ``telemetry_events``, or itself.

    Raises:
        TelemetryRecordError: it holds no records.
    """
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        raise TelemetryRecordError("json_not_object_or_array", f"{root}: neither an object nor a list")
    if events_key is not None:
        records = document.get(events_key)
        if not isinstance(records, list):
            raise TelemetryRecordError(
                f"events_key_not_list:{events_key}", f"{root}: key {events_key!r} holds no list"
            )
        return records
    lists = [document[key] for key in _LIST_KEYS if isinstance(document.get(key), list)]
    if lists:
        # The same list under both keys is one list.
        return [*lists[0], *(item for other in lists[1:] if other != lists[0] for item in other)]
    if any(key in document for key in _RECORD_KEYS):
        return [document]
    raise TelemetryRecordError("json_no_events", f"{root}: an object without a list of events")


def holds_record_list(document: Any) -> bool:
    """Say whether a parsed JSON document is a list, or has one where records are."""
    if isinstance(document, dict):
        return any(isinstance(document.get(key), list) for key in _LIST_KEYS)
    return isinstance(document, list)


def _jsonl_events(path: Path, permissive_legacy: bool, default_id: str) -> Iterator[AnyTelemetryEvent]:
    if path.suffix != SEGMENT_SUFFIX:
        raise TelemetryRecordError(
            f"segment_not_json_lines:{path.name}",
            f"{path} is no JSON Lines segment; open the sink with stormlog.query instead",
        )
    for number, record in _jsonl_records(path):
        yield _convert(record, permissive_legacy, default_id, f"{path}:{number}")


def _jsonl_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield 1-based line numbers and objects; a torn last line is left out."""
    text = path.read_bytes().decode("utf-8")
    # Only these end a line: other separators may stand raw inside a JSON string.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    # After a final newline the last item is empty, so a non-empty one is an unterminated line.
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise TelemetryRecordError(
                f"jsonl_malformed_line:{number}", f"{path}:{number}: not valid JSON ({error})"
            ) from error
        if not isinstance(record, dict):
            raise TelemetryRecordError(
                f"jsonl_not_object_line:{number}", f"{path}:{number}: no object but {record!r:.60}"
            )
        yield number, record


def _convert(
    record: dict[str, Any], permissive_legacy: bool, default_id: str, where: str
) -> AnyTelemetryEvent:
    try:
        return telemetry_event_from_record(record, permissive_legacy, default_session_id=default_id)
    except TelemetryRecordError as error:
        raise TelemetryRecordError(error.code, f"{where}: {error}") from error
