"""Jobs with known causes are explained rightly, and the generator writes what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import stormlog.query
from tests.stories.check import differences
from tests.stories.expected import Story
from tests.stories.jobs import KINDS, Kind

# Ranks and versions of records for each seed; a kind takes what it allows.
SIZES = [(0, 1, 3), (1, 3, 4), (2, 8, 3), (3, 2, 2)]


def cases() -> list[object]:
    found = []
    for kind in KINDS.values():
        seen = set()
        for seed, ranks, version in SIZES:
            size = (min(max(ranks, kind.least), kind.most), version)
            if version in kind.versions and size not in seen:
                seen.add(size)
                found.append(pytest.param(kind, seed, *size, id=f"{kind.name}-{size[0]}ranks-v{version}"))
    return found


def write(kind: Kind, folder: Path, seed: int, ranks: int, version: int) -> Story:
    return kind.make(folder / "job", seed, ranks, version)


@pytest.mark.parametrize(("kind", "seed", "ranks", "version"), cases())
def test_what_is_written_is_read_and_holds_what_was_built_in(
    kind: Kind, seed: int, ranks: int, version: int, tmp_path: Path
) -> None:
    story = write(kind, tmp_path, seed, ranks, version)
    for name, (actual, promised) in story.checks.items():
        assert promised == actual, name
    with stormlog.query.open(story.paths, cache=False) as store:
        assert store.sql("SELECT count(*) AS n FROM events").rows[0][0] == story.events
        assert [warning.as_dict() for warning in store.catalog.warnings] == []


@pytest.mark.skipif(
    not hasattr(stormlog.query.QueryStore, "explain"), reason="this store cannot explain a job yet"
)
@pytest.mark.parametrize(("kind", "seed", "ranks", "version"), cases())
def test_the_job_is_explained(kind: Kind, seed: int, ranks: int, version: int, tmp_path: Path) -> None:
    story = write(kind, tmp_path, seed, ranks, version)
    with stormlog.query.open(story.paths, cache=False) as store:
        answer = store.explain(**story.arguments).as_dict()
    found = differences(json.loads(json.dumps(answer)), story.expected)
    assert not found, "\n".join(found)
