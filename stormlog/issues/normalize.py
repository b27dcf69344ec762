"""Turns free text and values into dimensions that stay the same from one hit to the next.

Promise: what varies between hits of one failure (numbers, addresses, spacing, case) is gone, and
normalising again changes nothing. The SQL macros say the same for ASCII text; other text comes here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

UNKNOWN: Final = "unknown"
ERROR_STEM_MAX_LENGTH: Final = 120

_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_NUMBER: Final = re.compile(r"(?<!\w)\d+(?:\.\d+)?%?(?!\w)")


def normalize_text_dimension(value: object, *, default: str = UNKNOWN) -> str:
    """Return a text without case, numbers, addresses and irregular spacing.

    Args:
        value: Any value; its ``str()`` counts.
        default: The answer for ``None`` and for blank text, returned as it is.

    Source: docs/concepts.md#fingerprints.
    """
    if value is None:
        return default
    text = str(value).strip().lower()
    if not text:
        return default
    # Addresses first: their digits are no numbers. Spacing last: replacements touch neither side.
    if "0x" in text:
        text = _HEX.sub("<hex>", text)
    text = _NUMBER.sub("<num>", text)
    return " ".join(text.split())


def categorize_alert_context(context: object) -> str:
    """Return the category of an alert: a well-known one, or the normalised context itself."""
    text = normalize_text_dimension(context)
    if "fragmentation" in text:
        return "high_fragmentation"
    if "oom" in text or "out of memory" in text:
        return "oom_alert"
    return "generic_alert" if text == UNKNOWN else text


def normalized_error_stem(error: object) -> str:
    """Return what identifies an error text: the part before the first colon, at most 120 characters."""
    text = normalize_text_dimension(error)
    stem = text.split(":", 1)[0].strip() if ":" in text else text
    return stem[:ERROR_STEM_MAX_LENGTH] or UNKNOWN


def normalize_dimensions(
    dimensions: Mapping[str, Any], *, normalize_text: Callable[[Any], str] = normalize_text_dimension
) -> dict[str, Any]:
    """Return a fingerprint's dimensions in canonical form, keys in code point order.

    Text is normalised, floats keep six decimals, sequences and sets become sorted lists; null,
    booleans and integers stay.

    Args:
        dimensions: The dimensions.
        normalize_text: Answers as `normalize_text_dimension` does; it may remember its answers.

    Raises:
        ValueError: a key, on any level, is not text or is blank.

    Source: docs/concepts.md#fingerprints.
    """
    for key in dimensions:
        if not isinstance(key, str) or not key.strip():
            raise ValueError(f"dimension keys must be non-blank text, got {key!r}")
    return {key: _normalize_value(dimensions[key], normalize_text) for key in sorted(dimensions)}


def _normalize_value(value: Any, normalize_text: Callable[[Any], str]) -> Any:
    if isinstance(value, str):
        return normalize_text(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return normalize_dimensions(value, normalize_text=normalize_text)
    if isinstance(value, (list, tuple, set, frozenset)):
        return sorted((_normalize_value(item, normalize_text) for item in value), key=_json_text)
    return normalize_text(value)


def _json_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def freeze_dimensions(dimensions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a read-only copy on all levels: mappings become views, sequences become tuples."""
    return MappingProxyType({key: _freeze(value) for key, value in dimensions.items()})


def _freeze(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return freeze_dimensions(value)
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(item) for item in value)
    return value


def json_safe_dimensions(dimensions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of plain dictionaries and lists, keys in code point order."""
    return {key: _thaw(dimensions[key]) for key in sorted(dimensions)}


def _thaw(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return json_safe_dimensions(value)
    if isinstance(value, (list, tuple)):
        return [_thaw(item) for item in value]
    return value
