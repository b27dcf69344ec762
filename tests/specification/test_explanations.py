"""Every explanation is what its schema says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormlog.apps.cli.printing.json_text import json_document
from stormlog.explaining import Explanation
from stormlog.specification import json_schema
from tests.presenting.samples import SAMPLES
from tests.specification.fitting import misfits

SCHEMA = json_schema(Explanation)


@pytest.mark.parametrize("name", SAMPLES)
def test_answers_fit_the_schema(name: str) -> None:
    assert misfits(json.loads(json_document(SAMPLES[name]().as_dict())), SCHEMA) == []


@pytest.mark.parametrize(
    ("path", "wrong", "expected"),
    [
        (("run", "attempt"), "1", "$.run.attempt: '1' is not of type 'integer'"),
        (("run", "ranks_seen", 0), None, "$.run.ranks_seen[0]: None is not of type 'integer'"),
        (("memory", "growth", "allocated"), 1.5, "allocated: 1.5 is not of type 'integer', 'null'"),
        (("memory", "new"), 1, "'new' was unexpected"),
    ],
)
def test_what_does_not_fit_is_found(path: tuple[Any, ...], wrong: Any, expected: str) -> None:
    printed = json.loads(json_document(SAMPLES["out_of_memory"]().as_dict()))
    inner = printed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    assert expected in "\n".join(misfits(printed, SCHEMA))


def test_every_time_has_a_text_beside_it() -> None:
    for schema in (SCHEMA, *SCHEMA["$defs"].values()):
        for name in schema["properties"]:
            is_time = name.endswith("_ns") and not name.startswith(("lead", "age", "clock_spread"))
            assert not is_time or name.removesuffix("_ns") + "_utc" in schema["properties"]
