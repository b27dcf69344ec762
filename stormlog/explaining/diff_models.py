"""The comparison of two runs: what became of the issues, and how much memory each phase needed.

Promise: what is not known is null, and never 0; bytes are bytes, times are nanoseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Mapping

from stormlog._readable_times import ReadableDuration, ReadableTime
from stormlog._values import frozen_class
from stormlog.explaining.models import FirstFailure
from stormlog.explaining.plain_fields import Plain

__all__ = ["CHANGES", "PEAK_METRICS", "ComparedRun", "IssueChange", "IssueHits", "PeakChange", "PhasePeak"]
__all__ += ["RunDiff"]

#: What may have become of an issue, in the order in which issues are listed.
CHANGES = ("new", "gone", "same")

#: What is compared in each phase, in the order in which it is listed.
PEAK_METRICS = ("peak_allocated", "peak_reserved", "peak_used", "hidden")


@frozen_class
class ComparedRun(Plain):
    """One side of a comparison.

    Args:
        paths: What was opened to find it.
        run_id: As `stormlog query runs` and view ``runs`` name it.
        attempt: The attempt that is compared; null for all of them together.
        attempt_count: Attempts that the run has.
        outcome: Of the attempt, or of the last one: ``failed``, ``lost`` (a rank's telemetry ends without a reason),
            ``running`` (a rank neither ended nor failed) or ``ended``.
        first_failure: Of the same attempt; null when none is known.
        session_count: Sessions that are compared.
        code_versions: Versions of the code in these, sorted.
        world_size: Number of ranks as the telemetry says it.
        ranks_seen: Ranks of the attempt whose outcome is told; the next three are among them.
        ranks_running: Ranks that neither ended nor failed, and are not lost.
        started_ns: First event or start of a session.
        last_ns: Newest record.
        duration_ns: Time between the two: of a run that is running, so far.
        ambiguous: Whether sessions of the same rank overlap in time.

    Source: docs/diff.md#json.
    """

    paths: tuple[str, ...]
    run_id: str
    title: str | None
    job_id: str | None
    attempt: int | None
    attempt_count: int
    outcome: str
    first_failure: FirstFailure | None
    session_count: int
    code_versions: tuple[str, ...]
    world_size: int | None
    ranks_seen: tuple[int, ...]
    ranks_failed: tuple[int, ...]
    ranks_lost: tuple[int, ...]
    ranks_running: tuple[int, ...]
    started_ns: int | None
    last_ns: int | None
    duration_ns: int | None
    ambiguous: bool
    started = ReadableTime()
    last = ReadableTime()
    duration = ReadableDuration()


@frozen_class
class IssueHits(Plain):
    """What one run has of an issue.

    Args:
        hit_count: How often it was seen.
        session_count: Sessions in which it was.
        ranks: Ranks on which it was, sorted; bundles may not say.
        first_ns: When it was first; null when no hit says.
        last_ns: When it was last.
    """

    hit_count: int
    session_count: int
    ranks: tuple[int, ...]
    first_ns: int | None
    last_ns: int | None
    first = ReadableTime()
    last = ReadableTime()


@frozen_class
class IssueChange(Plain):
    """What became of an issue.

    Args:
        change: ``new`` (the first run has no hit of it), ``gone`` (the second has none) or ``same`` (both have).
        severity: As the list of issues says it, of what was opened for the second run; of one that is gone, the first.
        what: What tells it from issues of the same title.
        number: Its number in the tracker; null without one.
        status: Its status there.
        before: What the first run has of it; null for nothing.
        after: Likewise the second run.

    Source: docs/diff.md#issues.
    """

    fingerprint_id: str
    change: str
    kind: str
    severity: str
    title: str
    what: str
    number: int | None
    status: str | None
    before: IssueHits | None
    after: IssueHits | None


@frozen_class
class PhasePeak(Plain):
    """The highest memory of any rank of a run, and where that was.

    Args:
        peak_bytes: Null where no sample of any rank says.
        rank: The rank; likewise null, and all that follows but the counts.
        path: File that holds the sample.
        line_number: Its line.
        rank_count: Ranks that were in the phase, one for each attempt.
        unknown_count: Those of them of which no sample says.
    """

    peak_bytes: int | None
    rank: int | None
    device_id: int | None
    session_id: str | None
    timestamp_ns: int | None
    path: str | None
    line_number: int | None
    rank_count: int
    unknown_count: int
    timestamp = ReadableTime()


@frozen_class
class PeakChange(Plain):
    """How the peak of a phase differs between two runs.

    Args:
        phase: Names from the outermost phase, joined with `` / ``; null for the whole run.
        metric: One of ``peak_allocated``, ``peak_reserved``, ``peak_used`` and ``hidden``.
        before: Of the first run; null if it has no such phase.
        after: Likewise of the second run.
        difference_bytes: The second less the first; null unless both are known.
        difference_percent: The same in percent of the first, with two decimals; null too if that is 0.

    Source: docs/diff.md#peaks.
    """

    phase: str | None
    metric: str
    before: PhasePeak | None
    after: PhasePeak | None
    difference_bytes: int | None
    difference_percent: float | None


@frozen_class
class RunDiff(Plain):
    """Two runs, side by side.

    Args:
        before: The run that was named first.
        after: The run that was named second.
        is_same_run: Whether both are the same run, or attempt, below the same paths.
        issue_counts: ``new``, ``gone`` and ``same`` -> number of issues.
        issues: Issues of both runs: new, gone, same; the worst and latest first in each.
        peaks: Of the whole run first, then by phase; a row for each metric.

    Source: docs/diff.md.
    """

    before: ComparedRun
    after: ComparedRun
    is_same_run: bool
    issue_counts: Mapping[str, int]
    issues: tuple[IssueChange, ...]
    peaks: tuple[PeakChange, ...]
