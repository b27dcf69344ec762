"""Tracks the memory of a training job from inside, in a thread of its own.

Promises: nothing that fails here fails the job; what could not be measured or written is said in the records, the
manifest or `MemoryTracker.problems`, never made up.

Source: docs/capture.md.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from stormlog.capture.alerts import AlertOptions, AlertRules
from stormlog.capture.clock import SessionClock
from stormlog.capture.collectors.readings import Collector, MemoryReading
from stormlog.capture.health import CollectorHealth, HealthChange
from stormlog.capture.identity import find_identity
from stormlog.capture.phases import Phase, origin_of_phases, run_inside
from stormlog.capture.plain_values import plain_metadata
from stormlog.capture.problems import Problems
from stormlog.capture.processes import leave_in_child
from stormlog.capture.shared_session import take_shared_session, tell_of_failure
from stormlog.phases import PhaseBoundary, PhaseHandle, PhaseRecorder
from stormlog.telemetry import (
    SESSION_STATUS_COMPLETED,
    SESSION_STATUS_INCOMPLETE,
    SessionSummary,
    create_session_summary,
)

if TYPE_CHECKING:
    from stormlog.capture.oom.recorder import FlightRecorder, FlightRecorderOptions, RecordedOom
    from stormlog.capture.sink.options import SinkOptions
    from stormlog.capture.sink.writer import SinkDiagnostics, SinkWriter

__all__ = ["MemoryTracker"]

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

#: So long does the end of a job wait for a sample, in seconds: a driver can hang.
_LONGEST_WAIT_SECONDS = 2.0
#: Of an exception, in a record; a bundle has all of it.
_MAX_MESSAGE_LENGTH = 10_000
_UNKNOWN = MemoryReading(device_id=-1)


class MemoryTracker:
    """Samples memory, raises alerts, records phases and out-of-memory failures, and writes all of it to a sink.

    A context manager and a decorator; or call `start` and `stop`. A tracker that is not stopped is stopped when the
    process ends.

    Args:
        sink: Directory of the sink. Ranks of a job get directories of their own below it. None: nothing is written.
        interval: Time between samples, in seconds.
        collector: Where readings come from: a name (``auto``, ``process``, ``cuda``, ``rocm``, ``mps``, ``jax``,
            ``nvidia``) or an object. ``auto`` takes the device that the job uses by now.
        device: Index of the device; None: the one that is current.
        job_id: Name of the job; None: what its launcher says, as for rank, local_rank and world_size.
        rank: Rank of this process, from 0.
        local_rank: Rank on this host, from 0.
        world_size: Ranks of the job.
        app: Name of the program; None: ``STORMLOG_APP``.
        code_version: Version of its code; None: ``STORMLOG_CODE_VERSION``, else what ``git describe`` says.
        environment: For example ``production`` or ``dev``; None: ``STORMLOG_ENVIRONMENT``.
        metadata: What the metadata of every record says besides.
        alerts: When to alert. None: never.
        sink_options: How the sink is written.
        oom: How out-of-memory failures are recorded; None: into ``oom_dumps`` of the sink.
        hooks: Whether to listen to exceptions that nobody catches, and to PyTorch.
        on_record: Called with each record, on the thread that made it. It must not change it, and what it raises is
            noted in `problems`.

    Raises:
        ValueError: an argument is wrong.

    Source: docs/capture.md.
    """

    def __init__(
        self,
        sink: str | os.PathLike[str] | None = "telemetry",
        *,
        interval: float = 0.1,
        collector: str | Collector = "auto",
        device: int | None = None,
        job_id: str | None = None,
        rank: int | None = None,
        local_rank: int | None = None,
        world_size: int | None = None,
        app: str | None = None,
        code_version: str | None = None,
        environment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        alerts: AlertOptions | None = AlertOptions(),  # noqa: B008  It cannot be changed.
        sink_options: SinkOptions | None = None,
        oom: FlightRecorderOptions | None = None,
        hooks: bool = True,
        on_record: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        if not 0.001 <= interval <= 3600:
            raise ValueError(f"interval must be from 0.001 to 3600 seconds, not {interval}")
        if alerts is not None:
            alerts.check()
        if sink_options is not None:
            sink_options.check()
        self._identity = find_identity(
            job_id=job_id,
            rank=rank,
            local_rank=local_rank,
            world_size=world_size,
            app=app,
            code_version=code_version,
            environment=environment,
        )
        self._interval = interval
        self._wanted_collector = collector
        self._device = device
        self._metadata, odd = plain_metadata(dict(metadata or {}))
        self._alert_options = alerts
        self._sink_place = None if sink is None else os.fspath(sink)
        self._sink_options = sink_options
        self._oom_options = oom
        self._listens = hooks
        self._on_record = on_record
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._session: SessionSummary | None = None
        self._writer: SinkWriter | None = None
        self._phases = PhaseRecorder()
        # Who is inside it, by thread: a signal handler that interrupts that must not wait for it.
        self._inside_phases = threading.local()
        leave_in_child(self)
        self.problems = Problems()
        """What went wrong without failing the job, the oldest first."""
        self.problems.note_odd(odd)

    # ---- life ------------------------------------------------------------------------------------------

    @property
    def session(self) -> SessionSummary | None:
        """The session that is being recorded, or None."""
        return self._session

    @property
    def sink_directory(self) -> str | None:
        """Where the sink lies, or None if nothing is written."""
        return None if self._writer is None else self._writer.directory

    @property
    def sink_diagnostics(self) -> SinkDiagnostics | None:
        """What was written, deleted and dropped until now, or None if nothing is written."""
        return None if self._writer is None else self._writer.diagnostics

    @property
    def recorder(self) -> FlightRecorder | None:
        """The flight recorder of the session, or None before the start."""
        return getattr(self, "_recorder", None)

    def start(self) -> MemoryTracker:
        """Begin a session and sample from now on; nothing, if one has begun."""
        with self._lock:
            if self._session is None:
                self._begin()
        return self

    def stop(self, status: str = SESSION_STATUS_COMPLETED) -> None:
        """End the session, and write what is left of it; nothing, if none has begun.

        Args:
            status: How the session ended: ``completed``, ``interrupted`` or ``incomplete``.
        """
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_LONGEST_WAIT_SECONDS)
        with self._lock:
            if self._session is None:
                return
            self._thread = None
            self._hooks.remove()
            with self.problems.reported("ending the history of the allocator"):
                self._recorder.end_history()
            self._write("stop", self._latest, context="Memory tracking stopped")
            self._session = None
            writer = self._writer
            if thread is None or not thread.is_alive():
                with self.problems.reported("closing the collector"):
                    self._collector.close()
            if writer is not None:
                with self.problems.reported("closing the sink"):
                    writer.close(status)
                error = writer.diagnostics.last_error
                if error is not None:
                    self.problems.note(f"writing the sink: {error}")
        atexit.unregister(self._stop_at_exit)

    def set_alerts(self, options: AlertOptions | None) -> None:
        """Alert by other limits from now on. Conditions that hold are alerts again.

        Args:
            options: The limits. None: no alerts.

        Raises:
            ValueError: they contradict one another.
        """
        if options is not None:
            options.check()
        with self._lock:
            self._alert_options = options
            if self._session is not None:
                self._alerts = self._alert_rules()

    def flush(self) -> None:
        """Write what waits, and return when it is written."""
        writer = self._writer
        if writer is not None:
            writer.flush()

    def leave_to_parent(self) -> None:
        """Do nothing more: this is a forked child, and the session is its parent's."""
        self._lock = threading.RLock()
        self._session = self._writer = self._thread = None

    def __enter__(self) -> MemoryTracker:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exception is not None:
            self.record_oom(exception)
        self.stop(SESSION_STATUS_COMPLETED if exception is None else SESSION_STATUS_INCOMPLETE)

    def __call__(self, function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        """Track a function or coroutine while it runs.

        Raises:
            TypeError: it is a generator: use the tracker as a context manager inside it.
        """
        return run_inside(self, function)

    # ---- phases and failures ---------------------------------------------------------------------------

    def enter_phase(self, name: str, metadata: Mapping[str, Any] | None = None) -> PhaseHandle:
        """Begin a phase on this thread or task, inside the one that is open there.

        Args:
            name: Its name.
            metadata: Attributes of the phase.

        Returns:
            What ends it: on the same thread or task, the innermost phase first.

        Raises:
            ValueError: the name is blank.
        """
        session = self._session
        if session is None:
            return PhaseHandle(scope_id="", name=name, path=(name,), close_callback=lambda: None)
        rank, (origin_id, origin_name) = self._identity.rank, origin_of_phases()
        if metadata:
            metadata, odd = plain_metadata(metadata)
            self.problems.note_odd(odd)
        with self._alone_in_phases() as is_alone:
            if not is_alone:
                return PhaseHandle(scope_id="", name=name, path=(name,), close_callback=lambda: None)
            boundary = self._phases.enter_phase(
                session_id=session.session_id,
                rank=rank,
                name=name,
                metadata=metadata,
                thread_id=origin_id,
                thread_name=origin_name,
            )
        self._write_boundary(session, boundary)

        def leave() -> None:
            with self._alone_in_phases() as is_alone:
                if not is_alone:
                    return
                left = self._phases.exit_phase(
                    session_id=session.session_id,
                    rank=rank,
                    scope_id=boundary.scope_id,
                    thread_id=origin_of_phases()[0],
                )
            self._write_boundary(session, left)

        return PhaseHandle(
            scope_id=boundary.scope_id, name=boundary.path[-1], path=boundary.path, close_callback=leave
        )

    def phase(self, name: str, metadata: Mapping[str, Any] | None = None) -> Phase:
        """Return a phase as a context manager and decorator.

        Args:
            name: As of `enter_phase`.
            metadata: Likewise.
        """
        return Phase(self, name, metadata)

    def record_oom(
        self,
        exception: BaseException,
        *,
        context: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> RecordedOom | None:
        """Record an exception if it means that memory ran out, for jobs that catch it.

        Args:
            exception: Any.
            context: Where in the job.
            metadata: Anything else to keep.

        Returns:
            What was recorded; None if memory did not run out, or before the start.
        """
        recorder = self.recorder
        if recorder is None:
            return None
        with self.problems.reported("recording a failure"):
            return recorder.record_exception(exception, context=context, metadata=metadata)
        return None

    # ---- inside ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        # Now, not with this module: importing a tracker is cheap, and the ranks that start none pay no more. And not
        # later: once memory has run out, nothing can be imported.
        from stormlog.capture.collectors.choosing import choose_collector
        from stormlog.capture.oom.hooks import OomHooks
        from stormlog.capture.oom.recorder import FlightRecorder, FlightRecorderOptions
        from stormlog.capture.records import RecordMaker
        from stormlog.capture.sink.lines import LineMaker

        clock = self._clock = SessionClock()
        self._stopping = threading.Event()
        self._health = CollectorHealth()
        self._collector = choose_collector(self._wanted_collector, self._device, self._identity.local_rank)
        identity = self._identity
        session = create_session_summary(
            source="stormlog.capture",
            session_id=None if self._sink_place is None else take_shared_session(identity.rank),
            started_at_ns=clock.started_at_ns,
            job_id=identity.job_id,
            rank=identity.rank,
            local_rank=identity.local_rank,
            world_size=identity.world_size,
        )
        self._phases.reset()
        self._open_sink(session)
        options = self._oom_options or FlightRecorderOptions()
        self._recorder = FlightRecorder(
            options
            if options.directory is not None
            else replace(options, directory=os.path.join(self.sink_directory or ".", "oom_dumps")),
            session=lambda: self._session,
            backend=lambda: self._collector.backend,
            on_oom=self._on_oom,
            facts={**identity.metadata, **self._metadata},
        )
        self._hooks = OomHooks(self._recorder)
        self._alerts = self._alert_rules()
        self._latest: MemoryReading | None = None
        reading, change = self._read()
        self._facts = self._health.facts
        self._settled_metadata = {**self._metadata, **self._facts}
        self._lines = LineMaker()
        self._records = RecordMaker(session, identity, self._collector, round(1000 * self._interval), reading)
        self._session = session
        self._latest = reading
        self._write("start", reading, context="Memory tracking started")
        if change is not None:
            self._write(change.event_type, reading, context=change.context, metadata=change.metadata)
        if self._listens:
            self._hooks.install()
        with self.problems.reported("recording the history of the allocator"):
            self._recorder.begin_history()
        atexit.register(self._stop_at_exit)
        thread = threading.Thread(target=self._sample, name="stormlog-tracker", daemon=True)
        # Refused beyond the limit of threads: phases and failures are recorded nevertheless.
        try:
            thread.start()
        except RuntimeError as error:
            self.problems.note(f"no samples: {error}")
        else:
            self._thread = thread

    def _alert_rules(self) -> AlertRules | None:
        options = self._alert_options
        if options is None:
            return None
        return AlertRules(options, tells_fragmentation=self._collector.capabilities.fragmentation)

    def _open_sink(self, session: SessionSummary) -> None:
        self._writer = None
        if self._sink_place is None:
            return
        from stormlog.capture.places import open_sink, why_not_written

        try:
            self._writer = open_sink(self._sink_place, self._identity, self._sink_options, self.problems.note)
            self._writer.start_session(session)
        except OSError as error:
            self._writer = None
            self.problems.note(f"nothing is written: {why_not_written(error)}")

    def _stop_at_exit(self) -> None:
        self.stop(SESSION_STATUS_INCOMPLETE if self._hooks.saw_exception else SESSION_STATUS_COMPLETED)

    def _sample(self) -> None:
        stopping = self._stopping
        due = time.monotonic()
        while True:
            # Ticks that were missed, because the machine was busy or asleep, are left out.
            due = max(due + self._interval, time.monotonic())
            if stopping.wait(due - time.monotonic()):
                return
            if self._recorder.options.allocator_snapshot:
                with self.problems.reported("recording the history of the allocator"):
                    self._recorder.begin_history()
            try:
                if self._listens:
                    # PyTorch may have been imported since.
                    self._hooks.install()
                if self._health.is_due(time.monotonic()):
                    self._take_sample()
            except Exception as error:
                self.problems.note_error("sampling", error)

    def _take_sample(self) -> None:
        reading, change = self._read()
        if change is not None:
            shown = self._latest if reading is None else reading
            self._write(change.event_type, shown, context=change.context, metadata=change.metadata)
        if reading is None:
            return
        self._write("sample", reading)
        rules = self._alerts
        if rules is not None:
            for alert in rules.alerts(reading, time.monotonic()):
                self._write(alert.event_type, reading, context=alert.context, metadata=alert.metadata)

    def _read(self) -> tuple[MemoryReading | None, HealthChange | None]:
        """Return what is known of memory now, and whether the health of the collector changed."""
        try:
            reading = self._collector.read()
        except Exception as error:
            return None, self._health.failed(error, time.monotonic(), time.time())
        return reading, self._health.succeeded(reading)

    # Nothing is read under the lock: a collector that hangs must not stop the threads of the job.

    def _write(
        self,
        event_type: str,
        reading: MemoryReading | None,
        *,
        context: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write one event; one that the version of the session has no form for is a problem that is noted."""
        with self._lock:
            if self._session is None:
                return
            shown = _UNKNOWN if reading is None else reading
            if not self._records.can_be_written(shown):
                if self._latest is None or event_type == "sample":
                    self.problems.note(
                        f"an event of type {event_type} was left out: its counters are not known"
                    )
                    return
                shown = self._latest
            before = self._latest
            change = (
                None
                if before is None or shown.allocated is None or before.allocated is None
                else shown.allocated - before.allocated
            )
            record = self._records.record(
                event_type,
                shown,
                self._clock.now_ns(),
                change=change,
                context=context,
                metadata=self._metadata_of(metadata),
            )
            # Now that it is known to have a form: later events are shown with it.
            if reading is not None:
                self._latest = reading
        self._recorder.record(record)
        if self._writer is not None:
            try:
                self._writer.append_line(self._lines.line_of(record), record["session_id"])
            except Exception as error:
                self.problems.note_error("writing a record", error)
                self._writer.count_lost()
        if self._on_record is not None:
            with self.problems.reported("on_record"):
                self._on_record(record)

    def _metadata_of(self, metadata: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Return what a record says beside its numbers: the same object again where that has not changed."""
        facts = self._health.facts
        if metadata is not None:
            return {**self._metadata, **facts, **metadata}
        if facts is not self._facts:
            self._facts = facts
            self._settled_metadata = {**self._metadata, **facts}
        return self._settled_metadata

    @contextlib.contextmanager
    def _alone_in_phases(self) -> Iterator[bool]:
        """Say whether this thread is not inside the recorder of phases already, interrupted by a signal."""
        inside = self._inside_phases
        if getattr(inside, "is_inside", False):
            self.problems.note(
                "a phase of a signal handler was left out: it interrupted another one as that began or ended"
            )
            yield False
            return
        inside.is_inside = True
        try:
            yield True
        finally:
            inside.is_inside = False

    def _write_boundary(self, session: SessionSummary, boundary: PhaseBoundary) -> None:
        if self._session is not session:
            # The phase outlived its session.
            return
        with self.problems.reported("recording a phase"):
            reading = self._latest
            if self._health.status != "unhealthy":
                with contextlib.suppress(Exception):
                    reading = self._collector.read()
            self._write(boundary.event_type, reading, context=boundary.context, metadata=boundary.metadata)

    def _on_oom(self, recorded: RecordedOom) -> None:
        failure = recorded.failure
        metadata: dict[str, Any] = {**failure.metadata, "oom_reason": failure.reason}
        if recorded.bundle_path is not None:
            metadata["oom_dump_path"] = recorded.bundle_path
        if recorded.snapshot_path is not None:
            metadata["allocator_snapshot_path"] = recorded.snapshot_path
        if recorded.snapshot_error is not None:
            self.problems.note(f"no allocator snapshot was written: {recorded.snapshot_error}")
        if recorded.error is not None:
            self.problems.note(f"no bundle was written: {recorded.error}")
        if failure.exception_type is not None:
            metadata["exception_type"] = failure.exception_type
        if failure.message is not None:
            metadata["exception_message"] = failure.message[:_MAX_MESSAGE_LENGTH]
        self._write("error", self._latest, context=f"OOM detected ({failure.reason})", metadata=metadata)
        self.flush()
        if self._writer is not None:
            tell_of_failure(self._clock.now_ns(), self._writer.directory)
