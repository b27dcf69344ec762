"""Times as agents read them: beside the nanoseconds of a time stands the same time as text.

The promise: which integers are times, the classes of the library say, by the times that they offer to Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stormlog._readable_times import ReadableTime
from stormlog.explaining.times import utc_text

__all__ = ["with_text_schemas", "with_texts"]

_SAID: Final = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "The same time in UTC; null for one beyond the year 9999.",
}


def _texts(kind: type[Any]) -> Mapping[str, str]:
    """Return field of each time of a class -> key of its text."""
    return {
        f"{name}_ns": f"{name}_utc"
        for one in kind.__mro__
        for name, value in vars(one).items()
        if isinstance(value, ReadableTime)
    }


def with_texts(kind: type[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of an object with the text behind each time.

    Args:
        kind: The class of the object.
        fields: Some of its fields.
    """
    texts = _texts(kind)
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found[name] = value
        if name in texts:
            found[texts[name]] = None if value is None else utc_text(value)
    return found


def with_text_schemas(kind: type[Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of the objects of a class as `with_texts` shows them."""
    texts = _texts(kind)
    properties: dict[str, Any] = {}
    for name, said in schema["properties"].items():
        properties[name] = said
        if name in texts:
            properties[texts[name]] = dict(_SAID)
    required = [*schema["required"], *(texts[name] for name in schema["required"] if name in texts)]
    return {**schema, "properties": properties, "required": required}
