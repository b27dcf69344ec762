"""Says when memory gets scarce, fragmented, or grows fast: once for each time that it does.

Promise: a condition that lasts is one alert. The next one needs the condition to have passed, by a margin.

Source: docs/capture.md#alerts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.collectors.readings import MemoryReading

__all__ = ["Alert", "AlertOptions", "AlertRules"]

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


@frozen_class
class AlertOptions:
    """When to alert.

    Attributes:
        warning_percent: Share of the memory in use above which there is a warning, in percent.
        critical_percent: Likewise, for a critical alert.
        margin_percent: How far the share has to fall below a limit before the next alert, in percent.
        fragmentation: Share of the reserved memory that is not allocated above which there is a warning, 0 to 1.
        fragmentation_min_bytes: Smallest reserved memory for that, in bytes.
        fragmentation_margin: How far that share has to fall below the limit before the next alert.
        growth_bytes: Growth of allocated memory within the window that is a warning, in bytes; null: a tenth of the
            memory of the device.
        growth_window_seconds: That window, in seconds; it reaches back to the sample before in any case. The next alert
            needs growth to fall to half the limit.
    """

    warning_percent: float = 80.0
    critical_percent: float = 95.0
    margin_percent: float = 5.0
    fragmentation: float = 0.3
    fragmentation_min_bytes: int = 256 * _MIB
    fragmentation_margin: float = 0.05
    growth_bytes: int | None = None
    growth_window_seconds: float = 10.0

    def check(self) -> None:
        """Refuse limits that contradict one another.

        Raises:
            ValueError: they do.
        """
        if not 0 < self.warning_percent <= self.critical_percent <= 100:
            raise ValueError(
                "warning_percent and critical_percent must be above 0, at most 100, and in this order"
            )
        if not 0 <= self.margin_percent < self.warning_percent:
            raise ValueError("margin_percent must be from 0 to below warning_percent")
        if not 0 < self.fragmentation <= 1 or not 0 <= self.fragmentation_margin < self.fragmentation:
            raise ValueError("fragmentation must be above 0 and at most 1, and fragmentation_margin below it")
        if self.growth_bytes is not None and self.growth_bytes < 1:
            raise ValueError("growth_bytes must be at least 1")
        if not self.growth_window_seconds > 0:
            raise ValueError("growth_window_seconds must be above 0")


@frozen_class
class Alert:
    """One alert: the type of its event (``warning`` or ``critical``), its text, and its numbers."""

    event_type: str
    context: str
    metadata: Mapping[str, Any]


class AlertRules:
    """The conditions of one device, and which of them hold.

    Args:
        options: When to alert.
        tells_fragmentation: Whether reserved but unallocated memory means fragmentation.
    """

    def __init__(self, options: AlertOptions, *, tells_fragmentation: bool) -> None:
        self._options = options
        self._tells_fragmentation = tells_fragmentation
        self._level = 0
        self._is_fragmented = False
        self._is_growing = False
        # Allocated bytes that are smaller than all that came after, the smallest first: the first is the smallest
        # of the window.
        self._lowest: deque[tuple[float, int]] = deque()
        self._allocated_before: int | None = None

    def alerts(self, reading: MemoryReading, now: float) -> list[Alert]:
        """Return the alerts that a sample raises.

        Args:
            reading: The sample.
            now: Of a clock that never goes back, in seconds.
        """
        found = (self._usage(reading), self._fragmentation(reading), self._growth(reading, now))
        return [alert for alert in found if alert is not None]

    def _usage(self, reading: MemoryReading) -> Alert | None:
        percent = _used_percent(reading)
        if percent is None:
            return None
        limits = (self._options.warning_percent, self._options.critical_percent)
        before = self._level
        reached = sum(percent >= limit for limit in limits)
        if reached > before:
            self._level = reached
            event_type = ("warning", "critical")[reached - 1]
            return Alert(
                event_type,
                f"{event_type.upper()}: Memory usage at {percent:.1f}%",
                {"usage_percent": percent},
            )
        while self._level and percent < limits[self._level - 1] - self._options.margin_percent:
            self._level -= 1
        return None

    def _fragmentation(self, reading: MemoryReading) -> Alert | None:
        options = self._options
        if (
            not self._tells_fragmentation
            or reading.allocated is None
            or not reading.reserved
            or reading.reserved < options.fragmentation_min_bytes
        ):
            return None
        share = max(0, reading.reserved - reading.allocated) / reading.reserved
        if self._is_fragmented:
            self._is_fragmented = share >= options.fragmentation - options.fragmentation_margin
            return None
        self._is_fragmented = share > options.fragmentation
        if not self._is_fragmented:
            return None
        return Alert("warning", f"High fragmentation: {share:.1%}", {"fragmentation": share})

    def _growth(self, reading: MemoryReading, now: float) -> Alert | None:
        allocated = reading.allocated
        limit = self._options.growth_bytes
        if limit is None and reading.total is not None:
            limit = reading.total // 10
        if allocated is None or not limit:
            return None
        while self._lowest and self._lowest[-1][1] >= allocated:
            self._lowest.pop()
        self._lowest.append((now, allocated))
        while now - self._lowest[0][0] > self._options.growth_window_seconds:
            self._lowest.popleft()
        before, self._allocated_before = self._allocated_before, allocated
        growth = allocated - min(self._lowest[0][1], allocated if before is None else before)
        if self._is_growing:
            self._is_growing = growth > limit // 2
            return None
        self._is_growing = growth > limit
        if not self._is_growing:
            return None
        seconds = self._options.growth_window_seconds
        unit, size = ("GB", _GIB) if growth >= _GIB else ("MB", _MIB)
        return Alert(
            "warning",
            f"Large allocation detected: {growth / size:.2f} {unit}",
            {"large_allocation": True, "growth_bytes": growth, "growth_window_seconds": seconds},
        )


def _used_percent(reading: MemoryReading) -> float | None:
    """Return how much of the memory nobody can have any more, in percent; null if that is not known."""
    if not reading.total:
        return None
    used = reading.used if reading.free is None else reading.total - reading.free
    return None if used is None else 100 * used / reading.total
