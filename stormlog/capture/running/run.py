"""Runs a command as a child, and samples it until it ends.

Promises: the command gets the same files, terminal, signals and environment as without; how it ended is passed on; what
fails here fails neither the command nor its status.

Source: docs/run.md.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.alerts import AlertOptions, AlertRules
from stormlog.capture.clock import SessionClock
from stormlog.capture.collectors.host import limits_of_this_process
from stormlog.capture.collectors.readings import Collector, MemoryReading
from stormlog.capture.health import CollectorHealth
from stormlog.capture.identity import Identity
from stormlog.capture.places import open_sink, why_not_written
from stormlog.capture.processes import occupy_standard_descriptors
from stormlog.capture.records import RecordMaker
from stormlog.capture.running.devices import visible_nvidia_devices
from stormlog.capture.running.endings import CGROUP_REASON, Ending, ending_of
from stormlog.capture.running.error_output import ErrorOutput
from stormlog.capture.running.process_tree import ProcessTreeCollector
from stormlog.capture.shared_session import SharedSession
from stormlog.capture.sink.options import SinkOptions
from stormlog.capture.sink.writer import SinkWriter
from stormlog.telemetry import SESSION_STATUS_COMPLETED, SESSION_STATUS_INTERRUPTED, create_session_summary

__all__ = ["Run", "run_command"]

#: Passed on to the command. Those of a terminal reach it without us.
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT", "SIGWINCH", "SIGCONT")
_OF_TERMINALS = ("SIGINT", "SIGQUIT", "SIGWINCH", "SIGHUP")
#: Between the moment when a command runs out of memory and its end.
_KEPT_READINGS = 1000
#: Within a narrower control group, the kernel might kill who explains a run in it.
_LEAST_LIMIT_BYTES = 256 * 2**20
#: Of a limit by ulimit, which counts what is never used too.
_LEAST_LIMIT_OF_PROCESS_BYTES = 768 * 2**20
#: From the moment when memory ran out until that was said and read.
_REPORT_NS = 100_000_000
_NOTHING_KNOWN = MemoryReading(device_id=-1)


@frozen_class
class Run:
    """A command that has ended.

    Attributes:
        status: Its exit status, or the signal that ended it as a negative number.
        ending: How it ended.
        session_id: The session that was recorded.
        sink_directory: Where the sink lies; null if nothing could be written.
        problems: What went wrong besides.
    """

    status: int
    ending: Ending
    session_id: str
    sink_directory: str | None
    problems: tuple[str, ...]

    @property
    def leaves_room(self) -> bool:
        """Whether this process has memory enough to explain the run, by the limits of both."""
        kills = self.ending.kills
        if kills is not None and kills.limit_bytes is not None and kills.limit_bytes < _LEAST_LIMIT_BYTES:
            return False
        limits = limits_of_this_process()
        return all(limit is None or limit >= _LEAST_LIMIT_OF_PROCESS_BYTES for limit in limits)


def run_command(
    command: Sequence[str],
    *,
    sink: str,
    interval: float,
    identity: Identity,
    alerts: AlertOptions | None = AlertOptions(),  # noqa: B008  It cannot be changed.
    sink_options: SinkOptions | None = None,
    variables: Mapping[str, str] | None = None,
) -> Run:
    """Run a command, and record its memory and its end.

    Call it from the main thread.

    Args:
        command: Program and arguments.
        sink: As of `stormlog.capture.MemoryTracker`.
        interval: Time between samples, in seconds.
        identity: Who writes.
        alerts: When to alert. None: never.
        sink_options: How the sink is written.
        variables: Environment variables of the command, besides those of this process.

    Raises:
        OSError: the command cannot be started.
    """
    problems: list[str] = []
    clock = SessionClock()
    occupy_standard_descriptors()
    output = ErrorOutput(2, clock.now_ns)
    shared = SharedSession(identity.rank)
    # Trackers of the command write beside us, unless they are told another place.
    environment = {
        **os.environ,
        "STORMLOG_SINK": os.path.abspath(sink),
        **(variables or {}),
        **shared.variables,
    }
    with contextlib.closing(shared), _signals_passed_on() as passed_to:
        try:
            # Whatever else was handed to us is the command's.
            child = subprocess.Popen(command, stderr=output.writer, close_fds=False, env=environment)
        except BaseException:
            output.cancel()
            raise
        passed_to(child)
        output.begin()
        session = create_session_summary(
            source="stormlog.run",
            session_id=shared.session_id,
            started_at_ns=clock.started_at_ns,
            pid=child.pid,
            job_id=identity.job_id,
            rank=identity.rank,
            local_rank=identity.local_rank,
            world_size=identity.world_size,
        )
        writer = None
        try:
            writer = open_sink(sink, identity, sink_options)
            writer.start_session(session)
        except OSError as error:
            problems.append(f"nothing is written: {why_not_written(error)}")
            writer = None
        collector = ProcessTreeCollector(child.pid, clock.now_ns)
        watch = _Watch(writer, clock, alerts, problems)
        watch.add(
            collector, RecordMaker(session, identity, collector, round(1000 * interval), None, pid=child.pid)
        )
        for device in visible_nvidia_devices():
            watch.add(
                device, RecordMaker(session, identity, device, round(1000 * interval), None, pid=child.pid)
            )
        watch.event("start", context="Memory tracking started", command=os.path.basename(command[0]))
        status = _wait(child, interval, watch.sample)
        output.end()
        ending = ending_of(status, output.text, collector.kills.result())
        # Trackers do not see kills.
        told_ns = None if ending.oom_reason == CGROUP_REASON else output.memory_ns
        is_known = told_ns is not None and shared.has_recorded(told_ns, sink)
        watch.end(ending, output, collector.kills.last_kill_ns, is_failure_known=is_known)
    if writer is not None:
        with contextlib.suppress(Exception):
            writer.close(SESSION_STATUS_COMPLETED if ending.is_success else SESSION_STATUS_INTERRUPTED)
        if writer.diagnostics.last_error is not None:
            problems.append(f"writing the sink: {writer.diagnostics.last_error}")
    directory = None if writer is None else writer.directory
    return Run(status, ending, session.session_id, directory, tuple(problems))


class _Watch:
    """Collectors of one session and the events that come of them."""

    def __init__(
        self, writer: SinkWriter | None, clock: SessionClock, alerts: AlertOptions | None, problems: list[str]
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._alert_options = alerts
        self._problems = problems
        self._sources: list[_Source] = []

    def add(self, collector: Collector, records: RecordMaker) -> None:
        """Read a collector too; the first one is that of the command."""
        rules = (
            None
            if self._alert_options is None
            else AlertRules(self._alert_options, tells_fragmentation=False)
        )
        self._sources.append(_Source(collector, records, rules))

    def sample(self) -> None:
        """Write a sample of each collector that works."""
        for source in self._sources:
            if not source.health.is_due(time.monotonic()):
                continue
            try:
                reading = source.collector.read()
            except ProcessLookupError:
                # The command has just ended.
                continue
            except Exception as error:
                change = source.health.failed(error, time.monotonic(), time.time())
            else:
                read_ns = self._clock.now_ns()
                source.readings.append((read_ns, reading))
                change = source.health.succeeded(reading)
                self._write(source, "sample", at_ns=read_ns)
                for alert in (
                    source.rules.alerts(reading, time.monotonic()) if source.rules is not None else ()
                ):
                    self._write(source, alert.event_type, alert.context, **alert.metadata)
            if change is not None:
                self._write(source, change.event_type, change.context, **change.metadata)

    def event(self, event_type: str, context: str, **metadata: Any) -> None:
        """Write an event of the command."""
        self._write(self._sources[0], event_type, context, **metadata)

    def end(
        self,
        ending: Ending,
        output: ErrorOutput,
        last_kill_ns: tuple[int, int] | None,
        *,
        is_failure_known: bool,
    ) -> None:
        """Write how the command ended, and that memory ran out unless a tracker inside it has recorded that."""
        facts = ending.as_dict()
        command = self._sources[0]
        if ending.oom_reason is not None and not is_failure_known:
            # With the memory of that time: at its end, a command has freed much already.
            self._write(
                command,
                "error",
                f"OOM detected ({ending.oom_reason})",
                at_ns=self._failed_ns(ending, output, last_kill_ns),
                oom_reason=ending.oom_reason,
                **facts,
            )
        self.event("exit", f"Command {ending.sentence}"[:2000], **facts, stderr_tail=output.last_lines)
        if ending.is_success:
            self.event("stop", "Memory tracking stopped")
        for source in self._sources:
            with contextlib.suppress(Exception):
                source.collector.close()

    def _failed_ns(
        self, ending: Ending, output: ErrorOutput, last_kill_ns: tuple[int, int] | None
    ) -> int | None:
        """Return when memory ran out; null if only the end tells it."""
        is_kill = ending.oom_reason == CGROUP_REASON
        if is_kill and ending.signal_name == "SIGKILL":
            return None
        if is_kill and last_kill_ns is not None:
            return self._sources[0].fullest_ns(*last_kill_ns)
        if is_kill or output.memory_ns is None:
            return None
        # Meanwhile memory is given back already.
        return self._sources[0].fullest_ns(output.memory_ns - _REPORT_NS, output.memory_ns)

    def _write(
        self,
        source: _Source,
        event_type: str,
        context: str | None = None,
        *,
        at_ns: int | None = None,
        **metadata: Any,
    ) -> None:
        if self._writer is None:
            return
        moment = self._clock.now_ns() if at_ns is None else at_ns
        record = source.records.record(
            event_type,
            source.reading_at(moment),
            moment,
            change=None,
            context=context,
            metadata={**source.health.facts, **metadata},
        )
        try:
            self._writer.append(record)
        except ValueError as error:
            self._problems.append(f"a record was not written: {error}")


class _Source:
    def __init__(self, collector: Collector, records: RecordMaker, rules: AlertRules | None) -> None:
        self.collector = collector
        self.records = records
        self.rules = rules
        self.health = CollectorHealth()
        self.readings: deque[tuple[int, MemoryReading]] = deque(maxlen=_KEPT_READINGS)

    def reading_at(self, moment_ns: int) -> MemoryReading:
        """Return what was known at a time."""
        return next(
            (reading for read_ns, reading in reversed(self.readings) if read_ns <= moment_ns), _NOTHING_KNOWN
        )

    def fullest_ns(self, begin_ns: int, end_ns: int) -> int:
        """Return when most memory was used between two times; the later one if nothing was read meanwhile."""
        used = [
            (reading.used or 0, read_ns)
            for read_ns, reading in self.readings
            if begin_ns <= read_ns <= end_ns
        ]
        return max(used)[1] + 1 if used else end_ns


def _wait(child: subprocess.Popen[bytes], interval: float, sample: Callable[[], None]) -> int:
    """Sample until the child ends, and return its status."""
    due = time.monotonic()
    while True:
        sample()
        due = max(due + interval, time.monotonic())
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(max(0.001, due - time.monotonic()))


@contextlib.contextmanager
def _signals_passed_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Pass signals on to a child, but for those that the terminal has sent to it as well.

    Yields:
        What is to be told the child; it gets what came before too.
    """
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if child is None:
            early.append(number)
        elif not (signal.Signals(number).name in _OF_TERMINALS and _is_in_foreground()):
            with contextlib.suppress(OSError):
                child.send_signal(number)

    def pass_to(started: subprocess.Popen[bytes]) -> None:
        nonlocal child
        child = started
        for number in early:
            pass_on(number, None)

    before = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # What our caller ignores, as nohup does, the child ignores too.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, pass_on)
    try:
        yield pass_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
