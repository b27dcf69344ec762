"""Stores with their reports, asked once for all tests of this folder; no test changes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

import stormlog.query
from stormlog.query import QueryStore
from stormlog.reporting import Report, collect_report
from tests.reporting import captures

JOB = Path("examples/job")


class Reported(NamedTuple):
    path: Path
    store: QueryStore
    report: Report


@contextmanager
def _reported(path: Path) -> Iterator[Reported]:
    with stormlog.query.open(str(path)) as store:
        yield Reported(path, store, collect_report(store))


@pytest.fixture(scope="package")
def of_job() -> Iterator[Reported]:
    with _reported(JOB) as reported:
        yield reported


@pytest.fixture(scope="package")
def of_job_again() -> Iterator[Reported]:
    """The same files, opened and asked once more."""
    with _reported(JOB) as reported:
        yield reported


@pytest.fixture(scope="package")
def of_hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    with _reported(captures.hostile(tmp_path_factory.mktemp("hostile"))) as reported:
        yield reported


@pytest.fixture(scope="package")
def of_500_issues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    path = captures.many_issues(tmp_path_factory.mktemp("many") / "e.jsonl", 500)
    with _reported(path) as reported:
        yield reported
