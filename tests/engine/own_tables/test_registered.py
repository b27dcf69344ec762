"""Frames, relations and Arrow become tables beside the views; names of views stay theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow
import pytest

import stormlog.query
from stormlog.engine.index.location import LAYOUT
from stormlog.errors import QueryError
from stormlog.query import QueryStore
from tests.apps.cli.samples import capture
from tests.soak import few_or_many


@pytest.fixture
def store(tmp_path: Path) -> Iterator[QueryStore]:
    (tmp_path / "captures").mkdir()
    capture(tmp_path / "captures")
    with stormlog.query.open(tmp_path / "captures", cache=tmp_path / "cache") as opened:
        yield opened


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    """A store without own tables: what it is given is refused."""
    folder = tmp_path_factory.mktemp("refusing")
    capture(folder)
    with stormlog.query.open(folder, cache=False) as opened:
        yield opened


HOSTS = pyarrow.table({"host": ["a", "b"], "team": ["x", None]})


def test_everything_that_speaks_arrow_can_be_a_table(store: QueryStore) -> None:
    relation = duckdb.connect().sql("SELECT 'a' AS host, 'x' AS team UNION ALL SELECT 'b', NULL ORDER BY 1")
    sources = [
        HOSTS,
        HOSTS.to_batches()[0],
        HOSTS.to_reader(),
        relation,
        store.sql("FROM (VALUES ('a', 'x'), ('b', NULL)) AS t(host, team)"),
    ]
    for source in sources:
        table = store.register("hosts", source)
        assert (table.columns, table.row_count) == (["host", "team"], 2)
        assert store.sql("FROM hosts").rows == [("a", "x"), ("b", None)]
    store.register("worst", store.relation("issues").limit(1))
    assert store.sql("SELECT count(*) FROM worst").rows == [(1,)]


def test_frames_of_pandas_and_polars_can_be_tables(store: QueryStore) -> None:
    for frame in (pandas.DataFrame(HOSTS.to_pydict()), polars.DataFrame(HOSTS.to_pydict())):
        store.register("hosts", frame)
        assert store.sql("SELECT team FROM hosts WHERE host = 'a'").rows == [("x",)]


def test_a_table_is_a_copy(store: QueryStore) -> None:
    frame = pandas.DataFrame({"n": [1, 2]})
    store.register("numbers", frame)
    frame["n"] = 0
    assert store.sql("FROM numbers").rows == [(1,), (2,)]


def test_own_tables_join_views_in_every_way_to_ask(store: QueryStore) -> None:
    kinds = pyarrow.table({"kind": ["oom", "alert"], "weight": [10, 1]})
    store.register("weights", kinds)
    text = "SELECT kind, weight FROM issues JOIN weights USING (kind) ORDER BY kind"
    expected = [("alert", 1), ("oom", 10)]
    assert store.sql(text).rows == expected
    assert list(store.iter_sql(text)) == expected
    assert [tuple(row.values()) for row in store.iter_arrow(text).read_all().to_pylist()] == expected
    joined = store.relation("issues").join(store.relation("weights"), "kind")
    assert sorted(joined.project("kind, weight").fetchall()) == expected
    assert store.connection.sql(text).fetchall() == expected
    assert "weights" in {row[0] for row in store.sql("SHOW TABLES")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("issues", "there is a view issues already"),
        ("Issues", "there is a view issues already"),
        ("memory_timeline", "there is a view memory_timeline already"),
        ("raw", "a name of the database"),
        ("tracking", "a name of the database"),
        ("duckdb_tables", "a name of the database"),
        ("sqlite_master", "a name of the database"),
        ("a b", "cannot name a table"),
        ('x"; DROP TABLE raw.files; --', "cannot name a table"),
        ("", "cannot name a table"),
        ("raw.files", "cannot name a table"),
    ],
)
def test_names_that_are_taken_are_refused(
    refusing: QueryStore, name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    answer = refusing.list_issues()
    with pytest.raises(ValueError, match=message):
        refusing.register(name, HOSTS)
    with pytest.raises(ValueError, match=message):
        refusing.attach(name, tmp_path / "t.csv")
    assert refusing.list_issues() == answer


@pytest.mark.parametrize("data", [[1, 2], {"a": [1]}, "text", None, 5, pyarrow.table({})])
def test_what_is_no_table_is_refused(refusing: QueryStore, data: object) -> None:
    with pytest.raises(ValueError, match=r"cannot be a table|no columns"):
        refusing.register("t", data)
    assert refusing.own_tables() == {}


def test_a_relation_with_integers_that_arrow_would_garble_is_refused(refusing: QueryStore) -> None:
    wide = duckdb.connect().sql("SELECT 340282366920938463463374607431767211455::UHUGEINT AS n")
    with pytest.raises((ValueError, QueryError), match="DECIMAL"):
        refusing.register("t", wide)
    assert refusing.own_tables() == {}


def test_a_table_is_replaced_and_removed_by_its_name_in_any_case(store: QueryStore) -> None:
    store.register("Hosts", HOSTS)
    store.register("hosts", pyarrow.table({"other": [1]}))
    assert store.own_tables() == {"hosts": ["other"]}
    store.unregister("HOSTS")
    assert store.own_tables() == {}
    with pytest.raises(QueryError, match="no view or table hosts"):
        store.sql("FROM hosts")
    with pytest.raises(ValueError, match="no own table 'hosts'"):
        store.unregister("hosts")


def test_rows_that_fail_on_the_way_leave_the_table_as_it_was(store: QueryStore) -> None:
    store.register("t", pyarrow.table({"n": [1]}))

    def batches() -> Iterator[pyarrow.RecordBatch]:
        yield pyarrow.record_batch({"n": [2]})
        raise ValueError("the source broke off")

    reader = pyarrow.RecordBatchReader.from_batches(pyarrow.schema({"n": pyarrow.int64()}), batches())
    with pytest.raises(QueryError, match="broke off"):
        store.register("t", reader)
    assert store.sql("FROM t").rows == [(1,)]


def test_own_tables_survive_an_index_that_is_given_up(store: QueryStore, tmp_path: Path) -> None:
    store.list_issues()
    store.register("hosts", HOSTS)
    damaged = [path for path in (tmp_path / "cache" / LAYOUT).rglob("*.parquet") if path.is_file()]
    assert damaged
    for path in damaged:
        path.write_bytes(b"damaged")
    assert store.sql("SELECT count(*) FROM events").rows == [(3,)]
    assert store.sql("FROM hosts").rows == [("a", "x"), ("b", None)]


def test_own_tables_change_no_kept_answer(store: QueryStore, tmp_path: Path) -> None:
    before = [issue.as_dict() for issue in store.list_issues()]
    store.register("kind", HOSTS)
    assert [issue.as_dict() for issue in store.list_issues()] == before
    with stormlog.query.open(tmp_path / "captures", cache=tmp_path / "cache") as other:
        assert [issue.as_dict() for issue in other.list_issues()] == before


# ---- connections -------------------------------------------------------------------------------------------


def test_the_connection_is_one_object_that_keeps_what_is_registered(
    store: QueryStore, tmp_path: Path
) -> None:
    connection = store.connection
    relation = connection.sql("FROM events")
    connection.register("frame", pyarrow.table({"n": [5]}))
    assert store.connection is connection
    assert store.connection.sql("SELECT n FROM frame").fetchall() == [(5,)]
    with (tmp_path / "captures" / "events.jsonl").open("a") as stream:
        stream.write("{}\n")
    assert store.refresh()
    with pytest.raises(QueryError, match="ask again"):
        connection.execute("SELECT 1")
    assert store.connection is connection
    assert connection.sql("SELECT n FROM frame").fetchall() == [(5,)]
    assert connection.sql("SELECT count(*) FROM rejects").fetchall() == [(1,)]
    # What was made before stays refused.
    with pytest.raises(QueryError, match="ask again"):
        relation.fetchall()


def test_a_closed_connection_is_followed_by_another(store: QueryStore) -> None:
    connection = store.connection
    connection.close()
    assert store.connection is not connection
    assert store.connection.execute("SELECT 1").fetchall() == [(1,)]


def test_each_thread_has_its_own_connection(store: QueryStore) -> None:
    wrong: list[object] = []
    barrier = threading.Barrier(2)

    def ask(number: int) -> None:
        barrier.wait()
        for turn in range(few_or_many(15, 50)):
            store.connection.execute(f"SELECT {number}, {turn}")
            found = store.connection.fetchall()
            if found != [(number, turn)]:
                wrong.append(found)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
