"""JSON Schemas (draft 2020-12) of answers, made from the classes that the answers consist of.

The promise: a schema says what the class says, and nothing that is written down a second time. Names, types and
whether a value may be null come from annotations, descriptions from docstrings, units from the ends of names.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePath
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from stormlog._names import unit_of
from stormlog._values import UNPRINTED, frozen_class
from stormlog.explaining import TIME_TEXTS
from stormlog.explaining.plain_fields import Plain
from stormlog.specification.docstrings import docstring_of

__all__ = ["DRAFT", "SomeOf", "json_schema"]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_PLAIN: Final[dict[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
}


@frozen_class
class SomeOf:
    """An annotation of a class of which only some fields are printed: ``Annotated[Project, SomeOf(("name",))]``.

    Args:
        required: Fields that are always there.
        also: A class whose fields may be there as well.
    """

    required: tuple[str, ...] = ()
    also: Any = None


def json_schema(hint: Any, *, title: str | None = None, description: str | None = None) -> dict[str, Any]:
    """Return the JSON schema of what is printed of a value.

    Args:
        hint: The type of the value: a dataclass, a ``TypedDict``, or anything made of these, texts, numbers, lists
            and mappings, such as ``list[TrackedIssue]``. Of a dataclass, all fields are printed, unless its method
            ``as_dict`` is annotated with a ``TypedDict``: then that is. In such a ``TypedDict``,
            ``Annotated[dict[str, Any], Project]`` is what ``Project.as_dict`` returns. See `SomeOf` too.
        title: Name of the schema; by default the class is not named.
        description: What the value is; by default what its class says.

    Returns:
        A mapping of plain values. Classes inside are in its ``$defs``, by name. Every key that is always there is
        ``required``; null says that something is not known. Keys that are not named are allowed, because later
        versions may have more. ``x-unit`` is the unit of a number, such as ``bytes`` or ``ns``.

    Raises:
        TypeError: the type is none that JSON has a form for, or two classes inside have the same name.
    """
    schemas = _Schemas()
    # The outermost class is not among the definitions, unless it is needed inside too.
    whole = schemas.object(hint) if _is_class(hint) else schemas.value(hint)
    named = {"title": title, "description": description}
    return {
        "$schema": DRAFT,
        **whole,
        **{name: text for name, text in named.items() if text is not None},
        **({"$defs": schemas.definitions} if schemas.definitions else {}),
    }


class _Schemas:
    """Schemas of types, and the definitions of the classes that they refer to."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._classes: dict[str, Any] = {}

    def value(self, hint: Any) -> dict[str, Any]:
        origin, arguments = get_origin(hint), get_args(hint)
        if hint in (Any, object):
            return {}
        if hint in _PLAIN:
            return {"type": _PLAIN[hint]}
        if origin is Annotated:
            if isinstance(arguments[1], SomeOf):
                return self._some_of(arguments[0], arguments[1])
            # A mapping that is annotated with a class is what the class is printed as.
            return self.value(arguments[1] if _is_class(arguments[1]) else arguments[0])
        if origin is NotRequired:
            return self.value(arguments[0])
        if origin in (Union, types.UnionType):
            return self._any_of([self.value(member) for member in arguments])
        if origin is Literal:
            return _enumeration(arguments)
        if _is_class(hint):
            return self._reference(hint)
        kind = hint if origin is None else origin
        if isinstance(kind, type):
            if issubclass(kind, Enum):
                return _enumeration([member.value for member in kind])
            if issubclass(kind, PurePath):
                return {"type": "string"}
            if issubclass(kind, Mapping):
                inner = self.value(arguments[1]) if arguments else {}
                return {"type": "object", **({"additionalProperties": inner} if inner else {})}
            if issubclass(kind, (Sequence, Set)) and kind is not bytes:
                return self._array(kind, arguments)
        raise TypeError(f"JSON has no form for {hint}")

    def _array(self, kind: type, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if kind is tuple and arguments and arguments[-1] is not Ellipsis:
            places = [self.value(argument) for argument in arguments]
            return {"type": "array", "prefixItems": places, "minItems": len(places), "maxItems": len(places)}
        inner = self.value(arguments[0]) if arguments else {}
        return {"type": "array", **({"items": inner} if inner else {})}

    def _any_of(self, members: list[dict[str, Any]]) -> dict[str, Any]:
        if {} in members:
            return {}
        # One that is more than a name of a type takes null along, unless it is a reference.
        named = [member["type"] for member in members if "type" in member]
        detailed = [member for member in members if set(member) != {"type"}]
        if len(named) == len(members) and (
            not detailed or (len(detailed) == 1 and "null" in named and len(members) == 2)
        ):
            whole = {**(detailed[0] if detailed else {}), "type": named}
            return {**whole, "enum": [*whole["enum"], None]} if "enum" in whole else whole
        return {"anyOf": members}

    def _some_of(self, kind: Any, some: SomeOf) -> dict[str, Any]:
        whole = self.object(kind)
        if some.also is not None:
            whole["properties"] |= self.object(some.also)["properties"]
        return {**whole, "required": list(some.required)}

    def _reference(self, kind: Any) -> dict[str, Any]:
        name = kind.__name__.lstrip("_")
        if self._classes.setdefault(name, kind) is not kind:
            raise TypeError(f"two classes are named {name}: {kind} and {self._classes[name]}")
        if name not in self.definitions:
            # Before it is made, for a class that has fields of its own kind.
            self.definitions[name] = {}
            self.definitions[name] = self.object(kind)
        return {"$ref": f"#/$defs/{name}"}

    def object(self, kind: Any) -> dict[str, Any]:
        """Return the schema of the objects of a class."""
        shape = _shape_of(kind)
        hints = get_type_hints(shape, localns=_documents_of(shape.__module__), include_extras=True)
        said = docstring_of(kind)
        # What a class does not say itself, the class that it is made of says.
        kinds = dict.fromkeys((shape, kind, *kind.__mro__))
        meanings = {name: text for one in reversed(kinds) for name, text in docstring_of(one).names.items()}
        properties: dict[str, Any] = {}
        for name in _printed_names(shape, hints):
            properties[name] = {**self.value(hints[name]), **_said(name, meanings)}
            if name in TIME_TEXTS and isinstance(shape, type) and issubclass(shape, Plain):
                properties[TIME_TEXTS[name]] = {
                    "type": ["string", "null"],
                    "format": "date-time",
                    "description": "The same time in UTC.",
                }
        # Not from `__optional_keys__`: it knows nothing of annotations that are kept as text.
        optional = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
        return {
            "type": "object",
            **({"description": said.summary} if said.summary else {}),
            "properties": properties,
            "required": [name for name in properties if name not in optional],
        }


def _is_class(hint: Any) -> bool:
    return (is_dataclass(hint) and isinstance(hint, type)) or is_typeddict(hint)


def _shape_of(kind: Any) -> Any:
    """Return the class whose fields are printed of a value of a class."""
    as_dict = getattr(kind, "as_dict", None)
    if as_dict is None or is_typeddict(kind):
        return kind
    printed = get_type_hints(as_dict, localns=_documents_of(kind.__module__)).get("return")
    return printed if is_typeddict(printed) else kind


@cache
def _documents_of(module: str) -> dict[str, Any]:
    """Return what annotations in a module may name besides what is in it: the names in its package's ``documents``."""
    package = ".".join(module.split(".")[:2])
    if not package.startswith("stormlog.") or find_spec(f"{package}.documents") is None:
        return {}
    return dict(vars(import_module(f"{package}.documents")))


def _printed_names(shape: Any, hints: Mapping[str, Any]) -> list[str]:
    if is_typeddict(shape):
        return list(hints)
    return [field.name for field in fields(shape) if not field.metadata.get(UNPRINTED)]


def _said(name: str, meanings: Mapping[str, str]) -> dict[str, Any]:
    unit = unit_of(name)
    return {
        **({"description": meanings[name]} if name in meanings else {}),
        **({"x-unit": unit} if unit is not None else {}),
    }


def _enumeration(values: Any) -> dict[str, Any]:
    names = list(dict.fromkeys(_PLAIN[type(value)] for value in values))
    return {"type": names[0] if len(names) == 1 else names, "enum": list(values)}
