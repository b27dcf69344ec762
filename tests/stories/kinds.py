"""The registry of kinds of jobs: a kind writes a job of a seed, a number of ranks and a version of records."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.stories.expected import Story

Writer = Callable[[Path, random.Random, int, int], Story]


@dataclass(frozen=True)
class Kind:
    """A kind of job; ``least`` is the fewest ranks with which it makes sense, ``most`` the largest number.

    One that is ``alone`` is told of all that a store holds: which of its runs is explained, which run came before.
    The others can lie beside each other, each with a job id of its own.
    """

    name: str
    write: Writer
    least: int = 1
    most: int = 64
    versions: tuple[int, ...] = (2, 3, 4)
    alone: bool = False

    def size(self, ranks: int, version: int) -> tuple[int, int]:
        """Return the nearest number of ranks and version that this kind allows."""
        version = version if version in self.versions else self.versions[-1]
        return min(max(ranks, self.least), self.most), version

    def make(self, root: Path, seed: int, ranks: int, version: int) -> Story:
        """Write a job below a folder and return its story."""
        return self.write(root, random.Random(f"{self.name} {seed}"), ranks, version)


KINDS: dict[str, Kind] = {}


def kind(
    *, least: int = 1, most: int = 64, versions: tuple[int, ...] = (2, 3, 4), alone: bool = False
) -> Callable[[Writer], Writer]:
    """Register a function as a kind of job under its name."""

    def register(write: Writer) -> Writer:
        KINDS[write.__name__] = Kind(write.__name__, write, least, most, versions, alone)
        return write

    return register
