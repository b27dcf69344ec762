"""``stormlog shell``: what is typed is run, completed, kept and stopped; most of it without a terminal."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.cli.printing.formats import Answer
from stormlog.apps.cli.shell.completion import completions, is_complete
from stormlog.apps.cli.shell.session import ShellSession
from stormlog.query import QueryStore
from stormlog.query import open as open_store
from stormlog.query.completion import Vocabulary
from tests.apps.cli.runner import COMMAND, stormlog, without_styles
from tests.apps.cli.samples import capture


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shell") / "runs"
    folder.mkdir()
    capture(folder)
    return folder


@pytest.fixture
def store(runs: Path) -> Iterator[QueryStore]:
    with open_store(runs, cache=False) as opened:
        yield opened


# ---- completion --------------------------------------------------------------------------------------------

_NAMES = Vocabulary(
    {"issues": ["kind", "hit_count"], "events": ["session_id", "host"], "hosts": ["host", "team"]},
    ["count", "coalesce", "max"],
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM i", ["issues"]),
        ("SELECT 1 FROM ", ["issues", "events", "hosts"]),
        ("SELECT * FROM issues JOIN h", ["hosts"]),
        ("DESCRIBE EV", ["events"]),
        ("SELECT hi", []),
        ("FROM issues SELECT hi", ["hit_count"]),
        ("FROM issues WHERE k", ["kind"]),
        ("SELECT i. FROM issues AS i".replace(" FROM issues AS i", ""), []),
        ("FROM issues AS i WHERE i.h", ["hit_count"]),
        ("FROM issues WHERE issues.", ["kind", "hit_count"]),
        ("FROM events e JOIN hosts h ON e.host = h.t", ["team"]),
        ("SELECT co", ["count", "coalesce"]),
        ("SELE", ["SELECT"]),
        ("sele", ["select"]),
        ("SELECT 'FROM i", []),
        ("-- FROM i", []),
        ("", []),
        (".sch", [".schema"]),
        (".schema ho", ["hosts"]),
        (".format j", ["json", "jsonl"]),
        (".quit ", []),
    ],
)
def test_what_may_follow(text: str, expected: list[str]) -> None:
    found, length = completions(text, _NAMES)
    assert found == expected
    assert all(name.lower().startswith(text[len(text) - length :].lower()) for name in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("  \n", True),
        (".help", True),
        ("SELECT 1", False),
        ("SELECT 1;", True),
        ("SELECT 1; \n", True),
        ("SELECT ';", False),
        ("SELECT ';'", False),
        ("SELECT 1 -- ;", False),
        ("SELECT 1; -- done", True),
        ("SELECT /* ; */ 1", False),
        ('SELECT ";";', True),
    ],
)
def test_a_statement_ends_with_a_semicolon_outside_of_texts(text: str, expected: bool) -> None:
    assert is_complete(text) is expected


def test_the_vocabulary_has_public_and_own_names_only(store: QueryStore) -> None:
    import pyarrow

    store.register("Hosts", pyarrow.table({"host": ["a"]}))
    found = ShellSession(store).vocabulary()
    assert found.columns["hosts"] == ["host"]
    assert "hit_count" in found.columns["issues"]
    assert not [name for name in found.columns if "." in name or name in ("records", "files")]
    assert {"count", "stormlog_normalize", "memory_timeline"} <= set(found.functions)
    assert not {"nextval", "query", "getenv"} & set(found.functions)


# ---- a session ---------------------------------------------------------------------------------------------


def run(
    store: QueryStore, capsys: pytest.CaptureFixture[str], *texts: str, **options: Any
) -> tuple[str, str]:
    session = ShellSession(store, **options)
    for text in texts:
        session.handle(text)
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_statements_and_commands_are_run(store: QueryStore, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(store, capsys, ".format csv", "SELECT kind FROM issues ORDER BY kind;", ";", "")
    assert (out.split(), err) == (["kind", "alert", "oom"], "")
    out, err = run(store, capsys, ".help", ".tables", ".schema issues", ".schema")
    assert ".schema" in out and "Recurring issues" in out and "fingerprint_id" in out
    assert err == ""


def test_errors_are_one_line_and_the_session_goes_on(
    store: QueryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [
        "FROM isues;",
        "DROP VIEW issues;",
        ".nothing",
        ".schema isues",
        ".limit x",
        ".format x",
        ".attach x",
    ]
    out, err = run(store, capsys, *wrong, ".format csv", "SELECT 1 AS a;")
    assert out.split() == ["a", "1"]
    lines = err.splitlines()
    assert len(lines) == len(wrong)
    assert all(line.startswith("Error: ") for line in lines)
    assert "did you mean issues?" in lines[0] and ".help lists them" in lines[2]


def test_rows_are_limited_and_that_is_told(store: QueryStore, capsys: pytest.CaptureFixture[str]) -> None:
    text = "SELECT i FROM range(5000) AS r(i);"
    out, err = run(store, capsys, ".format csv", text)
    assert len(out.split()) == 1_001
    assert "only the first 1,000 shown" in err
    out, err = run(store, capsys, ".format csv", ".limit 0", text)
    assert (len(out.split()), err) == (5_001, "")
    out, err = run(store, capsys, ".limit 2", "SELECT i FROM range(2) AS r(i);")
    assert err == ""


def test_files_are_attached(store: QueryStore, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("a,1\n")
    out, err = run(store, capsys, f".attach h={tmp_path / 'h.csv'}", ".format csv", "FROM h;", ".schema H")
    assert out.split()[:2] == ["column0,column1", "a,1"]
    assert "column1,BIGINT" in out
    assert "no header" in err


def test_ctrl_c_stops_a_statement_and_not_the_session(
    store: QueryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    def press(answer: Answer) -> None:
        raise KeyboardInterrupt

    session = ShellSession(store, print_table=press)
    assert not session.handle("SELECT 1;")
    assert not session.is_over
    assert session.handle(".format csv") and session.handle("SELECT 1 AS a;")
    printed = capsys.readouterr()
    assert (printed.err, printed.out.split()) == ("Interrupted.\n", ["a", "1"])


def test_quitting_ends_the_session(store: QueryStore) -> None:
    for text in (".quit", ".exit", ".quit;"):
        session = ShellSession(store)
        session.handle(text)
        assert session.is_over


# ---- stdin that is no terminal -----------------------------------------------------------------------------


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_statements_of_a_pipe_are_run_until_one_fails(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, ".format csv\nSELECT\n 1 AS a;\nSELECT 2 AS b")
    outcome = stormlog("shell", runs)
    assert (outcome.status, outcome.stdout.split(), outcome.stderr) == (0, ["a", "1", "b", "2"], "")
    typed(monkeypatch, ".format csv\nFROM isues;\nSELECT 2 AS b;\n")
    outcome = stormlog("shell", runs)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert "did you mean issues?" in outcome.stderr
    typed(monkeypatch, ".format csv\n.quit\nSELECT 2 AS b;\n")
    assert stormlog("shell", runs).stdout == ""


def test_files_are_attached_before_the_first_statement(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h.csv").write_text("a\n1\n")
    typed(monkeypatch, ".format csv\nFROM h;")
    assert stormlog("shell", runs, "--attach", f"h={tmp_path / 'h.csv'}").stdout.split() == ["a", "1"]


# ---- a terminal --------------------------------------------------------------------------------------------


def test_a_missing_line_editor_is_told_with_its_extra(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("prompt_toolkit"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(builtins, "__import__", without)
    outcome = stormlog("shell", runs)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "pip install 'stormlog[shell]'" in outcome.stderr


def test_the_line_editor_takes_lines_until_a_statement_ends(store: QueryStore, tmp_path: Path) -> None:
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    from stormlog.apps.cli.shell.terminal import prompt_session

    history = tmp_path / "history"
    with create_pipe_input() as keys:
        keys.send_text("SELECT\r1;\r.quit\r")
        editor = prompt_session(ShellSession(store), str(history), input=keys, output=DummyOutput())
        assert editor.prompt() == "SELECT\n1;"
        assert editor.prompt() == ".quit"
    assert "+SELECT" in history.read_text()


def test_the_line_editor_completes(store: QueryStore) -> None:
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    from stormlog.apps.cli.shell.terminal import _completer

    found = _completer(ShellSession(store)).get_completions(Document("FROM oom"), CompleteEvent())
    assert [completion.text for completion in found] == ["oom_bundles"]


def test_the_history_is_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stormlog.apps.cli.shell.terminal import history_file

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = history_file()
    assert path == str(tmp_path / "state" / "stormlog" / "shell_history")
    assert os.stat(path).st_mode & 0o077 == 0
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert history_file() is None


def test_a_terminal_shows_a_prompt_and_answers(runs: Path, tmp_path: Path) -> None:
    pytest.importorskip("prompt_toolkit")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "shell", str(runs), "--no-cache"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)},
    )
    os.close(theirs)
    shown = ""
    typed = iter([("stormlog>", "SELECT kind FROM issues ORDER BY kind;\r"), ("alert", ".quit\r")])
    awaited, keys = next(typed)
    with contextlib.suppress(OSError):
        # The terminal is gone when the process is.
        while piece := os.read(ours, 1 << 16).decode(errors="replace"):
            shown += piece
            if awaited in shown:
                os.write(ours, keys.encode())
                awaited, keys = next(typed, ("\0", ""))
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    assert "oom" in without_styles(shown)
