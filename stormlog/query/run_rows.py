"""Rows about runs and their surroundings: frozen dataclasses whose ``as_dict()`` keeps the documented key order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from stormlog._readable_times import ReadableDuration, ReadableTime
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.query.documents import CorrelationAnchor, CorrelationDocument, SummaryDocument

__all__ = [
    "AttachmentStorage",
    "CorrelationEvidence",
    "CorrelationResult",
    "DerivedFieldsRow",
    "RollupWindowRow",
    "RunAttachmentRow",
    "RunRow",
    "SummaryRow",
    "TimelineMarker",
    "fields_of",
]

#: Whether what is attached lies here or elsewhere.
AttachmentStorage: TypeAlias = Literal["reference", "copy"]


@frozen_class
class RunRow:
    """One run.

    Args:
        explicit: Whether a run envelope describes it.
        started_at_ns: Nanoseconds since the Unix epoch; null where nothing is known of it.
        ended_at_ns: The same; null while a session runs.
        source_path: The envelope, else the source of the first session.
        source_kind: ``run_envelope`` or ``implicit_run``.
        source_namespace: System that ``source_ref`` belongs to, such as ``wandb``.
        source_ref: Id of the run there.
        attachment_count: Rows of ``list_run_attachments`` with this run.
        sessions: Ids of the sessions, by start.
        ranks: Ranks of the sessions, sorted.

    Source: docs/concepts.md#runs.
    """

    run_id: str
    explicit: bool
    title: str | None
    description: str | None
    job_id: str | None
    started_at_ns: int | None
    ended_at_ns: int | None
    source_path: str
    source_kind: str
    source_namespace: str | None
    source_ref: str | None
    session_count: int
    attachment_count: int
    sessions: tuple[str, ...]
    ranks: tuple[int, ...]
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    started_at = ReadableTime()
    ended_at = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, tuples as lists."""
        return fields_of(self)


@frozen_class
class RunAttachmentRow:
    """One thing that belongs to a run.

    Args:
        kind: ``telemetry_sink``, ``telemetry_sink_segment``, ``telemetry_rollup``, ``telemetry_file``,
            ``diagnose_bundle``, ``oom_bundle``, or what an envelope or sidecar says.
        start_ns: Start of the time it covers, in nanoseconds since the Unix epoch.
        end_ns: End of that time.
        source_path: Its url, else its path, else the file that declares it.

    Source: docs/concepts.md#attachments.
    """

    run_id: str
    title: str
    kind: str
    storage: AttachmentStorage
    attachment_id: str | None
    url: str | None
    path: str | None
    session_id: str | None
    job_id: str | None
    rank: int | None
    local_rank: int | None
    world_size: int | None
    start_ns: int | None
    end_ns: int | None
    source_path: str
    source_kind: str
    source_namespace: str | None
    source_ref: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    start = ReadableTime()
    end = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return fields_of(self)


@frozen_class
class SummaryRow:
    """One number about a group of events or sessions.

    Args:
        metric: One of `stormlog.query.SUMMARY_METRICS`.
        group_by: How events were grouped: ``session``, ``session-rank``, ``rank`` or ``status``.
        value: Bytes, or a count.
        session_id: Session of the group, where it is one.
        rank: Rank of the group, where it is one.
        status: Status of the sessions of the group, where it is one.
        details: ``timestamp_ns`` of a peak; first, latest and peak gap in bytes and the number of samples.

    Source: docs/concepts.md#summaries.
    """

    metric: str
    group_by: str
    value: int
    session_id: str | None = None
    rank: int | None = None
    status: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> SummaryDocument:
        """Return metric, group_by, session_id, rank, status, value and the details, side by side."""
        names = ("metric", "group_by", "session_id", "rank", "status", "value")
        return cast("SummaryDocument", {**{name: getattr(self, name) for name in names}, **self.details})


