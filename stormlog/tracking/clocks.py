"""What stored times are worth when clocks are set, and differ between hosts."""

from __future__ import annotations

__all__ = ["is_from_wrong_clock"]


def is_from_wrong_clock(stamp_ns: int, *, now_ns: int, interval_ns: int) -> bool:
    """Tell whether a stored time lies further ahead than an interval that is counted from it.

    Whoever wrote it had a clock that was ahead, and nobody should wait until all clocks have come that far: such a
    time counts as none.

    Args:
        stamp_ns: When something happened, by the clock of its writer.
        now_ns: Now, by the clock of this host.
        interval_ns: How long after it something else is due.

    Source: docs/tracking.md#clocks.
    """
    return stamp_ns - now_ns > interval_ns
