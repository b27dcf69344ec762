"""JSON as Stormlog prints it: sorted keys, ASCII escapes, and valid whatever the values are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["json_document", "json_line", "without_delete"]


def json_line(value: Any) -> str:
    """Return a value as one line of JSON."""
    try:
        return without_delete(json.dumps(value, sort_keys=True, default=_jsonable, allow_nan=False))
    except (ValueError, TypeError):
        return without_delete(json.dumps(_plain(value), sort_keys=True))


def json_document(value: Any) -> str:
    """Return a value as JSON over several lines, indented by two blanks."""
    try:
        return without_delete(json.dumps(value, sort_keys=True, default=_jsonable, allow_nan=False, indent=2))
    except (ValueError, TypeError):
        return without_delete(json.dumps(_plain(value), sort_keys=True, indent=2))


def without_delete(text: str) -> str:
    """Return JSON with the one control character escaped that the standard library leaves as it is."""
    return text.replace("\x7f", "\\u007f")


def _jsonable(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)


def _plain(value: Any) -> Any:
    # For the few answers that JSON has no words for: no NaN, no infinity, and only text as keys.
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _plain(_jsonable(value))
