"""Decides when a project gets its next digest.

The promise: a timer that is a little late or early neither loses a digest nor moves the hour at which it comes.
"""

from __future__ import annotations

from typing import Final

from stormlog.tracking.clocks import is_from_wrong_clock

__all__ = ["INTERVAL_NS", "basis_ns", "due_ns", "is_ahead", "is_due", "slack_ns", "stamp_ns"]

_MINUTE_NS: Final = 60 * 10**9
_HOUR_NS: Final = 60 * _MINUTE_NS
_MOST_SLACK_NS: Final = 15 * _MINUTE_NS

#: Time between digests by alert frequency; ``none`` is not among them.
INTERVAL_NS: Final = {
    "hourly": _HOUR_NS,
    "6_hourly": 6 * _HOUR_NS,
    "daily": 24 * _HOUR_NS,
    "weekly": 7 * 24 * _HOUR_NS,
}


def slack_ns(frequency: str) -> int:
    """Return how much before its time a digest may go out: a tenth of the interval, at most 15 minutes."""
    return min(INTERVAL_NS[frequency] // 10, _MOST_SLACK_NS)


def due_ns(frequency: str, *, basis_ns: int) -> int | None:
    """Return when the next digest may go out; None if there is none to come.

    Args:
        frequency: none, hourly, 6_hourly, daily or weekly.
        basis_ns: When the last one was due, else when the project was made.

    Source: docs/notifications.md#when.
    """
    if frequency == "none":
        return None
    return basis_ns + INTERVAL_NS[frequency] - slack_ns(frequency)


def is_due(frequency: str, *, basis_ns: int, now_ns: int) -> bool:
    """Tell whether a digest may go out now; a basis further ahead than the interval is that of a wrong clock."""
    next_ns = due_ns(frequency, basis_ns=basis_ns)
    if next_ns is None:
        return False
    return now_ns >= next_ns or is_from_wrong_clock(
        basis_ns, now_ns=now_ns, interval_ns=INTERVAL_NS[frequency]
    )


def basis_ns(frequency: str, *, last_digest_ns: int | None, created_ns: int, now_ns: int) -> int:
    """Return the time from which the next digest is counted: when the last one was due, else when the project was made.

    Times of clocks that were ahead count as none; if none is left, a digest is due now.

    Source: docs/notifications.md#when.
    """
    if frequency not in INTERVAL_NS:
        return now_ns
    interval_ns = INTERVAL_NS[frequency]
    # Nobody was told anything of a new project: its first digest may as well come early.
    for stamp, most_ahead_ns in ((last_digest_ns, interval_ns), (created_ns, slack_ns(frequency))):
        if stamp is not None and not is_from_wrong_clock(stamp, now_ns=now_ns, interval_ns=most_ahead_ns):
            return stamp
    return now_ns - interval_ns


def is_ahead(frequency: str, *, basis_ns: int, now_ns: int) -> bool:
    """Tell whether a basis is later than `stamp_ns` gives it on any host with the right time."""
    return frequency in INTERVAL_NS and basis_ns > now_ns + slack_ns(frequency)


def stamp_ns(frequency: str, *, basis_ns: int, now_ns: int) -> int:
    """Return the time from which the next digest is counted, now that one goes out.

    This is the end of the interval that ends about now, so that what a timer is late by does not add up; where
    none does, it is now.

    Source: docs/notifications.md#when.
    """
    interval_ns = INTERVAL_NS.get(frequency)
    if interval_ns is None:
        return now_ns
    passed = max(1, (now_ns - basis_ns + interval_ns // 2) // interval_ns)
    planned_ns = basis_ns + passed * interval_ns
    return planned_ns if abs(planned_ns - now_ns) <= slack_ns(frequency) else now_ns
