"""How often a sink is written, how large its files get, and how much is kept.

Source: docs/capture.md#sink.
"""

from __future__ import annotations

from typing import Literal

from stormlog._values import frozen_class

__all__ = ["SinkOptions"]

_MIB = 1024 * 1024


@frozen_class
class SinkOptions:
    """What a sink writer goes by.

    Attributes:
        flush_every_events: Records that wait in memory before they are written.
        flush_every_seconds: Longest time that a record waits, in seconds.
        rollover_max_bytes: Size of a segment after which the next one is begun, in bytes. A batch is not split, so
            that a segment can be larger by one batch.
        rollover_max_events: Records of a segment after which the next one is begun.
        retention_max_files: Segments that are kept; older ones are deleted.
        retention_max_total_bytes: Bytes of segments that are kept; likewise.
        fsync: When the disk is waited for: after every ``flush``, at each ``rollover`` and at the end, or ``never``.
            Without, the end of a file can be missing after the machine failed, not after the process failed.
        buffer_max_bytes: Bytes of records that wait in memory at most, for a disk that is slow, full or away. The
            oldest are dropped then, and counted.
        retry_seconds: Pause after a write that failed, in seconds; doubled after each further one.
        retry_max_seconds: Longest such pause, in seconds.
        writes_in_background: Whether a thread of the writer writes the files. False: the thread that appends does.
        compact_at_close: Whether another process, of the lowest priority, puts Parquet in the place of segments once
            the sink is closed.
        compact_wait_seconds: How long the end of the job waits for that process before it is stopped, in seconds.
    """

    flush_every_events: int = 50
    flush_every_seconds: float = 2.0
    rollover_max_bytes: int = 64 * _MIB
    rollover_max_events: int = 10_000
    retention_max_files: int = 8
    retention_max_total_bytes: int = 512 * _MIB
    fsync: Literal["flush", "rollover", "never"] = "flush"
    buffer_max_bytes: int = 16 * _MIB
    retry_seconds: float = 1.0
    retry_max_seconds: float = 60.0
    writes_in_background: bool = True
    compact_at_close: bool = False
    compact_wait_seconds: float = 30.0

    def check(self) -> None:
        """Refuse values that no writer can go by.

        Raises:
            ValueError: a number is too small, or there is no such ``fsync``.
        """
        _require_at_least_1("flush_every_events", self.flush_every_events)
        _require_above_0("flush_every_seconds", self.flush_every_seconds)
        for name in (
            "rollover_max_bytes",
            "rollover_max_events",
            "retention_max_files",
            "retention_max_total_bytes",
        ):
            _require_at_least_1(name, getattr(self, name))
        if self.retention_max_total_bytes < self.rollover_max_bytes:
            raise ValueError("retention_max_total_bytes must not be below rollover_max_bytes")
        if self.fsync not in ("flush", "rollover", "never"):
            raise ValueError(f"fsync must be flush, rollover or never, not {self.fsync!r}")
        _require_at_least_1("buffer_max_bytes", self.buffer_max_bytes)
        _require_above_0("retry_seconds", self.retry_seconds)
        if self.retry_max_seconds < self.retry_seconds:
            raise ValueError("retry_max_seconds must not be below retry_seconds")
        if not self.compact_wait_seconds >= 0:
            raise ValueError(f"compact_wait_seconds must not be below 0, not {self.compact_wait_seconds}")


def _require_at_least_1(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")


def _require_above_0(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be above 0, not {value}")
