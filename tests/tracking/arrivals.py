"""Lets files arrive as they do in life: one after the other, growing, cut anywhere."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["arrive"]


def arrive(source: Path, target: Path, rng: random.Random, stops: int) -> Iterator[bool]:
    """Copy a folder bit by bit; yields at some moments, and at last when everything is there, whether it is.

    Lines grow at their end. Everything else arrives whole, manifests before what they describe.

    Args:
        source: A folder.
        target: Where to; it exists.
        rng: Decides what comes when.
        stops: How often to yield, about.
    """
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    steps: list[tuple[Path, bytes]] = []
    waiting: list[list[tuple[Path, bytes]]] = []
    for path in paths:
        content, name = path.read_bytes(), path.relative_to(source)
        if path.name in ("manifest.json", "metadata.json"):
            steps.append((name, content))
        elif path.suffix == ".jsonl" and len(content) > 1:
            cuts = sorted(rng.randrange(len(content)) for _ in range(rng.randrange(4)))
            bounds = [0, *cuts, len(content)]
            waiting.append([(name, content[a:b]) for a, b in itertools.pairwise(bounds)])
        else:
            waiting.append([(name, content)])
    rng.shuffle(steps)
    while waiting:
        queue = rng.choice(waiting)
        steps.append(queue.pop(0))
        if not queue:
            waiting.remove(queue)
    at = {rng.randrange(len(steps)) for _ in range(stops)}
    for number, (name, content) in enumerate(steps):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.write(content)
        if number in at:
            yield False
    assert sorted(p.relative_to(target) for p in target.rglob("*") if p.is_file()) == [
        p.relative_to(source) for p in paths
    ]
    yield True


def copy_whole(source: Path, target: Path) -> Path:
    """Copy a folder at once."""
    shutil.copytree(source, target)
    return target
