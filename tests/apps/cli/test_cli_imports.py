"""What a command imports: nobody waits for what is not used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.apps.cli.samples import capture

_HEAVY = (
    "duckdb",
    "numpy",
    "pyarrow",
    "sqlglot",
    "rich",
    "pandas",
    "textual",
    "importlib.metadata",
    "mcp",
    "pydantic",
    "anyio",
)

#: What DuckDB imports by itself is its own affair.
_DUCKDB = {"duckdb", "importlib.metadata"}

_SCRIPT = """
import contextlib, json, os, sys
from stormlog.apps.cli import main
seen = []
for line in json.loads(sys.argv[1]):
    sys.argv[1:] = line
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            main()
        except SystemExit as ending:
            status = ending.code
    found = [name for name in json.loads(os.environ["HEAVY"]) if name in sys.modules]
    seen.append([int(status or 0), found])
print(json.dumps(seen))
"""


def imported(*arguments: str | Path, **environment: str) -> set[str]:
    """Return which heavy modules a successful command line has imported at its end."""
    (modules,) = imported_in_turn([arguments], **environment)
    return modules


def imported_in_turn(lines: Sequence[Sequence[str | Path]], **environment: str) -> list[set[str]]:
    """Return which heavy modules one process has imported at the end of each of some successful command lines."""
    words = json.dumps([list(map(str, line)) for line in lines])
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, words],
        env={**os.environ, "HEAVY": json.dumps(_HEAVY), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert [status for status, _ in seen] == [0] * len(lines), done.stderr
    return [set(modules) for _, modules in seen]


#: None of these imports anything, so one process runs all of them.
HELP: list[tuple[str, ...]] = [
    (),
    ("--help",),
    ("--version",),
    ("query",),
    ("query", "--help"),
    ("query", "issues", "--help"),
    ("query", "events", "--help"),
    ("issues", "--help"),
    ("issues", "list", "--help"),
    ("issues", "resolve", "--help"),
    ("projects", "set", "--help"),
    ("db", "--help"),
    ("compact", "--help"),
    ("cache", "--help"),
    ("cache", "verify", "--help"),
    ("cache", "list"),
    ("doctor", "--help"),
    ("mcp", "--help"),
    ("why", "--help"),
    ("why", "--schema"),
    ("tui", "--help"),
    ("top", "--help"),
]


@pytest.fixture(scope="module")
def imported_by_help() -> dict[tuple[str, ...], set[str]]:
    return dict(zip(HELP, imported_in_turn(HELP), strict=True))


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_help_imports_no_engine(
    arguments: tuple[str, ...], imported_by_help: dict[tuple[str, ...], set[str]]
) -> None:
    assert imported_by_help[arguments] == set()


def test_verbs_on_issues_import_no_engine(tmp_path: Path) -> None:
    database = ("--db", tmp_path / "tracker.db")
    assert imported("issues", "record", "boom", *database, "--json") == set()
    assert imported("issues", "list", *database, "--json") == set()
    assert imported("issues", "claim", "--where", "kind = 'error'", *database, "--json") == set()


def test_completion_imports_no_engine() -> None:
    variables = {
        "_STORMLOG_COMPLETE": "bash_complete",
        "COMP_WORDS": "stormlog query issues --k",
        "COMP_CWORD": "3",
    }
    assert imported(**variables) == set()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("issues", "table"),
        ("issues", "json"),
        ("sessions", "json"),
        ("events", "markdown"),
    ],
)
def test_an_ordinary_answer_imports_only_duckdb(command: str, name: str, tmp_path: Path) -> None:
    capture(tmp_path)
    assert imported("query", command, tmp_path, "--format", name) <= _DUCKDB


#: Formats, and options besides.
REMEMBERED = [
    ("table",),
    ("json",),
    ("jsonl",),
    ("csv",),
    ("markdown",),
    ("table", "--threads", "2", "--no-color"),
    ("json", "--threads", "2"),
]


@pytest.fixture(scope="module")
def imported_by_remembered(tmp_path_factory: pytest.TempPathFactory) -> list[set[str]]:
    """What command lines import where all that people and all that programs ask of issues is remembered."""
    folder = tmp_path_factory.mktemp("remembered")
    capture(folder)
    for name in ("table", "json"):
        assert "duckdb" in imported("query", "issues", folder, "--format", name)
    return imported_in_turn([("query", "issues", folder, "--format", *words) for words in REMEMBERED])


@pytest.mark.parametrize("number", range(len(REMEMBERED)), ids=[" ".join(words) for words in REMEMBERED])
def test_an_answer_that_is_remembered_needs_no_database(
    number: int, imported_by_remembered: list[set[str]]
) -> None:
    assert imported_by_remembered[number] == set()


def test_a_remembered_answer_starts_no_thread_and_imports_little(tmp_path: Path) -> None:
    capture(tmp_path)
    script = """
import sys, threading
from stormlog.apps.cli import app
started = []
start = threading.Thread.start
threading.Thread.start = lambda self: (started.append(self.name), start(self))[1]
app.run(sys.argv[1:])
odd = {"tempfile", "shutil", "random", "asyncio", "importlib.metadata", "multiprocessing", "subprocess", "select"}
odd |= {"stormlog.apps.cli.interrupts", "stormlog.engine.database.sql_files", "stormlog.engine.engine", "socket"}
print(started, sorted(odd.intersection(sys.modules)), file=sys.stderr)
"""
    command = [sys.executable, "-c", script, "query", "issues", str(tmp_path)]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2))
    assert "stormlog-interrupts" in first.stderr
    assert second.stderr == "[] []\n"
    assert second.stdout == first.stdout


def test_printing_a_statement_imports_no_sql_parser(tmp_path: Path) -> None:
    capture(tmp_path)
    assert imported("query", "issues", tmp_path, "--sql") <= _DUCKDB
