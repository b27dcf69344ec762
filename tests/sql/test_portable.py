"""Rules keep to the subset of SQL that another engine can run, exceptions with a reason aside."""

from __future__ import annotations

import pytest

from stormlog.engine.database.sql_files import SqlFile, load_library
from tests.sql.portable import EXCEPTIONS, is_rule, violations

RULES = {file.name: file for file in load_library() if is_rule(file)}


def macro(body: str, parameters: str = "a, b") -> str:
    return f"CREATE OR REPLACE MACRO issues.example({parameters}) AS {body}"


def view(body: str) -> str:
    return f"CREATE OR REPLACE VIEW stage.example AS {body}"


def test_rules_are_found() -> None:
    assert {"issues.normalize_ascii", "projection.severity", "telemetry.is_sample", "issues"} <= RULES.keys()
    assert not {"events", "phase_spans", "prim.json_at", "telemetry.is_plain_text"} & RULES.keys()


@pytest.mark.parametrize("file", RULES.values(), ids=RULES)
def test_rule_keeps_to_the_portable_subset(file: SqlFile) -> None:
    excepted = {violation for name, violation in EXCEPTIONS if name == file.name}
    found = set(violations(file.statement))
    assert not found - excepted, f"{file.path}: {sorted(found - excepted)}"
    assert not excepted - found, f"{file.path} does not need {sorted(excepted - found)} any more"


def test_exceptions_are_about_rules() -> None:
    assert {name for name, _ in EXCEPTIONS} <= RULES.keys()
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())


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
        view("SELECT a, list_sort(list(b)) AS bs FROM t GROUP BY a"),
        view("SELECT a, row_number() OVER (PARTITION BY a ORDER BY b) AS n FROM t LEFT JOIN u ON t.a = u.a"),
        view("SELECT sum(CAST(a AS DECIMAL(38, 0))) AS s, count(*) AS n FROM t"),
    ],
)
def test_statement_inside_the_subset_passes(statement: str) -> None:
    assert violations(statement) == []
