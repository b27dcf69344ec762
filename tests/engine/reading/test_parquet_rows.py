"""Parquet segments are judged row by row, by the rules for lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stormlog.query
from stormlog.engine.reading.parquet_columns import SEGMENT_COLUMNS
from stormlog.errors import SourceError
from tests.engine.reading.oracle import Outcome, actual_by_file, canonical
from tests.engine.reading.side_by_side import read_for_issues
from tests.query.sinks import busy_session, write_lines, write_sink
from tests.telemetry.factories import record

NULLABLE = (
    "job_id",
    "allocator_active_bytes",
    "allocator_inactive_bytes",
    "device_free_bytes",
    "device_total_bytes",
    "context",
)


def table(events: list[dict[str, Any]], **types: pa.DataType) -> pa.Table:
    """Return events as a compacted segment holds them: metadata as JSON text."""
    rows = [{**event, "metadata": json.dumps(event["metadata"])} for event in events]
    texts = ("session_id", "event_type", "collector", "host", "job_id", "context", "metadata")
    schema = [(name, types.get(name, pa.string() if name in texts else pa.int64())) for name in rows[0]]
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


def sink_of(directory: Path, segment: pa.Table) -> Path:
    write_sink(directory, {}, segments=[{"filename": "segment-000001.parquet", "closed": True}])
    pq.write_table(segment, directory / "segment-000001.parquet", compression="zstd")
    return directory


def read(directory: Path) -> tuple[list[str], dict[int, str], list[str]]:
    with stormlog.query.open([directory]) as store:
        read_for_issues(store)
        rows = [row.as_dict() for row in store.query_events()]
        for row in rows:
            for name in ("source_path", "source_kind", "session_status"):
                del row[name]
        rejects = {reject.line_number: reject.reason for reject in store.rejects()}
        return sorted(map(canonical, rows)), rejects, [warning.code for warning in store.catalog.warnings]


def test_parquet_holds_the_same_events_and_issues(tmp_path: Path) -> None:
    events = busy_session("s", 60)
    sink = sink_of(tmp_path / "sink", table(events))
    path = write_lines(tmp_path / "lines.jsonl", events)

    assert read(sink) == (sorted(map(canonical, events)), {}, [])
    with stormlog.query.open([sink]) as one, stormlog.query.open([path]) as other:
        assert [issue.fingerprint for issue in one.list_issues()] == [
            i.fingerprint for i in other.list_issues()
        ]
        assert [issue.hit_count for issue in one.list_issues()] == [i.hit_count for i in other.list_issues()]


def without(table: pa.Table, column: str) -> pa.Table:
    return table.drop_columns([column])


def with_column(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), column, values)


#: Column, what two rows have there instead, and why both are rejected.
OTHER_TYPES: list[tuple[str, pa.Array, str]] = [
    ("pid", pa.array(["7", "8"]), "not_integer:pid"),
    ("pid", pa.array([7.0, 7.5]), "not_integer:pid"),
    ("pid", pa.array([True, False]), "not_integer:pid"),
    ("timestamp_ns", pa.array([2**64 - 1, 2**63], pa.uint64()), "out_of_range:timestamp_ns"),
    ("timestamp_ns", pa.array([5, 6], pa.timestamp("ns")), "not_integer:timestamp_ns"),
    ("host", pa.array([5, 6]), "not_string:host"),
    ("metadata", pa.array(["[]", "5"]), "metadata_not_object"),
    ("metadata", pa.array(['{}, "pid": 5', "no JSON"]), "metadata_not_object"),
    ("metadata", pa.array(['{"a": nan}', '{"a": 1,}']), "malformed_json"),
    ("context", pa.array([[1], [2]]), "not_string:context"),
]
COLUMNS = list(record())


def nulls_between() -> pa.Table:
    """Return a row for each column, null in that column, with a good row before and behind each."""
    rows = table([record(timestamp_ns=number, session_id="nulls") for number in range(2 * len(COLUMNS) + 1)])
    for place, column in enumerate(COLUMNS):
        values = rows.column(column).to_pylist()
        values[2 * place + 1] = None
        rows = with_column(rows, column, pa.array(values, rows.schema.field(column).type))
    return rows


def odd_segments() -> dict[str, pa.Table]:
    """Return what lies in the sink of each case, of a session and a host of its own: the same rows would be copies."""
    segments = {}
    for number, (column, values, _) in enumerate(OTHER_TYPES):
        good = record(session_id=f"type {number}", host=f"type {number}")
        segments[f"type {number}"] = with_column(table([good, good]), column, values)
    for column in COLUMNS:
        segments[f"without {column}"] = without(table([record(session_id=column, host=column)]), column)
    segments["nulls between"] = nulls_between()
    segments["typed metadata"] = with_column(
        table([record(session_id="typed")]), "metadata", pa.array([{"backend": "cuda", "step": 5}])
    )
    helpers = [record(session_id="helpers", timestamp_ns=time) for time in range(3)]
    segments["helpers"] = (
        table(helpers)
        .append_column("backend", pa.array(["x"] * 3))
        .append_column("file_row_number", pa.array([7, None, 0]))
    )
    schema = table([record()]).schema
    segments["nulls alone"] = pa.table(
        {name: pa.nulls(3, kind) for name, kind in zip(schema.names, schema.types, strict=True)}
    )
    segments["no field"] = pa.table({"other": [1, 2]})
    return segments


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Case -> what was read of its segment. One store holds all of them; none is warned of."""
    folder = tmp_path_factory.mktemp("odd")
    sinks = {case: sink_of(folder / case, segment) for case, segment in odd_segments().items()}
    with stormlog.query.open([folder]) as store:
        read_for_issues(store)
        found = actual_by_file(store)
        assert store.catalog.warnings == []
    return {case: found.get(str(sink / "segment-000001.parquet"), Outcome()) for case, sink in sinks.items()}


