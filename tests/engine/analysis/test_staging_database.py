"""Evidence, hidden memory and phases are worked out with six methods of a database and nothing else of it."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.engine import engine
from stormlog.engine.analysis import staging
from stormlog.engine.analysis.staging_database import StagingDatabase
from stormlog.engine.database.tables import TABLES
from stormlog.engine.index import updating
from tests.telemetry.factories import record

CAPTURES = Path(__file__).parents[3] / "examples" / "captures"
METHODS = {
    name
    for name, member in vars(StagingDatabase).items()
    if inspect.isfunction(member) and not name.startswith("_")
}


class OtherDatabase:
    """Hands on the six methods, and writes down what they are asked."""

    def __init__(self, database: StagingDatabase, calls: list[tuple[str, tuple[Any, ...]]]) -> None:
        for name in METHODS:
            setattr(self, name, self._recorded(name, getattr(database, name), calls))

    @staticmethod
    def _recorded(name: str, method: Any, calls: list[tuple[str, tuple[Any, ...]]]) -> Any:
        def call(*args: Any) -> Any:
            calls.append((name, args))
            return method(*args)

        return call


Calls = list[tuple[str, tuple[Any, ...]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What staging asks its database from now on, in every store."""
    return noted_calls(monkeypatch)


def noted_calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls: Calls = []

    def through_other(stage: Any) -> Any:
        return lambda database, *rest: stage(OtherDatabase(database, calls), *rest)

    for module, name in (
        (updating, "stage_batch"),
        (engine, "stage_sessions"),
        (engine, "stage_issues"),
        (engine, "stage_all_spans"),
    ):
        monkeypatch.setattr(module, name, through_other(getattr(staging, name)))
    return calls


VIEWS = ("issues", "issue_evidence", "memory_gaps", "phase_spans")


def rows_of(*paths: Path) -> dict[str, list[Any]]:
    with stormlog.query.open(paths, cache=False) as store:
        return {view: store.sql(f"SELECT * FROM {view} ORDER BY ALL").rows for view in VIEWS}


@pytest.fixture(scope="module")
def odd_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events whose texts SQL leaves to Python, and a phase that ends before one that it holds."""
    scopes = [("enter", "a", ["a"]), ("enter", "b", ["a", "b"]), ("exit", "a", ["a"]), ("exit", "b", ["b"])]
    events = [record(event_type="error", context=text, metadata={}) for text in ("Überlauf 7", "ΔΣ 12")]
    events += [
        record(
            event_type=f"phase_{action}",
            timestamp_ns=1000 + number,
            metadata={
                "phase_scope": {
                    "action": action,
                    "name": path[-1],
                    "path": path,
                    "depth": len(path),
                    "scope_id": scope,
                    "thread_id": 1,
                    "thread_name": "main",
                    "sequence": number,
                }
            },
        )
        for number, (action, scope, path) in enumerate(scopes)
    ]
    path = tmp_path_factory.mktemp("odd") / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def through_other(odd_texts: Path) -> tuple[dict[str, list[Any]], Calls]:
    """The rows of captures and odd texts that come through the other database, and what it was asked."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        calls = noted_calls(monkeypatch)
        return rows_of(CAPTURES, odd_texts), calls


def test_there_are_six_methods() -> None:
    assert {"execute", "fill", "replace", "materialise", "has_rows", "is_created"} == METHODS


def test_other_database_gives_the_same_rows(
    through_other: tuple[dict[str, list[Any]], Calls], odd_texts: Path
) -> None:
    rows, calls = through_other
    assert rows == rows_of(CAPTURES, odd_texts)
    assert all(rows.values())
    # Whether a view exists is asked only where no event is about a phase.
    assert {name for name, _ in calls} == METHODS - {"is_created"}


def dimensions_in_python(calls: Calls, path: Path, events: list[Any]) -> set[str]:
    """Return the dimensions of the issues of some events that Python had to normalise."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    calls.clear()
    assert rows_of(path)["issues"]
    return {
        row[0]
        for name, args in calls
        if name == "fill" and args[0] == "stage.normal_dimensions"
        for row in args[2]
    }


def test_dimensions_that_are_normal_as_they_stand_need_no_python(calls: Calls, tmp_path: Path) -> None:
    degraded = {"collector_health_status": "degraded", "collector_last_error": "RuntimeError: 5 lost"}
    events = [
        record(event_type="warning", context="Request id-7f3az failed 3 times", metadata={}),
        record(event_type="error", metadata={"oom_reason": "message_pattern:out of memory"}),
        record(metadata=degraded),
        record(metadata={**degraded, "collector_partial_fields": ["device_used_bytes"]}),
    ]
    # Samples that show hidden memory.
    events += [
        record(
            timestamp_ns=1000 + number,
            device_used_bytes=10**9 if number == 30 else 1000,
            device_total_bytes=10**10,
            allocator_reserved_bytes=100,
            allocator_allocated_bytes=100,
        )
        for number in range(40)
    ]
    path = tmp_path / "events.jsonl"
    assert dimensions_in_python(calls, path, events) == set()
    with stormlog.query.open(path, cache=False) as store:
        assert {row.kind for row in store.list_issues()} == {
            "alert",
            "oom",
            "collector_degradation",
            "hidden_memory_anomaly",
        }


def test_other_dimensions_are_normalised_in_python(calls: Calls, tmp_path: Path) -> None:
    events = [
        record(event_type="warning", collector="Mine 7", context="late", metadata={}),
        record(event_type="warning", context="sp\u00e4t", metadata={}),
        record(event_type="error", metadata={"oom_reason": 5}),
        record(metadata={"collector_health_status": "degraded", "collector_partial_fields": ["b", "a"]}),
    ]
    assert len(dimensions_in_python(calls, tmp_path / "events.jsonl", events)) == 4


def test_nothing_is_written_but_by_name(through_other: tuple[dict[str, list[Any]], Calls]) -> None:
    """What writes is a method with the name of a table, and a SELECT is all that is SQL."""
    _, calls = through_other
    queries = [args[0] for name, args in calls if name == "execute"]
    queries += [args[1] for name, args in calls if name == "replace"]
    assert all(re.match(r"\s*SELECT\b", query) for query in queries)
    filled = {args[0] for name, args in calls if name == "fill" and args[2]}
    assert {"stage.normal_texts", "stage.replayed_spans", "stage.gap_findings"} <= filled
    replaced = {args[0] for name, args in calls if name == "replace"}
    assert {"stage.distinct_texts", "stage.replay_scope", "stage.fingerprints"} <= replaced
    for name, args in calls:
        if name == "fill":
            kinds = [column.split(" ")[1] for column in re.split(r", (?=\w+ [A-Z])", TABLES[args[0]])]
            assert args[1].split(", ") == kinds