@frozen_class
class TimelineMarker:
    """A landmark of a session: where something happened, or a phase ran.

    Args:
        start_ns: When it happened or began, in nanoseconds since the Unix epoch.
        end_ns: When it ended; null for what has no length.
        kind: ``lifecycle``, ``collector``, ``alert``, ``oom`` or ``phase``.
        source: ``telemetry_event`` or ``phase_replay``.
        severity: ``info``, ``warning`` or ``critical``.

    Source: docs/concepts.md#timeline-markers.
    """

    session_id: str
    start_ns: int
    end_ns: int | None
    kind: str
    source: str
    severity: str
    label: str
    rank: int | None = None
    local_rank: int | None = None
    world_size: int | None = None
    event_type: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    start = ReadableTime()
    end = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return fields_of(self)


@frozen_class
class DerivedFieldsRow:
    """Ratios that follow from the counters of one event.

    Args:
        allocator_gap_bytes: What the allocator holds and has not handed out.
        utilization_ratio: Part of the device that is handed out.
        fragmentation_ratio: Part of what the allocator holds that it cannot hand out.
        allocator_cache_ratio: Part of what the allocator holds that is not handed out; null up to version 3.
        segment_path: File that holds the event.

    Source: docs/concepts.md#derived-fields.
    """

    session_id: str
    rank: int
    timestamp_ns: int
    event_type: str
    schema_version: int
    allocator_gap_bytes: int | None
    utilization_ratio: float | None
    fragmentation_ratio: float | None
    allocator_cache_ratio: float | None
    is_degraded_collector: bool
    segment_path: str
    line_number: int
    timestamp = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return fields_of(self)


@frozen_class
class RollupWindowRow:
    """Sums and peaks of one part of a session's time, as the rollups of its sink give them.

    Args:
        window_index: Number of the part, from 0.
        start_ns: Where it begins, in nanoseconds since the Unix epoch; it ends at ``end_ns``.

    Source: docs/concepts.md#rollups.
    """

    session_id: str
    window_index: int
    start_ns: int
    end_ns: int
    event_count: int
    sample_count: int
    rank_count: int
    peak_allocated_bytes: int | None
    peak_reserved_bytes: int | None
    peak_used_bytes: int | None
    alert_count: int
    transition_count: int
    oom_count: int
    window_duration_ns: int
    rollups_path: str
    start = ReadableTime()
    end = ReadableTime()
    window_duration = ReadableDuration()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return fields_of(self)


@frozen_class
class CorrelationEvidence:
    """Something that happened around a moment, or that belongs to it.

    Args:
        kind: One of `stormlog.query.CORRELATION_KINDS`.
        start_ns: When it happened or began, in nanoseconds since the Unix epoch.
        end_ns: When it ended; null for events.
        confidence: ``high``, ``medium`` or ``low``.
        reasons: Why it is in the answer, and what the confidence rests on.

    Source: docs/concepts.md#correlation.
    """

    evidence_id: str
    kind: str
    title: str
    session_id: str | None
    job_id: str | None
    rank: int | None
    world_size: int | None
    start_ns: int | None
    end_ns: int | None
    source_path: str
    source_kind: str
    metadata: Mapping[str, Any]
    confidence: str
    reasons: tuple[str, ...]
    start = ReadableTime()
    end = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, reasons as a list."""
        return fields_of(self)


@frozen_class
class CorrelationResult:
    """What was found around a moment.

    Args:
        anchor: The moment: when, of which session, job and rank, and how far around it was looked.
        evidence: The surest and nearest first.
        warnings: What was skipped when files were found and read.
    """

    anchor: CorrelationAnchor
    evidence: list[CorrelationEvidence]
    warnings: list[str]

    def as_dict(self) -> CorrelationDocument:
        """Return anchor, evidence and warnings."""
        return {
            "anchor": self.anchor,
            "evidence": [item.as_dict() for item in self.evidence],
            "warnings": list(self.warnings),
        }


def fields_of(row: Any) -> dict[str, Any]:
    """Return all fields of a row in order, tuples as lists."""
    values = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
