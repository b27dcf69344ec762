"""Table macros are views with parameters: documented, prepared when a statement names them, open to users."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.database.sql_files import SqlFile, load_sql_files
from stormlog.engine.view_needs import public_names, view_names
from stormlog.errors import QueryError
from stormlog.query import QueryStore
from stormlog.telemetry.capabilities import infer_memory_capabilities
from tests.query.sinks import START_NS, write_lines
from tests.sql.test_headers import FILLED_BY, INCLUDED, lines_of_needs, tables_behind
from tests.telemetry.factories import record

SIMULATED = Path(__file__).parents[2] / "examples" / "captures" / "v4-cuda-sim"
MACROS = {file.name: file for file in load_sql_files() if file.kind == "TABLE MACRO"}
CALLS = {
    "correlation": (
        "correlation((SELECT max(started_at_ns) FROM sessions WHERE job_id = 'llm-pretrain-31'), 60000000000)"
    ),
    "memory_timeline": "memory_timeline((SELECT max(session_id) FROM sessions WHERE job_id = 'llm-pretrain-31'), 4)",
    "phase_peaks": "phase_peaks('job:llm-pretrain-31')",
    "evidence_context": "evidence_context((SELECT max(fingerprint_id) FROM issues), 60000000000)",
}
COUNTERS = ("allocated", "reserved", "used", "free", "total")


def test_table_macros_are_public_but_no_views() -> None:
    assert CALLS.keys() == MACROS.keys()
    assert MACROS.keys() == set(public_names()) - set(view_names())


@pytest.mark.parametrize("name", MACROS)
def test_a_table_macro_documents_its_arguments_and_columns(name: str, database: Any) -> None:
    file = MACROS[name]
    arguments = ", ".join("NULL" for _ in file.parameters)
    described = database.execute(f"DESCRIBE SELECT * FROM {name}({arguments})").fetchall()
    assert list(file.columns) == [row[0] for row in described]
    row = database.execute(
        "SELECT parameters, comment FROM duckdb_functions() WHERE function_name = $name AND schema_name = 'main'",
        {"name": name},
    ).fetchone()
    assert row == (list(file.parameters), file.summary)
    for column, text in file.columns.items():
        unit = {"_ns": "nanosecond", "_bytes": "byte"}.get(re.sub(r"^.*(_[a-z]+)$", r"\1", column), "")
        assert unit in text


@pytest.mark.parametrize("file", MACROS.values(), ids=MACROS)
def test_a_table_macro_needs_what_fills_the_tables_behind_it(file: SqlFile) -> None:
    filled = {done for need in file.needs for done in INCLUDED[need]}
    tables = {table for read in file.reads for table in tables_behind(read)}
    assert {FILLED_BY[table] for table in tables} <= filled


@pytest.fixture(scope="module")
def simulated() -> Iterator[QueryStore]:
    """A store that was asked for everything that views need before."""
    with stormlog.query.open([SIMULATED], cache=False) as store:
        for line in lines_of_needs():
            store.sql(f"SELECT count(*) FROM {line[-1]}")
        yield store


@pytest.mark.parametrize("name", MACROS)
def test_a_table_macro_answers_a_store_that_was_asked_nothing_before(
    simulated: QueryStore, name: str
) -> None:
    statement = f"SELECT * FROM {CALLS[name]} ORDER BY ALL"
    with stormlog.query.open([SIMULATED], cache=False) as store:
        rows = store.sql(statement).rows
    assert rows
    assert rows == simulated.sql(statement).rows


@pytest.mark.parametrize("name", MACROS)
def test_a_table_macro_can_be_explained_joined_and_described(name: str, simulated: QueryStore) -> None:
    call = CALLS[name]
    assert simulated.sql(f"EXPLAIN SELECT * FROM {call}").rows
    assert simulated.sql(f"DESCRIBE SELECT * FROM {call}").rows
    assert simulated.sql(f"WITH t AS (FROM {call}) SELECT count(*) FROM t AS a, sessions AS s").rows
    assert simulated.sql(
        "SELECT comment FROM duckdb_functions() WHERE function_name = $name AND schema_name = 'main'",
        {"name": name},
    ).rows == [(MACROS[name].summary,)]


@pytest.mark.parametrize(
    "argument",
    [
        "(WITH gone AS (DELETE FROM raw.pieces RETURNING 1) SELECT 1)",
        "getenv('HOME')",
        "(SELECT * FROM query('SELECT 1'))",
    ],
)
def test_arguments_can_do_no_more_than_statements(argument: str, simulated: QueryStore) -> None:
    with pytest.raises(QueryError, match=r"only reading is allowed|only SELECT|syntax"):
        simulated.sql(f"SELECT * FROM memory_timeline({argument}, 4)")
    assert simulated.sql("SELECT count(*) > 0 FROM events").rows == [(True,)]


def test_a_table_macro_is_no_relation(simulated: QueryStore) -> None:
    with pytest.raises(ValueError, match="no view 'memory_timeline'"):
        simulated.relation("memory_timeline")


# ---- memory over time --------------------------------------------------------------------------------------


def samples_of(rng: Random, session_id: str, count: int) -> list[dict[str, Any]]:
    """Return events of two ranks with two devices each, some without counters, in any order of time."""
    events = []
    for _ in range(count):
        rank = rng.randrange(2)
        one = record(
            session_id=session_id,
            timestamp_ns=START_NS + rng.randrange(100),
            event_type=rng.choice(("sample", "sample", "sample", "warning")),
            rank=rank,
            local_rank=rank,
            world_size=2,
            device_id=rng.randrange(2),
            allocator_allocated_bytes=rng.randrange(500),
            allocator_reserved_bytes=rng.randrange(500, 600),
            device_used_bytes=rng.randrange(600, 900),
            device_free_bytes=rng.choice((None, rng.randrange(100))),
            device_total_bytes=rng.choice((None, 1000)),
        )
        if rng.random() < 0.3:
            for name in [name for name in one if name.endswith("_bytes") and rng.random() < 0.4]:
                one[name] = None
            if one["allocator_allocated_bytes"] is None:
                one["allocator_change_bytes"] = None
            one["schema_version"] = 4
            one["metadata"] = {"memory_capabilities": infer_memory_capabilities(one, {})}
        events.append(one)
    return events


def counter_values(event: dict[str, Any]) -> dict[str, int | None]:
    used, total, free = (event[f"device_{name}_bytes"] for name in ("used", "total", "free"))
    if free is None and None not in (used, total):
        free = total - used
    allocated, reserved = (event[f"allocator_{name}_bytes"] for name in ("allocated", "reserved"))
    return dict(zip(COUNTERS, (allocated, reserved, used, free, total), strict=True))


def timeline(events: list[dict[str, Any]], buckets: int, source_id: int) -> list[tuple[Any, ...]]:
    """Return the rows of the table macro, counted one by one."""
    samples = sorted((e for e in events if e["event_type"] == "sample"), key=lambda e: e["timestamp_ns"])
    if not samples:
        return []
    start, end = samples[0]["timestamp_ns"], samples[-1]["timestamp_ns"] + 1
    series: dict[tuple[Any, ...], list[int]] = {}
    for one in samples:
        bucket = (one["timestamp_ns"] - start) * buckets // (end - start)
        for counter, value in counter_values(one).items():
            if value is not None:
                key = (
                    one["rank"],
                    one["device_id"],
                    bucket,
                    *bounds_of(start, end, bucket, buckets),
                    counter,
                )
                series.setdefault(key, []).append(value)
    return sorted(
        (*key[:5], len(values), key[5], values[0], values[-1], min(values), max(values), source_id)
        for key, values in series.items()
    )


def bounds_of(start: int, end: int, bucket: int, buckets: int) -> tuple[int, int]:
    first, last = (start + -(-number * (end - start) // buckets) for number in (bucket, bucket + 1))
    return first, last


SEEDS = range(6)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    """A session of random samples for each seed."""
    folder = tmp_path_factory.mktemp("sampled")
    for seed in SEEDS:
        write_lines(folder / f"e{seed}.jsonl", samples_of(Random(seed), f"s{seed}", 60))
    with stormlog.query.open([folder], cache=False) as store:
        assert not store.rejects()
        yield store


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("buckets", [1, 3, 20, 1000])
def test_counters_of_each_rank_and_device_in_equal_parts(
    sampled: QueryStore, seed: int, buckets: int
) -> None:
    events = samples_of(Random(seed), f"s{seed}", 60)
    rows = sampled.sql(f"SELECT * FROM memory_timeline('s{seed}', {buckets}) ORDER BY ALL").rows
    assert rows == timeline(events, buckets, source_id=seed)


def test_files_of_a_session_share_the_parts(tmp_path: Path) -> None:
    for rank, times in enumerate(((0, 10), (5, 20))):
        events = [
            record(session_id="s1", timestamp_ns=START_NS + at, rank=rank, local_rank=rank, world_size=2)
            for at in times
        ]
        write_lines(tmp_path / f"rank{rank}_events.jsonl", events)
    text = """
        SELECT rank, bucket, bucket_start_ns - $start, bucket_end_ns - $start
        FROM memory_timeline('s1', 3) WHERE counter = 'used' ORDER BY ALL
    """
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert store.sql(text, {"start": START_NS}).rows == [
            *((0, 0, 0, 7), (0, 1, 7, 14)),
            *((1, 0, 0, 7), (1, 2, 14, 21)),
        ]


@pytest.mark.parametrize("buckets", ["0", "-1", "NULL", "'x'"])
def test_a_number_of_parts_that_makes_no_sense_is_an_error(sampled: QueryStore, buckets: str) -> None:
    with pytest.raises(QueryError, match=r"buckets has to be 1 or more|Could not convert"):
        sampled.sql(f"SELECT * FROM memory_timeline('s1', {buckets})")


def test_times_and_parts_may_be_as_large_as_numbers_are(tmp_path: Path) -> None:
    events = [record(session_id="s1", timestamp_ns=at) for at in (0, 2**62, 2**63 - 2)]
    write_lines(tmp_path / "e.jsonl", events)
    text = "SELECT count(*), min(bucket_start_ns), max(bucket_end_ns) FROM memory_timeline('s1', $n)"
    with stormlog.query.open([tmp_path], cache=False) as store:
        for parts in (1, 7, 2**62):
            assert store.sql(text, {"n": parts}).rows[0][1:] == (0, 2**63 - 1)


@pytest.mark.parametrize("session", ["", "other", "s1%", None])
def test_an_unknown_session_has_no_memory(sampled: QueryStore, session: str | None) -> None:
    assert sampled.sql("SELECT * FROM memory_timeline($session, 5)", {"session": session}).rows == []
