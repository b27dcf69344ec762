"""JSON documents and CSV exports: bad items and rows are located, the rest stays."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import SourceError
from stormlog.telemetry.csv_rows import load_csv_sessions
from tests.engine.reading.side_by_side import read_for_issues
from tests.query.sinks import write_lines
from tests.telemetry.factories import record


def read(path: Path) -> tuple[list[dict[str, Any]], dict[int, str], list[str]]:
    with stormlog.query.open([path]) as store:
        read_for_issues(store)
        rows = [row.as_dict() for row in store.query_events()]
        rejects = {reject.line_number: reject.reason for reject in store.rejects()}
        return rows, rejects, [warning.code for warning in store.catalog.warnings]


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return tmp_path / "events.json"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "events.csv"


@pytest.mark.parametrize(
    "wrap", [lambda items: items, lambda items: {"events": items, "x": 1}], ids=["list", "object"]
)
def test_bad_items_between_good_ones(document: Path, wrap: Any) -> None:
    items = [
        record(),
        5,
        record(pid="7"),
        record(timestamp_ns=2**63),
        record(),
        None,
        record(metadata={"a": "\ud800"}),
    ]
    document.write_text(json.dumps(wrap(items)))

    rows, rejects, codes = read(document)

    assert len(rows) == 3
    assert rejects == {
        2: "not_an_object",
        3: "not_integer:pid",
        4: "out_of_range:timestamp_ns",
        6: "not_an_object",
    }
    assert codes == []
    assert {"a": "\ufffd"} in [row["metadata"] for row in rows]
    with stormlog.query.open([document], strict=True) as store, pytest.raises(SourceError) as caught:
        store.list_issues()
    assert (caught.value.path, caught.value.line) == (str(document), 2)


def test_single_record(document: Path) -> None:
    document.write_text(json.dumps(record(metadata={"n": float("nan")})))

    assert len(read(document)[0]) == 1


def test_byte_order_mark(document: Path) -> None:
    document.write_bytes(b"\xef\xbb\xbf" + json.dumps([record()]).encode())

    assert len(read(document)[0]) == 1


#: Name -> what a document holds, and why nothing is read of it.
NO_RECORDS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "load_failed:json_malformed"),
    "cut": (b"{", "load_failed:json_malformed"),
    "comma": (b"[1, ]", "load_failed:json_malformed"),
    "number": (b"5", "load_failed:json_not_object_or_array"),
    "no-events": (b'{"a": 1}', "load_failed:json_no_events"),
    "bytes": (b'["\xff"]', "load_failed:invalid_utf8"),
    "deep": (b"[" * 100_000, "load_failed:nested_too_deeply"),
    "digits": (b'[{"a": ' + b"9" * 5000 + b"}]", "load_failed:json_malformed"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Path below the folder -> codes of the warnings; a good file lies beside the documents without records."""
    folder = tmp_path_factory.mktemp("documents")
    for name, (content, _) in NO_RECORDS.items():
        (folder / name).mkdir()
        (folder / name / "events.json").write_bytes(content)
    write_lines(folder / "good.jsonl", [record(event_type="warning")])
    with stormlog.query.open([folder]) as store:
        assert len(store.list_issues()) == len(store.query_events()) == 1
        assert store.rejects() == []
        codes: dict[str, list[str]] = defaultdict(list)
        for warning in store.catalog.warnings:
            codes[str(Path(warning.path).relative_to(folder))].append(warning.code)
        assert codes.keys() == {f"{name}/events.json" for name in NO_RECORDS}
        return codes


@pytest.mark.parametrize("name", NO_RECORDS)
def test_document_without_records(told: dict[str, list[str]], name: str) -> None:
    assert told[f"{name}/events.json"] == [NO_RECORDS[name][1]]


@pytest.mark.parametrize("name", ["cut", "no-events", "bytes", "deep"])
def test_document_without_records_is_an_error_when_strict(document: Path, name: str) -> None:
    document.write_bytes(NO_RECORDS[name][0])
    with stormlog.query.open([document], strict=True) as store, pytest.raises(SourceError) as caught:
        store.list_issues()
    assert caught.value.path == str(document)


def test_item_that_is_nested_too_deeply(document: Path) -> None:
    document.write_text(json.dumps([record()])[:-1] + ', {"schema_version": ' + "[" * 600 + "]" * 600 + "}]")

    rows, rejects, _ = read(document)

    assert (len(rows), rejects) == (1, {2: "nested_too_deeply"})


HEADER = ",".join(record())


def row(**overrides: Any) -> str:
    cells = ["" if value is None else str(value) for value in {**record(metadata="{}"), **overrides}.values()]
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def test_bad_rows_between_good_ones(table: Path) -> None:
    lines = [HEADER, row(), row(pid="x"), row(timestamp_ns=-1), row() + ",surplus", "only,three,cells", row()]
    table.write_text("\n".join(lines) + "\n")

    rows, rejects, codes = read(table)

    assert len(rows) == 2
    # The header is row 1.
    assert list(rejects) == [3, 4, 5, 6]
    assert rejects[3] == "not_integer:pid"
    assert codes == []


