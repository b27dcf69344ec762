"""Writes ``schemas/``: the JSON Schema of every answer and every tool of agents, and ``fields.txt``.

That keeps every field there ever was.

Run ``python docs/generate_schemas.py`` after changing what a command prints as JSON, or what a tool takes or answers; a
test compares both. What was once in ``fields.txt`` is promised: programs rely on it. New fields are added to it; where
one is gone, or is of another type, nothing is written and the status is 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from stormlog.apps.cli.json_answers import answer_descriptions
from stormlog.apps.cli.printing.json_text import json_document
from stormlog.apps.mcp.asking import ASKING
from stormlog.apps.mcp.reading import READING
from stormlog.apps.mcp.writing import WRITING
from stormlog.specification import tool_schema_names
from stormlog.specification.json_schemas import DRAFT

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
FIELDS = SCHEMAS / "fields.txt"


@cache
def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Return name of each schema -> the schema."""
    return {**{answer.name: answer.schema for answer in answer_descriptions()}, **_tool_schemas()}


def _tool_schemas() -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for tool in (*READING, *ASKING, *WRITING):
        described = tool.described()
        said = {
            "title": tool.title,
            "description": tool.description,
            "x-permission": "issues:write" if tool.changes else "issues:read",
        }
        answer = {**described.output_schema, "title": f"Answer of {tool.name}"}
        for name, schema in zip(
            tool_schema_names(tool.name), (described.input_schema | said, answer), strict=True
        ):
            found[name] = {"$schema": DRAFT, **schema}
    return found


def schema_files() -> dict[str, str]:
    """Return name of each file -> its text."""
    return {f"{name}.json": json_document(schema) + "\n" for name, schema in schemas().items()}


def all_fields() -> dict[str, str]:
    """Return place of each field, beginning with the name of its schema -> whether it is required, and its type."""
    return {
        place: what
        for name, schema in schemas().items()
        for place, what in _fields(schema, schema, name, True, ())
    }


def _fields(
    schema: Mapping[str, Any],
    whole: Mapping[str, Any],
    place: str,
    is_required: bool,
    inside: tuple[str, ...],
) -> Iterator[tuple[str, str]]:
    """Yield a place and all below it; ``[]`` is any item of a list, ``{}`` any value of an object without fields."""
    parts = [_resolved(part, whole, inside) for part in schema.get("anyOf", [schema])]
    types = sorted({name for part, _ in parts for name in _types(part)})
    yield place, f"{'required' if is_required else 'optional'} {'|'.join(types)}"
    for part, within in parts:
        required = part.get("required", ())
        for name, inner in part.get("properties", {}).items():
            yield from _fields(inner, whole, f"{place}.{name}", name in required, within)
        for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(part.get(key), Mapping):
                yield from _fields(part[key], whole, place + mark, True, within)


def _resolved(
    schema: Mapping[str, Any], whole: Mapping[str, Any], inside: tuple[str, ...]
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    reference = schema.get("$ref")
    if reference is None:
        return schema, inside
    name = reference.rpartition("/")[2]
    # An object that holds objects of its own kind is described once.
    found = {"type": "object"} if name in inside else whole["$defs"][name]
    return found, (*inside, name)


def _types(schema: Mapping[str, Any]) -> list[str]:
    if "enum" in schema:
        return [f"{value!r}" if isinstance(value, str) else "null" for value in schema["enum"]]
    names = schema.get("type", "any")
    return [names] if isinstance(names, str) else names


def recorded_fields() -> dict[str, str]:
    """Return what ``fields.txt`` says."""
    lines = FIELDS.read_text(encoding="utf-8").splitlines() if FIELDS.exists() else []
    return dict(line.split(" ", 1) for line in lines)


def broken_promises(recorded: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return which recorded fields are not as they were: gone, of another type, or not always there any more.

    Of what is an argument of a tool, what may be left out has to stay so.
    """
    problems = [
        f"{place} is new and has to be given"
        for place, what in now.items()
        if _is_argument(place)
        and place not in recorded
        and what.startswith("required ")
        and place.partition(".")[0] in recorded
    ]
    for place, what in recorded.items():
        was, is_now = what.split(), now.get(place, "").split()
        if not is_now:
            problems.append(f"{place} is gone")
        elif was[1] != is_now[1]:
            problems.append(f"{place} was {was[1]} and is {is_now[1]}")
        elif _is_argument(place):
            if was[0] == "optional" and is_now[0] == "required":
                problems.append(f"{place} could be left out and has to be given")
        elif was[0] == "required" and is_now[0] == "optional":
            problems.append(f"{place} was always there and is optional")
    return problems


def _is_argument(place: str) -> bool:
    schema, _, inner = place.partition(".")
    return inner != "" and "." not in inner and schema.endswith("_arguments")


def fields_text(fields: Mapping[str, str]) -> str:
    """Return the text of ``fields.txt``."""
    return "".join(f"{place} {what}\n" for place, what in sorted(fields.items()))


def main() -> None:
    """Write everything, unless a promise would be broken."""
    fields = all_fields()
    problems = broken_promises(recorded_fields(), fields)
    if problems:
        sys.exit("\n".join(problems))
    SCHEMAS.mkdir(exist_ok=True)
    files = schema_files()
    for old in set(SCHEMAS.glob("*.json")) - {SCHEMAS / name for name in files}:
        old.unlink()
    for name, text in files.items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")
    FIELDS.write_text(fields_text(fields), encoding="utf-8")


if __name__ == "__main__":
    main()
