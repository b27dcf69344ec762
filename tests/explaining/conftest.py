"""The shipped job, opened once for all tests of this folder; no test changes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import stormlog.query
from stormlog.query import QueryStore

JOB = Path(__file__).parents[2] / "examples" / "job"


@pytest.fixture(scope="package")
def job() -> Iterator[QueryStore]:
    with stormlog.query.open([JOB], cache=False) as store:
        yield store
