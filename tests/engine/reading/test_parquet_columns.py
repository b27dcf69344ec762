"""Segments with the columns of compaction are read typed, and nothing is judged otherwise than as text."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stormlog.query
from stormlog.engine.reading import parquet_columns
from stormlog.engine.reading.parquet_columns import SEGMENT_COLUMNS
from tests.engine.reading.mutations import METADATA, OTHER_VALUES, capabilities, mutated
from tests.engine.reading.oracle import actual, canonical, judged
from tests.query.sinks import busy_session, write_sink
from tests.soak import few_or_many
from tests.telemetry.factories import record

TEXTS = (
    *(
        "s",
        "t",
        "é",
        "",
        " ",
        " padded",
        "~",
        "\x7f",
        "!",
        '"quoted"',
        "\\",
        "\u2028",
        "\u3000",
        "\x00",
        "a\x00b",
    ),
    *(
        "null",
        "tab\tline\n",
        "a,}b",
        "😀",
        '", "pid": 5, "x": "',
        "sample",
        "Sample ",
        "error",
        "phase_enter",
    ),
)
INTEGERS = (None, 0, 1, -1, 2, 3, 4, 5, 7, -7, 2**31, 2**63 - 1, -(2**63))
NO_OBJECTS = (
    None,
    "",
    " ",
    "{",
    "}",
    "{} {}",
    '{}, "pid": 5',
    "{'a': 1}",
    '{"a": 1,}',
    " {}",
    "{} ",
    "{a}",
    '{"a": \x01}',
)
ABSENT_WHEN_NULL = ("rank", "local_rank", "world_size")


def segment(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows (metadata as text) as a file of compaction; nothing checks what they hold."""
    columns = {}
    for name, kind in SEGMENT_COLUMNS.items():
        values = [row.get(name) for row in rows]
        columns[name] = pa.array(values, pa.int64() if kind == "BIGINT" else pa.string())
    return pa.table(columns)


def good_row(**overrides: Any) -> dict[str, Any]:
    event = record(**overrides)
    return {**event, "metadata": json.dumps(event["metadata"]), "record": None}


def sink_of(directory: Path, *segments: pa.Table) -> Path:
    names = [f"segment-{number:06d}.parquet" for number in range(1, len(segments) + 1)]
    write_sink(
        directory, {}, segments=[{"filename": name, "closed": True, "session_id": "d"} for name in names]
    )
    for name, table in zip(names, segments, strict=True):
        pq.write_table(table, directory / name, compression="zstd")
    return directory


