"""Every explanation is what its schema says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stormlog.apps.cli.printing.json_text import json_document
from stormlog.explaining.schema import explanation_schema
from tests.presenting.samples import SAMPLES

SCHEMA = explanation_schema()

_CLASSES: dict[str, type] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "number": float,
    "null": type(None),
    "array": list,
    "object": dict,
}


def problems_of(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return where a value is not what a schema with definitions says."""
    return problems(value, schema, definitions=schema["$defs"])


def problems(
    value: Any, schema: dict[str, Any], place: str = "$", *, definitions: dict[str, Any] = SCHEMA["$defs"]
) -> list[str]:
    """Return where a value is not what a schema says: for the words of JSON schema that ours uses."""
    known = {"type", "properties", "required", "items", "additionalProperties", "anyOf", "$ref", "format"}
    assert set(schema) <= known | {"description", "title", "$schema", "$defs"}
    if "$ref" in schema:
        return problems(value, definitions[schema["$ref"].rpartition("/")[2]], place, definitions=definitions)
    if "anyOf" in schema:
        found = [problems(value, choice, place, definitions=definitions) for choice in schema["anyOf"]]
        return [] if [] in found else min(found, key=len)
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if type(value) not in [_CLASSES[name] for name in names]:
        return [f"{place} is {value!r}, not {' or '.join(names)}"]
    if isinstance(value, str) and "format" in schema:
        return (
            []
            if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value)
            else [f"{place} is {value!r}"]
        )
    if isinstance(value, list):
        return [
            text
            for number, item in enumerate(value)
            for text in problems(item, schema["items"], f"{place}[{number}]", definitions=definitions)
        ]
    if isinstance(value, dict):
        found = [f"{place} lacks {name}" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if inner is None:
                found.append(f"{place} has an unknown key {name}")
            else:
                found += problems(item, inner, f"{place}.{name}", definitions=definitions)
        return found
    return []


@pytest.mark.parametrize("name", SAMPLES)
def test_answers_fit_the_schema(name: str) -> None:
    printed = json.loads(json_document(SAMPLES[name]().as_dict()))
    assert problems(printed, SCHEMA) == []


@pytest.mark.parametrize(
    ("path", "wrong", "expected"),
    [
        (("run", "attempt"), "1", "$.run.attempt is '1', not integer"),
        (("run", "ranks_seen", 0), None, "$.run.ranks_seen[0] is None, not integer"),
        (("first_failure", "certain"), 1, "$.first_failure.certain is 1, not boolean"),
        (("memory", "growth", "allocated"), 1.5, "$.memory.growth.allocated is 1.5, not integer or null"),
        (("memory", "new"), 1, "$.memory has an unknown key new"),
        (("run", "started_utc"), "yesterday", "$.run.started_utc is 'yesterday'"),
    ],
)
def test_what_does_not_fit_is_found(path: tuple[Any, ...], wrong: Any, expected: str) -> None:
    printed = json.loads(json_document(SAMPLES["out_of_memory"]().as_dict()))
    inner = printed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    assert problems(printed, SCHEMA) == [expected]


def test_a_missing_key_is_found() -> None:
    printed = json.loads(json_document(SAMPLES["clean"]().as_dict()))
    del printed["first_failure"]
    assert problems(printed, SCHEMA) == ["$ lacks first_failure"]


def test_every_time_has_a_text_beside_it() -> None:
    for schema in (SCHEMA, *SCHEMA["$defs"].values()):
        for name in schema["properties"]:
            is_time = name.endswith("_ns") and not name.startswith(("lead", "age", "clock_spread"))
            assert not is_time or name.removesuffix("_ns") + "_utc" in schema["properties"]
