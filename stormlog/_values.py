"""Dataclasses whose methods are not compiled until they pay.

The promise: the classes are what `dataclasses.dataclass` makes, ``fields``, ``asdict`` and ``replace`` included, and
objects are made as fast; ``repr`` leaves out what is long. But ``dataclass`` compiles half a dozen methods for every
class, which takes about half a millisecond, and a command loads some forty classes and makes a few objects of each:
with plain dataclasses, ``stormlog query issues`` needs 13 % more processor time to answer from its cache (172 instead
of 152 ms, Python 3.11). Here all classes share their methods, and a class gets a compiled ``__init__`` when many
objects are made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields, make_dataclass
from typing import Any, TypeVar, dataclass_transform

__all__ = ["UNPRINTED", "frozen_class", "mutable_class"]

#: Key in the metadata of a field that is no part of what is printed of an object.
UNPRINTED = "is_unprinted"

Class = TypeVar("Class", bound=type[Any])

#: So many objects of a class together cost as much more than compiled ones as it costs to compile their method.
_MANY = 300


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen_class(cls: Class) -> Class:
    """Make a class as ``dataclass(frozen=True)`` does."""
    return _made(cls, {**_COMMON, **_FROZEN}, is_frozen=True)


@dataclass_transform(field_specifiers=(field,))
def mutable_class(cls: Class) -> Class:
    """Make a class as ``dataclass`` does: with changeable, and so without hashable, objects."""
    return _made(cls, {**_COMMON, "__hash__": None}, is_frozen=False)


def _made(cls: Class, methods: dict[str, Any], *, is_frozen: bool) -> Class:
    if cls.__doc__ is None:
        # It would make one of the signature, which takes ten times as long as all the rest.
        cls.__doc__ = cls.__name__
    # It still looks at the annotations, and leaves the methods to the dictionaries below.
    dataclass(init=False, repr=False, eq=False)(cls)
    found = fields(cls)
    cls._value_names = tuple(item.name for item in found)
    cls._value_defaults = {item.name: item.default for item in found if item.default is not MISSING}
    cls._value_factories = {
        item.name: item.default_factory for item in found if item.default_factory is not MISSING
    }
    cls._value_compared = tuple(item.name for item in found if item.compare)
    cls._value_shown = tuple(item.name for item in found if item.repr)
    for name, method in {"__init__": _counting_init(cls, is_frozen), **methods}.items():
        # A class that defines a method itself knows why.
        if name not in cls.__dict__ or (name == "__hash__" and method is None):
            setattr(cls, name, method)
    return cls


def _counting_init(cls: Any, is_frozen: bool) -> Callable[..., None]:
    """Return an ``__init__`` that makes the first objects, then puts a compiled one in its place."""
    made = 0

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        nonlocal made
        made += 1
        if made >= _MANY:
            cls.__init__ = _compiled_init(cls, is_frozen)
        _set_fields(self, cls, arguments, named)

    return __init__


def _compiled_init(cls: Any, is_frozen: bool) -> Callable[..., None]:
    # The fields themselves belong to the class: these are others with the same values.
    own = [
        (item.name, Any, field(default=item.default))
        if item.default_factory is MISSING
        else (item.name, Any, field(default_factory=item.default_factory))
        for item in fields(cls)
    ]
    after = {"__post_init__": cls.__post_init__} if hasattr(cls, "__post_init__") else {}
    compiled = make_dataclass(cls.__name__, own, namespace=after, frozen=is_frozen, repr=False, eq=False)
    return compiled.__dict__["__init__"]  # type: ignore[no-any-return]


def _set_fields(self: Any, cls: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    names = cls._value_names
    values = {**cls._value_defaults, **dict(zip(names, arguments, strict=False)), **named}
    for name, factory in cls._value_factories.items():
        if name not in values:
            values[name] = factory()
    if (
        len(values) != len(names)
        or len(arguments) > len(names)
        or (named and not (named.keys().isdisjoint(names[: len(arguments)]) and named.keys() <= set(names)))
    ):
        raise TypeError(_complaint(cls, arguments, named))
    # One by one and in order, like compiled methods do: then Python keeps the names once for all objects.
    for name in names:
        object.__setattr__(self, name, values[name])
    if hasattr(cls, "__post_init__"):
        self.__post_init__()


def _complaint(cls: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    names = cls._value_names
    given = {*names[: len(arguments)], *named}
    optional = {*cls._value_defaults, *cls._value_factories}
    problems = [f"{name!r} is missing" for name in names if name not in given and name not in optional]
    problems += [f"{name!r} is unknown" for name in named if name not in names]
    problems += [f"{name!r} is given twice" for name in names[: len(arguments)] if name in named]
    if len(arguments) > len(names):
        problems.append(f"{len(arguments)} values are too many")
    return f"{cls.__name__}({', '.join(names)}): {'; '.join(problems)}"


def _repr(self: Any) -> str:
    from stormlog._short_repr import repr_of_fields  # Late: commands print no values.

    return repr_of_fields(self, self._value_shown)


def _eq(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return _compared(self) == _compared(other)


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self._value_compared])


def _setattr(self: Any, name: str, value: Any) -> None:  # noqa: ARG001
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:  # noqa: ARG001
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_COMMON: dict[str, Callable[..., Any] | None] = {"__repr__": _repr, "__eq__": _eq}
_FROZEN: dict[str, Callable[..., Any] | None] = {
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
