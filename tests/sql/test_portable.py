"""Rules keep to the subset of SQL that another engine can run, exceptions with a reason aside."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.engine.database.sql_files import SqlFile
from tests.sql.portable import EXCEPTIONS, rules, staging_statements, violations
from tests.sql.portable_types import TYPE_EXCEPTIONS, Tables, macro_query, tables_of, type_violations

RULES = rules()
STATEMENTS = staging_statements()
#: A table for statements of these tests.
NUMBERS: Tables = {
    "raw": {"numbers": {"whole": "BIGINT", "real": "DOUBLE", "exact": "DECIMAL(18, 3)", "label": "VARCHAR"}}
}


def macro(body: str, parameters: str = "a, b") -> str:
    return f"CREATE OR REPLACE MACRO issues.example({parameters}) AS {body}"


def view(body: str) -> str:
    return f"CREATE OR REPLACE VIEW stage.example AS {body}"


def test_rules_are_found() -> None:
    assert {"issues.normalize_ascii", "projection.severity", "telemetry.is_sample", "issues"} <= RULES.keys()
    assert {
        "raw.events",
        "raw.fresh_records",
        "stage.loaded_sessions_view",
        "stage.hits_view",
    } <= RULES.keys()
    assert not {"events", "phase_spans", "prim.json_at", "telemetry.is_plain_text"} & RULES.keys()


def test_what_rules_call_is_a_rule() -> None:
    called = {name for file in RULES.values() for name in file.calls if not name.startswith("prim.")}
    assert "telemetry.gap_bytes" in called
    assert called <= RULES.keys()


def test_statements_of_staging_are_found() -> None:
    modules = {place.partition(":")[0] for place, _ in STATEMENTS}
    assert modules == {"staging.py", "hidden_memory.py", "phase_spans.py"}
    assert len(STATEMENTS) >= 15


@pytest.mark.parametrize(("place", "text"), STATEMENTS, ids=[place for place, _ in STATEMENTS])
def test_statement_of_staging_keeps_to_the_portable_subset(place: str, text: str, tables: Tables) -> None:
    assert violations(text) == []
    assert type_violations(text, tables) == []


@pytest.mark.parametrize("file", RULES.values(), ids=RULES)
def test_rule_keeps_to_the_portable_subset(file: SqlFile) -> None:
    excepted = {violation for name, violation in EXCEPTIONS if name == file.name}
    found = set(violations(file.statement))
    assert not found - excepted, f"{file.path}: {sorted(found - excepted)}"
    assert not excepted - found, f"{file.path} does not need {sorted(excepted - found)} any more"


@pytest.fixture(scope="module")
def tables(database: Any) -> Tables:
    return tables_of(database)


@pytest.mark.parametrize("file", RULES.values(), ids=RULES)
def test_rule_depends_on_no_type_that_engines_treat_differently(file: SqlFile, tables: Tables) -> None:
    query, known = (file.query, tables) if file.kind == "VIEW" else macro_query(file, tables)
    excepted = {violation for name, violation in TYPE_EXCEPTIONS if name == file.name}
    assert set(type_violations(query, known)) == excepted


def test_exceptions_are_about_rules() -> None:
    exceptions = EXCEPTIONS | TYPE_EXCEPTIONS
    assert {name for name, _ in exceptions} <= RULES.keys()
    assert all(len(reason) > 20 for reason in exceptions.values())


@pytest.mark.parametrize(
    ("statement", "violation"),
    [
        (macro("'a' || a"), "opaque statement"),
        ("PRAGMA show_tables", "opaque statement"),
        (macro("'text'"), "without parentheses"),
        (macro("a + b"), "without parentheses"),
        (macro("(a + b)", "a, b := 1"), "opaque statement"),
        (macro("(a[1])"), "Bracket"),
        (macro("(a[1:2])"), "Bracket"),
        (macro("(regexp_replace(a, '\\s', '', 'g'))"), "class that engines read differently"),
        (macro("(regexp_full_match(a, 'x$'))"), "$"),
        (macro("(regexp_full_match(a, '(?=x)y'))"), "lookaround"),
        (macro("(regexp_full_match(a, b))"), "not a literal"),
        (macro("(regexp_replace(a, 'x', ''))"), "without 'g'"),
        (macro("(regexp_replace(a, '(x)', '\\1', 'g'))"), "back-reference"),
        (macro("(list_sort(list(a ORDER BY b)))"), "order outside a window"),
        (macro("(list(a))"), "not sorted"),
        (macro("([x + 1 FOR x IN a])"), "not allowed"),
        (macro("(list_reduce(a, lambda x_, y_: x_ + y_))"), "not allowed"),
        (macro("(list_transform(a, lambda x_: x_ + 1))"), "not allowed"),
        (macro("(MAP {'a': 1})"), "not allowed"),
        (macro("(avg(a))"), "Avg"),
        (macro("(stddev_samp(a))"), "Stddev"),
        (macro("(stddev(a))"), "Stddev"),
        (macro("(regr_slope(a, b))"), "Regr"),
        (macro("(regr_r2(a, b))"), "Regr"),
        (macro("(sum(a / 2))"), "sum of fractions"),
        (macro("(sum(CAST(a AS DOUBLE)))"), "sum of fractions"),
        (macro("(round(a, 2))"), "Round"),
        (macro("(log(a))"), "Log"),
        (macro("(ln(a))"), "Ln"),
        (macro("(CAST(a AS HUGEINT))"), "type INT128"),
        (macro("(CAST(a AS UBIGINT))"), "type UBIGINT"),
        (macro("(CAST(a AS JSON))"), "type JSON"),
        (macro("(a + 18446744073709551616)"), "beyond 64 bits"),
        (macro("(a / b)"), "division by b"),
        (macro("(a // b)"), "IntDiv"),
        (macro("(json_extract(a, '$.b'))"), "JSON"),
        (macro("(a ->> '$.b')"), "JSON"),
        (macro("(sha256(a))"), "not allowed"),
        (macro("(prim.nothing(a))"), "prim.nothing()"),
        (macro("(unheard_of(a))"), "unheard_of()"),
        (macro("(first(a))"), "First"),
        (macro("(arg_min(a, b))"), "ArgMin"),
        (macro("(a ~ 'x')"), "not allowed"),
        (macro("(TRY_CAST(a AS BIGINT))"), "TryCast"),
        (view("SELECT a FROM t SEMI JOIN u ON t.a = u.a"), "join of kind SEMI"),
        (view("SELECT a FROM t CROSS JOIN u"), "join"),
        (view("SELECT a FROM t ORDER BY a"), "order outside a window"),
        (view("SELECT a FROM t LIMIT 1"), "Limit"),
        ("SELECT a FROM t ORDER BY a LIMIT 1", "limit"),
        ("DELETE FROM t", "opaque statement"),
        (macro("(regexp_full_match(a, 'a.b'))"), "dot"),
        (macro("(regexp_full_match(a, '[a.]x+.'))"), "dot"),
        (macro("(regexp_full_match(a, '\\bx'))"), "an escape"),
        (macro("(regexp_full_match(a, 'x\\B'))"), "an escape"),
        (macro("(regexp_full_match(a, '[\\v]'))"), "an escape"),
        (macro("(regexp_full_match(a, '(?i)x'))"), "flags"),
        (macro("(regexp_full_match(a, '(?s:x)'))"), "flags"),
        (macro("(regexp_full_match(a, '[[:alpha:]]'))"), "POSIX"),
        (macro("(regexp_full_match(a, '[a&&b]'))"), "set within a set"),
        (macro("(regexp_full_match(a, '[a[b]]'))"), "set within a set"),
        (macro("(regexp_replace(a, 'x', '$0', 'g'))"), "back-reference"),
        (macro("(regexp_replace(a, 'x', '$', 'g'))"), "back-reference"),
        (macro("(regexp_replace(a, 'x', b, 'g'))"), "back-reference"),
        (macro("(lower(a))"), "lower()"),
        (macro("(substring(a, 0, 2))"), "position"),
        (macro("(substr(a, -1))"), "position"),
        (macro("(substring(a, b))"), "position"),
        (macro("(substring(a, 3, -1))"), "length"),
        (macro("(left(a, -1))"), "length"),
        (macro("(left(a, b))"), "length"),
        (macro("(split_part(a, '', 1))"), "separator"),
        (macro("(split_part(a, b, 1))"), "separator"),
        (macro("(split_part(a, ':', -1))"), "position"),
        (macro("(list_sort(list(a)))"), "list that may hold NULL"),
        (view("SELECT rowid AS n FROM t"), "number of a row"),
        (view("SELECT a FROM t ASOF JOIN u ON t.a >= u.a"), "join of kind ASOF"),
        (view("SELECT a FROM t UNION BY NAME SELECT a FROM u"), "union by name"),
        (view("SELECT * EXCLUDE (a) FROM t"), "star without some columns"),
        (view("SELECT * REPLACE (1 AS a) FROM t"), "star without some columns"),
        (view("SELECT a, count(*) AS n FROM t GROUP BY ALL"), "group by"),
        (view("SELECT a + 1 AS b FROM t WHERE b > 1"), "name of a result in WHERE: b"),
        (view("SELECT a + 1 AS b, count(*) AS n FROM t GROUP BY b"), "name of a result in GROUP: b"),
        (view("SELECT row_number() OVER () AS n FROM t"), "without an order"),
        (view("SELECT row_number() OVER (PARTITION BY a) AS n FROM t"), "without an order"),
        (view("SELECT a FROM 'file.parquet'"), "table that is no name"),
        (view("SELECT a FROM read_parquet('file.parquet')"), "ReadParquet"),
        (view("WITH u AS MATERIALIZED (SELECT a FROM t) SELECT a FROM u"), "MATERIALIZED"),
        (view("SELECT a, unnest(b) FROM t"), "not allowed"),
        (view("SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1"), "Qualify"),
    ],
)
def test_statement_outside_the_subset_is_refused(statement: str, violation: str) -> None:
    found = violations(statement)
    assert any(violation in each for each in found), found


@pytest.mark.parametrize(
    "statement",
    [
        macro("(CASE WHEN a = 'x' THEN prim.json_text(b) END)"),
        macro("(regexp_replace(a, '^x+|x+\\z', '', 'g'))"),
        macro("(a / nullif(b, 0))"),
        macro("(regexp_full_match(a, '[.]x\\.(?:y|[^z])'))"),
        macro("(concat(left(a, 5), substring(a, 2, 3), split_part(b, ':', 1)))"),
        view("SELECT a + 1 AS b FROM t WHERE a > 1"),
        view("SELECT a AS b FROM t AS x WHERE x.b > 1"),
        "SELECT a FROM t WHERE b = $b ORDER BY a",
        "SELECT a FROM t LIMIT 0",
        "SELECT a FROM t UNION ALL SELECT a FROM u",
        view("SELECT a, row_number() OVER (PARTITION BY a ORDER BY b) AS n FROM t LEFT JOIN u ON t.a = u.a"),
        view("SELECT sum(CAST(a AS DECIMAL(38, 0))) AS s, count(*) AS n FROM t"),
    ],
)
def test_statement_inside_the_subset_passes(statement: str) -> None:
    assert violations(statement) == []


@pytest.mark.parametrize(
    ("expression", "violation"),
    [
        ("CAST(2.5 AS BIGINT)", "cast to a whole number"),
        ("CAST(real AS BIGINT)", "DOUBLE cast to a whole number"),
        ("CAST(exact AS INTEGER)", "DECIMAL cast to a whole number"),
        ("CAST(whole / 2 AS BIGINT)", "DOUBLE cast to a whole number"),
        ("CAST(label AS BIGINT)", "cast to a whole number"),
        ("CAST(real AS VARCHAR)", "text of a DOUBLE"),
        ("CAST(exact AS VARCHAR)", "text of a DECIMAL"),
        ("concat('x', real)", "text of a DOUBLE"),
        ("concat('x', whole / 3)", "text of a DOUBLE"),
        ("concat('x', CASE WHEN whole > 1 THEN real END)", "text of a DOUBLE"),
        ("exact / exact", "division of a DECIMAL"),
        ("exact / nullif(exact, 0)", "division of a DECIMAL"),
        ("CAST(whole AS DECIMAL(38, 0)) / 3", "division of a DECIMAL"),
        ("whole / 2.5", "division of a"),
        ("sum(real)", "sum of a DOUBLE"),
        ("sum(whole / 2)", "sum of a DOUBLE"),
        ("sum(exact)", "sum of a DECIMAL"),
    ],
)
def test_type_that_engines_treat_differently_is_refused(expression: str, violation: str) -> None:
    found = type_violations(f"SELECT {expression} AS result FROM raw.numbers", NUMBERS)
    assert any(violation in each for each in found), found
    within = f"WITH n AS (SELECT {expression} AS result FROM raw.numbers) SELECT result FROM n"
    assert type_violations(within, NUMBERS) == found


@pytest.mark.parametrize(
    "expression",
    [
        "CAST(sum(whole) AS BIGINT)",
        "CAST(whole AS VARCHAR)",
        "concat(label, 'x', CAST(whole AS VARCHAR), replace(label, 'a', 'b'))",
        "sum(CAST(whole AS DECIMAL(38, 0)))",
        "whole / nullif(whole, 0)",
        "real / whole",
        "concat('x', prim.json_quote(label))",
    ],
)
def test_type_that_engines_treat_alike_passes(expression: str) -> None:
    assert type_violations(f"SELECT {expression} AS result FROM raw.numbers", NUMBERS) == []


def test_type_of_a_column_comes_through_tables_within_tables() -> None:
    query = """
        WITH halves AS (SELECT whole / 2 AS half FROM raw.numbers)
        SELECT concat('x', h.half) AS result FROM (SELECT half FROM halves) AS h
    """
    assert type_violations(query, NUMBERS) == ["text of a DOUBLE: h.half"]