@pytest.mark.parametrize(
    "number", range(len(OTHER_TYPES)), ids=lambda number: f"{number}-{OTHER_TYPES[number][2]}"
)
def test_columns_of_another_type(odd: dict[str, Outcome], number: int) -> None:
    reason = OTHER_TYPES[number][2]

    assert odd[f"type {number}"] == Outcome(rejects={1: reason, 2: reason})


def test_metadata_that_is_typed(odd: dict[str, Outcome]) -> None:
    found = odd["typed metadata"]

    assert json.loads(found.events[1])["metadata"] == {"backend": "cuda", "step": 5}
    assert not found.rejects


@pytest.mark.parametrize("column", COLUMNS)
def test_null_in_the_middle(odd: dict[str, Outcome], column: str) -> None:
    place = 2 * COLUMNS.index(column) + 2
    found = odd["nulls between"]

    assert {place - 1, place + 1} <= found.events.keys()
    is_kept = column in (*NULLABLE, "rank", "local_rank", "world_size", "session_id")
    assert (place in found.events, place in found.rejects) == (is_kept, not is_kept)


@pytest.mark.parametrize("column", COLUMNS)
def test_column_that_is_missing(odd: dict[str, Outcome], column: str) -> None:
    found = odd[f"without {column}"]

    is_kept = column in ("job_id", "rank", "local_rank", "world_size", "session_id")
    # Without its version a record is of the oldest form, which needs no more than a time.
    assert len(found.events) == (1 if is_kept or column == "schema_version" else 0)
    assert len(found.events) + len(found.rejects) == 1


def test_extra_columns_are_helpers(odd: dict[str, Outcome]) -> None:
    events = {time + 1: record(session_id="helpers", timestamp_ns=time) for time in range(3)}
    # A column of the name by which DuckDB counts rows changes no row's number.
    assert odd["helpers"] == Outcome({number: canonical(event) for number, event in events.items()})


def test_rows_of_nulls_and_files_of_no_field_are_rejected_row_by_row(odd: dict[str, Outcome]) -> None:
    assert odd["nulls alone"] == Outcome(rejects=dict.fromkeys((1, 2, 3), "not_integer:schema_version"))
    assert odd["no field"] == Outcome(rejects=dict.fromkeys((1, 2), "legacy_timestamp_missing"))


def test_damaged_parquet_hides_no_other_segment(tmp_path: Path) -> None:
    sink = write_sink(tmp_path / "sink", {"segment-000002.jsonl": [record()]})
    (sink / "segment-000001.parquet").write_bytes(b"PAR1 no more")

    rows, rejects, codes = read(sink)

    assert (len(rows), rejects, codes) == (1, {}, ["unreadable"])


#: Whether the segment has the columns of compaction, and how many of its three rows its footer states.
FOOTERS = [(is_compacted, stated) for is_compacted in (False, True) for stated in (2, 4)]


@pytest.fixture(scope="module")
def footers(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, int], dict[str, tuple[str, str]]]:
    """A folder with a segment for each of them; how many rows were read of each, and what was warned of."""
    folder = tmp_path_factory.mktemp("footers")
    for number, (is_compacted, _) in enumerate(FOOTERS):
        segment = table([record(timestamp_ns=time, session_id=f"s{number}") for time in range(3)])
        if is_compacted:
            segment = segment.append_column("record", pa.array([None, None, None], pa.string()))
            segment = segment.select(list(SEGMENT_COLUMNS))
        sink_of(folder / str(number), segment)
    rows, _, codes = read(folder)
    assert (len(rows), codes) == (3 * len(FOOTERS), [])
    for number, (_, stated) in enumerate(FOOTERS):
        # The number of rows (field 3, a zigzag number) comes before the list of row groups (field 4) in a footer.
        path = folder / str(number) / "segment-000001.parquet"
        content = path.read_bytes()
        before = b"\x16\x06\x19\x1c"
        assert content.count(before) == 1
        path.write_bytes(content.replace(before, bytes([0x16, 2 * stated, 0x19, 0x1C])))
    with stormlog.query.open([folder]) as store:
        read_rows = dict(store.sql("SELECT segment_path, count(*) FROM events GROUP BY ALL").rows)
        warned = {warning.path: (warning.code, warning.message) for warning in store.catalog.warnings}
        assert len(warned) == len(store.catalog.warnings)
    return folder, read_rows, warned


@pytest.mark.parametrize(("is_compacted", "stated"), FOOTERS)
def test_rows_that_a_footer_states_and_nobody_read_are_told(
    footers: tuple[Path, dict[str, int], dict[str, tuple[str, str]]], is_compacted: bool, stated: int
) -> None:
    folder, read_rows, warned = footers
    sink = folder / str(FOOTERS.index((is_compacted, stated)))
    path = str(sink / "segment-000001.parquet")

    assert warned[path] == ("row_count", f"states {stated} rows, but {read_rows.get(path, 0)} were read")
    with stormlog.query.open([sink], strict=True) as store, pytest.raises(SourceError):
        store.list_issues()
