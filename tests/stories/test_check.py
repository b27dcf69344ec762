"""A right answer passes the comparison, and every wrong value of it is told in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stories import oracle
from tests.stories.check import differences
from tests.stories.expected import (
    AnyOrder,
    AtLeast,
    Containing,
    EndingWith,
    Expected,
    Mentioning,
    Near,
    OneOf,
)
from tests.stories.jobs import KINDS


def right(value: Any) -> Any:
    """Return a value that fits what is expected."""
    if isinstance(value, Near | AtLeast):
        return value.value
    if isinstance(value, OneOf):
        return right(value.values[0])
    if isinstance(value, AnyOrder):
        return value.values
    if isinstance(value, Containing | EndingWith | Mentioning):
        return value.text
    return value


def answer_to(expected: Expected) -> dict[str, Any]:
    """Return an answer that has everything that is expected."""
    answer: dict[str, Any] = {}
    for name, value in expected.values.items():
        *parents, last = name.removeprefix("?").split(".")
        place = answer
        for parent in parents:
            place = place.setdefault(parent, {})
        if name == "ranks":
            place[last] = [
                {"rank": rank, **{key: right(field) for key, field in fields.items()}}
                for rank, fields in value.items()
            ]
        elif name == "odd_ranks":
            place[last] = [{key: right(field) for key, field in row.items()} for row in value]
        else:
            place[last] = right(value)
    return answer


@pytest.mark.parametrize("name", ["leak_on_one_rank", "pipeline_stages_and_a_leak", "recurrence_after_a_fix"])
def test_a_right_answer_differs_nowhere_and_a_wrong_one_where_it_is_wrong(name: str, tmp_path: Path) -> None:
    story = KINDS[name].make(tmp_path / "job", 1, 4, 3)
    assert differences(answer_to(story.expected), story.expected) == []
    for written in story.expected.values:
        answer = answer_to(story.expected)
        *parents, last = written.removeprefix("?").split(".")
        place = answer
        for parent in parents:
            place = place[parent]
        if isinstance(place[last], list):
            place[last] = [*place[last][1:], {"rank": 10_000}]
        else:
            place[last] = "something else"
        found = differences(answer, story.expected)
        assert found, written
        assert all(line.startswith(written.removeprefix("?")) for line in found), found


def test_an_answer_of_nulls_is_told_by_name() -> None:
    expected = Expected().add("first_failure", rank=3, candidates=OneOf(None, []))
    assert differences({"first_failure": None}, expected) == ["first_failure.rank: None, expected 3"]


def test_the_id_of_an_oom_is_that_of_the_documentation() -> None:
    assert oracle.oom_fingerprint("cuda", "message_pattern:out of memory") == "issue:876c8d4f6dbab3ef989deddc"


def test_percentiles_lie_between_the_choices() -> None:
    values = [3.0, 1.0, 2.0, 4.0]
    assert oracle.linear(values, 0.9) == pytest.approx(3.7)
    assert (oracle.nearest(values, 0.9), oracle.nearest(values, 0.1), oracle.nearest(values, 0.5)) == (
        4,
        1,
        2,
    )
