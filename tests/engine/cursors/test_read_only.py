"""SQL of users only reads: nothing that writes gets through, at any depth, and what people ask is answered."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import stormlog.query
from stormlog.engine.cursors.allowed_sql import FUNCTIONS, NODES, TABLE_FUNCTIONS
from stormlog.engine.cursors.explain import explained_statement, plain_statement
from stormlog.engine.cursors.read_only import require_read_only, require_reading_plan, require_reading_tree
from stormlog.engine.index.location import LAYOUT
from stormlog.engine.view_needs import view_names
from stormlog.errors import QueryError
from stormlog.query import QueryStore
from tests.apps.cli.samples import capture
from tests.engine.cursors.hostile_sql import HARMLESS_NAMES, hidden_statements, other_statements

_ANSWERS = (
    "SELECT count(*) FROM events",
    "SELECT fingerprint_id, hit_count, first_seen_ns FROM issues ORDER BY ALL",
    "SELECT fingerprint_id, sort_ns FROM issue_evidence ORDER BY ALL",
    "SELECT path, code FROM catalog_warnings ORDER BY ALL",
    "FROM own",
    "SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name IN ('raw', 'stage') ORDER BY ALL",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a capture, a canary and an index of what was read, beside a file that is not opened."""
    root = tmp_path_factory.mktemp("read-only")
    (root / "captures").mkdir()
    capture(root / "captures")
    (root / "captures" / "canary.csv").write_text("alive\n")
    (root / "outside.txt").write_text("secret\n")
    (root / "attached.csv").write_text("a\n1\n")
    return root


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[QueryStore]:
    with stormlog.query.open(folder / "captures", cache=folder / "cache") as opened:
        opened.list_issues()
        opened.attach("own", folder / "attached.csv")
        yield opened


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def answers(store: QueryStore) -> list[object]:
    return [[issue.as_dict() for issue in store.list_issues()], *(store.sql(text).rows for text in _ANSWERS)]


def answer_of_another_process(folder: Path) -> str:
    program = (
        "import json, sys, stormlog.query\n"
        "with stormlog.query.open(sys.argv[1], cache=sys.argv[2]) as store:\n"
        "    print(json.dumps([issue.as_dict() for issue in store.list_issues()]))\n"
    )
    command = [sys.executable, "-c", program, str(folder / "captures"), str(folder / "cache")]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


# ---- what is refused ---------------------------------------------------------------------------------------


def test_nothing_that_could_write_changes_files_tables_or_kept_answers(
    store: QueryStore, folder: Path
) -> None:
    canary = folder / "captures" / "canary.csv"
    segment = folder / "captures" / "events.jsonl"
    (kept,) = (folder / "cache").glob(f"{LAYOUT}/*/answers/*.json")
    # Each writer in a third of the places, each place with a third of the writers: the locks are tried with all.
    hidden = [*hidden_statements(canary).values()][::3]
    copies = [
        text for file in (segment, kept) for name, text in hidden_statements(file).items() if "copy" in name
    ]
    others = other_statements(canary)
    # Others of these, so that each place has one.
    statements = [*hidden, *copies[1::3], *others]
    assert len(statements) > 500
    told, files = answers(store), digests(folder)
    other = answer_of_another_process(folder)

    passed = []
    for text in statements:
        for ask in (store.sql, store.iter_arrow) if text in others else (store.sql,):
            try:
                ask(text)
                passed.append(text)
            except QueryError:
                pass

    assert passed == []
    assert digests(folder) == files
    assert answers(store) == told
    assert answer_of_another_process(folder) == other
    assert json.loads(other) == told[0]


def test_each_lock_alone_refuses_every_hidden_statement(store: QueryStore, folder: Path) -> None:
    connection = store.connection
    for text in hidden_statements(folder / "captures" / "canary.csv").values():
        with pytest.raises(QueryError):
            require_reading_tree(connection, text)
        with pytest.raises(QueryError):
            require_reading_plan(connection, text)
    assert (folder / "captures" / "canary.csv").read_text() == "alive\n"


def test_a_lock_runs_no_second_statement(store: QueryStore) -> None:
    connection = store.connection
    for lock in (require_reading_tree, require_reading_plan, require_read_only):
        with pytest.raises(QueryError):
            lock(connection, "SELECT 1; CREATE TABLE mine (a INTEGER)")
    assert connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'"
    ).fetchone() == (0,)


