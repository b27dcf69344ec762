"""Values as they are printed as JSON: fields in order, and times also as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog._values import UNPRINTED
from stormlog.explaining.times import utc_text

__all__ = ["TIME_TEXTS", "Plain"]


class Plain:
    """A value whose fields are printed."""

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order; every time is followed by the same time as text."""
        found: dict[str, Any] = {}
        fields: Mapping[str, Any] = self.__dataclass_fields__  # type: ignore[attr-defined]
        for name, field in fields.items():
            if field.metadata.get(UNPRINTED):
                continue
            item = getattr(self, name)
            found[name] = _plain(item)
            if name in TIME_TEXTS:
                found[TIME_TEXTS[name]] = None if item is None else utc_text(item)
        return found


#: Field of a time in nanoseconds -> key of the same time as ISO text.
TIME_TEXTS = {
    "started_ns": "started_utc",
    "failed_ns": "failed_utc",
    "timestamp_ns": "timestamp_utc",
    "first_ns": "first_utc",
    "last_ns": "last_utc",
    "at_ns": "at_utc",
}


def _plain(item: Any) -> Any:
    if isinstance(item, tuple):
        return [_plain(member) for member in item]
    if isinstance(item, Mapping):
        return dict(item)
    return item.as_dict() if hasattr(item, "as_dict") else item
