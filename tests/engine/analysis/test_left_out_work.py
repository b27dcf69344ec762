"""What cannot change an answer is not worked out: it would be most of the cost of an answer about little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

import stormlog.query
from stormlog.engine.analysis import phase_spans, staging
from stormlog.engine.analysis.copies import CopyFinder
from stormlog.engine.database.lazy_schema import Database
from tests.engine.analysis.copied_sinks import readings
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.telemetry.factories import record


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Among what copies are looked for: sources, or files."""
    found: list[str] = []
    look = CopyFinder._alike

    def noted(self: CopyFinder, units: str) -> Any:
        found.append("sources" if "source_id AS place" in units else "files")
        return look(self, units)

    monkeypatch.setattr(CopyFinder, "_alike", noted)
    return found


def test_copies_are_looked_for_where_there_are_two_places(tmp_path: Path, compared: list[str]) -> None:
    events = busy_session("s", 40)
    assert readings(write_lines(tmp_path / "a.jsonl", events)) == 40
    assert compared == []
    segments = {"segment-000001.jsonl": events[:20], "segment-000002.jsonl": events[20:]}
    assert readings(write_sink(tmp_path / "sink", segments)) == 40
    assert compared == ["files"]
    compared.clear()
    assert readings(tmp_path) == 40
    assert set(compared) == {"sources", "files"}


def test_phases_of_findings_are_looked_for_where_a_phase_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed: list[bool] = []
    replay = phase_spans.replay
    monkeypatch.setattr(phase_spans, "replay", lambda database: (replayed.append(True), replay(database)))
    path = write_lines(tmp_path / "a.jsonl", busy_session("s", 40))
    with stormlog.query.open(path, cache=False) as store:
        assert store.sql("SELECT DISTINCT phase FROM memory_gaps").rows == [(None,)]
        assert not replayed
        scope = {
            "action": "enter",
            "name": "train",
            "path": ["train"],
            "depth": 1,
            "scope_id": "1",
            "thread_id": 1,
            "thread_name": "main",
            "sequence": 0,
        }
        enter = record(event_type="phase_enter", timestamp_ns=START_NS, metadata={"phase_scope": scope})
        with path.open("a") as stream:
            stream.write(json.dumps(enter) + "\n")
        store.refresh()
        assert store.sql("SELECT DISTINCT phase FROM memory_gaps").rows == [("train",)]
        assert replayed


def test_texts_are_compared_where_an_event_is_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    normalised: list[bool] = []
    normalise = staging._normalise_in_python
    monkeypatch.setattr(
        staging, "_normalise_in_python", lambda database: (normalised.append(True), normalise(database))
    )
    path = tmp_path / "a.jsonl"
    with path.open("a") as stream, stormlog.query.open(tmp_path, cache=str(tmp_path / "cache")) as store:
        for kind, hit_count, looks in (
            ("sample", 0, 0),
            ("warning", 1, 1),
            ("sample", 1, 1),
            ("warning", 2, 2),
        ):
            stream.write(json.dumps(record(event_type=kind, context="disk is low")) + "\n")
            stream.flush()
            store.refresh()
            assert sum(issue.hit_count for issue in store.list_issues()) == hit_count
            assert len(normalised) == looks


def test_records_of_many_documents_are_inserted_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"{number}-telemetry.json").write_text(json.dumps([record(timestamp_ns=number)]))
    statements: list[str] = []
    execute = Database.execute

    def noted(self: Database, text: str, params: Any = None) -> Any:
        statements.append(text)
        return execute(self, text, params)

    monkeypatch.setattr(Database, "execute", noted)
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert len(store.query_events()) == 5
    assert sum("INSERT INTO raw.records" in text for text in statements) == 1


def test_rows_that_a_cancelled_transaction_brings_back_are_removed_the_next_time() -> None:
    database = Database(duckdb.connect(":memory:"))
    rows: list[tuple[Any, ...]] = [(0, 0, "a")]
    assert not database.has_rows("raw.files")
    database.fill("raw.files", "INTEGER, INTEGER, VARCHAR", rows)
    database.execute("BEGIN")
    database.fill("raw.files", "INTEGER, INTEGER, VARCHAR", [])
    assert not database.has_rows("raw.files")
    database.execute("ROLLBACK")
    assert database.has_rows("raw.files")
    database.clear("raw.files")
    assert not database.has_rows("raw.files")
    database.execute("INSERT INTO raw.files VALUES (1, 1, 'b')")
    assert database.has_rows("raw.files")
    database.close()