@pytest.fixture
def typed_files(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect how many files each reading takes typed."""
    taken: list[int] = []
    real = parquet_columns.insert_typed_parquet

    def counted(*args: Any, **options: Any) -> set[int]:
        inserted = real(*args, **options)
        taken.append(len(inserted))
        return inserted

    monkeypatch.setattr(parquet_columns, "insert_typed_parquet", counted)
    return taken


def hostile_row(rng: random.Random) -> dict[str, Any]:
    """Return a row to whose columns none, one or several things happened."""
    row = good_row(
        timestamp_ns=rng.randrange(10**18),
        event_type=rng.choice(("sample", "warning", "phase_enter")),
        device_free_bytes=rng.choice((None, 5)),
        job_id=rng.choice((None, "j")),
    )
    if rng.random() < 0.3:
        flags = capabilities(**{rng.choice(list(capabilities())): rng.choice((True, False, "x", 5, ""))})
        row.update(schema_version=4, metadata=json.dumps({"memory_capabilities": flags}))
        for name in ("allocator_allocated_bytes", "device_used_bytes", "allocator_change_bytes"):
            row[name] = rng.choice((row[name], None))
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        name = rng.choice([*SEGMENT_COLUMNS, "metadata", "metadata"])
        kind = SEGMENT_COLUMNS[name]
        if kind == "BIGINT":
            row[name] = rng.choice(INTEGERS)
        elif name == "metadata":
            row[name] = rng.choice((*METADATA, *NO_OBJECTS, f'{{"backend": {rng.choice(OTHER_VALUES)}}}'))
        elif name != "record":
            row[name] = rng.choice((None, *TEXTS))
    if rng.random() < 0.1:
        row["record"] = mutated(rng).decode("utf-8", "replace")
    return {name: _storable(value) for name, value in row.items()}


def _storable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def line_of(row: dict[str, Any]) -> str | None:
    """Return the line that a row stands for; None if its metadata is no JSON value."""
    if row["record"] is not None:
        return str(row["record"])
    members = {
        name: value
        for name, value in row.items()
        if name != "record" and (value is not None or name not in ABSENT_WHEN_NULL)
    }
    if row["metadata"] is not None:
        try:
            members["metadata"] = json.loads(row["metadata"])
        except (ValueError, RecursionError):
            return None
    return json.dumps(members)


def expected(rows: list[dict[str, Any]]) -> tuple[dict[int, str], set[int]]:
    events, rejects = {}, set()
    for number, row in enumerate(rows, 1):
        line = line_of(row)
        result = "no JSON" if line is None else judged(line.encode("utf-8", "surrogatepass"), number, "d")
        if isinstance(result, dict):
            events[number] = canonical(result)
        elif result is not None:
            rejects.add(number)
    return events, rejects


@pytest.mark.parametrize("keep_all_first", [False, True])
@pytest.mark.parametrize("seed", range(few_or_many(1, 20)))
def test_rows_are_judged_as_their_lines_would_be(
    tmp_path: Path, seed: int, keep_all_first: bool, typed_files: list[int]
) -> None:
    rng = random.Random(seed)
    rows = [hostile_row(rng) for _ in range(1500)]
    sink = sink_of(tmp_path / "sink", segment(rows))
    events, rejects = expected(rows)

    with stormlog.query.open([sink], threads=2) as store:
        if not keep_all_first:
            store.list_issues()
        found = actual(store)

    assert set(typed_files) == {1}
    for number, row in enumerate(rows, 1):
        assert found.events.get(number) == events.get(number), (row, found.rejects.get(number))
    assert set(found.rejects) == rejects
    assert len(events) > 500 and len(rejects) > 100


def test_good_rows_stay_out_of_python(
    tmp_path: Path, typed_files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stormlog.engine.reading.odd_lines import Arbiter

    monkeypatch.setattr(Arbiter, "judge", lambda *_: pytest.fail("a good row was judged in Python"))
    events = busy_session("s", 200)
    texts = ("é", "a,}b", 'say "x"', "\x1f")
    rows = [good_row(**{**event, "context": texts[number % 4]}) for number, event in enumerate(events)]
    # Of another session: the same records would be a copy.
    kept = [{"record": json.dumps({**event, "session_id": "t"})} for event in events]
    with stormlog.query.open([sink_of(tmp_path / "sink", segment(rows), segment(kept))]) as store:
        issues = store.list_issues()
        assert len(store.query_events()) == 400
    assert issues and typed_files == [2, 2]


def test_files_with_other_columns_or_damage_do_not_hide_the_others(
    tmp_path: Path, typed_files: list[int]
) -> None:
    # Each of a session of its own: the same records would be copies.
    tables = [
        segment([good_row(timestamp_ns=number, session_id=session) for number in range(5)])
        for session in "abcdefgh"
    ]
    tables[1] = tables[1].drop_columns(["record"])
    tables[2] = tables[2].select([*reversed(tables[2].column_names)])
    for number, kind in ((3, pa.int32()), (4, pa.list_(pa.int64()))):
        tables[number] = tables[number].set_column(0, "allocator_active_bytes", pa.array([None] * 5, kind))
    tables[5] = tables[5].append_column("more", pa.array([1] * 5))
    sink = sink_of(tmp_path / "sink", *tables)
    (sink / "segment-000007.parquet").write_bytes(b"PAR1 no more")
    damaged = bytearray((sink / "segment-000008.parquet").read_bytes())
    damaged[4:200] = bytes(196)
    (sink / "segment-000008.parquet").write_bytes(bytes(damaged))

    with stormlog.query.open([sink]) as store:
        rows = store.query_events()
        codes = [(Path(warning.path).name, warning.code) for warning in store.catalog.warnings]
        rejected = {Path(path).name for path, _ in store.rejects_summary()}

    assert typed_files == [1]
    assert codes == [("segment-000007.parquet", "unreadable"), ("segment-000008.parquet", "unreadable")]
    # A list is no number, wherever it stands.
    assert len(rows) in (25, 30) and rejected <= {"segment-000005.parquet"}


def test_many_files_are_few_statements(
    tmp_path: Path, typed_files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [segment([good_row(timestamp_ns=number, session_id=f"s{number}")]) for number in range(600)]
    sink = sink_of(tmp_path / "sink", *tables)
    statements = []
    real = stormlog.engine.engine.Database.execute
    monkeypatch.setattr(
        stormlog.engine.engine.Database, "execute", lambda *args: (statements.append(args[1]), real(*args))[1]
    )
    with stormlog.query.open([sink]) as store:
        events = store.query_events()

    assert [event.as_dict()["session_id"] for event in events] == [f"s{number}" for number in range(600)]
    assert typed_files == [600]
    assert sum("INSERT INTO raw.records" in text for text in statements) == 3
