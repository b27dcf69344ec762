"""How an answer shows times: in which zone, or how long ago."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from stormlog._values import frozen_class

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["Moments", "moments_in"]


@frozen_class
class Moments:
    """How times are shown, the same for all of an answer.

    Args:
        label: Name of the zone, for headers.
        zone: The zone, or that of the system; None is UTC.
        now_ns: Show how long before this time something was, in nanoseconds since the Unix epoch; None shows times.
    """

    label: str = "UTC"
    zone: tzinfo | Literal["local"] | None = None
    now_ns: int | None = None

    def at(self, now_ns: int) -> Moments:
        """Return the same at another time: what is shown relative to now is relative to that."""
        return self if self.now_ns is None else Moments(self.label, self.zone, now_ns)

    def text(self, value: int, *, milliseconds: bool = False) -> str:
        """Return a time as people read it.

        Args:
            value: Nanoseconds since the Unix epoch.
            milliseconds: Whether to add three digits of the second, where times are shown.
        """
        # Programs get times as they are.
        from stormlog.presenting.quantities import human_ago, human_time

        if self.now_ns is not None:
            return human_ago(self.now_ns - value)
        return human_time(value, milliseconds=milliseconds, zone=self.zone)

    def header(self, text: str) -> str:
        """Return the header of a column of times, with the zone that they are in: ``Last seen (UTC)``."""
        return text if self.now_ns is not None else f"{text} ({self.label})"


def moments_in(zone: str, *, now_ns: int | None = None) -> Moments:
    """Return how times are shown in a zone.

    Args:
        zone: ``utc``, ``local`` (the zone of the system), or a name such as ``Europe/Berlin``.
        now_ns: As of `Moments`.

    Raises:
        ValueError: there is no such zone.
    """
    name = zone.strip()
    if name.lower() == "utc":
        return Moments(now_ns=now_ns)
    if name.lower() == "local":
        # Winter and summer may both be among the times that are shown.
        names = time.tzname if time.daylight else time.tzname[:1]
        return Moments("/".join(dict.fromkeys(names)) or "local", "local", now_ns)
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return Moments(name, ZoneInfo(name), now_ns)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = "utc, local, or a name such as Europe/Berlin"
        raise ValueError(f"there is no time zone {zone!r}: choose {known}") from None