def test_the_reason_names_what_is_not_known_to_read(store: QueryStore, folder: Path) -> None:
    for text, reason in {
        "WITH x AS (DELETE FROM raw.files) SELECT 1": "DELETE_QUERY_NODE",
        "SELECT write_log('a')": "function write_log",
        "SELECT * FROM read_csv('a.csv', rejects_table = 'b')": "option rejects_table",
        "PIVOT issues ON kind USING count(*)": "PIVOT has to name its values",
        "DROP VIEW issues": "this is DROP",
        "SELECT 1; SELECT 2": "expected one statement, got 2",
        "SELECT nothing FROM nowhere": "LINE 1: SELECT nothing FROM nowhere",
    }.items():
        with pytest.raises(QueryError, match=reason):
            store.sql(text)
    with pytest.raises(QueryError, match=r"plans with \w*COPY_TO_FILE"):
        require_reading_plan(
            store.connection, f"WITH x AS (COPY (SELECT 1) TO '{folder}/captures/x') SELECT 1"
        )


def test_values_of_parameters_are_values(store: QueryStore) -> None:
    text = "WITH x AS (DELETE FROM raw.records) SELECT 1"
    assert store.sql("SELECT $text AS given", {"text": text}).rows == [(text,)]
    assert store.sql("SELECT ?, ?", [text, "; DROP VIEW issues"]).rows == [(text, "; DROP VIEW issues")]
    with pytest.raises(QueryError):
        store.sql("SELECT * FROM query($text)", {"text": "SELECT 1"})
    with pytest.raises(QueryError):
        store.sql("SELECT * FROM read_text($path)", {"path": "/etc/passwd"})


@pytest.mark.parametrize("name", ["allowed", "listed"])
def test_names_of_nodes_in_texts_and_columns_do_not_matter(store: QueryStore, name: str) -> None:
    text = f"""SELECT {{'type': 'DELETE_QUERY_NODE', 'function_name': 'write_log', 'info_type': 'x'}} AS "{name}" """
    assert store.sql(text).columns == [name]


# ---- what is answered --------------------------------------------------------------------------------------

_HONEST = (Path(__file__).parent / "honest.sql").read_text().strip("\n").split("\n\n")


@pytest.mark.parametrize("text", _HONEST)
def test_questions_are_answered(text: str, store: QueryStore, folder: Path) -> None:
    assert store.sql(text.replace("$folder", str(folder / "captures"))).columns


def test_parameters_reach_explained_and_plain_statements(store: QueryStore) -> None:
    text = "SELECT count(*) FROM events WHERE event_type = $type LIMIT $limit"
    given = {"type": "sample", "limit": 5}
    assert store.sql(text, given).rows == [(1,)]
    assert store.sql("EXPLAIN ANALYZE " + text, given).columns == ["explain_key", "explain_value"]
    assert store.sql("SELECT count(*) FROM events WHERE event_type = ?", ["sample"]).rows == [(1,)]


@pytest.mark.parametrize("terms", [10, 600])
def test_long_sums_and_long_unions_are_no_reason_to_refuse(store: QueryStore, terms: int) -> None:
    assert store.sql("SELECT " + " + ".join(["1"] * terms)).rows == [(terms,)]
    assert len(store.sql(" UNION ALL ".join(["SELECT 1"] * min(terms, 200))).rows) == min(terms, 200)


# ---- EXPLAIN -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT 'EXPLAIN'", "SELECT 'EXPLAIN'"),
        ("explained", "explained"),
        ("explain select 1", "EXPLAIN (FORMAT text)\n select 1"),
        ("EXPLAIN(SELECT 1)", "EXPLAIN (FORMAT text)\n(SELECT 1)"),
        ("-- a\nEXPLAIN/* b */ANALYZE SELECT 1", "EXPLAIN (ANALYZE, FORMAT text)\n SELECT 1"),
        ("EXPLAIN (format 'JSON', analyse) SELECT 1", "EXPLAIN (ANALYZE, FORMAT json)\n SELECT 1"),
        ("EXPLAIN -- a\r\n SELECT 1", "EXPLAIN (FORMAT text)\n -- a\r\n SELECT 1"),
        ("EXPLAIN EXPLAIN SELECT 1", "EXPLAIN (FORMAT text)\n EXPLAIN SELECT 1"),
    ],
)
def test_explain_has_one_spelling_and_the_rest_stays(text: str, plain: str) -> None:
    assert plain_statement(text) == plain
    assert explained_statement(plain) == plain.split(")\n", 1)[-1]


