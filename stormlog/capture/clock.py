"""Times of one session: they never go back, even if the clock of the machine is set back.

Source: docs/capture.md#records.
"""

from __future__ import annotations

import time

__all__ = ["SessionClock"]

# Goes on while the machine sleeps, where the system has it.
_STEADY_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


class SessionClock:
    """The wall clock as it was at the start, moved on by a clock that nobody sets."""

    def __init__(self) -> None:
        self.started_at_ns = time.time_ns()
        self._steady_start = _steady_ns()

    def now_ns(self) -> int:
        """Return nanoseconds since the Unix epoch."""
        return self.started_at_ns + _steady_ns() - self._steady_start


def _steady_ns() -> int:
    return time.monotonic_ns() if _STEADY_CLOCK is None else time.clock_gettime_ns(_STEADY_CLOCK)
