"""JSON as Stormlog prints it: sorted keys, ASCII escapes, and valid whatever the values are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import Any

__all__ = ["FieldsInOrder", "json_document", "json_line", "without_delete"]

_CONSTANTS = {None: "null", True: "true", False: "false"}


class FieldsInOrder(dict[str, Any]):
    """A row whose fields somebody put into this order: its keys are not sorted, those of its values are."""


def json_line(value: Any) -> str:
    """Return a value as one line of JSON."""
    if isinstance(value, FieldsInOrder):
        return f"{{{', '.join(f'{json_line(key)}: {json_line(item)}' for key, item in value.items())}}}"
    try:
        return without_delete(json.dumps(value, sort_keys=True, default=_jsonable, allow_nan=False))
    except (ValueError, TypeError):
        return without_delete(json.dumps(_plain(value), sort_keys=True))


def json_document(value: Any, margin: str = "\n") -> str:
    """Return a value as JSON over several lines, indented by two blanks.

    Args:
        value: The value.
        margin: A line break and the blanks that stand before the value.
    """
    if isinstance(value, FieldsInOrder):
        inner = margin + "  "
        members = (f"{json_line(key)}: {json_document(item, inner)}" for key, item in value.items())
        return f"{{{inner}{f',{inner}'.join(members)}{margin}}}"
    try:
        return _indented(value, margin)
    except (TypeError, RecursionError):
        # Line breaks inside values are escaped, so every break is one of the layout.
        return _any_document(value).replace("\n", margin)


def _any_document(value: Any) -> str:
    try:
        return without_delete(json.dumps(value, sort_keys=True, default=_jsonable, allow_nan=False, indent=2))
    except (ValueError, TypeError):
        return without_delete(json.dumps(_plain(value), sort_keys=True, indent=2))


def without_delete(text: str) -> str:
    """Return JSON with the one control character escaped that the standard library leaves as it is."""
    return text.replace("\x7f", "\\u007f")


def _indented(value: Any, margin: str) -> str:
    """Return what the standard library does with ``indent=2``, which it does ten times slower than without.

    Raises:
        TypeError: the value holds others than plain finite ones.
    """
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is int:
        return repr(value)
    if value is None or kind is bool:
        return _CONSTANTS[value]
    if kind is float and math.isfinite(value):
        return repr(value)
    inner = margin + "  "
    if kind is dict or kind is FieldsInOrder:
        keys = sorted(value) if kind is dict else value
        members = [f"{encode_basestring_ascii(key)}: {_indented(value[key], inner)}" for key in keys]
        return f"{{{inner}{f',{inner}'.join(members)}{margin}}}" if members else "{}"
    if kind is list or kind is tuple:
        items = [_indented(item, inner) for item in value]
        return f"[{inner}{f',{inner}'.join(items)}{margin}]" if items else "[]"
    raise TypeError(f"{kind.__name__} is no plain value")


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
