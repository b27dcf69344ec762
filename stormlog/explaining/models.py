"""The account of a run: which rank failed first, in which phase, and where its memory went.

Promise: what is not known is null; bytes are bytes, times are nanoseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from stormlog._readable_times import ReadableDuration, ReadableTime
from stormlog._values import UNPRINTED, frozen_class
from stormlog.explaining.plain_fields import Plain
from stormlog.explaining.timeline_models import MemoryTimeline

__all__ = [
    "COMPONENTS",
    "MOST_OTHER_RUNS",
    "EarlierGrowth",
    "CommandExit",
    "Explanation",
    "ExplainedRun",
    "FirstFailure",
    "MemoryAccount",
    "NearFull",
    "OddRank",
    "OtherRun",
    "PriorHits",
    "RankState",
    "SameIssue",
]

#: Runs that `Explanation.other_runs` names at most.
MOST_OTHER_RUNS = 10

#: The components of device memory, in the order in which they are shown.
COMPONENTS = ("allocated", "reserved_unused", "outside_allocator", "process", "free")


@frozen_class
class ExplainedRun(Plain):
    """The attempt of a run that is explained.

    Args:
        run_id: As `stormlog query runs` and view ``runs`` name it.
        attempt: Number of the attempt within the run, from 1.
        world_size: Number of ranks as the telemetry says it; null when it does not.
        ranks_seen: Ranks with a session.
        ranks_missing: Ranks below the world size without one.
        ranks_failed: Ranks with a failure of their own.
        ranks_lost: Ranks whose telemetry ends without a reason, well before the first failure.
        ranks_running: Ranks that neither ended nor failed, and are not lost.
        code_version: Version of the code that ran.
        started_ns: First event or start of a session.
        failed_ns: First failure; null when there is none.
        clock_spread_ns: How far the clocks of the hosts seem to be apart; null when that cannot be told.
        ambiguous: Whether sessions of the same rank overlap in time, so that each is explained alone.
        last_ns: Newest record.

    Source: docs/why.md#runs-and-attempts.
    """

    run_id: str
    attempt: int
    job_id: str | None
    world_size: int | None
    ranks_seen: tuple[int, ...]
    ranks_missing: tuple[int, ...]
    ranks_failed: tuple[int, ...]
    ranks_lost: tuple[int, ...]
    ranks_running: tuple[int, ...]
    code_version: str | None
    started_ns: int | None
    failed_ns: int | None
    clock_spread_ns: int | None
    ambiguous: bool
    last_ns: int | None = None
    started = ReadableTime()
    failed = ReadableTime()
    clock_spread = ReadableDuration()
    last = ReadableTime()


@frozen_class
class FirstFailure(Plain):
    """The earliest failure of an attempt.

    Args:
        rank: Null where several ranks come into question: see ``candidates``.
        time_source: ``event``, or ``bundle`` where only an OOM bundle tells, in whole seconds.
        lead_ns: Time to the failure of the next rank; null without one.
        certain: False where clocks or whole seconds may hide another order.
        kind: ``oom`` or ``error``.
        survived: Whether the rank went on for long after it; then no rank has a failure that it did not survive.
        phase: Phase of the thread that failed, or of the rank; ``(likely) ...`` and ``(ambiguous) ...`` say doubt.
        phase_left: Phases of that thread that were left within the last 0.1 s before the failure.
        exception_type: Name of the exception's class, as recorded.
        requested_bytes: What the failed allocation asked for, as the message says.
        free_bytes: What was free then, as the message says.
        source_path: File that holds the event, or directory of the bundle.
        line_number: Line in that file; null for a bundle.
        candidates: Ranks that may have been first, where ``rank`` is null.
        context: Text of the event; null for a bundle.
        allocator_snapshot_path: What PyTorch's allocator held then, as a file that is not read; null without one.

    Source: docs/why.md#failures.
    """

    rank: int | None
    host: str | None
    device_id: int | None
    session_id: str | None
    timestamp_ns: int | None
    time_source: str
    lead_ns: int | None
    certain: bool
    kind: str
    survived: bool
    fingerprint_id: str | None
    phase: str | None
    phase_left: tuple[str, ...]
    exception_type: str | None
    exception_message: str | None
    requested_bytes: int | None
    free_bytes: int | None
    source_path: str | None
    line_number: int | None
    candidates: tuple[int, ...] = ()
    context: str | None = None
    allocator_snapshot_path: str | None = None
    timestamp = ReadableTime()
    lead = ReadableDuration()


@frozen_class
class MemoryAccount(Plain):
    """Where the memory of one device was, and which part of it grew. The parts and ``unexplained`` add up to ``total``.

    Args:
        session_id: Session of the series.
        rank: Its rank.
        host: Its machine.
        device_id: Its device; -1 for no device.
        total_bytes: Size of the device.
        allocated_bytes: Handed out by the allocator.
        reserved_unused_bytes: Held by the allocator and not handed out.
        outside_allocator_bytes: Used on the device by something else than the allocator.
        process_bytes: What the process uses, where the collector sees one number only; the three above are null then.
        free_bytes: Free on the device.
        unexplained_bytes: What the counters do not explain: they contradict one another by so much.
        requested_bytes: What the failed allocation asked for.
        timestamp_ns: Time of the sample.
        age_ns: How long before the failure, or the time that was asked for, it was taken.
        baseline: Component -> its usual level in the first third of the time; null where it cannot be told.
        growth: Component -> level at the end less that at the baseline.
        largest_growth: Component that grew most, ``request`` where nothing grew and the request was too large, or null.
        pattern: ``flat``, ``steady`` or ``sudden``.
        note: A sentence about what is not known.
        growth_phase: Phase in which most of the largest growth happened; null if no single one stands out.
        growth_phase_bytes: By how much memory grew in it since the baseline, all times together.
        growth_phase_count: How often it was entered since then.

    Source: docs/why.md#memory.
    """

    session_id: str
    rank: int
    host: str | None
    device_id: int | None
    total_bytes: int | None
    allocated_bytes: int | None
    reserved_unused_bytes: int | None
    outside_allocator_bytes: int | None
    process_bytes: int | None
    free_bytes: int | None
    unexplained_bytes: int | None
    requested_bytes: int | None
    timestamp_ns: int
    age_ns: int | None
    baseline: Mapping[str, int | None] | None = None
    growth: Mapping[str, int | None] | None = None
    largest_growth: str | None = None
    pattern: str | None = None
    note: str | None = None
    growth_phase: str | None = None
    growth_phase_bytes: int | None = None
    growth_phase_count: int | None = None
    timestamp = ReadableTime()
    age = ReadableDuration()


@frozen_class
class EarlierGrowth(Plain):
    """How the failed series differs from the same rank of the last earlier run without a failure.

    Args:
        run_id: That run.
        code_version: Its version of the code.
        growth: Component -> level at the end less the level at the end of that run.
    """

    run_id: str
    code_version: str | None
    growth: Mapping[str, int | None]


@frozen_class
class RankState(Plain):
    """A rank of the attempt at its own failure, or at the first one.

    Args:
        failed_ns: When it failed; null if it did not.
        used_bytes: Memory in use at its last sample not later than the first failure.
        total_bytes: Size of the device that this is about.
        kind: ``oom`` or ``error``; null if it did not fail.
        phase: Phase that it was in.
    """

    rank: int
    host: str | None
    failed_ns: int | None
    used_bytes: int | None
    phase: str | None
    total_bytes: int | None = None
    kind: str | None = None
    failed = ReadableTime()


@frozen_class
class OddRank(Plain):
    """A rank whose memory is far from that of the others at the first failure.

    Args:
        component: The component that deviates most.
        bytes_from_median: Its bytes less the median of all ranks.
        since_start: Whether the rank deviated as much from the beginning.
    """

    rank: int
    component: str
    bytes_from_median: int
    since_start: bool


@frozen_class
class NearFull(Plain):
    """A rank that used at least 95 % of its device at the first failure."""

    rank: int
    device_id: int | None
    used_bytes: int
    total_bytes: int


@frozen_class
class PriorHits(Plain):
    """Hits of one issue before the failure.

    Args:
        count: How often, in this attempt.
        ranks: Ranks with hits, sorted.
    """

    fingerprint_id: str
    kind: str
    severity: str
    title: str
    count: int
    first_ns: int | None
    last_ns: int | None
    ranks: tuple[int, ...]
    first = ReadableTime()
    last = ReadableTime()


@frozen_class
class SameIssue(Plain):
    """The same failure in other runs.

    Args:
        issue: Id in the tracker; the fingerprint where no tracker knows it.
        number: Short number in the tracker; null without one.
        status: Status in the tracker; null without one.
        first_version: Version of the earliest run that had it.
        last_version_without: Version of the latest earlier run that did not have it.
        runs: Number of runs that had it, this one included.
    """

    issue: str
    number: int | None
    status: str | None
    first_version: str | None
    last_version_without: str | None
    runs: int


@frozen_class
class OtherRun(Plain):
    """Another run, or attempt, that failed."""

    run_id: str
    attempt: int
    failed_ns: int | None
    code_version: str | None
    failed = ReadableTime()


@frozen_class
class CommandExit(Plain):
    """How the command of a rank ended, as ``stormlog run`` saw it from outside.

    Args:
        summary: In words, with the cause as far as something shows it.
    """

    rank: int
    summary: str


@frozen_class
class Explanation(Plain):
    """Why a run failed, as far as its telemetry tells.

    Args:
        run: What is explained.
        first_failure: Null where nothing failed.
        memory: Account of the failing series; of the series with the highest use where nothing failed.
        against_last_good: Comparison with the last earlier run that did not fail.
        accounts: The account of every series, where a time was asked for instead of a failure.
        ranks: Every rank seen: those that failed first, in the order of their failures.
        odd_ranks: Largest deviation first; those that deviated from the start last.
        near_full: By rank.
        before: The last 20 issues with hits before the failure, the latest first.
        before_total: Number of such hits.
        same_as: Null where the failure was not seen elsewhere.
        next: Commands that lead on.
        other_runs: At most 10 other runs that failed, the latest first.
        at_ns: The time that was asked for instead of a failure; null where none was.
        exits: How commands ended that ``stormlog run`` ran, by rank.
        timeline: Memory around the time of the account, of the same device; null without one. For plots: it is no part
            of the JSON.

    What `as_dict` returns is what ``stormlog why --json`` prints.

    Source: docs/why.md.
    """

    run: ExplainedRun
    first_failure: FirstFailure | None = None
    memory: MemoryAccount | None = None
    against_last_good: EarlierGrowth | None = None
    accounts: tuple[MemoryAccount, ...] = ()
    ranks: tuple[RankState, ...] = ()
    odd_ranks: tuple[OddRank, ...] = ()
    near_full: tuple[NearFull, ...] = ()
    before: tuple[PriorHits, ...] = ()
    before_total: int = 0
    same_as: SameIssue | None = None
    next: tuple[str, ...] = field(default_factory=tuple)
    other_runs: tuple[OtherRun, ...] = ()
    at_ns: int | None = None
    exits: tuple[CommandExit, ...] = ()
    timeline: MemoryTimeline | None = field(default=None, metadata={UNPRINTED: True})
    at = ReadableTime()

    def __repr__(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands print no objects.

        return f"<Explanation: {shown_by('explanation_text', self)}>"

    def _repr_html_(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands have no notebook.

        return shown_by("explanation_html", self)
