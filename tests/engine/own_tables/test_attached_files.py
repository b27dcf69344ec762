"""Files become tables whole, exactly and once, or are refused with a sentence that names them."""

from __future__ import annotations

import datetime
import os
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest

import stormlog.query
from stormlog.errors import QueryError, SourceError
from stormlog.query import QueryStore
from tests.apps.cli.samples import capture


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    folder = tmp_path_factory.mktemp("opened")
    capture(folder)
    with stormlog.query.open(folder, cache=False) as opened:
        yield opened


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(store: QueryStore, path: Path | str) -> list[tuple[object, ...]]:
    store.attach("t", path)
    return store.sql("FROM t").rows


# ---- CSV ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("host,team\na,x\nb,y\n", [("a", "x"), ("b", "y")]),
        ("rank;gib\n0;1.5\n", [(0, 1.5)]),
        ("a\tb\n1\t2\n", [(1, 2)]),
        ("\ufeffhost,n\nä,1\n", [("ä", 1)]),
        ("a,b\r\n1,2\r\n", [(1, 2)]),
        ("code,n\n007,1\n", [("007", 1)]),
        ('a,b\n"x, ""y""\nz",2\n', [('x, "y"\nz', 2)]),
        ("d,t\n2026-01-01,x\n", [(datetime.date(2026, 1, 1), "x")]),
        ("a,b\n,\n", [(None, None)]),
        ("a,b\n", []),
        ("n\n123456789012345678901234567890\n5\n", [(123456789012345678901234567890,), (5,)]),
        ("a,b\n#x,1\n", [("#x", 1)]),
    ],
)
def test_csv_keeps_every_row_and_value(
    store: QueryStore, tmp_path: Path, content: str, expected: list[tuple[object, ...]]
) -> None:
    assert rows(store, written(tmp_path, "t.csv", content)) == expected


def test_types_hold_for_the_whole_file(store: QueryStore, tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "a\n" + "1\n" * 30_000 + "x\n")
    found = rows(store, path)
    assert len(found) == 30_001
    assert found[-1] == ("x",)


def test_a_csv_without_a_header_loses_no_row_and_says_so(store: QueryStore, tmp_path: Path) -> None:
    table = store.attach("t", written(tmp_path, "t.csv", "a,1\nb,2\n"))
    assert table.columns == ["column0", "column1"]
    assert table.row_count == 2
    assert "no header" in table.notes[0]


def test_names_that_occur_twice_get_a_number_and_are_told(store: QueryStore, tmp_path: Path) -> None:
    table = store.attach("t", written(tmp_path, "t.csv", "a,a,A,\n1,2,3,4\n"))
    assert table.columns == ["a", "a_2", "A_3", "column3"]
    assert "twice" in table.notes[0]
    assert store.sql("SELECT a_2, column3 FROM t").rows == [(2, 4)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("short.csv", "a,b\n1,2\n3\n", "line 3 has 1 field, and the first line 2"),
        ("long.csv", "a,b\n1,2\n3,4,5\n", "line 3 has 3 fields, and the first line 2"),
        ("title.csv", "My hosts\n\na,b\n1,2\n", "line 3 has 2 fields, and the first line 1"),
        ("quote.csv", 'a,b\n"x,1\n', "unterminated quote"),
        ("empty.csv", "", "it is empty"),
        ("blank.csv", "\n \n", "it is empty"),
        ("latin.csv", "a,b\n\xe4,1\n".encode("latin-1"), "byte 4 is no UTF-8"),
        ("utf16.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("cut.csv", b"a\n\xc3", "cut off"),
        ("list.jsonl", "[1, 2]\n", "each line has to be a JSON object"),
        ("torn.jsonl", '{"a": 1}\n{"a": ', "line 2|Malformed"),
        ("twice.jsonl", '{"a": 1, "a": 2}\n', 'duplicate key "a"'),
        ("empty.jsonl", "\n", "it is empty"),
        ("text.parquet", "no parquet", "no Parquet file"),
        ("t.xlsx", "anything", "its format is unknown; there are CSV"),
        ("missing.csv", None, "No such file"),
    ],
)
def test_what_cannot_be_a_table_is_refused_and_located(
    store: QueryStore, tmp_path: Path, name: str, content: str | bytes | None, message: str
) -> None:
    path = tmp_path / name if content is None else written(tmp_path, name, content)
    with pytest.raises(SourceError, match=message) as caught:
        store.attach("refused", path)
    assert caught.value.path == str(path)
    assert "refused" not in store.own_tables()


def test_thousands_of_columns_are_a_table(store: QueryStore, tmp_path: Path) -> None:
    header = ",".join(f"c{place}" for place in range(3_000))
    line = ",".join(map(str, range(3_000)))
    table = store.attach("t", written(tmp_path, "t.csv", f"{header}\n{line}\n"))
    assert len(table.columns) == 3_000
    assert store.sql("SELECT c2999 FROM t").rows == [(2999,)]


def test_a_name_with_a_pattern_in_it_is_one_file(store: QueryStore, tmp_path: Path) -> None:
    written(tmp_path, "a1.csv", "a\n1\n")
    assert rows(store, written(tmp_path, "a[1]*.csv", "a\n2\n")) == [(2,)]


# ---- other formats -----------------------------------------------------------------------------------------


def test_lines_of_json_may_differ_in_their_keys(store: QueryStore, tmp_path: Path) -> None:
    path = written(tmp_path, "t.jsonl", '{"a": 1, "b": {"c": [2]}}\n\n{"a": 3, "d": "x"}\n')
    assert rows(store, path) == [(1, {"c": [2]}, None), (3, None, "x")]


