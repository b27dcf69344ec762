"""Whether a collector works: what each record says of it, when it is asked again, and when that is an event.

Source: docs/capture.md#health.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.collectors.readings import MemoryReading

__all__ = ["CollectorHealth", "HealthChange"]

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
_FIRST_RETRY_SECONDS = 0.15
_LONGEST_RETRY_SECONDS = 30.0
#: Errors of drivers can be pages long, and each record repeats the last one.
_MAX_ERROR_LENGTH = 500


@frozen_class
class HealthChange:
    """A change that is worth an event: its type, its text, and what it says beside the facts of every record."""

    event_type: str
    context: str
    metadata: Mapping[str, Any]


class CollectorHealth:
    """Health of one collector.

    It is healthy, degraded (some counters are missing) or unhealthy (nothing can be read). An unhealthy collector is
    asked again after pauses that double up to 30 seconds.
    """

    def __init__(self) -> None:
        self.status = HEALTHY
        self._error: str | None = None
        self._failures = 0
        self._missing: tuple[str, ...] = ()
        self._retry_at: float | None = None
        self._retry_at_epoch: float | None = None
        self._note_facts()

    def is_due(self, now: float) -> bool:
        """Say whether the collector may be asked now.

        Args:
            now: Of a clock that never goes back, in seconds.
        """
        return self._retry_at is None or now >= self._retry_at

    def failed(self, error: BaseException, now: float, now_epoch: float) -> HealthChange | None:
        """Note that nothing could be read.

        Args:
            error: Why.
            now: As of `is_due`.
            now_epoch: Seconds since the Unix epoch.

        Returns:
            The event, unless it was unhealthy before.
        """
        before = self.status
        self._failures += 1
        pause = min(_FIRST_RETRY_SECONDS * 2 ** min(self._failures - 1, 20), _LONGEST_RETRY_SECONDS)
        self._retry_at, self._retry_at_epoch = now + pause, now_epoch + pause
        self._error = (_text_of(error) or type(error).__name__)[:_MAX_ERROR_LENGTH]
        self._missing = ()
        self.status = UNHEALTHY
        self._note_facts()
        if before == UNHEALTHY:
            return None
        return self._degraded(
            before, "Collector unavailable; telemetry paused until recovery.", collector_retry_delay_s=pause
        )

    def succeeded(self, reading: MemoryReading) -> HealthChange | None:
        """Note that something was read.

        Args:
            reading: What was read, with the names of what is missing.

        Returns:
            The event, if its health changed or other counters are missing than before.
        """
        if self.status == HEALTHY and not reading.missing:
            return None
        before, missing_before = self.status, self._missing
        error_before, failures_before = self._error, self._failures
        self._failures, self._retry_at, self._retry_at_epoch = 0, None, None
        self._missing = reading.missing
        if reading.missing:
            self.status = DEGRADED
            self._error = f"not told: {', '.join(reading.missing)}"
            self._note_facts()
            if (before, missing_before) == (DEGRADED, reading.missing):
                return None
            return self._degraded(before, "Collector degraded; some counters are unavailable.")
        self.status, self._error = HEALTHY, None
        self._note_facts()
        if before == HEALTHY:
            return None
        return HealthChange(
            "collector_recovered",
            "Collector recovered; full telemetry sampling resumed.",
            {
                "collector_transition": "recovered",
                "collector_recovered_from": before,
                "collector_previous_error": error_before,
                "collector_previous_failure_count": failures_before,
            },
        )

    def _note_facts(self) -> None:
        #: What every record says of its collector: another object once something has changed.
        self.facts: Mapping[str, Any] = {
            "collector_health_status": self.status,
            "telemetry_partial": self.status != HEALTHY,
            "collector_partial_fields": list(self._missing),
            "collector_last_error": self._error,
            "collector_consecutive_failures": self._failures,
            "collector_next_retry_epoch_s": self._retry_at_epoch,
        }

    def _degraded(self, before: str, context: str, **more: Any) -> HealthChange:
        return HealthChange(
            "collector_degraded",
            context,
            {
                "collector_transition": "degraded",
                "collector_degraded_from": before,
                "collector_degradation_reason": self._error,
                **more,
            },
        )


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""
