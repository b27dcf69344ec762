"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["utc_text"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_text(time_ns: int) -> str | None:
    """Return a time as ISO 8601 in UTC with whole microseconds; None for one beyond the year 9999.

    Args:
        time_ns: Nanoseconds since the Unix epoch.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
