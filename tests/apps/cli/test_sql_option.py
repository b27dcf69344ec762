"""``--sql``: print the statement, or run another."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from stormlog.apps.cli.options.sql_option import PRINT_SQL, attach_statement, is_statement
from stormlog.presenting.statement_texts import statement_text
from tests.apps.cli.runner import stormlog
from tests.apps.cli.samples import capture


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "select*from issues",
        "FROM issues",
        "WITH a AS (SELECT 1) FROM a",
        "-- how many\nSELECT 1",
        "/* how many */ SELECT 1",
        "(SELECT 1)",
        "DROP VIEW issues",
        "SELEC * FROM issues",
        "  select 1",
        "",
    ],
)
def test_statements_belong_to_the_option(text: str) -> None:
    assert is_statement(text) == bool(text)


@pytest.mark.parametrize(
    "text", ["runs", "./live_sink", "--json", "-q", "--reason=out of memory", "selected", "-"]
)
def test_paths_and_options_do_not(text: str) -> None:
    assert not is_statement(text)


def test_a_path_that_exists_stays_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("select 1").mkdir()
    assert attach_statement(["--sql", "select 1"]) == [f"--sql={PRINT_SQL}", "select 1"]


def test_what_follows_two_dashes_is_left_alone() -> None:
    assert attach_statement(["a", "--", "--sql", "SELECT 1"]) == ["a", "--", "--sql", "SELECT 1"]


@pytest.mark.parametrize("command", ["issues", "sessions", "events", "ooms"])
@pytest.mark.parametrize("position", ["last", "first"])
def test_without_a_statement_the_one_that_answers_is_printed(
    command: str, position: str, tmp_path: Path
) -> None:
    capture(tmp_path)
    arguments = [tmp_path, "--sql"] if position == "last" else ["--sql", tmp_path]
    outcome = stormlog("query", command, *arguments)
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    assert all(
        line.startswith("-- $") for line in lines[: lines.index(next(x for x in lines if x[:2] != "--"))]
    )
    statements = duckdb.extract_statements(outcome.stdout)
    assert [statement.type for statement in statements] == [duckdb.StatementType.SELECT]


def test_the_printed_parameters_are_those_of_the_flags(tmp_path: Path) -> None:
    capture(tmp_path)
    assert "-- $kind = ['oom']\n" in stormlog("query", "issues", tmp_path, "--kind", "oom", "--sql").stdout


def test_as_json_the_statement_is_an_object(tmp_path: Path) -> None:
    printed = json.loads(stormlog("query", "issues", tmp_path, "--kind", "oom", "--sql", "--json").stdout)
    assert printed["sql"].startswith("SELECT")
    assert printed["parameters"]["kind"] == ["oom"]


def test_a_statement_runs_over_the_views(tmp_path: Path) -> None:
    capture(tmp_path)
    sql = "SELECT kind, hit_count FROM issues ORDER BY kind"
    for arguments in ([tmp_path, "--sql", sql], ["--sql", sql, tmp_path], [f"--sql={sql}", tmp_path]):
        outcome = stormlog("query", "issues", *arguments, "--json")
        assert json.loads(outcome.stdout) == [
            {"kind": "alert", "hit_count": 1},
            {"kind": "oom", "hit_count": 1},
        ]
    assert stormlog("query", "issues", tmp_path, "--sql", sql).stdout.splitlines()[0] == "kind   hit_count"


def test_columns_of_the_same_name_are_all_kept(tmp_path: Path) -> None:
    capture(tmp_path)
    outcome = stormlog("query", "issues", tmp_path, "--sql", "SELECT 1 AS a, 2 AS a", "--csv")
    assert outcome.stdout == "a,a_2\r\n1,2\r\n"


def test_no_rows_of_a_statement_keep_its_header(tmp_path: Path) -> None:
    capture(tmp_path)
    sql = "SELECT kind FROM issues WHERE false"
    assert stormlog("query", "issues", tmp_path, "--sql", sql, "--csv").stdout == "kind\r\n"
    assert stormlog("query", "issues", tmp_path, "--sql", sql, "--json").stdout == "[]\n"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM nowhere",
        "DROP VIEW issues",
        "SELECT 1; SELECT 2",
        "SELEC 1",
        "COPY issues TO 'x'",
    ],
)
def test_a_refused_or_failing_statement_is_one_line_and_status_1(sql: str, tmp_path: Path) -> None:
    capture(tmp_path)
    outcome = stormlog("query", "issues", tmp_path, "--sql", sql)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl"]


def test_filters_beside_a_statement_are_refused(tmp_path: Path) -> None:
    outcome = stormlog("query", "issues", tmp_path, "--kind", "oom", "--sql", "SELECT 1")
    assert outcome.status == 2
    assert "--kind" in outcome.stderr


def test_parameters_stay_comments_whatever_their_text() -> None:
    parameters = {"a": "it's", "b": "x\nDROP TABLE t;", "c": None, "d": True, "e": ["p'q"], "f": 1}
    assert statement_text("SELECT 1", parameters).splitlines() == [
        "-- $a = 'it''s'",
        "-- $b = E'x\\nDROP TABLE t;'",
        "-- $c = NULL",
        "-- $d = TRUE",
        "-- $e = ['p''q']",
        "-- $f = 1",
        "SELECT 1;",
    ]
