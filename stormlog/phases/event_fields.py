"""Reads fields from an event, be it an object or a mapping, without trusting their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MISSING: Final = object()


def event_field(event: Any, name: str, default: Any = None) -> Any:
    """Return a key of a mapping or an attribute of any other object."""
    if isinstance(event, Mapping):
        return event.get(name, default)
    return getattr(event, name, default)


def event_rank(event: Any) -> int | None:
    """Return the event's rank: 0 where the event has none at all, ``None`` where it is unusable.

    Integers and integer text count; booleans and an explicit null do not.
    """
    value = event_field(event, "rank", _MISSING)
    if value is _MISSING:
        return 0
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            return None
    return None


def event_instant(event: Any) -> tuple[str, int] | None:
    """Return ``(session_id, timestamp_ns)``, or ``None`` unless they are text and an integer."""
    session_id = event_field(event, "session_id")
    timestamp_ns = event_field(event, "timestamp_ns")
    if not isinstance(session_id, str) or not isinstance(timestamp_ns, int):
        return None
    return session_id, timestamp_ns
