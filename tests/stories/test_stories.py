"""Jobs with known causes are explained rightly, and the generator writes what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from tests.soak import few_or_many
from tests.stories.check import differences
from tests.stories.expected import EndingWith, Story
from tests.stories.jobs import KINDS, Kind

# Ranks and versions of records: a usual run takes one of them for each kind in turn, a soak all.
SIZES = ((3, 4), (8, 3), (1, 3), (2, 2), (64, 3), (5, 2), (16, 4))


def cases() -> list[Any]:
    found = []
    for number, kind in enumerate(KINDS.values()):
        sizes = [SIZES[(number + turn) % len(SIZES)] for turn in range(few_or_many(1, len(SIZES)))]
        for ranks, version in dict.fromkeys(kind.size(*size) for size in sizes):
            name = f"{kind.name}-{ranks}ranks-v{version}"
            found.append(pytest.param((kind, number, ranks, version), id=name))
    return found


@pytest.fixture(scope="module")
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    kind: Kind
    kind, seed, ranks, version = request.param
    return kind.make(tmp_path_factory.mktemp("story") / "job", seed, ranks, version)


@pytest.mark.parametrize("story", cases(), indirect=True)
def test_what_is_written_is_read_and_holds_what_was_built_in(story: Story) -> None:
    for name, (actual, promised) in story.checks.items():
        assert promised == actual, name
    values = story.expected.values
    with stormlog.query.open(story.paths, cache=False) as store:
        assert store.sql("SELECT count(*) AS n FROM events").rows[0][0] == story.events
        assert store.catalog.warnings == []
        if values.get("first_failure.time_source") == "event":
            (failure,) = store.sql(
                "SELECT rank, session_id, host, device_id, event_type, segment_path, line_number FROM events "
                "WHERE timestamp_ns = $at AND rank = $rank AND event_type = 'error'",
                {"at": values["first_failure.timestamp_ns"], "rank": values["first_failure.rank"]},
            ).rows
            named = ("rank", "session_id", "host", "device_id")
            assert list(failure[:4]) == [values[f"first_failure.{name}"] for name in named]
            if "first_failure.source_path" in values:
                assert isinstance(values["first_failure.source_path"], EndingWith)
                assert values["first_failure.source_path"] == failure[5]
                assert values["first_failure.line_number"] == failure[6]


@pytest.mark.skipif(
    not hasattr(stormlog.query.QueryStore, "explain"), reason="this store cannot explain a job yet"
)
@pytest.mark.parametrize("story", cases(), indirect=True)
def test_the_job_is_explained(story: Story) -> None:
    with stormlog.query.open(story.paths, cache=False) as store:
        answer = store.explain(**story.arguments).as_dict()
    found = differences(json.loads(json.dumps(answer)), story.expected)
    assert not found, "\n".join(found)


def test_a_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        KINDS["leak_on_one_rank"].make(folder, 5, 2, 3)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
