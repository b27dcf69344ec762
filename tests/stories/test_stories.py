"""Jobs with known causes are explained rightly, and the generator writes what it says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.explaining import Explanation, Store, explain
from stormlog.query import QueryStore
from tests.soak import few_or_many
from tests.stories.check import differences
from tests.stories.expected import EndingWith, Story
from tests.stories.jobs import KINDS, Kind

# Ranks and versions of records: a usual run takes one of the first few for each kind in turn, a soak all.
SIZES = ((3, 4), (5, 3), (1, 3), (2, 2), (64, 3), (8, 2), (16, 4))
FEW = 4
#: So many jobs that can lie beside each other are read by one store; with more of them, each question takes longer.
BESIDE = 11


@dataclass(frozen=True)
class Case:
    kind: Kind
    seed: int
    ranks: int
    version: int

    @property
    def name(self) -> str:
        return f"{self.kind.name}-{self.ranks}ranks-v{self.version}"


def _cases() -> list[Case]:
    found = []
    for number, kind in enumerate(KINDS.values()):
        sizes = SIZES if few_or_many(0, 1) else SIZES[number % FEW :][:1]
        different = dict.fromkeys(kind.size(*size) for size in sizes)
        # Sessions of the sizes of a kind, which may lie beside each other, have ids of their own.
        found += [Case(kind, number + 1000 * place, *size) for place, size in enumerate(different)]
    return found


CASES = _cases()
BESIDE_OTHERS = [case for case in CASES if not case.kind.alone]
#: Cases whose jobs one store reads.
GROUPS = [
    *(tuple(BESIDE_OTHERS[start : start + BESIDE]) for start in range(0, len(BESIDE_OTHERS), BESIDE)),
    *((case,) for case in CASES if case.kind.alone),
]
# In the scope of the module, the tests of one case run one after the other.
all_cases = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for group in GROUPS for case in group], scope="module"
)


@dataclass(frozen=True)
class Group:
    """The jobs of some cases, each below a folder of its name, and the store that reads all of them."""

    stories: dict[str, Story]
    store: QueryStore

    @cached_property
    def asked(self) -> Store:
        """What explanations ask: a question that all jobs have in common once.

        No job promises anything of the picture of its memory, which takes a third of the time.
        """
        store = self.store._explaining_store()
        known: dict[str, list[tuple[Any, ...]]] = {}

        def ask(name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
            if name == "timeline_points":
                return []
            question = f"{name} {sorted(params.items())}"
            if question not in known:
                known[question] = store.ask(name, params)
            return known[question]

        return store._replace(ask=ask)

    def explained(self, case: Case) -> Explanation:
        arguments = self.stories[case.name].arguments
        if case.kind.alone:
            return self.store.explain(**arguments)
        # Beside others, a job is found by its name; alone, it is found without.
        return explain(self.asked, run_id=self.stories[case.name].expected.values["run.run_id"], **arguments)

    @cached_property
    def event_counts(self) -> Counter[str]:
        paths = self.store.sql("SELECT segment_path, count(*) FROM events GROUP BY 1").rows
        counts: Counter[str] = Counter()
        for path, count in paths:
            counts[self.name_of(path)] += count
        return counts

    @cached_property
    def errors(self) -> list[tuple[Any, ...]]:
        return self.store.sql(
            "SELECT segment_path, timestamp_ns, rank, session_id, host, device_id, line_number FROM events "
            "WHERE event_type = 'error'"
        ).rows

    def name_of(self, path: str) -> str:
        (name,) = {part for part in Path(path).parts if part in self.stories}
        return name


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Case], Group]]:
    """Give the group of a case; the one asked for last stays open."""
    opened: dict[tuple[Case, ...], Group] = {}

    def close() -> None:
        for group in opened.values():
            group.store.close()
        opened.clear()

    def of_case(case: Case) -> Group:
        (cases,) = (group for group in GROUPS if case in group)
        if cases not in opened:
            close()
            folder = tmp_path_factory.mktemp("jobs")
            stories = {
                one.name: one.kind.make(folder / one.name, one.seed, one.ranks, one.version) for one in cases
            }
            paths = [path for story in stories.values() for path in story.paths]
            opened[cases] = Group(stories, stormlog.query.open(paths, cache=False))
        return opened[cases]

    yield of_case
    close()


@all_cases
def test_what_is_written_is_read_and_holds_what_was_built_in(
    groups: Callable[[Case], Group], case: Case
) -> None:
    group = groups(case)
    story = group.stories[case.name]
    for name, (actual, promised) in story.checks.items():
        assert promised == actual, name
    values = story.expected.values
    assert group.event_counts[case.name] == story.events
    assert group.store.catalog.warnings == []
    if values.get("first_failure.time_source") == "event":
        of_event = (values["first_failure.timestamp_ns"], values["first_failure.rank"])
        (failure,) = [
            error for error in group.errors if group.name_of(error[0]) == case.name and error[1:3] == of_event
        ]
        path, line_number = failure[0], failure[-1]
        named = ("session_id", "host", "device_id")
        assert list(failure[3:6]) == [values[f"first_failure.{name}"] for name in named]
        if "first_failure.source_path" in values:
            assert isinstance(values["first_failure.source_path"], EndingWith)
            assert values["first_failure.source_path"] == path
            assert values["first_failure.line_number"] == line_number


@all_cases
def test_the_job_is_explained(groups: Callable[[Case], Group], case: Case) -> None:
    group = groups(case)
    story = group.stories[case.name]
    answer = group.explained(case).as_dict()
    found = differences(json.loads(json.dumps(answer)), story.expected)
    assert not found, "\n".join(found)


def test_a_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        KINDS["leak_on_one_rank"].make(folder / "job", 5, 2, 3)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