def test_a_long_prefix_of_comments_takes_no_time(store: QueryStore) -> None:
    with pytest.raises(QueryError):
        store.sql("/**/" * 20_000 + "-- a\n" * 20_000 + "DROP VIEW issues")


# ---- the lists ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def functions() -> dict[str, bool]:
    """Names of DuckDB's functions, and whether any of that name has side effects."""
    with duckdb.connect() as connection:
        acts = "bool_or(coalesce(has_side_effects, false))"
        text = f"SELECT lower(function_name), {acts} FROM duckdb_functions() GROUP BY ALL"
        return dict(connection.execute(text).fetchall())


def test_no_function_with_side_effects_is_allowed(functions: dict[str, bool]) -> None:
    acting = {name for name, has_side_effects in functions.items() if has_side_effects}
    assert acting & (FUNCTIONS | TABLE_FUNCTIONS) == HARMLESS_NAMES & acting
    assert {"nextval", "setseed", "write_log"} <= acting


def test_allowed_functions_are_functions(functions: dict[str, bool]) -> None:
    assert functions.keys() >= FUNCTIONS | TABLE_FUNCTIONS


def test_no_writing_node_is_allowed() -> None:
    words = ("COPY", "INSERT", "DELETE", "UPDATE", "MERGE", "TRUNCATE", "EXECUTE", "CREATE", "STATEMENT")
    assert [node for node in NODES if any(word in node for word in words)] == []


def test_the_whole_tree_is_seen(store: QueryStore) -> None:
    """The paths with which DuckDB searches trees find what a walk over all values finds."""

    def types(value: object) -> set[str]:
        if isinstance(value, list):
            return {name for part in value for name in types(part)}
        if not isinstance(value, dict):
            return set()
        own = {value["type"]} if isinstance(value.get("type"), str) else set()
        return own | {name for part in value.values() for name in types(part)}

    connection = duckdb.connect()
    found = "SELECT list_distinct(json_extract_string(json_serialize_sql($text), '$..type'))"
    # Each writer and each place is among them.
    for text in [*[*hidden_statements(Path("x")).values()][::3], *_HONEST]:
        (tree,) = connection.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchone() or ("",)
        (seen,) = connection.execute(found, {"text": text}).fetchone() or ([],)
        assert types(json.loads(tree).get("statements", [])) == {
            name for name in seen if not name.startswith("{")
        }


def test_no_pipe_makes_a_statement_wait(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "captures" / "below" / "p.csv"
    pipe.parent.mkdir(parents=True)
    capture(tmp_path / "captures")
    os.mkfifo(pipe)
    statements = (
        f"FROM '{pipe}'",
        f"FROM read_text('{pipe}')",
        f"SELECT (SELECT count(*) FROM read_csv('{pipe.parent}/p' || '.c' || 'sv'))",
        f"FROM sniff_csv('{pipe}')",
        f"EXPLAIN FROM parquet_metadata('{pipe}')",
    )
    with stormlog.query.open(tmp_path / "captures", cache=False) as store:
        for text in statements:
            for ask in (store.sql, store.iter_sql):
                with pytest.raises(QueryError, match=r"p\.csv is there: it is a pipe"):
                    ask(text)
        relation = store.relation("issues")
        waiting = f"(SELECT count(*) FROM read_csv('{pipe}')) > 0"
        for expression in (waiting, duckdb.SQLExpression(waiting)):
            with pytest.raises(QueryError, match="it is a pipe"):
                relation.filter(expression)
        assert relation.filter("hit_count > 0").fetchall() == store.sql("FROM issues").rows


@pytest.mark.parametrize(
    "text", ["SHOW TABLES", "FROM (SHOW TABLES)", "SELECT viewname FROM pg_views WHERE schemaname = 'main'"]
)
def test_the_views_are_listed_whatever_was_asked_before(folder: Path, text: str) -> None:
    with stormlog.query.open(folder / "captures", cache=False) as store:
        names = {row[0] for row in store.sql(text)}
    assert set(view_names()) <= names


def test_a_misspelt_function_is_told_with_the_one_that_was_meant(store: QueryStore) -> None:
    with pytest.raises(QueryError, match=r"function cuont is unknown or may do more; did you mean count\?"):
        store.sql("SELECT cuont(*) FROM issues")
