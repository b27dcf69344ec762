"""Started without stdin, stdout or stderr, as by some daemons; with streams that are full; without memory."""

from __future__ import annotations

import os
import shlex
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stormlog.query import QueryStore
from tests.apps.cli.runner import COMMAND, stormlog
from tests.apps.cli.samples import damaged

REDIRECTIONS = [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"]
#: What commands do with streams that are closed: those that end with a message alone have little to do with some.
COMMANDS = {
    "query issues damaged.jsonl --csv": REDIRECTIONS,
    "query issues damaged.jsonl --strict": [">&- 2>&-", "2>/dev/full"],
    "query issues missing": ["2>&-", ">&- 2>&-", "2>/dev/full"],
    "query issues damaged.jsonl --kind zzz": ["2>&-", ">&- 2>&-", "2>/dev/full"],
    # Without any of them: see the next test.
    "scan damaged.jsonl --db tracker.db": [">&-", "2>&-", "2>/dev/full"],
    "issues comment nothing - --db tracker.db": REDIRECTIONS,
    "--help": REDIRECTIONS,
}


def shell(command: str, directory: Path, redirection: str = "") -> subprocess.CompletedProcess[bytes]:
    words = " ".join(map(shlex.quote, COMMAND))
    return subprocess.run(
        ["sh", "-c", f"exec {words} {command} {redirection}"],
        cwd=directory,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])},
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_status_is_that_of_the_answer_whatever_is_closed(command: str, tmp_path: Path) -> None:
    damaged(tmp_path)
    if "tracker.db" in command:
        stormlog("scan", tmp_path / "damaged.jsonl", "--db", tmp_path / "tracker.db", "-q")
    expected = shell(command, tmp_path)
    for redirection in COMMANDS[command]:
        done = shell(command, tmp_path, redirection)
        assert done.returncode == expected.returncode, redirection
        assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr
        if ">&-" not in redirection.replace("2>&-", ""):
            assert done.stdout == expected.stdout


def test_no_message_is_written_into_a_file_that_is_opened_later(tmp_path: Path) -> None:
    damaged(tmp_path)
    done = shell("scan damaged.jsonl --db tracker.db", tmp_path, "<&- >&- 2>&-")
    assert done.returncode == 0
    with sqlite3.connect(tmp_path / "tracker.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM scans").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("command", ["query events damaged.jsonl", "--help", "--version", "doctor"])
def test_an_answer_that_cannot_be_written_is_told(command: str, tmp_path: Path) -> None:
    damaged(tmp_path)
    done = shell(command, tmp_path, ">/dev/full")
    assert (done.returncode, done.stderr.count(b"Error: ")) == (1, 1)
    assert b"No space left" in done.stderr
    assert shell(command, tmp_path, ">/dev/full 2>/dev/full").returncode == 1


@pytest.mark.parametrize("command", ["query events damaged.jsonl -q", "--help", "--version", "query --help"])
def test_a_reader_that_is_gone_from_the_start_is_no_error(command: str, tmp_path: Path) -> None:
    damaged(tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, *command.split()],
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("libduckdb.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_out_of_memory_is_status_1_and_no_defect(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(QueryStore, "list_issues", fail)
    damaged(tmp_path)
    outcome = stormlog("query", "issues", tmp_path)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("Error: out of memory")
    assert outcome.stderr.count("\n") == 1


def test_a_database_that_gets_no_memory_is_out_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure")

    monkeypatch.setattr(duckdb, "connect", fail)
    damaged(tmp_path)
    outcome = stormlog("query", "issues", tmp_path, "--no-cache", "--json")
    assert (outcome.status, outcome.stdout) == (1, "")
    assert '"code": "out_of_memory"' in outcome.stderr