@pytest.mark.parametrize("value", ["123456789012345678901234567890", "[1.5, 9007199254740993]"])
def test_long_integers_of_json_are_not_rounded(store: QueryStore, tmp_path: Path, value: str) -> None:
    table = store.attach("t", written(tmp_path, "t.jsonl", f'{{"n": {value}, "x": 0.5}}\n'))
    assert "n" in table.notes[0]
    ((found, x),) = store.sql("SELECT CAST(n AS VARCHAR), x FROM t").rows
    assert found.replace(" ", "") == value.replace(" ", "")
    assert x == 0.5


def test_parquet_and_arrow_are_read_as_they_are(store: QueryStore, tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "n": [1, None],
            "d": [Decimal("1.50"), None],
            "l": [[1], []],
            "t": [datetime.datetime(2026, 1, 1), None],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    with pyarrow.ipc.new_file(tmp_path / "t.arrow", table.schema) as file:
        file.write_table(table)
    expected = [(1, Decimal("1.50"), [1], datetime.datetime(2026, 1, 1)), (None, None, [], None)]
    assert rows(store, tmp_path / "t.parquet") == expected
    assert rows(store, tmp_path / "t.arrow") == expected


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            'CREATE TABLE hosts (host TEXT, ranks INTEGER, share REAL, mixed, "a b", picture BLOB)'
        )
        connection.executemany(
            "INSERT INTO hosts VALUES (?, ?, ?, ?, ?, ?)",
            [("a", 2**60, 1, 1, None, b"\x00"), ("b", None, 2.5, "x", None, None)],
        )
        connection.execute("CREATE VIEW named AS SELECT host FROM hosts")
        connection.execute("CREATE TABLE vacant (a INTEGER)")
    connection.close()
    return path


def test_a_table_of_sqlite_gets_types_that_hold_its_values(store: QueryStore, database: Path) -> None:
    files = sorted(os.listdir(database.parent))
    table = store.attach("t", f"{database}#HOSTS")
    assert table.columns == ["host", "ranks", "share", "mixed", "a b", "picture"]
    assert ["mixed" in note for note in table.notes] == [True]
    assert store.sql("FROM t").rows == [
        ("a", 2**60, 1.0, "1", None, b"\x00"),
        ("b", None, 2.5, "x", None, None),
    ]
    assert rows(store, f"{database}#named") == [("a",), ("b",)]
    assert rows(store, f"{database}#vacant") == []
    assert sorted(os.listdir(database.parent)) == files


@pytest.mark.parametrize(("table", "message"), [("", "name a table"), ("#other", "no table 'other'")])
def test_a_table_that_sqlite_has_not_is_told_with_those_it_has(
    store: QueryStore, database: Path, table: str, message: str
) -> None:
    with pytest.raises(SourceError, match=f"{message}.*hosts, named, vacant"):
        store.attach("t", f"{database}{table}")


def test_a_number_sign_may_be_part_of_a_name(store: QueryStore, tmp_path: Path) -> None:
    assert rows(store, written(tmp_path, "a#1.csv", "a\n1\n")) == [(1,)]


def test_a_damaged_database_is_refused(store: QueryStore, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="SQLite cannot read it"):
        store.attach("t", f"{written(tmp_path, 't.db', b'SQLite format 3' + bytes(4000))}#t")


# ---- once, and in no other way -----------------------------------------------------------------------------


def test_a_file_that_changes_or_vanishes_later_changes_nothing(store: QueryStore, tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "a\n1\n")
    store.attach("t", path)
    path.write_text("a\n2\n")
    assert store.sql("FROM t").rows == [(1,)]
    path.unlink()
    assert store.sql("FROM t").rows == [(1,)]
    store.refresh()
    assert store.sql("FROM t").rows == [(1,)]


def test_a_file_that_changes_while_it_is_read_is_refused(
    store: QueryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stormlog.engine.own_tables import files

    store.attach("t", written(tmp_path, "old.csv", "a\n1\n"))
    path = written(tmp_path, "t.csv", "a\n2\n")
    reading = files._reading

    def reading_while_it_grows(*arguments: object) -> object:
        found = reading(*arguments)  # type: ignore[arg-type]
        with path.open("a") as stream:
            stream.write("3\n")
        return found

    monkeypatch.setattr(files, "_reading", reading_while_it_grows)
    with pytest.raises(SourceError, match="changed while it was read"):
        store.attach("t", path)
    assert store.sql("FROM t").rows == [(1,)]


def test_pipes_and_directories_are_refused_without_waiting(store: QueryStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.csv")
    (tmp_path / "d.csv").mkdir()
    for name, message in (("p.csv", "pipe"), ("d.csv", "directory")):
        with pytest.raises(SourceError, match=message):
            store.attach("t", tmp_path / name)


def test_an_attached_file_is_readable_as_its_table_only(store: QueryStore, tmp_path: Path) -> None:
    path = written(tmp_path, "secret.csv", "a\n1\n")
    store.attach("t", path)
    for text in (
        f"FROM '{path}'",
        f"FROM read_csv('{path}')",
        f"FROM read_text('{path}')",
        f"FROM read_blob('{path}')",
        f"FROM sniff_csv('{path}')",
        f"FROM glob('{tmp_path}/*')",
        f"FROM t JOIN read_csv('{path}') USING (a)",
        "FROM read_csv('/dev/fd/3')",
        "FROM read_text('/dev/stdin')",
        "FROM stormlog_incoming",
    ):
        with pytest.raises(QueryError):
            store.sql(text)
