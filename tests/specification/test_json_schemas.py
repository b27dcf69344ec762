"""A class becomes the schema of what is printed of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from stormlog._values import UNPRINTED, frozen_class
from stormlog.explaining.plain_fields import Plain
from stormlog.specification import SomeOf, json_schema


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@frozen_class
class Inner:
    """Something inside."""

    size_bytes: int


@dataclass
class Moment:
    """A moment.

    Attributes:
        at_ns: When.
    """

    at_ns: int


@dataclass
class Later(Moment):
    """A moment with a reason.

    Attributes:
        why: Why.
    """

    why: str


@dataclass
class Tree:
    children: tuple[Tree, ...]


@frozen_class
class Timed(Plain):
    """A moment.

    Args:
        at_ns: When.
    """

    at_ns: int | None
    lead_ns: int
    hidden: str = field(default="", metadata={UNPRINTED: True})


class _Shape(TypedDict):
    """Never shown.

    Attributes:
        count: How many.
    """

    first: str
    count: NotRequired[int]


@dataclass
class Reshaped:
    """Printed otherwise than it is.

    Attributes:
        first: Said by the class.
        second: Not printed.
    """

    first: str
    second: str

    def as_dict(self) -> _Shape:
        return {"first": self.first}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (Path, {"type": "string"}),
        (Any, {}),
        (int | None, {"type": ["integer", "null"]}),
        (str | bool | None, {"type": ["string", "boolean", "null"]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a"] | None, {"type": ["string", "null"], "enum": ["a", None]}),
        (Colour, {"type": "string", "enum": ["red", "blue"]}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (Sequence[str] | None, {"type": ["array", "null"], "items": {"type": "string"}}),
        (frozenset[str], {"type": "array", "items": {"type": "string"}}),
        (Mapping[str, Any], {"type": "object"}),
        (dict[str, int | None], {"type": "object", "additionalProperties": {"type": ["integer", "null"]}}),
        (
            list[int] | dict[str, int] | None,
            {
                "anyOf": [
                    {"type": "array", "items": {"type": "integer"}},
                    {"type": "object", "additionalProperties": {"type": "integer"}},
                    {"type": "null"},
                ]
            },
        ),
    ],
)
def test_types(hint: Any, schema: dict[str, Any]) -> None:
    assert json_schema(hint) == {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def test_a_class_says_what_its_docstring_says() -> None:
    assert json_schema(list[Inner] | None, title="Things", description="Many.") == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Things",
        "description": "Many.",
        "type": ["array", "null"],
        "items": {"$ref": "#/$defs/Inner"},
        "$defs": {
            "Inner": {
                "type": "object",
                "description": "Something inside.",
                "properties": {"size_bytes": {"type": "integer", "x-unit": "bytes"}},
                "required": ["size_bytes"],
            }
        },
    }


def test_times_are_printed_twice_and_what_is_unprinted_is_left_out() -> None:
    assert json_schema(Timed)["properties"] == {
        "at_ns": {"type": ["integer", "null"], "description": "When.", "x-unit": "ns"},
        "at_utc": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "The same time in UTC.",
        },
        "lead_ns": {"type": "integer", "x-unit": "ns"},
    }


def test_a_class_that_is_printed_otherwise_says_how() -> None:
    schema = json_schema(Reshaped)
    assert schema["description"] == "Printed otherwise than it is."
    assert schema["properties"] == {
        "first": {"type": "string", "description": "Said by the class."},
        "count": {"type": "integer", "description": "How many."},
    }
    assert schema["required"] == ["first"]


def test_a_class_says_what_the_class_says_that_it_is_made_of() -> None:
    assert json_schema(Later)["properties"] == {
        "at_ns": {"type": "integer", "description": "When.", "x-unit": "ns"},
        "why": {"type": "string", "description": "Why."},
    }


def test_of_some_fields_those_of_another_class_may_be_there() -> None:
    schema = json_schema(list[Annotated[Later, SomeOf(("why",), also=Inner)]])["items"]
    assert set(schema["properties"]) == {"at_ns", "why", "size_bytes"}
    assert schema["required"] == ["why"]


def test_a_class_may_hold_its_own_kind() -> None:
    schema = json_schema(Tree)
    inner = {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}
    assert schema["properties"] == inner
    assert schema["$defs"]["Tree"]["properties"] == inner


@pytest.mark.parametrize("hint", [bytes | None, complex, object()])
def test_what_json_has_no_form_for_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match="JSON has no form for"):
        json_schema(hint)


def test_two_classes_of_one_name_are_refused() -> None:
    other = frozen_class(type("Inner", (), {"__annotations__": {"name": str}}))
    with pytest.raises(TypeError, match="two classes are named Inner"):
        json_schema(tuple[Inner, other])
