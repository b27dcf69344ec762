"""Makes what a job hands over as metadata something that can be written whatever it is, and that the job cannot change
any more.

Source: docs/capture.md#when-something-goes-wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["plain_metadata", "text_of_value", "type_name"]

#: Of one value, as JSON. Records are kept in memory by the thousand.
_MOST_CHARACTERS = 100_000
_LARGEST = 1 << 64


def plain_metadata(metadata: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of metadata that is made of what JSON knows.

    Args:
        metadata: Any.

    Returns:
        The copy, with the names of their types in the place of values that have no form or are too long; and the keys
        of these.
    """
    copied: dict[str, Any] = {}
    odd: list[str] = []
    try:
        items = list(metadata.items())
    except Exception:
        return {}, [type_name(metadata)]
    for key, value in items:
        name = text_of_value(key)
        kind = type(value)
        if value is None or kind is bool or kind is float or (kind is int and abs(value) < _LARGEST):
            copied[name] = value
            continue
        try:
            if kind in (str, bytes) and len(value) > _MOST_CHARACTERS:
                raise ValueError
            encoded = json.dumps(value, default=type_name)
            if len(encoded) > _MOST_CHARACTERS:
                raise ValueError
            copied[name] = json.loads(encoded)
        except Exception:  # Recursion, keys of several types, a method of its own that raises, no memory.
            copied[name] = type_name(value)
            odd.append(name)
    return copied, odd


def text_of_value(value: object) -> str:
    """Return a value as text, or the name of its type if making that fails."""
    try:
        return str(value)
    except Exception:
        return type_name(value)


def type_name(value: object) -> str:
    """Return the name of the type of a value, as it stands in the place of the value."""
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
