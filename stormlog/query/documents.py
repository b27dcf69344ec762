"""Mappings that are printed as JSON of rows.

They are apart so that no command makes these classes to answer: that takes longer than some answers. What
`stormlog.specification` makes of a class goes by the annotations that name them.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from stormlog.query.run_rows import CorrelationEvidence

__all__ = ["CorrelationAnchor", "CorrelationDocument", "EventDocument", "SummaryDocument"]


class EventDocument(TypedDict):
    """What `EventRow.as_dict` returns.

    Attributes:
        schema_version: 3 or 4; older records are converted.
        timestamp_ns: When it happened, since the Unix epoch.
        event_type: sample, start, stop, warning, critical, error, ...
        collector: What measured.
        device_id: Number of the device; -1 for none.
        allocator_allocated_bytes: Handed out by the allocator.
        allocator_reserved_bytes: Held by the allocator.
        allocator_active_bytes: In blocks that are in use.
        allocator_inactive_bytes: In blocks that are not in use.
        allocator_change_bytes: Change of what is handed out since the event before.
        device_used_bytes: In use on the device, by everybody.
        device_free_bytes: Free on the device.
        device_total_bytes: Size of the device.
        context: What the program was doing, in the words of its code.
        metadata: Whatever the collector wrote besides.
    """

    schema_version: int
    session_id: str
    timestamp_ns: int
    event_type: str
    collector: str
    sampling_interval_ms: int
    pid: int
    host: str
    job_id: str | None
    rank: int
    local_rank: int
    world_size: int
    device_id: int
    allocator_allocated_bytes: int | None
    allocator_reserved_bytes: int | None
    allocator_active_bytes: int | None
    allocator_inactive_bytes: int | None
    allocator_change_bytes: int | None
    device_used_bytes: int | None
    device_free_bytes: int | None
    device_total_bytes: int | None
    context: str | None
    metadata: dict[str, Any]
    source_path: str
    source_kind: str
    session_status: str


class SummaryDocument(TypedDict):
    """What `SummaryRow.as_dict` returns: the last five keys where the metric has them.

    Attributes:
        timestamp_ns: When the peak was, since the Unix epoch.
        first_gap_bytes: The gap of the first sample.
        latest_gap_bytes: The gap of the last sample.
        peak_gap_bytes: The widest gap.
        sample_count: Samples with a gap.
    """

    metric: str
    group_by: str
    session_id: str | None
    rank: int | None
    status: str | None
    value: int
    timestamp_ns: NotRequired[int | None]
    first_gap_bytes: NotRequired[int | None]
    latest_gap_bytes: NotRequired[int | None]
    peak_gap_bytes: NotRequired[int | None]
    sample_count: NotRequired[int]


class CorrelationAnchor(TypedDict):
    """A moment around which something is looked for; what is not known of it is null.

    Attributes:
        at_ns: When, since the Unix epoch.
        record_id: The event that it is, if one was named; the keys down to ``event_type`` are of this event then, else
            they are those that were asked for.
        scope: ``session`` or ``distributed``: whether other sessions of the job belong to it.
        window_ns: How far to either side was looked.
        clock_domain: What times are measured by.
        clock_normalization: Whose clocks they are.
        clock_note: What that means for times of several hosts.
    """

    at_ns: int
    record_id: str | None
    session_id: str | None
    job_id: str | None
    rank: int | None
    world_size: int | None
    source_path: str | None
    source_kind: str | None
    event_type: str | None
    scope: str
    window_ns: int
    clock_domain: str
    clock_normalization: str
    clock_note: str


class CorrelationDocument(TypedDict):
    """What `CorrelationResult.as_dict` returns."""

    anchor: CorrelationAnchor
    evidence: list[Annotated[dict[str, Any], CorrelationEvidence]]
    warnings: list[str]
