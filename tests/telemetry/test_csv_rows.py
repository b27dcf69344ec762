"""CSV exports: typed cells, rows left out with a warning, sessions in order of appearance."""

from __future__ import annotations

from pathlib import Path

from stormlog.telemetry import csv_record_from_row, load_csv_sessions, stable_legacy_session_id
from tests.telemetry.outcomes import outcome


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x_events.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path.resolve()


def test_cells_become_typed_values() -> None:
    row = {
        "timestamp_ns": " 6 ",
        "pid": "4.0",
        "timestamp": "1.5",
        "memory_mb": "2",
        "host": "  h ",
        "context": "  ",
        "metadata": '{"a": 1}',
        "memory_reserved": None,
        None: ["surplus"],
    }
    assert csv_record_from_row(row) == {
        "timestamp_ns": 6,
        "pid": 4,
        "timestamp": 1.5,
        "memory_mb": "2",
        "host": "h",
        "context": None,
        "metadata": {"a": 1},
        "memory_reserved": None,
        None: ["surplus"],
    }


def test_metadata_that_is_no_object_is_empty() -> None:
    for text in ("not json", "[1]", "{'a': 1}", "[" * 100_000):
        assert csv_record_from_row({"metadata": text}) == {"metadata": {}}


def test_numbers_that_are_none_are_rejected_with_a_code() -> None:
    for text in ("abc", "inf", "nan"):
        assert outcome(csv_record_from_row, {"pid": text})["reason"] == "not_integer:pid"
    assert outcome(csv_record_from_row, {"timestamp": "x"})["reason"] == "not_number:timestamp"


def test_bad_rows_are_left_out_and_counted_by_row(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "timestamp,session_id,memory_allocated,memory_reserved,device,backend,metadata_k,type\n"
        "1.5,L,10,20,cuda:0,cuda,v1,allocation\n"
        "2.5,L,10.9,,cuda:0,,,\n"
        ",L,1,2,,,,\n"
        "4.5,L,5,6,cpu,cpu,v2,free\n",
    )
    (session,), warnings = load_csv_sessions(path)
    assert [(event.timestamp_ns, event.collector) for event in session.events] == [
        (1_500_000_000, "stormlog.cuda_tracker"),
        (4_500_000_000, "stormlog.cpu_tracker"),
    ]
    assert [event.metadata for event in session.events] == [{"k": "v1"}, {"k": "v2"}]
    assert session.warnings is warnings
    assert [str(path) in text for text in warnings] == [True, True]
    assert "row 3 " in warnings[0]
    assert "row 4 " in warnings[1]


def test_warnings_remain_when_no_row_is_good(tmp_path: Path) -> None:
    sessions, warnings = load_csv_sessions(write(tmp_path, "timestamp,session_id\nx,L\n"))
    assert sessions == []
    assert len(warnings) == 1


def test_sessions_come_in_order_of_appearance(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,session_id,type\n1,b,start\n1,a,start\n2,b,stop\n2,,start\n")
    sessions, _ = load_csv_sessions(path)
    assert [session.summary.session_id for session in sessions] == [
        "b",
        "a",
        stable_legacy_session_id(path, "csv"),
    ]
    assert [session.summary.status for session in sessions] == ["completed", "incomplete", "incomplete"]
    assert sessions[0].summary.source == "artifact:x_events.csv"


def test_surplus_cells_are_ignored_and_short_rows_have_nulls(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,session_id,memory_allocated\n1.5,L,10,EXTRA\n2.5,L\n3.5,L,7\n")
    (session,), warnings = load_csv_sessions(path)
    assert [event.allocator_allocated_bytes for event in session.events] == [10, 7]
    assert len(warnings) == 1


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (session,), warnings = load_csv_sessions(write(tmp_path, "\ufefftimestamp,session_id\n1,L\n"))
    assert session.summary.session_id == "L"
    assert warnings == []


def test_an_oversized_cell_ends_the_file_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, f"timestamp,session_id\n1,L\n2,{'x' * (17 << 20)}\n3,L\n")
    (session,), warnings = load_csv_sessions(path)
    assert len(session.events) == 1
    assert "row 3 and all after it" in warnings[0]
