"""Classes of plain values that are made at once.

The promise: they are what `dataclasses.dataclass` makes, ``fields``, ``asdict`` and ``replace`` included,
without compiling half a dozen methods for every class. A command that answers from what it remembers spends
more time on these than on its answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

__all__ = ["frozen_class", "mutable_class"]

Class = TypeVar("Class", bound=type[Any])


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen_class(cls: Class) -> Class:
    """Make a class as ``dataclass(frozen=True)`` does."""
    return _made(cls, {**_COMMON, **_FROZEN})


@dataclass_transform(field_specifiers=(field,))
def mutable_class(cls: Class) -> Class:
    """Make a class as ``dataclass`` does: with changeable, and so without hashable, objects."""
    return _made(cls, {**_COMMON, "__hash__": None})


def _made(cls: Class, methods: dict[str, Any]) -> Class:
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
    for name, method in methods.items():
        # A class that defines a method itself knows why.
        if name not in cls.__dict__ or (name == "__hash__" and method is None):
            setattr(cls, name, method)
    return cls


def _init(self: Any, *arguments: Any, **named: Any) -> None:
    cls = type(self)
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
    self.__dict__.update(values)
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
    shown = (f"{name}={getattr(self, name)!r}" for name in self._value_shown)
    return f"{type(self).__qualname__}({', '.join(shown)})"


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


_COMMON: dict[str, Callable[..., Any] | None] = {"__init__": _init, "__repr__": _repr, "__eq__": _eq}
_FROZEN: dict[str, Callable[..., Any] | None] = {
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
