"""Tells where an answer is not what its schema says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema

__all__ = ["closed", "misfits"]


def closed(schema: Any) -> Any:
    """Return a schema that allows no keys that it does not name: then what it forgets is found too."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # Below "properties" stand names of fields, which may be "properties" as well.
    inner = {
        key: {name: closed(item) for name, item in value.items()}
        if key in ("properties", "$defs")
        else closed(value)
        for key, value in schema.items()
    }
    if "properties" in inner and "additionalProperties" not in inner:
        inner["additionalProperties"] = False
    return inner


def misfits(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return every place of a value that does not fit a schema, or has a key that the schema does not name."""
    validator = jsonschema.Draft202012Validator(closed(schema))
    found = (cause for error in validator.iter_errors(value) for cause in _causes(error))
    return sorted({f"{error.json_path}: {error.message}" for error in found})


def _causes(error: Any) -> Iterator[Any]:
    """Yield what is wrong inside, where one of several schemas would do."""
    deeper = [cause for cause in error.context or () if cause.relative_path or cause.validator != "type"]
    if not deeper:
        yield error
    for cause in deeper:
        yield from _causes(cause)
