"""Results of statements: as Arrow, as frames, as text; and what a statement is told about names that are not there."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from decimal import Decimal

import pyarrow
import pytest

import stormlog.query
from stormlog.engine.cursors import cursor
from stormlog.errors import QueryError
from stormlog.query import QueryStore
from stormlog.query.deadlines import deadline
from tests.apps.cli.samples import capture


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    folder = tmp_path_factory.mktemp("results")
    capture(folder)
    with stormlog.query.open(folder, cache=False) as opened:
        yield opened


_TYPES = """
    SELECT 1 AS i, 2 AS i, 1.50::DECIMAL(10, 2) AS d, [1, 2] AS l, {'a': {'b': 1}} AS s, MAP {'k': 1} AS m,
    MAP {1: 'x'} AS n, 'x'::BLOB AS b, '101'::BIT AS bits, 12345678901234567890123456789::HUGEINT AS h,
    18446744073709551615::UBIGINT AS u, INTERVAL 3 DAY AS v, NULL AS z, uuid() AS id, 'a'::ENUM('a', 'b') AS e,
    'inf'::DOUBLE AS f, '{"a": 1}'::JSON AS j, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS t
"""


def test_arrow_keeps_types_and_makes_names_distinct(store: QueryStore) -> None:
    table = store.sql(_TYPES).arrow()
    assert table.column_names[:3] == ["i", "i_2", "d"]
    (row,) = table.to_pylist()
    assert row["d"] == Decimal("1.50")
    assert row["h"] == Decimal("12345678901234567890123456789")
    assert (row["l"], row["s"], row["m"]) == ([1, 2], {"a": {"b": 1}}, [("k", 1)])
    assert (row["n"], row["b"], row["bits"], row["u"]) == ([(1, "x")], b"x", "101", 2**64 - 1)
    assert (row["v"], row["z"], row["e"], row["j"]) == ("3 days", None, "a", '{"a": 1}')
    assert table.schema.field("t").type == pyarrow.timestamp("us", "UTC") or "tz=" in str(
        table.schema.field("t").type
    )


def test_arrow_of_no_rows_has_the_same_types(store: QueryStore) -> None:
    full, empty = store.sql(_TYPES).arrow(), store.sql(f"FROM ({_TYPES}) WHERE false").arrow()
    assert empty.num_rows == 0
    assert [field.type for field in empty.schema] == [field.type for field in full.schema]


def test_streamed_arrow_says_the_same(store: QueryStore) -> None:
    text = f"SELECT * EXCLUDE (id) FROM ({_TYPES})"
    assert store.iter_arrow(text).read_all().to_pylist() == store.sql(text).arrow().to_pylist()
    reader = store.iter_arrow("SELECT $n + i AS n FROM range(25000) AS r(i)", {"n": 1})
    assert [row["n"] for batch in reader for row in batch.to_pylist()] == list(range(1, 25001))


@pytest.mark.parametrize(
    "value", ["170141183460469231731687303715884105727", "-170141183460469231731687303715884105727"]
)
def test_integers_that_arrow_cannot_hold_are_errors_not_other_numbers(store: QueryStore, value: str) -> None:
    text = f"SELECT {value}::HUGEINT AS n"
    assert store.sql(text).rows == [(int(value),)]
    with pytest.raises(QueryError, match="DECIMAL"):
        store.sql(text).arrow()
    with pytest.raises(QueryError, match="DECIMAL"):
        store.iter_arrow(text).read_all()
    unsigned = "SELECT 340282366920938463463374607431767211455::UHUGEINT AS n"
    with pytest.raises(QueryError, match="DECIMAL"):
        store.iter_arrow(unsigned).read_all()


def test_nested_huge_integers_are_text_with_all_digits(store: QueryStore) -> None:
    text = "SELECT [170141183460469231731687303715884105727::HUGEINT] AS n"
    assert store.iter_arrow(text).read_all().to_pylist() == [
        {"n": "[170141183460469231731687303715884105727]"}
    ]


def test_streamed_arrow_keeps_nanoseconds(store: QueryStore) -> None:
    table = store.iter_arrow("SELECT make_timestamp_ns(1700000000123456789) AS t").read_all()
    assert table.column("t").cast(pyarrow.int64()).to_pylist() == [1700000000123456789]


def test_streamed_arrow_is_judged_like_any_statement(store: QueryStore) -> None:
    for text in (
        "DROP VIEW issues",
        "COPY issues TO 'x'",
        "SELECT 1; SELECT 2",
        "FROM read_text('/etc/passwd')",
    ):
        with pytest.raises(QueryError):
            store.iter_arrow(text)


def test_frames_have_rows_and_columns(store: QueryStore) -> None:
    result = store.sql("SELECT kind, hit_count FROM issues ORDER BY kind")
    assert result.df().to_dict("list") == {"kind": ["alert", "oom"], "hit_count": [1, 1]}
    assert result.pl().rows() == result.rows


@pytest.mark.parametrize(("method", "library"), [("df", "pandas"), ("pl", "polars")])
def test_a_library_that_is_missing_is_told_with_its_extra(
    store: QueryStore, method: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def without(name: str, package: str | None = None) -> object:
        if name == library:
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(QueryError, match=rf"{library}: pip install 'stormlog\[frames\]'"):
        getattr(store.sql("SELECT 1"), method)()


def test_a_result_says_what_it_is(store: QueryStore) -> None:
    text = repr(
        store.sql("SELECT i AS number, repeat('x', 100) AS \"long\", chr(27) AS c FROM range(12) AS r(i)")
    )
    lines = text.splitlines()
    assert lines[0] == "SqlResult: 12 rows, 3 columns"
    assert lines[1].split() == ["number", "long", "c"]
    assert lines[2].split() == ["BIGINT", "VARCHAR", "VARCHAR"]
    assert lines[-1] == "... 2 more rows"
    assert "\x1b" not in text
    assert max(map(len, lines)) < 80
    assert repr(store.sql("SELECT 1 AS a WHERE false")).splitlines()[0] == "SqlResult: 0 rows, 1 column"
    assert len(store.sql("SELECT 1 AS a WHERE false")) == 0


# ---- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM isues", "no view or table isues; did you mean issues?"),
        ("DESCRIBE evnts", "no view or table evnts; did you mean events?"),
        ("SUMMARIZE sesions", "did you mean sessions?"),
        ("EXPLAIN FROM fialures", "did you mean failures?"),
        ("SELECT * FROM issues JOIN evens USING (rank)", "did you mean events?"),
        ("WITH a AS (FROM oom_bundle) FROM a", "did you mean oom_bundles?"),
        ("FROM qqqqq", "there are attachments, catalog_sources, catalog_warnings"),
        ("FROM memory_timeline", "takes arguments: FROM memory_timeline(session, buckets)"),
        ("SELECT hitcount FROM issues", "no column hitcount; did you mean hit_count?"),
        ("SELECT i.titel FROM issues AS i", "no column titel; did you mean title?"),
        ("FROM events WHERE sesion_id = 'a'", "did you mean session_id?"),
        ("SELECT * EXCLUDE (metdata) FROM issues", "did you mean metadata?"),
        ("FROM issues ORDER BY severty", "did you mean severity?"),
        ("SELECT qqqqq FROM issues", "no column qqqqq in issues; DESCRIBE issues"),
        ("SELECT x.kind FROM issues", "x is no table or alias"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest_public_one(
    store: QueryStore, text: str, message: str
) -> None:
    for ask in (store.sql, store.iter_sql, store.iter_arrow):
        with pytest.raises(QueryError) as caught:
            ask(text)
        assert message in str(caught.value)
        for inner in ("pg_", "duckdb_", "raw.", "stage."):
            assert inner not in str(caught.value).partition("LINE")[0]


def test_own_tables_are_suggested_too(store: QueryStore) -> None:
    store.register("hosts", pyarrow.table({"hostname": ["a"]}))
    with pytest.raises(QueryError, match=r"did you mean hosts\?"):
        store.sql("FROM host")
    with pytest.raises(QueryError, match=r"did you mean hostname\?"):
        store.sql("SELECT hostnme FROM hosts")
    store.unregister("hosts")


def test_a_column_that_is_elsewhere_is_not_suggested_to_itself(store: QueryStore) -> None:
    with pytest.raises(QueryError) as caught:
        store.sql("FROM issues JOIN (SELECT 1 AS n) AS o USING (kind)")
    assert "did you mean kind" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["SHOW ALL TABLES", "show all tables;", "DESCRIBE", " SHOW ; ", "SHOW SCHEMAS"]
)
def test_listings_leave_out_the_inside(store: QueryStore, text: str) -> None:
    schemas = {row[1] for row in store.sql(text)}
    assert "main" in schemas
    assert schemas <= {"main", "tracking"}


def test_views_can_be_described_and_summarized(store: QueryStore) -> None:
    assert ("kind", "VARCHAR") in [row[:2] for row in store.sql("DESCRIBE issues")]
    assert "kind" in [row[0] for row in store.sql("SUMMARIZE issues")]
    assert store.sql("EXPLAIN FROM issues").rows
    shown = {row[0] for row in store.sql("SHOW TABLES")}
    assert {"issues", "events"} <= shown
    assert not shown & {"files", "records", "lines_given"}


# ---- limits ------------------------------------------------------------------------------------------------


def test_too_many_columns_are_refused_in_every_way_to_ask(
    store: QueryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursor, "MOST_COLUMNS", 3)
    for ask in (store.sql, store.iter_sql, store.iter_arrow):
        with pytest.raises(QueryError, match="the statement has 4 columns"):
            ask("SELECT 1, 2, 3, 4")
        ask("SELECT 1, 2, 3")


def test_a_statement_that_takes_too_long_is_stopped_and_the_store_goes_on(store: QueryStore) -> None:
    slow = "SELECT count(*) FROM range(1000000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3"
    with pytest.raises(QueryError, match=r"it took longer than 0\.2 s"), deadline(store.interrupt, 0.2):
        store.sql(slow)
    with deadline(store.interrupt, 60):
        assert store.sql("SELECT 1").rows == [(1,)]
    assert len(store.sql("FROM issues")) == 2


def test_a_statement_that_nobody_waits_for_is_stopped(store: QueryStore) -> None:
    slow = "SELECT count(*) FROM range(1000000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3"
    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    with pytest.raises(QueryError, match="stopped: it was cancelled"):
        store.iter_sql(slow, timeout_s=300, cancelled=cancelled)
    with store.iter_sql("SELECT 1", cancelled=threading.Event()) as rows:
        assert list(rows) == [(1,)]