def test_cells_with_quotes_line_ends_and_objects(table: Path) -> None:
    lines = [
        HEADER,
        row(context='say "x",\nthen y'),
        row(metadata='{"backend": "cuda"}'),
        row(metadata="{'a': 1}"),
    ]
    table.write_text("\r\n".join(lines))

    rows, rejects, _ = read(table)

    assert [one["context"] for one in rows] == ['say "x",\nthen y', None, None]
    assert [one["metadata"] for one in rows] == [{}, {"backend": "cuda"}, {}]
    assert not rejects


def test_cell_of_200_kibibytes(table: Path) -> None:
    table.write_text("\n".join([HEADER, row(context="x" * 200 * 1024), row(timestamp_ns=6)]))

    rows, rejects, _ = read(table)

    assert ([len(one["context"] or "") for one in rows], rejects) == ([200 * 1024, 0], {})


def test_invalid_utf8_in_one_row(table: Path) -> None:
    table.write_bytes(
        "\n".join([HEADER, row(), row(context="??"), row(context="é")]).encode().replace(b"??", b"\xff\xfe")
    )

    rows, rejects, _ = read(table)

    assert ([one["context"] for one in rows], rejects) == ([None, "é"], {3: "invalid_utf8"})


def test_line_of_a_table_is_the_row(table: Path) -> None:
    table.write_text("\n".join([HEADER, row(timestamp_ns=7), "", row(timestamp_ns=8)]))
    with stormlog.query.open([table]) as store:
        places = store.sql("SELECT timestamp_ns, line_number FROM events ORDER BY timestamp_ns").rows

    assert places == [(7, 2), (8, 3)]


def test_tables_without_events(tmp_path: Path) -> None:
    for number, content in enumerate([b"", b"\n", b"\0\0\0", b"a,b\n1,2\n", b"\xff\xfe\n"]):
        (tmp_path / f"{number}.csv").write_bytes(content)
    with stormlog.query.open(sorted(tmp_path.iterdir())) as store:
        read_for_issues(store)
        assert store.query_events() == []


OLD_HEAD = "timestamp,event_type,memory_allocated,context,host\n"
OLD_ROWS = [f"{number}.0,allocation,{number},c{number},h\n" for number in range(1, 8)]


#: Case -> text, how many good rows, the line that is told, and what is said to be taken in.
UNCLOSED = {
    "never closed": (
        OLD_HEAD + OLD_ROWS[0] + '2.0,allocation,2,"c2,h\n' + "".join(OLD_ROWS[2:]), 1, 3, "6 lines of the file"
    ),
    # The mark is closed by the first one of another row.
    "closed in another row": (
        OLD_HEAD + OLD_ROWS[0] + '2.0,allocation,2,"c,h\n3.0,allocation,3,"c3",h\n' + "".join(OLD_ROWS[3:]), 5, 3, ""
    ),
    "in the last line": (OLD_HEAD + OLD_ROWS[0] + '2.0,allocation,2,c2,"h', 1, 3, ""),
    "in the header": (
        'timestamp,"event_type,memory_allocated\n' + "".join(OLD_ROWS), 0, 1, "8 lines of the file, 1 to 8"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def unclosed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, int, list[Any]]]:
    """Case -> its file, how many events a store finds in it, and the rows that it rejects."""
    folder = tmp_path_factory.mktemp("unclosed")
    paths = {case: folder / f"{case}.csv" for case in UNCLOSED}
    for number, (case, path) in enumerate(paths.items()):
        # Equal rows of one host would be copies.
        path.write_text(UNCLOSED[case][0].replace(",h\n", f",h{number}\n"))
    with stormlog.query.open(list(paths.values())) as store:
        events = Counter(row.source_path for row in store.query_events())
        rejects = store.rejects()
    return {
        case: (path, events[str(path)], [one for one in rejects if one.path == str(path)])
        for case, path in paths.items()
    }


@pytest.mark.parametrize("case", UNCLOSED)
def test_a_quotation_mark_that_takes_in_other_rows_is_told(
    unclosed: dict[str, tuple[Path, int, list[Any]]], case: str
) -> None:
    _, good, located, covers = UNCLOSED[case]
    path, count, rejects = unclosed[case]

    assert count == good
    (reject,) = rejects
    assert (reject.line_number, reject.reason) == (located, "unclosed_quote")
    assert covers in reject.message

    sessions, warnings = load_csv_sessions(path)
    assert sum(len(session.events) for session in sessions) == good
    (warning,) = warnings
    assert f"row {located}" in warning and covers in warning


def test_cells_of_several_lines_are_read_and_named_where_their_row_is_rejected(table: Path) -> None:
    cell = '"one\n""two""\n\nfour"'
    table.write_text(f"{OLD_HEAD}\n1.0,allocation,1,{cell},h\nx,allocation,1,{cell},h\n{OLD_ROWS[0]}")

    with stormlog.query.open([table]) as store:
        assert sorted(row.as_dict()["context"] for row in store.query_events()) == [
            "c1",
            'one\n"two"\n\nfour',
        ]
        (reject,) = store.rejects()
    assert reject.reason == "not_number:timestamp"
    assert reject.message.endswith("(the row covers 4 lines of the file, 7 to 10)")
