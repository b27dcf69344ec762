"""Memory over some time: what plots and pictures are made of.

Promise: no peak is lost, and no list grows with the number of samples.
"""

from __future__ import annotations

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class
from stormlog.explaining.plain_fields import Plain

__all__ = ["MemoryTimeline", "PhaseBand", "TimelineMark", "TimelinePoint", "TimelineSeries"]


@frozen_class
class TimelinePoint(Plain):
    """A counter in one part of the time of a timeline."""

    start_ns: int
    end_ns: int
    first_bytes: int
    last_bytes: int
    min_bytes: int
    max_bytes: int
    sample_count: int
    start = ReadableTime()
    end = ReadableTime()


@frozen_class
class TimelineSeries(Plain):
    """A counter over time. Parts of the time without a sample have no point.

    Args:
        counter: allocated, reserved or used.
    """

    counter: str
    points: tuple[TimelinePoint, ...]


@frozen_class
class PhaseBand(Plain):
    """A stretch of the timeline in which one phase took most of the time.

    Args:
        phase: Names from the outermost phase to this one, joined with `` / ``.
    """

    phase: str
    start_ns: int
    end_ns: int
    start = ReadableTime()
    end = ReadableTime()


@frozen_class
class TimelineMark(Plain):
    """What happened in the session of the timeline, in one part of its time.

    Args:
        kind: ``failure``, or the kind of the issue that has the hits: oom, alert, ...
        timestamp_ns: The first of them.
        count: How many there were.
    """

    kind: str
    timestamp_ns: int
    count: int
    timestamp = ReadableTime()


@frozen_class
class MemoryTimeline(Plain):
    """Memory of one device around a moment.

    Args:
        device_id: -1 for no device.
        timestamp_ns: The moment: of the representative evidence of an issue, or of a failure.
        start_ns: Where the timeline begins: the first sample, at most 30 minutes before the moment.
        end_ns: Where it ends: the last sample, at most 5 minutes after it.
        total_bytes: Size of the device.
        bucket_count: Number of equal parts that the time is cut into.
        series: allocated, reserved and used, as far as they are known.
        phases: By time; parts of the time without a phase have none.
        marks: By time.
    """

    session_id: str
    rank: int
    device_id: int
    timestamp_ns: int
    start_ns: int
    end_ns: int
    total_bytes: int | None
    bucket_count: int
    series: tuple[TimelineSeries, ...]
    phases: tuple[PhaseBand, ...] = ()
    marks: tuple[TimelineMark, ...] = ()
    timestamp = ReadableTime()
    start = ReadableTime()
    end = ReadableTime()
