"""Builds one attempt of a job: its ranks, what happens to them, its files, and what is known of it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stories import oracle
from tests.stories.expected import NOTHING, AnyOrder, AtLeast, EndingWith, Expected, Near, OneOf, Story
from tests.stories.files import segment_of, write_bundle, write_envelope, write_sinks
from tests.stories.messages import Message, cuda
from tests.stories.oracle_failures import failing_events
from tests.stories.oracle_phases import phase_spans, phase_text, phases_left
from tests.stories.records import GIB, MAIN_THREAD, SECOND, Bundle, Levels, Recording
from tests.stories.training import TOTAL, Plan, Shape, of_size, play

DAY = 86_400 * SECOND
# 2026-11-02T08:00:00Z
BEGIN_NS = 1_793_606_400 * SECOND
#: A job id that is the name of the folder of the job.
OF_FOLDER = ""
HOSTS = ("node-a", "node-b", "node-c", "node-d")


@dataclass
class Failure:
    """An error of a rank: the event that tells of it, and the message of its bundle."""

    recording: Recording
    event: dict[str, Any]
    message: Message | None
    kind: str = "oom"

    @property
    def time_ns(self) -> int:
        return int(self.event["timestamp_ns"])


@dataclass
class Job:
    """One attempt of a job under construction.

    ``rng`` decides on everything that is left open, so that a seed gives the same bytes. Seconds count from the
    first sample of rank 0; ``clock_offsets`` say by how many seconds the clock of a host is ahead.
    """

    root: Path
    rng: random.Random
    ranks: int
    version: int = 3
    hosts: int = 2
    job_id: str | None = OF_FOLDER
    run_id: str | None = None
    begin_ns: int = BEGIN_NS
    plan: Plan | None = None
    backend: str = "cuda"
    total: int | None = TOTAL
    metadata: dict[str, Any] = field(default_factory=dict)
    folder: str = "ranks"
    clock_offsets: dict[str, float] = field(default_factory=dict)
    recordings: list[Recording] = field(default_factory=list)
    until: float = 0.0
    sample_times: list[float] = field(default_factory=list)
    attempt: int = 1
    earlier: Sequence[Recording] = ()
    failures: list[Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.job_id == OF_FOLDER:
            self.job_id = self.root.name
        self.plan = self.plan or of_size(self.ranks)
        self.hosts = min(self.hosts, self.ranks)
        self.sample_times = self.plan.samples(self.rng)
        self.until = self.plan.seconds

    def end_in(self, *path: str) -> Job:
        """Let the job end just after a sample within a phase of that path."""
        assert self.plan is not None
        self.until = self.plan.end_in(path, self.sample_times)
        return self

    def host_of(self, rank: int) -> str:
        return HOSTS[rank * self.hosts // self.ranks]

    def begin_of(self, host: str) -> int:
        """Return the time of second 0 by the clock of a host."""
        return self.begin_ns + round(self.clock_offsets.get(host, 0.0) * SECOND)

    def open(self, rank: int, **changes: Any) -> Recording:
        """Add a session of a rank that has no events yet."""
        host = self.host_of(rank)
        assert self.plan is not None
        values: dict[str, Any] = {
            "session_id": str(uuid.UUID(int=self.rng.getrandbits(128), version=4)),
            "rank": rank,
            "world_size": self.ranks,
            "host": host,
            "pid": 4000 + rank + 1000 * len(self.earlier),
            "job_id": self.job_id,
            "directory": f"{self.folder}/rank{rank}",
            "version": self.version,
            "interval_ms": round(self.plan.interval * 1000),
            "local_rank": rank % max(1, self.ranks // self.hosts),
            "backend": self.backend,
            "metadata": {"app": "trainer", **self.metadata},
        }
        recording = Recording(**(values | changes))
        self.recordings.append(recording)
        return recording

    def work(self, shape: Shape, ranks: Iterable[int] | None = None, **changes: Any) -> list[Recording]:
        """Let ranks (all by default) work until the end; ``changes`` go to `play`."""
        assert self.plan is not None
        worked = []
        for rank in range(self.ranks) if ranks is None else ranks:
            recording = self.open(rank)
            values: dict[str, Any] = {
                "begin_ns": self.begin_of(recording.host),
                "until": self.until,
                "samples": self.sample_times,
                "rng": self.rng,
                "total": self.total,
            }
            play(recording, self.plan, shape, **(values | changes))
            worked.append(recording)
        return worked

    def of(self, rank: int) -> Recording:
        """Return the session of a rank."""
        return next(recording for recording in self.recordings if recording.rank == rank)

    def out_of_memory(
        self,
        rank: int,
        message: Message | None = None,
        *,
        at: float | None = None,
        has_bundle: bool = True,
        has_event: bool = True,
        unwound: bool = False,
        metadata: dict[str, Any] | None = None,
        device_id: int | None = None,
    ) -> Failure:
        """Let a rank run out of memory; its event sees that half of the memory is released already.

        Args:
            rank: The rank.
            message: What the bundle says.
            at: Seconds since the first sample; the end by default.
            has_bundle: Whether a bundle is written.
            has_event: Whether an event is written.
            unwound: Whether the exception leaves all phases before its event is written.
            metadata: More of the event.
            device_id: Device of the event.
        """
        recording, message = self.of(rank), message or cuda(6 * GIB)
        time_ns = self.begin_of(recording.host) + round((self.until if at is None else at) * 1e6) * 1000
        if unwound:
            depth = recording.depth()
            for index in range(depth):
                recording.leave(time_ns - (depth - index) * 1_000_000)
        now = _levels_at(recording, time_ns)
        released = Levels(now.allocated and now.allocated // 2, now.reserved, now.used, now.free, now.total)
        of_event = {"oom_reason": message.reason, **(metadata or {})}
        text = f"OOM detected ({message.reason})"
        event: dict[str, Any] = {"timestamp_ns": time_ns}
        if has_event:
            event = recording.add("error", time_ns, released, text, of_event, device_id)
            recording.levels = now
            recording.sort()
        if has_bundle:
            recording.bundles.append(Bundle(time_ns, message.text, message.exception_type, message.reason))
        self.failures.append(Failure(recording, event, message))
        return self.failures[-1]

    def error(self, rank: int, text: str, *, at: float | None = None) -> Failure:
        """Let a rank fail of something else than memory."""
        recording = self.of(rank)
        time_ns = self.begin_of(recording.host) + round((self.until if at is None else at) * 1e6) * 1000
        event = recording.add("error", time_ns, _levels_at(recording, time_ns), text)
        recording.sort()
        self.failures.append(Failure(recording, event, None, "error"))
        return self.failures[-1]

    def finish(
        self, *, after: float = 0.4, running: Iterable[int] = (), interrupted: Iterable[int] = ()
    ) -> None:
        """End all sessions: ranks that are not named write a stop event, those named are killed."""
        for recording in self.recordings:
            if recording.rank in set(running) | set(interrupted):
                recording.status = "running" if recording.rank in set(running) else "interrupted"
                continue
            end_ns = self.begin_of(recording.host) + round((self.until + after) * 1e6) * 1000
            recording.stop(max(end_ns, recording.events[-1]["timestamp_ns"] + 1000))

    def write(self, *, title: str | None = None, folder: str = "", **envelope: Any) -> int:
        """Write everything and return the number of events."""
        write_sinks(self.root, [*self.earlier, *self.recordings])
        self.write_bundles()
        if self.run_id is not None:
            write_envelope(self.root / folder, self.run_id, self.recordings, title=title, **envelope)
        return sum(len(recording.events) for recording in [*self.earlier, *self.recordings])

    def write_bundles(self) -> None:
        for recording in [*self.earlier, *self.recordings]:
            for number, bundle in enumerate(recording.bundles, start=1):
                write_bundle(self.root / "oom_dumps", recording, bundle, number)

    def story(self, expected: Expected, **checks: tuple[Any, Any]) -> Story:
        """Write the job and return its story."""
        events = self.write()
        return Story([self.root], expected, events, checks=checks)

    # What is known of the job.

    def expected_run(
        self,
        failures: Sequence[Failure],
        *,
        lost: Iterable[int] = (),
        running: Iterable[int] = (),
        missing: Iterable[int] = (),
    ) -> Expected:
        """Return what is expected of ``run``: failures are those of ranks, the first one first."""
        seen = sorted({recording.rank for recording in self.recordings})
        run_id = self.run_id or (f"job:{self.job_id}" if self.job_id else None)
        expected = Expected()
        expected.add(
            "run",
            run_id=run_id if run_id is not None else f"session:{self.recordings[0].session_id}",
            attempt=self.attempt,
            job_id=self.job_id,
            world_size=self.ranks,
            ranks_seen=seen,
            ranks_missing=sorted(missing),
            ranks_failed=sorted({failure.recording.rank for failure in failures}),
            ranks_lost=sorted(lost),
            ranks_running=sorted(running),
            code_version=self.metadata.get("code_version"),
            # Of a later attempt, or of the run that it belongs to.
            started_ns=OneOf(_begin(self.recordings), _begin([*self.earlier, *self.recordings])),
            failed_ns=failures[0].time_ns if failures else None,
            ambiguous=OneOf(False, None),
        )
        expected.values["ranks"] = {
            recording.rank: {
                "host": recording.host,
                "failed_ns": next((f.time_ns for f in failures if f.recording is recording), None),
            }
            for recording in self.recordings
        }
        assert self.plan is not None
        hosts = {recording.host for recording in self.recordings}
        if self.plan.has_phases and len(hosts) > 1 and not self.clock_offsets:
            expected.add("run", clock_spread_ns=Near(0, 20_000_000))
        elif len(hosts) == 1:
            expected.add("run", clock_spread_ns=OneOf(None, 0))
        return expected

    def expected_failure(
        self, failures: Sequence[Failure], *, certain: bool = True, origin: int | None = None, **states: Any
    ) -> Expected:
        """Return what is expected of a job that failed: the run, the first failure and the memory.

        Args:
            failures: Failures of ranks, the first one first.
            certain: Whether the order of the failures is certain.
            origin: Thread that the event of the failure names.
            states: Ranks that are ``lost``, ``running`` and ``missing``.
        """
        first = failures[0]
        found = [(recording, event["timestamp_ns"]) for recording, event in failing_events(self.recordings)]
        built = [(failure.recording, failure.time_ns) for failure in failures]
        assert [(r.rank, at) for r, at in found] == [(r.rank, at) for r, at in built]
        expected = self.expected_run(failures, **states)
        recording, message = first.recording, first.message
        path, line = segment_of(recording, first.event, [r for r in self.earlier if r.rank == recording.rank])
        expected.add(
            "first_failure",
            rank=recording.rank,
            host=recording.host,
            device_id=first.event["device_id"],
            session_id=recording.session_id,
            timestamp_ns=first.time_ns,
            time_source="event",
            # By how much the next rank failed later: the name says no more.
            lead_ns=failures[1].time_ns - first.time_ns if len(failures) > 1 else None,
            certain=certain,
            kind=first.kind,
            phase=phase_text(phase_spans(recording.events), first.time_ns, origin),
            phase_left=phases_left_expected(recording, first.time_ns),
            source_path=EndingWith(path),
            line_number=line,
            candidates=NOTHING,
        )
        if first.kind == "oom" and message is not None:
            expected.add("first_failure", fingerprint_id=oracle.oom_fingerprint(self.backend, message.reason))
            if recording.bundles:
                expected.add(
                    "first_failure",
                    exception_type=message.exception_type,
                    exception_message=message.text,
                    requested_bytes=message.requested,
                    free_bytes=message.free,
                )
        self.expect_memory(expected, recording, first.time_ns, message, first.event["device_id"])
        self.expect_others(expected, recording, first.time_ns)
        return expected

    def expect_memory(
        self,
        expected: Expected,
        recording: Recording,
        time_ns: int,
        message: Message | None,
        device_id: int = 0,
    ) -> oracle.Series:
        """Add what the definitions give for the memory of a session at a failure."""
        of = oracle.series(recording.events, time_ns, device_id)
        requested = message.requested if message and recording.bundles else None
        if of.samples:
            expected.add("memory", **oracle.account(of), requested=requested)
        levels = oracle.levels(of)
        if levels["growth"] is None:
            # An empty object of components is as good as none.
            expected.add("memory", pattern=None)
            expected.add("memory.growth", **dict.fromkeys(oracle.COMPONENTS))
        else:
            expected.add("memory.baseline", **levels["baseline"])
            expected.add("memory.growth", **levels["growth"])
            expected.add("memory", pattern=levels["pattern"])
        expected.add("memory", largest_growth=oracle.largest_growth(of, requested))
        return of

    def expect_others(self, expected: Expected, failing: Recording, time_ns: int) -> None:
        """Add what the definitions give for the ranks beside each other, where every rank has samples."""
        last = {}
        for recording in self.recordings:
            samples = [s for s in recording.samples if s["timestamp_ns"] <= time_ns]
            recent = time_ns - 5 * recording.interval_ms * 1_000_000
            if samples and samples[-1]["timestamp_ns"] >= recent:
                last[recording.rank] = samples[-1]
        if any(sample["device_used_bytes"] is None for sample in last.values()) or not last:
            return
        totals = {rank: sample["device_total_bytes"] for rank, sample in last.items()}
        expected.values["near_full"] = [
            rank
            for rank, total in totals.items()
            if total and last[rank]["device_used_bytes"] >= 0.95 * total
        ]
        if len(self.recordings) < 3:
            expected.values["odd_ranks"] = []
            return
        of = oracle.series(failing.events, time_ns, failing.device_id)
        odd = oracle.deviations(last, of) if of.samples else {}
        rows = sorted(odd.items(), key=lambda row: -abs(row[1][1]))
        slack = of.threshold / 20 if odd else 0
        expected.values["odd_ranks"] = [
            {"rank": rank, "component": component, "bytes_from_median": Near(bytes_from, slack)}
            for rank, (component, bytes_from) in rows
        ]

    def expect_before(self, expected: Expected, at_least: int) -> None:
        """Add that so many alerts, degradations and survived failures came before, or more (findings count)."""
        expected.add("", before_total=AtLeast(at_least))


def _begin(recordings: Iterable[Recording]) -> int:
    return min(int(recording.events[0]["timestamp_ns"]) for recording in recordings)


def _levels_at(recording: Recording, time_ns: int) -> Levels:
    """Return the counters of the last event that is not later."""
    event = max(
        (e for e in recording.events if e["timestamp_ns"] <= time_ns), key=lambda e: e["timestamp_ns"]
    )
    allocator = (event[f"allocator_{name}_bytes"] for name in ("allocated", "reserved"))
    device = (event[f"device_{name}_bytes"] for name in ("used", "free", "total"))
    return Levels(*allocator, *device)


def phases_left_expected(recording: Recording, time_ns: int) -> Any:
    """Return the phases left shortly before a failure on its main thread, in any order; none may be null."""
    events = [
        event
        for event in recording.events
        if event["metadata"].get("phase_scope", {}).get("thread_id") == MAIN_THREAD
    ]
    left = phases_left(events, time_ns)
    return AnyOrder(*left) if left else NOTHING
