"""Writes telemetry records to an append-only sink, from inside the job that they are about.

Promises: appending waits for no disk, a disk that is full, slow or away raises nothing, and every record that had to
be given up is counted where readers see it.

Source: docs/capture.md#sink.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.processes import flush_at_exit, leave_in_child, occupy_standard_descriptors
from stormlog.capture.sink.buffer import LineBuffer
from stormlog.capture.sink.claims import DirectoryClaim
from stormlog.capture.sink.compacting import start_compaction, stop_compaction
from stormlog.capture.sink.ledger import recovered_ledger
from stormlog.capture.sink.lines import line_of
from stormlog.capture.sink.options import SinkOptions
from stormlog.capture.sink.segment_files import (
    append_batch,
    cut_torn_tail,
    sync_directory,
    sync_file,
    write_atomically,
)
from stormlog.telemetry import (
    MANIFEST_FILENAME,
    SESSION_STATUS_COMPLETED,
    SessionSummary,
    TelemetryRecordError,
    TelemetrySinkSegment,
    create_session_summary,
    normalize_session_status,
)

__all__ = ["SinkDiagnostics", "SinkWriter"]

_TEMPORARY_MANIFEST_FILENAME = "manifest.tmp"


@frozen_class
class SinkDiagnostics:
    """What a writer has done since it was made.

    Attributes:
        rollover_count: Segments that were full.
        pruned_segment_count: Segments that were deleted for newer ones.
        pruned_bytes: Bytes of these.
        final_retained_files: Segments of the sink now.
        final_retained_bytes: Bytes of these.
        dropped_record_count: Records that were given up.
        dropped_bytes: Bytes of these.
        failed_write_count: Writes that failed, of segments or the manifest.
        last_error: What the last of these said; None if none failed.
        waiting_record_count: Records that wait in memory now.
        waiting_bytes: Bytes of these.
    """

    rollover_count: int
    pruned_segment_count: int
    pruned_bytes: int
    final_retained_files: int
    final_retained_bytes: int
    dropped_record_count: int = 0
    dropped_bytes: int = 0
    failed_write_count: int = 0
    last_error: str | None = None
    waiting_record_count: int = 0
    waiting_bytes: int = 0


class SinkWriter:
    """A sink that is written to. One process has one directory for itself.

    All methods can be called from any thread. In a process that was forked from the writer's, they do nothing.

    Args:
        directory: Where the sink lies; made if it is not there. A session that its last writer left running is
            marked as interrupted.
        options: How it is written.
        on_problem: Called with what went wrong after `close`, from any thread.

    Raises:
        ValueError: an option is wrong.
        SinkInUseError: another writer writes to the directory.
        OSError: the directory cannot be made, read or written.

    Source: docs/capture.md#sink.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        options: SinkOptions | None = None,
        *,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        self._options = options or SinkOptions()
        self._options.check()
        self._directory = os.path.abspath(os.fspath(directory))
        # Held for moments: the session and the lines that wait. Nothing is written under it. A signal handler that
        # interrupts who holds it must not wait for it.
        self._lock = threading.RLock()
        # Held while files are written. Who needs both takes this one first.
        self._files_lock = threading.RLock()
        self._due = threading.Condition(self._lock)
        self._buffer = LineBuffer(self._options.buffer_max_bytes)
        self._session: SessionSummary | None = None
        self._last_segment: TelemetrySinkSegment | None = None
        self._begun: set[str] = set()
        self._thread: threading.Thread | None = None
        self._last_write = time.monotonic()
        self._retry_at = 0.0
        self._pause = self._options.retry_seconds
        self._rollovers = self._pruned_segments = self._pruned_bytes = self._failed_writes = 0
        self._dropped_records = self._dropped_bytes = 0
        self._last_error: str | None = None
        self._is_of_this_process = True
        # What a signal handler asks for while files are written is done once they are.
        self._is_writing = False
        self._close_wanted: str | None = None
        self._on_problem = on_problem
        occupy_standard_descriptors()
        self._claim: DirectoryClaim | None = None
        self._open()
        flush_at_exit(self)
        leave_in_child(self)

    # ---- sessions --------------------------------------------------------------------------------------

    @property
    def directory(self) -> str:
        """Absolute path of the sink."""
        return self._directory

    @property
    def current_session(self) -> SessionSummary | None:
        """The session that records belong to now, or None."""
        return self._session

    def start_session(self, summary: SessionSummary | None = None) -> SessionSummary:
        """Begin a session, unless one is active.

        Args:
            summary: What is known of it; its status and end do not count. None: a new one of this process.

        Returns:
            The session that is active now.

        Raises:
            SinkInUseError: another writer came after this one was closed.
        """
        with self._files_lock:
            return self._start_session(summary, None)

    def close(self, session_status: str = SESSION_STATUS_COMPLETED) -> None:
        """Write what waits, close the segment, and end the session. The writer can be used again.

        Args:
            session_status: How the session ended.

        Raises:
            TelemetryRecordError: there is no such status; what waited is written nevertheless.
        """
        if not self._is_of_this_process:
            return
        with self._files_lock:
            if self._is_writing:
                self._close_wanted = session_status
                return
            self._write_waiting()
            status = normalize_session_status(session_status)
            with self._lock:
                session, self._session = self._session, None
                self._buffer.drop_all()
                self._due.notify_all()
            if session is not None:
                if self._last_segment is not None and not self._last_segment.closed:
                    self._last_segment.closed = True
                    self._sync_closed(self._last_segment)
                self._ledger.end_session(session.session_id, status)
                self._note_dropped(session.session_id)
            self._write_manifest(is_last=True)
            if self._claim is not None:
                self._claim.release()
                self._claim = None
            if session is not None and self._options.compact_at_close:
                start_compaction(self._directory, self._options.compact_wait_seconds, self._on_problem)

    # ---- records ---------------------------------------------------------------------------------------

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record to the active session. Without one, a session with the record's id begins.

        It is not validated, and copied before this returns.

        Args:
            record: With the ``session_id`` of the active session, or none.

        Raises:
            ValueError: it is of another session, or cannot be written as a line of JSON.
        """
        if not self._is_of_this_process:
            return
        session_id = record.get("session_id")
        if session_id is not None and not isinstance(session_id, str):
            raise TelemetryRecordError(
                "sink_record_session_not_string", f"session_id must be text, not {session_id!r}"
            )
        line = line_of(record)
        session = self._session
        if session is None:
            with self._files_lock:
                session = self._start_session(None, session_id)
        if session_id is not None and session_id != session.session_id:
            raise TelemetryRecordError(
                "sink_record_session_mismatch",
                f"the record is of session {session_id!r}, but {session.session_id!r} is active",
            )
        with self._lock:
            self._buffer.add(line)
            is_due = len(self._buffer) >= self._options.flush_every_events
            if is_due:
                self._due.notify_all()
        if self._thread is None:
            self.flush_if_due()

    def count_lost(self, size_bytes: int = 0) -> None:
        """Count a record that never was a line as dropped, so that readers are told.

        Args:
            size_bytes: Its size, as far as it is known.
        """
        with self._lock:
            self._buffer.dropped_records += 1
            self._buffer.dropped_bytes += size_bytes

    def flush(self) -> None:
        """Write what waits, now; when this returns without `SinkDiagnostics.last_error` having changed, it is there."""
        if self._is_of_this_process:
            with self._files_lock:
                self._write_waiting()

    def flush_if_due(self) -> None:
        """Write what waits if there is enough of it, or if it has waited for long enough."""
        if self._is_of_this_process and self._is_due():
            with self._files_lock:
                if self._is_due():
                    self._write_waiting()

    @property
    def diagnostics(self) -> SinkDiagnostics:
        """What was written, deleted and dropped until now."""
        return SinkDiagnostics(
            self._rollovers,
            self._pruned_segments,
            self._pruned_bytes,
            len(self._ledger.segments),
            self._ledger.retained_bytes,
            self._dropped_records + self._buffer.dropped_records,
            self._dropped_bytes + self._buffer.dropped_bytes,
            self._failed_writes,
            self._last_error,
            len(self._buffer),
            self._buffer.size_bytes,
        )

    # ---- inside ----------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Claim the directory, and take over what its last writer left there."""
        stop_compaction(self._directory)
        os.makedirs(self._directory, exist_ok=True)
        self._claim = DirectoryClaim(self._directory)
        self._ledger, changed = recovered_ledger(self._directory)
        self._last_segment = None
        self._begun.clear()
        if changed:
            self._write_manifest()

    def _start_session(self, summary: SessionSummary | None, session_id: str | None) -> SessionSummary:
        if self._session is not None:
            return self._session
        if self._claim is None:
            self._open()
        summary = summary or create_session_summary(source="stormlog.telemetry_sink", session_id=session_id)
        session = self._ledger.begin_session(summary)
        self._last_write = time.monotonic()
        with self._lock:
            self._session = session
        self._write_manifest()
        if self._options.writes_in_background and (self._thread is None or not self._thread.is_alive()):
            thread = threading.Thread(target=self._write_in_background, name="stormlog-sink", daemon=True)
            # Refused at the end of the interpreter and beyond the limit of threads; `append` writes then.
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread
        return session

    def _is_due(self) -> bool:
        now = time.monotonic()
        if not len(self._buffer) or now < self._retry_at:
            return False
        is_enough = len(self._buffer) >= self._options.flush_every_events
        return is_enough or now - self._last_write >= self._options.flush_every_seconds

    def _write_in_background(self) -> None:
        while True:
            with self._lock:
                if self._session is None:
                    return
                if len(self._buffer) < self._options.flush_every_events:
                    self._due.wait(self._options.flush_every_seconds)
            self.flush_if_due()
            pause = self._retry_at - time.monotonic()
            if pause > 0:
                with self._lock:
                    self._due.wait_for(lambda: self._session is None, pause)

    def _write_waiting(self) -> None:
        if self._is_writing:
            return
        self._is_writing = True
        try:
            self._write_lines()
        finally:
            self._is_writing = False
            wanted, self._close_wanted = self._close_wanted, None
            if wanted is not None:
                self.close(wanted)

    def _write_lines(self) -> None:
        with self._lock:
            session = self._session
            lines = self._buffer.take()
        self._last_write = time.monotonic()
        if session is None or not lines:
            return
        try:
            segment = self._append(session.session_id, lines)
        except BaseException as error:
            # Whatever it is, a job that is short of memory too: it must not reach the job. Ctrl-C must.
            with self._lock:
                self._buffer.put_back(lines)
            if not isinstance(error, Exception):
                raise
            self._note_failure(error)
            return
        self._retry_at, self._pause = 0.0, self._options.retry_seconds
        self._last_segment = segment
        if (
            segment.event_count >= self._options.rollover_max_events
            or segment.size_bytes >= self._options.rollover_max_bytes
        ):
            segment.closed = True
            self._rollovers += 1
            self._sync_closed(segment)
        self._prune(segment)
        self._note_dropped(session.session_id)
        self._write_manifest()

    def _append(self, session_id: str, lines: list[bytes]) -> TelemetrySinkSegment:
        segment = self._ledger.segment_for(session_id)
        path = os.path.join(self._directory, segment.filename)
        is_new = segment.filename not in self._begun
        if is_new and os.path.exists(path):
            # Its last writer may have stopped in the middle of a line.
            segment.event_count, segment.size_bytes = cut_torn_tail(path)
        self._begun.add(segment.filename)
        batch = b"".join(lines)
        try:
            append_batch(path, batch, sync=self._options.fsync == "flush")
        except FileNotFoundError:
            # Somebody removed the directory.
            os.makedirs(self._directory, exist_ok=True)
            append_batch(path, batch, sync=self._options.fsync == "flush")
        if is_new and self._options.fsync == "flush":
            sync_directory(self._directory)
        segment.event_count += len(lines)
        segment.size_bytes += len(batch)
        return segment

    def _sync_closed(self, segment: TelemetrySinkSegment) -> None:
        if self._options.fsync == "rollover":
            try:
                sync_file(os.path.join(self._directory, segment.filename))
            except OSError as error:
                self._note_failure(error)

    def _prune(self, newest: TelemetrySinkSegment) -> None:
        ledger, options = self._ledger, self._options
        while (
            len(ledger.segments) > options.retention_max_files
            or ledger.retained_bytes > options.retention_max_total_bytes
        ):
            segment = ledger.first_prunable(newest)
            if segment is None:
                return
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._directory, segment.filename))
            except OSError as error:
                self._note_failure(error)
                return
            ledger.segments.remove(segment)
            self._pruned_segments += 1
            self._pruned_bytes += segment.size_bytes

    def _note_dropped(self, session_id: str) -> None:
        with self._lock:
            records, size = self._buffer.dropped_records, self._buffer.dropped_bytes
            self._buffer.dropped_records = self._buffer.dropped_bytes = 0
        if records:
            self._dropped_records += records
            self._dropped_bytes += size
            self._ledger.note_dropped(session_id, records, size)

    def _write_manifest(self, *, is_last: bool = False) -> None:
        sync = self._options.fsync == "flush" or (self._options.fsync == "rollover" and is_last)
        target = os.path.join(self._directory, MANIFEST_FILENAME)
        temporary = os.path.join(self._directory, _TEMPORARY_MANIFEST_FILENAME)
        try:
            write_atomically(target, temporary, self._ledger.text(), sync=sync)
        except OSError as error:
            self._note_failure(error)

    def _note_failure(self, error: Exception) -> None:
        self._failed_writes += 1
        self._last_error = f"{type(error).__name__}: {error}"
        self._retry_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, self._options.retry_max_seconds)

    def leave_to_parent(self) -> None:
        """Do nothing more: this is a forked child, and what waits is its parent's."""
        self._is_of_this_process = False
        self._lock = threading.RLock()
        self._is_writing = False
        self._files_lock = threading.RLock()
        self._due = threading.Condition(self._lock)
        if self._claim is not None:
            self._claim.release()
            self._claim = None
