"""JSON schemas of an explanation and of a comparison of runs, made from the classes that they consist of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from stormlog.explaining.diff_models import RunDiff
from stormlog.explaining.models import Explanation
from stormlog.explaining.plain_fields import TIME_TEXTS, UNPRINTED

__all__ = ["explanation_schema", "run_diff_schema"]

_PLAIN: Final = {str: "string", int: "integer", bool: "boolean", float: "number"}

_TIME_TEXT: Final = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "The same time in UTC.",
}


def explanation_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of what `Explanation.as_dict` returns.

    Every key is always there; null says that something is not known. Keys may be added in later versions.

    Source: docs/why.md#json.
    """
    return _document(Explanation, "Explanation of a run")


def run_diff_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of what `RunDiff.as_dict` returns, with the promises of the other one.

    Source: docs/diff.md#json.
    """
    return _document(RunDiff, "Comparison of two runs")


def _document(kind: Any, title: str) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    whole = _object(kind, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **whole,
        "$defs": definitions,
    }


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the objects of a class; classes in its fields become definitions."""
    hints = get_type_hints(kind)
    properties: dict[str, Any] = {}
    for field in fields(kind):
        if field.metadata.get(UNPRINTED):
            continue
        properties[field.name] = _value(hints[field.name], definitions)
        if field.name in TIME_TEXTS:
            properties[TIME_TEXTS[field.name]] = dict(_TIME_TEXT)
    return {"type": "object", "properties": properties, "required": list(properties)}


def _value(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if get_origin(hint) is UnionType:
        return _nullable([member for member in get_args(hint) if member is not NoneType], definitions)
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _value(get_args(hint)[0], definitions)}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _value(get_args(hint)[1], definitions)}
    if is_dataclass(hint):
        name = hint.__name__  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{name}"}
    return {"type": _PLAIN[hint]}


def _nullable(members: list[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    (found,) = (_value(member, definitions) for member in members)
    if "type" in found:
        return {**found, "type": [found["type"], "null"]}
    return {"anyOf": [found, {"type": "null"}]}
