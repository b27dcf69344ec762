"""A store of several captures, and its exports in every format, made once for a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import stormlog.query
from stormlog.exporting import ExportReport
from stormlog.query import QueryStore

CAPTURES = Path(__file__).parents[2] / "examples" / "captures"
#: With a skipped line, copies of sessions, runs, rollups, attachments, and issues of every kind.
NAMES = ("v4-cuda-sim", "sink-retention", "torn-tail", "run-envelope")
TARGETS = {"duckdb": "all.duckdb", "sqlite": "all.sqlite", "parquet": "all"}
#: So that not all issues are open.
IGNORE = [{"kind": "oom", "reason": "known"}]


@pytest.fixture(scope="module")
def store() -> Iterator[QueryStore]:
    with stormlog.query.open([CAPTURES / name for name in NAMES], cache=False, ignore=IGNORE) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def reports(store: QueryStore, folder: Path) -> dict[str, ExportReport]:
    """Reports of exports of everything, by format."""
    return {name: store.export(folder / target) for name, target in TARGETS.items()}
