"""Which attempts of other runs are those of the same job, told from what the runs say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.explaining.attempts import Attempt, others_of_its_job

THIS = Attempt(
    run_id="this",
    attempt=2,
    title="pretrain",
    source_ref="ref-1",
    job_id="job-1",
    app="llm",
    world_size=8,
    code_version="2.0",
    start_ns=100,
    last_ns=200,
    failed_ns=None,
    failed_count=0,
    lost_count=0,
    is_overlapping=False,
)
#: A run that has nothing in common with it.
STRANGE = THIS._replace(
    run_id="other", attempt=1, title="finetune", source_ref="ref-2", app="vision", start_ns=50, last_ns=60
)


@pytest.mark.parametrize(
    ("common", "is_kin"),
    [
        ({}, False),
        ({"title": "pretrain"}, True),
        ({"source_ref": "ref-1"}, True),
        ({"app": "llm"}, True),
        ({"app": "llm", "world_size": 7}, False),
        ({"app": "llm", "world_size": None}, False),
        ({"job_id": "job-1", "code_version": "2.0"}, False),
        ({"run_id": "this"}, True),
        ({"run_id": "this", "attempt": 3}, False),
        # One that began with it counts, and one that began later does not.
        ({"title": "pretrain", "start_ns": 100}, True),
        ({"title": "pretrain", "start_ns": 101}, False),
        ({"title": "pretrain", "start_ns": None}, True),
    ],
)
def test_kin_of_a_run(common: dict[str, Any], is_kin: bool) -> None:
    other = STRANGE._replace(**common)
    assert others_of_its_job(THIS, [THIS, other]) == ([other] if is_kin else [])


@pytest.mark.parametrize("field", ["title", "source_ref", "app"])
def test_runs_that_do_not_say_it_have_nothing_in_common(field: str) -> None:
    this, other = THIS._replace(**{field: None}), STRANGE._replace(**{field: None})
    assert others_of_its_job(this, [other]) == []


def test_the_nearest_kin_come_first_and_of_these_the_latest() -> None:
    of_run = STRANGE._replace(run_id="this", start_ns=1)
    of_title = [STRANGE._replace(run_id=f"t{start}", title="pretrain", start_ns=start) for start in (20, 40)]
    of_app = STRANGE._replace(run_id="a", app="llm", start_ns=90)
    found = others_of_its_job(THIS, [of_app, *of_title, of_run])
    assert found == [of_run, of_title[1], of_title[0], of_app]
