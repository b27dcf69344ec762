"""Text of others reaches neither a terminal's controls nor the markup of a page."""

from __future__ import annotations

import ast
import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from stormlog._markdown import markdown_text
from stormlog.apps.cli import app
from stormlog.apps.cli.printing.diagnostics import NOTICE_LIMIT, print_message
from stormlog.apps.cli.printing.formats import Answer, csv_lines
from tests.apps.cli.runner import COMMAND, on_terminal, stormlog
from tests.apps.cli.samples import damaged, event, write_lines

#: Modules that may write to a standard stream, and what else would.
WRITERS = {"diagnostics.py", "output.py", "streams.py", "__init__.py"}
WRITING_CALLS = {"print", "echo", "secho", "prompt", "confirm", "echo_via_pager"}

#: Escape, delete, the one-byte form of CSI, overrides of direction, separators of lines, half a character.
HOSTILE = "a\x1b[31m\x07\x7f\x9b2J\u202eb\u2066\u2028c\ud800d\re"


def test_few_modules_write_to_the_standard_streams() -> None:
    for path in Path(app.__file__).parent.rglob("*.py"):
        found = [
            f"{path.name}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and _writes(node.func)
        ]
        assert path.name in WRITERS or path.match("shell/terminal.py") or not found


def _writes(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id in WRITING_CALLS
    if not isinstance(called, ast.Attribute):
        return False
    of_click = isinstance(called.value, ast.Name) and called.value.id == "click"
    is_stream = isinstance(called.value, ast.Attribute) and called.value.attr in ("stdout", "stderr")
    return (of_click and called.attr in WRITING_CALLS) or (is_stream and called.attr.startswith("write"))


def test_a_message_is_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_message(HOSTILE + "\nError: forged", "Warning")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written.removesuffix("\n").isprintable()
    assert "a\\x1b[31m\\x07\\x7f\\x9b2J\\u202eb" in written


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of a hostile name, and a tracker that knows it."""
    folder = tmp_path_factory.mktemp("hostile") / "files"
    (folder / "cap").mkdir(parents=True)
    write_lines(folder / "cap/evil\x1b]0;title\x07\x1b[2J.jsonl", event(), "bad")
    stormlog("scan", folder / "cap", "--db", folder / "t.db", "-q")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "issues", "cap", "--strict"),
        ("query", "issues", "cap"),
        ("query", "issues", "no\x1b[31mwhere"),
        ("query", "issues", "cap", "--sql", "SELECT \x1b[31m"),
        ("query", "issues", "cap", "--severity", "no\x1b[31mne"),
        ("query", "events", "cap", "--rank", "\x1b[31m"),
        ("query", "issues", "cap", "--\x1b[31m"),
        ("query", "\x1b[31m"),
        ("issues", "list", "--db", "no\x1b[31mdb"),
        ("issues", "list", "--db", "t.db", "--app", "no\x1b[31mapp"),
        ("scan", "cap", "--db", "t.db", "--settle", "\x1b[31m"),
        ("cache", "info", "cap/\x1b[31m", "--cache-dir", "c"),
        ("cache", "clear", "cap/\x1b[31m", "--cache-dir", "c"),
        ("db", "backup", "to\x1b[31m", "--db", "t.db"),
        ("issues", "export", "to\x1b[31m", "--db", "t.db"),
        ("projects", "create", "p\x1b[31m", "--db", "t.db"),
        ("compact", "cap/\x1b[31m"),
    ],
    ids=" ".join,
)
def test_no_control_character_reaches_stderr_or_a_text_on_stdout(
    arguments: tuple[str, ...], hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(hostile, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    outcome = stormlog(*arguments)
    assert (outcome.stdout + outcome.stderr).replace("\n", "").isprintable()


def test_a_traceback_has_no_control_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_TRACEBACK", "1")
    shown = stormlog("query", "issues", tmp_path / "no\x1b[31mwhere").stderr
    assert "Traceback" in shown
    assert "\x1b" not in shown


def test_errors_as_json_stay_json_whatever_they_name(tmp_path: Path) -> None:
    shown = stormlog("query", "issues", str(tmp_path / "a\x7fb\x1b"), "--json").stderr
    assert shown.isascii() and "\x7f" not in shown
    assert json.loads(shown)["error"]["details"]["path"].endswith("a\x7fb\x1b")


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_escapes_every_control_character(name: str, tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", event(context=HOSTILE))
    shown = stormlog("query", "events", tmp_path, "--format", name).stdout
    assert shown.replace("\n", "").isprintable()
    rows = json.loads(shown if name == "json" else f"[{shown}]")
    assert rows[0]["context"].startswith("a\x1b[31m\x07\x7f\x9b2J")


def test_csv_is_raw_in_a_pipe_and_escaped_on_a_terminal(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", event(context="a\x1b[31m\x9b\nb"))
    select = ("query", "events", tmp_path, "-q", "--csv", "--sql", "SELECT context, 1 AS n FROM events")
    assert stormlog(*select).stdout == 'context,n\r\n"a\x1b[31m\x9b\nb",1\r\n'
    status, shown = on_terminal(*select)
    assert status == 0
    assert "\x1b" not in shown and "\x9b" not in shown
    assert '"a\\x1b[31m\\x9b\\nb",1\r\n' in shown


def test_a_lone_carriage_return_is_quoted_in_csv() -> None:
    text = "".join(csv_lines(Answer([{"a": "x\ry", "b": 1}], names=["a", "b"])))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], ["x\ry", "1"]]


def test_cells_that_spreadsheets_take_for_formulas_are_what_the_records_say() -> None:
    text = "".join(csv_lines(Answer([{"a": "=1+1"}, {"a": "+x"}, {"a": "-y"}, {"a": "@z"}], names=["a"])))
    assert text == "a\r\n=1+1\r\n+x\r\n-y\r\n@z\r\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[a](https://evil.example)", "\\[a\\](https\\://evil.example)"),
        ("![a](http://evil.example/x.png)", "!\\[a\\](http\\://evil.example/x.png)"),
        ("@everyone", "&#64;everyone"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("a | b `c` *d* _e_ ~f~ #1 $g$", "a \\| b \\`c\\` \\*d\\* \\_e\\_ \\~f\\~ \\#1 \\$g\\$"),
        ("www.evil.example", "www\\.evil.example"),
        ("&amp;", "&amp;amp;"),
        ("two\nlines\x1b[31m", "two lines \\[31m"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, shown: str) -> None:
    assert markdown_text(text) == shown


def test_markdown_of_a_question_escapes_what_its_cells_say(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", event(context="@all ![x](http://e) <b> a|b"))
    row = stormlog("query", "events", tmp_path, "--markdown").stdout.splitlines()[-1]
    assert "&#64;all !\\[x\\](http\\://e) &lt;b&gt; a\\|b" in row


def test_markup_of_the_table_library_is_text(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", event(context="[red]x[/red] :boom:"))
    assert "[red]x[/red] :boom:" in on_terminal("query", "events", tmp_path, width=200)[1]


def test_what_is_not_shown_can_be_asked_for(tmp_path: Path) -> None:
    for number in range(NOTICE_LIMIT + 1):
        (tmp_path / f"e{number:02}.jsonl").symlink_to("/dev/null")
    last = stormlog("query", "events", tmp_path).stderr.splitlines()[-1]
    question = last.split('"')[3]
    rows = stormlog("query", "events", tmp_path, "--sql", question, "--json", "-q").stdout
    assert len(json.loads(rows)) == NOTICE_LIMIT + 1


def test_a_quiet_scan_prints_no_warning(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    db = tmp_path / "tracker.db"
    assert stormlog("scan", path, "--db", db, "-q").stderr == ""
    assert (
        "1 line skipped, line 2: not valid JSON"
        in stormlog("scan", path, "--db", tmp_path / "another.db").stderr
    )
    assert stormlog("scan", path, "--db", tmp_path / "other.db", "--strict").status == 3


def test_a_closed_pipe_for_messages_is_no_failure(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    process = subprocess.Popen(
        [*COMMAND, "query", "events", path, "--csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stderr.close()
    assert process.stdout.read().count(b"\r\n") == 3
    process.stdout.close()
    assert process.wait() == 0
