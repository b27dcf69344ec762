"""What the definitions of a failure's account decide about a job, as values and ranges of the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Near:
    """A number within a slack, for what noise or the choice of a percentile moves."""

    value: float
    slack: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and abs(other - self.value) <= self.slack

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.value:,.0f} within {self.slack:,.0f}"


@dataclass(frozen=True)
class AtLeast:
    """A number that is not below another."""

    value: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and other >= self.value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.value:,} or more"


class OneOf:
    """One of several values, where the definitions leave a choice."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return any(value == other for value in self.values)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return " or ".join(map(repr, self.values))


class AnyOrder:
    """A list in any order."""

    def __init__(self, *values: Any) -> None:
        self.values = list(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and sorted(map(repr, other)) == sorted(map(repr, self.values))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.values} in any order"


class Containing:
    """A text that has another one in it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.text in other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"a text with {self.text!r}"


class EndingWith:
    """A path that ends so."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.endswith(self.text)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"a path that ends with {self.text!r}"


class Mentioning:
    """Anything that has a text somewhere in it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return self.text in repr(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"something that mentions {self.text!r}"


NOTHING = OneOf(None, [], {})


@dataclass
class Expected:
    """The right values of an answer.

    ``values`` has dotted names of the JSON answer (``run.ranks_failed``, ``memory.growth.allocated``) and what
    stands there. Names that are not listed are not decided by how the job was made.
    """

    values: dict[str, Any] = field(default_factory=dict)

    def add(self, prefix: str, **values: Any) -> Expected:
        """Add values below a name, in place."""
        self.values.update({f"{prefix}.{name}" if prefix else name: value for name, value in values.items()})
        return self


@dataclass
class Story:
    """A job on disk and what is known of it.

    ``paths`` are to be opened, ``expected`` is the right answer to ``store.explain(**arguments)``, ``events``
    the number of events written, ``checks`` what the construction promises about the numbers of the oracle.
    """

    paths: list[Path]
    expected: Expected
    events: int
    arguments: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, tuple[Any, Any]] = field(default_factory=dict)
