"""Value classes behave as the dataclasses that they stand for."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from stormlog._values import frozen_class, mutable_class


@frozen_class
class Frozen:
    """A value."""

    name: str
    size: int = 3
    tags: list[str] = field(default_factory=list, compare=False)
    note: str = field(default="", repr=False)


@dataclass(frozen=True)
class Reference:
    """The same, as the standard library makes it."""

    name: str
    size: int = 3
    tags: list[str] = field(default_factory=list, compare=False)
    note: str = field(default="", repr=False)


@mutable_class
class Mutable:
    """A value that changes."""

    name: str
    size: int = 3

    def __post_init__(self) -> None:
        self.size += 1


@frozen_class
class Filled:
    """A value with a field that is made from the others."""

    name: str
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.name.split("/")))


ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    (("a", 4), {"note": "n"}),
    ((), {"name": "a", "tags": ["t"]}),
    (("a", 1, ["x"], "y"), {}),
]
WRONG: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((), {"size": 1}),
    (("a",), {"name": "b"}),
    (("a",), {"other": 1}),
    ((), {"other": 1}),
    (("a", 1, [], "n", 5), {}),
    (("a", 1, [], "n"), {"other": 5}),
    ((), {"size": 1, "tags": [], "note": "", "other": 1}),
]


@pytest.mark.parametrize(("positional", "named"), ARGUMENTS)
def test_they_equal_dataclasses(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = Frozen(*positional, **named), Reference(*positional, **named)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)  # type: ignore[call-overload]
    assert repr(ours) == repr(theirs).replace("Reference", "Frozen")
    assert ours == Frozen(*positional, **named) != Frozen("other")
    assert ours != theirs
    assert hash(ours) == hash(theirs)
    assert pickle.loads(pickle.dumps(ours)) == copy.deepcopy(ours) == ours
    changed = dataclasses.replace(ours, size=9)  # type: ignore[type-var]
    assert (changed.size, changed.name) == (9, ours.name)


@pytest.mark.parametrize(("positional", "named"), WRONG)
def test_wrong_arguments_are_type_errors(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    for made in (Frozen, Reference):
        with pytest.raises(TypeError):
            made(*positional, **named)


def test_defaults_are_not_shared() -> None:
    Frozen("a").tags.append("t")
    assert Frozen("a").tags == []


def test_frozen_objects_do_not_change() -> None:
    value = Frozen("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.size = 4  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.size
    assert value.size == 3


def test_mutable_objects_change_and_have_no_hash() -> None:
    value = Mutable("a")
    assert value.size == 4
    value.size = 7
    assert value == Mutable("a", 6)
    with pytest.raises(TypeError):
        hash(value)


@pytest.fixture
def many() -> type[Frozen]:
    """Return the class after so many objects that it has a compiled method."""
    for number in range(400):
        Frozen(str(number))
    assert Frozen.__init__.__code__.co_filename == "<string>"
    return Frozen


@pytest.mark.parametrize(("positional", "named"), ARGUMENTS)
def test_many_objects_are_like_few(
    many: type[Frozen], positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    test_they_equal_dataclasses(positional, named)
    test_defaults_are_not_shared()
    test_frozen_objects_do_not_change()
    assert dataclasses.fields(many)[1].type == "int"  # type: ignore[arg-type]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("positional", "named"), WRONG)
def test_wrong_arguments_of_many_objects_are_type_errors(
    positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    test_wrong_arguments_are_type_errors(positional, named)


def test_fields_made_from_others_are_made_in_every_object() -> None:
    assert {Filled("a/b").parts for _ in range(400)} == {("a", "b")}
    sizes = {Mutable("a", size=2).size for _ in range(400)}
    assert sizes == {3}


def test_a_class_made_from_another_has_its_own_fields() -> None:
    @frozen_class
    class Base:
        name: str

    @frozen_class
    class Wider(Base):
        size: int = 1

    class Greeting(Base):
        def __init__(self, name: str) -> None:
            super().__init__(f"hello {name}")

    for number in range(400):
        assert Base(str(number)).name == str(number)
        assert dataclasses.astuple(Wider(str(number))) == (str(number), 1)  # type: ignore[call-overload]
        assert Greeting("you").name == "hello you"


def test_many_objects_take_no_longer_to_make_than_dataclasses_do(many: type[Frozen]) -> None:
    """The method is compiled by the same code, so the work of both is the same."""
    assert many.__init__.__code__.co_code == Reference.__init__.__code__.co_code
