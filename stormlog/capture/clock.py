"""Times of one session: they never go back, even if the clock of the machine is set back.

Source: docs/capture.md#records.
"""

from __future__ import annotations

import time
from functools import partial

__all__ = ["SessionClock"]

# Goes on while the machine sleeps, where the system has it.
_steady_ns = (
    partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic_ns
)


class SessionClock:
    """The wall clock as it was at the start, moved on by a clock that nobody sets."""

    def __init__(self) -> None:
        self.started_at_ns = time.time_ns()
        self._steady_start = _steady_ns()

    def now_ns(self) -> int:
        """Return nanoseconds since the Unix epoch."""
        return self.started_at_ns + _steady_ns() - self._steady_start
