"""The account of one issue: what it is, where it happened, and what surrounds it.

Promise: what is not known is null; bytes are bytes, times are nanoseconds since the Unix epoch. No list grows with the
number of events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class
from stormlog.explaining.models import FirstFailure
from stormlog.explaining.plain_fields import Plain
from stormlog.explaining.timeline_models import MemoryTimeline

__all__ = [
    "EvidencePlace",
    "IssueAccount",
    "IssueException",
    "IssueRun",
    "TrendBucket",
    "ValueCount",
    "ValueSpread",
    "VersionRange",
]


@frozen_class
class IssueException(Plain):
    """What the program was told when it failed.

    Args:
        exception_type: Name of the exception's class.
        message: Its message, or the text of the latest event where no OOM bundle has one.
        requested_bytes: What the failed allocation asked for, as the message says.
        free_bytes: What was free then, as the message says.
    """

    exception_type: str | None
    message: str | None
    requested_bytes: int | None
    free_bytes: int | None


@frozen_class
class IssueRun(Plain):
    """A run with hits of the issue.

    Args:
        attempt: Number of the attempt within the run, from 1.
        hit_count: Hits of the issue in the attempt.
        first_ns: First of these hits.
        last_ns: Last of these hits.
        first_failure: The first failure of the attempt that is a hit of the issue; of any issue where none is, or null
            where no rank failed.
        is_of_issue: Whether that failure is a hit of the issue.
        is_first: Whether no other failure of the attempt came before it.
    """

    run_id: str
    attempt: int
    code_version: str | None
    hit_count: int
    first_ns: int | None
    last_ns: int | None
    first_failure: FirstFailure | None = None
    is_of_issue: bool = False
    is_first: bool = False
    first = ReadableTime()
    last = ReadableTime()


@frozen_class
class ValueCount(Plain):
    """Hits with one value of a field.

    Args:
        value: As text; null for hits of which the value is not known.
        share: Part of the hits of the issue, 0 to 1.
    """

    value: str | None
    hit_count: int
    share: float


@frozen_class
class ValueSpread(Plain):
    """How the hits of the issue spread over the values of a field.

    Args:
        field: rank, host, device, phase, version or job.
        values: The most frequent ones, those with most hits first.
        value_count: Number of different values, also of those that are left out.
        rest_hit_count: Hits with the values that are left out.
    """

    field: str
    values: tuple[ValueCount, ...]
    value_count: int
    rest_hit_count: int


@frozen_class
class TrendBucket(Plain):
    """Hits in one of 24 equal parts of the time between the first and the last hit of all issues.

    Args:
        start_ns: Where the part begins.
        end_ns: Where it ends; this instant belongs to the next part.
    """

    start_ns: int
    end_ns: int
    hit_count: int
    start = ReadableTime()
    end = ReadableTime()


@frozen_class
class EvidencePlace(Plain):
    """Where a hit is recorded.

    Args:
        path: File that holds the event, or directory of the OOM bundle.
        line_number: Line in that file; null for a bundle.
        event_type: Null for a bundle.
    """

    path: str
    line_number: int | None
    timestamp_ns: int | None
    rank: int | None
    session_id: str | None
    event_type: str | None
    timestamp = ReadableTime()


@frozen_class
class VersionRange(Plain):
    """Versions of the code between which the issue came in, and came back.

    Only runs of the same job are compared, and those that do not say their version are left out.

    Args:
        last_without: Version of the latest run before the first run with hits.
        first_with: Version of the first run with hits; null where it does not say.
        latest_with: Version of the latest run with hits; likewise.
        gone_in: Version of the latest run without hits between runs with hits; null where there is none.
        back_in: Version of the first run with hits after that one; null where it does not say.
    """

    last_without: str | None = None
    first_with: str | None = None
    latest_with: str | None = None
    gone_in: str | None = None
    back_in: str | None = None

    @property
    def latest_change(self) -> tuple[str, str] | None:
        """The versions without and with the issue when it came in or came back last; None where one is not known."""
        before, after = (
            (self.last_without, self.first_with) if self.gone_in is None else (self.gone_in, self.back_in)
        )
        return None if before is None or after is None or before == after else (before, after)


@frozen_class
class IssueAccount(Plain):
    """What the telemetry says of one issue.

    Args:
        fingerprint_id: Id of the issue; of those asked for, the one with the earliest evidence.
        fingerprint_ids: All ids that were asked for and have evidence.
        kind: oom, collector_degradation, alert or hidden_memory_anomaly.
        severity: The most severe word among the hits.
        title: Short name.
        what: What tells the issue apart from others with the same title; empty where nothing does.
        dimensions: What makes the issue.
        details: Facts of the last hit.
        state: open, resolved, ignored or regressed, as a tracker or sidecar says.
        hit_count: Number of hits.
        session_count: Sessions with hits.
        run_count: Runs with hits.
        first_ns: Earliest hit.
        last_ns: Latest hit.
        exception: Of the latest OOM bundle that has a message, or of the latest event.
        latest_run: The run with the latest hit; null where no hit belongs to a run.
        spread: By field: rank, host, device, phase, version, job.
        trend: By time; empty where no hit has a time.
        timeline: Null where the session of the representative evidence has no samples around it.
        evidence: At most three: the earliest event, then the latest ones.
        bundle_path: The latest OOM bundle.
        versions: When the issue came in.
        next: Commands that lead on.
        allocator_snapshot_path: What PyTorch's allocator held, in that bundle: a file that is not read. Null without.

    Source: docs/python.md#one-issue.
    """

    fingerprint_id: str
    fingerprint_ids: tuple[str, ...]
    kind: str
    severity: str
    title: str
    what: str
    dimensions: Mapping[str, Any]
    details: Mapping[str, Any]
    state: str
    hit_count: int
    session_count: int
    run_count: int
    first_ns: int | None
    last_ns: int | None
    exception: IssueException
    latest_run: IssueRun | None
    spread: tuple[ValueSpread, ...]
    trend: tuple[TrendBucket, ...]
    timeline: MemoryTimeline | None
    evidence: tuple[EvidencePlace, ...]
    bundle_path: str | None
    versions: VersionRange
    next: tuple[str, ...] = field(default_factory=tuple)
    allocator_snapshot_path: str | None = None
    first = ReadableTime()
    last = ReadableTime()

    def __repr__(self) -> str:
        from stormlog._short_repr import hits, repr_of_titled  # Late: commands print no objects.

        words = (self.fingerprint_id, self.state, self.severity, self.kind, hits(self.hit_count))
        return repr_of_titled(self, words, self.title)

    def _repr_html_(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands have no notebook.

        return shown_by("account_html", self)
