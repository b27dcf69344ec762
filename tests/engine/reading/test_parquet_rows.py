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
from tests.engine.reading.oracle import canonical
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
        store.list_issues()
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


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
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
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_columns_of_another_type(tmp_path: Path, column: str, values: pa.Array, reason: str) -> None:
    good = table([record(), record()])
    bad = good.set_column(good.schema.get_field_index(column), column, values)

    rows, rejects, codes = read(sink_of(tmp_path / "sink", bad))

    assert (rows, rejects, codes) == ([], {1: reason, 2: reason}, [])


def test_metadata_that_is_typed(tmp_path: Path) -> None:
    good = table([record()])
    typed = good.set_column(22, "metadata", pa.array([{"backend": "cuda", "step": 5}]))

    (row,), rejects, _ = read(sink_of(tmp_path / "sink", typed))

    assert json.loads(row)["metadata"] == {"backend": "cuda", "step": 5}
    assert not rejects


@pytest.mark.parametrize("column", list(record()))
def test_null_in_the_middle(tmp_path: Path, column: str) -> None:
    events = [record(timestamp_ns=number) for number in range(3)]
    segment = table(events)
    column_values = segment.column(column).to_pylist()
    index = segment.schema.get_field_index(column)
    values = pa.array([column_values[0], None, column_values[2]], segment.schema.field(column).type)

    rows, rejects, _ = read(sink_of(tmp_path / "sink", segment.set_column(index, column, values)))

    is_kept = column in (*NULLABLE, "rank", "local_rank", "world_size", "session_id")
    assert (len(rows), list(rejects)) == ((3, []) if is_kept else (2, [2]))


@pytest.mark.parametrize("column", list(record()))
def test_column_that_is_missing(tmp_path: Path, column: str) -> None:
    rows, rejects, _ = read(sink_of(tmp_path / "sink", table([record()]).drop_columns([column])))

    is_kept = column in ("job_id", "rank", "local_rank", "world_size", "session_id")
    # Without its version a record is of the oldest form, which needs no more than a time.
    assert len(rows) == (1 if is_kept or column == "schema_version" else 0)
    assert len(rows) + len(rejects) == 1


def test_extra_columns_are_helpers(tmp_path: Path) -> None:
    segment = (
        table([record()])
        .append_column("backend", pa.array(["x"]))
        .append_column("file_row_number", pa.array([7]))
    )

    assert read(sink_of(tmp_path / "sink", segment)) == ([canonical(record())], {}, [])


def test_damaged_parquet_hides_no_other_segment(tmp_path: Path) -> None:
    sink = write_sink(tmp_path / "sink", {"segment-000002.jsonl": [record()]})
    (sink / "segment-000001.parquet").write_bytes(b"PAR1 no more")

    rows, rejects, codes = read(sink)

    assert (len(rows), rejects, codes) == (1, {}, ["unreadable"])


@pytest.mark.parametrize("is_compacted", [False, True], ids=["plain", "compacted"])
@pytest.mark.parametrize("stated", [2, 4])
def test_rows_that_a_footer_states_and_nobody_read_are_told(
    tmp_path: Path, is_compacted: bool, stated: int
) -> None:
    segment = table([record(timestamp_ns=number) for number in range(3)])
    if is_compacted:
        segment = segment.append_column("record", pa.array([None, None, None], pa.string()))
        segment = segment.select(list(SEGMENT_COLUMNS))
    sink = sink_of(tmp_path / "sink", segment)
    path = sink / "segment-000001.parquet"
    assert (len(read(sink)[0]), read(sink)[2]) == (3, [])

    # The number of rows (field 3, a zigzag number) comes before the list of row groups (field 4) in a footer.
    content = path.read_bytes()
    before = b"\x16\x06\x19\x1c"
    assert content.count(before) == 1
    path.write_bytes(content.replace(before, bytes([0x16, 2 * stated, 0x19, 0x1C])))

    with stormlog.query.open([sink]) as store:
        read_rows = store.sql("SELECT count(*) FROM events").rows[0][0]
        (warning,) = store.catalog.warnings
    assert (warning.path, warning.code) == (str(path), "row_count")
    assert warning.message == f"states {stated} rows, but {read_rows} were read"
    with pytest.raises(SourceError):
        stormlog.query.open([sink], strict=True).list_issues()


def test_rows_of_nulls_and_files_of_no_field_are_rejected_row_by_row(tmp_path: Path) -> None:
    nulls = pa.table({name: pa.nulls(3, kind) for name, kind in zip(*_schema(), strict=True)})
    assert read(sink_of(tmp_path / "nulls", nulls))[1:] == (
        dict.fromkeys((1, 2, 3), "not_integer:schema_version"),
        [],
    )
    other = pa.table({"other": [1, 2]})
    assert read(sink_of(tmp_path / "other", other))[1:] == (
        dict.fromkeys((1, 2), "legacy_timestamp_missing"),
        [],
    )


def _schema() -> tuple[list[str], list[pa.DataType]]:
    schema = table([record()]).schema
    return schema.names, schema.types
