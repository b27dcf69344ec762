"""What the manifest of a sink says: its sessions, its segments, and which records never reached it.

Source: docs/concepts.md#artifacts.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from operator import attrgetter
from typing import Any

from stormlog.capture.sink.segment_files import count_lines
from stormlog.telemetry import (
    SEGMENT_PREFIX,
    SEGMENT_SUFFIX,
    SESSION_STATUS_INTERRUPTED,
    SESSION_STATUS_RUNNING,
    SINK_FORMAT,
    SINK_SCHEMA_VERSION,
    SessionSummary,
    TelemetrySinkSegment,
    now_ns,
    read_telemetry_sink_manifest,
    resolve_telemetry_sink_segment_paths,
    session_summary_to_dict,
    update_session_summary,
)
from stormlog.telemetry.sink import DroppedRecords, is_bare_filename

__all__ = ["Ledger", "recovered_ledger"]


class Ledger:
    """The content of ``manifest.json``, and how it changes.

    Attributes:
        sessions: By session id.
        segments: In the order in which they were begun.
        dropped: What was lost, by session id.
    """

    def __init__(self) -> None:
        self.sessions: dict[str, SessionSummary] = {}
        self.segments: list[TelemetrySinkSegment] = []
        self.dropped: dict[str, DroppedRecords] = {}

    def begin_session(self, summary: SessionSummary) -> SessionSummary:
        """Enter a session as running; one that is known already goes on from when it began."""
        known = self.sessions.get(summary.session_id)
        running = update_session_summary(summary, status=SESSION_STATUS_RUNNING, ended_at_ns=None)
        if known is not None and known.started_at_ns < running.started_at_ns:
            running = replace(running, started_at_ns=known.started_at_ns)
        self.sessions[summary.session_id] = running
        return running

    def end_session(self, session_id: str, status: str) -> None:
        """Enter how a session ended, now.

        Raises:
            TelemetryRecordError: there is no such status.
        """
        summary = self.sessions[session_id]
        # A clock that was set back must not make a session end before it began.
        ended = max(now_ns(), summary.started_at_ns)
        self.sessions[session_id] = update_session_summary(summary, status=status, ended_at_ns=ended)

    def segment_for(self, session_id: str) -> TelemetrySinkSegment:
        """Return the segment that records of a session go to: the last one if it is open, or a new one."""
        last = self.segments[-1] if self.segments else None
        if last is not None and not last.closed and last.session_id == session_id:
            return last
        counter = 1 + max((_counter_of(segment.filename) for segment in self.segments), default=0)
        filename = f"{SEGMENT_PREFIX}{counter:06d}{SEGMENT_SUFFIX}"
        segment = TelemetrySinkSegment(filename, 0, 0, False, session_id)
        self.segments.append(segment)
        return segment

    def first_prunable(self, kept: TelemetrySinkSegment) -> TelemetrySinkSegment | None:
        """Return the oldest segment that may be deleted: closed, directly in the sink, and not ``kept``."""
        for segment in self.segments:
            if segment.closed and segment is not kept and is_bare_filename(segment.filename):
                return segment
        return None

    def note_dropped(self, session_id: str, records: int, size_bytes: int) -> None:
        """Enter that records of a session were lost, in addition to those before."""
        before = self.dropped.get(session_id, DroppedRecords(session_id, 0, 0))
        self.dropped[session_id] = DroppedRecords(
            session_id, before.record_count + records, before.size_bytes + size_bytes
        )

    @property
    def retained_bytes(self) -> int:
        """Bytes of all segments, as counted."""
        return sum(segment.size_bytes for segment in self.segments)

    def text(self) -> str:
        """Return the manifest."""
        payload: dict[str, Any] = {
            "schema_version": SINK_SCHEMA_VERSION,
            "format": SINK_FORMAT,
            "sessions": [
                session_summary_to_dict(summary)
                for summary in sorted(self.sessions.values(), key=attrgetter("started_at_ns", "session_id"))
            ],
            "segments": [
                {
                    "filename": segment.filename,
                    "event_count": segment.event_count,
                    "size_bytes": segment.size_bytes,
                    "closed": segment.closed,
                    "session_id": segment.session_id,
                }
                for segment in self.segments
            ],
        }
        if self.dropped:
            payload["dropped"] = [
                {
                    "session_id": dropped.session_id,
                    "record_count": dropped.record_count,
                    "size_bytes": dropped.size_bytes,
                }
                for dropped in self.dropped.values()
            ]
        return json.dumps(payload, indent=2) + "\n"


def recovered_ledger(directory: str) -> tuple[Ledger, bool]:
    """Return the ledger of a directory as its last writer left it.

    Sessions that were running were interrupted: by now, at the latest. Their segments are closed. Segments that no
    manifest lists are taken over as closed ones of no session.

    Args:
        directory: It is there; it can be empty.

    Returns:
        The ledger, and whether it says more than the manifest does.

    Raises:
        OSError: a segment cannot be read.
    """
    ledger = Ledger()
    manifest = read_telemetry_sink_manifest(directory)
    changed = False
    if manifest is not None:
        changed = manifest.schema_version != SINK_SCHEMA_VERSION
        ledger.segments = list(manifest.segments)
        ledger.dropped = {dropped.session_id: dropped for dropped in manifest.dropped}
        for summary in manifest.sessions:
            ledger.sessions[summary.session_id] = summary
    listed = {segment.filename for segment in ledger.segments}
    for path in resolve_telemetry_sink_segment_paths(directory):
        if path.name not in listed:
            size = os.path.getsize(path)
            ledger.segments.append(TelemetrySinkSegment(path.name, count_lines(str(path)), size, True))
            changed = changed or manifest is None
    if len(ledger.segments) > len(listed):
        ledger.segments.sort(key=lambda segment: segment.filename)
    for session_id, summary in ledger.sessions.items():
        if summary.status == SESSION_STATUS_RUNNING:
            ledger.end_session(session_id, SESSION_STATUS_INTERRUPTED)
            changed = True
    for segment in ledger.segments:
        session = ledger.sessions.get(segment.session_id or "")
        if session is not None and session.status == SESSION_STATUS_INTERRUPTED:
            segment.closed = True
    return ledger, changed


def _counter_of(filename: str) -> int:
    counter = filename.removeprefix(SEGMENT_PREFIX).partition(".")[0]
    is_number = filename.startswith(SEGMENT_PREFIX) and counter.isascii() and counter.isdigit()
    return int(counter) if is_number and len(counter) < 19 else 0
