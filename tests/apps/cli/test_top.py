"""``stormlog top``: pictures for people, documents for programs, and keys."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import struct
import termios
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.cli.keyboard import Keyboard
from tests.apps.cli.runner import on_terminal, stormlog, without_styles
from tests.apps.cli.samples import event, write_lines
from tests.apps.cli.shared_stores import shared_stores

SECOND = 10**9
JOB = Path(__file__).parents[3] / "examples" / "job"
FOLLOW_WAIT = "stormlog.apps.cli.commands.follow.wait"


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_CACHE", "off")


def live(count: int = 3, **overrides: Any) -> list[dict[str, Any]]:
    """Return samples of a moment ago."""
    begin = time.time_ns() - count * SECOND
    return [event(timestamp_ns=begin + number * SECOND, **overrides) for number in range(count)]


def test_without_a_terminal_there_is_one_picture(tmp_path: Path) -> None:
    write_lines(tmp_path / "telemetry.jsonl", *live(), "{broken")
    outcome = stormlog("top", tmp_path)
    assert outcome.status == 0
    looked, header, run, row, note = outcome.stdout.splitlines()
    assert looked.endswith(" UTC; 1 rank: 1 running")
    assert header.split()[:3] == ["Rank", "State", "Age"]
    assert run.startswith("Run session:s-1: 1 rank on h, began ")
    assert row.split()[:2] == ["0", "running"]
    assert note.startswith("Memory in GiB; ")
    assert outcome.stderr == f"Warning: {tmp_path}/telemetry.jsonl: 1 line skipped, line 4: not valid JSON\n"
    assert stormlog("top", tmp_path, "--once", "-q").stderr == ""


def test_so_many_pictures_as_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "telemetry.jsonl"
    write_lines(path, *live(2))

    def grow(seconds: float) -> None:
        assert seconds == 0.5
        write_lines(path, *live(2), *live(2, session_id="s-2"))

    monkeypatch.setattr(FOLLOW_WAIT, grow)
    outcome = stormlog("top", tmp_path, "-n", "2", "--interval", "500ms")
    first, second = outcome.stdout.split("\n\n")
    assert "1 rank:" in first and "2 ranks:" in second


def test_a_run_that_has_ended_says_what_why_does() -> None:
    with shared_stores():
        (document,) = stormlog("top", JOB, "--json", "-n", "1").stdout.splitlines()
        brief = stormlog("why", JOB, "--brief", "-q").stdout
    (ending,) = json.loads(document)["endings"]
    assert (ending["run_id"], ending["attempt"]) == ("lm-pretrain-1.4.1", 1)
    assert ending["text"] + "\n" == brief


def test_runs_since_a_time_are_shown_as_well(tmp_path: Path) -> None:
    write_lines(tmp_path / "telemetry.jsonl", *live(), event(session_id="s-2"))
    for options, runs, note in (
        (["--once"], 1, "1 older run not shown"),
        (["--once", "--since", "2026-01-01"], 2, ""),
    ):
        shown = stormlog("top", tmp_path, *options).stdout
        assert (shown.count("Run "), note in shown) == (runs, True)


def test_there_is_a_document_for_each_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([None, KeyboardInterrupt()])

    def wait(_: float) -> None:
        if stop := next(looks):
            raise stop
        shutil.rmtree(tmp_path / "sink")

    monkeypatch.setattr(FOLLOW_WAIT, wait)
    (tmp_path / "sink").mkdir()
    write_lines(tmp_path / "sink" / "telemetry.jsonl", *live())
    outcome = stormlog("top", tmp_path / "sink", "--json")
    assert outcome.status == 130
    first, second = map(json.loads, outcome.stdout.splitlines())
    assert [rank["state"] for rank in first["ranks"]] == ["running"]
    assert second["ranks"] == second["runs"] == second["endings"] == []
    assert second["looked_ns"] > first["looked_ns"]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ("--interval 0", 2, "'0' is no time above zero"),
        ("--once -n 2", 2, "Choose one of --once and --iterations"),
        ("--json --format text", 2, "--json and --format text exclude each other."),
        ("-n 0", 2, "Invalid value for '-n'"),
        ("--since never", 2, "never"),
    ],
)
def test_wrong_usage_is_explained(options: str, status: int, message: str) -> None:
    outcome = stormlog("top", JOB, *options.split())
    assert outcome.status == status
    assert message in outcome.stderr


def test_what_is_not_there_is_an_error_and_what_is_empty_is_none(tmp_path: Path) -> None:
    assert stormlog("top", tmp_path / "nothing").status == 3
    outcome = stormlog("top", tmp_path)
    assert (outcome.status, outcome.stdout[9:]) == (0, "UTC; nothing is recorded there\n")


def test_a_screen_is_drawn_again_until_a_key_ends_it(tmp_path: Path) -> None:
    sink = tmp_path / "telemetry.jsonl"
    hostile = live(session_id="\x1b[31mevil\x07")
    status, shown = on_terminal(
        "top",
        tmp_path,
        "--interval",
        "50ms",
        when_shown={
            "nothing is recorded there": lambda: write_lines(sink, *live()),
            "1 running": lambda: write_lines(sink, *live(), *hostile),
            "2 running": lambda: sink.unlink() or sink.with_name("other-telemetry.csv").touch(),
        },
        keys={"\\x1b[31mevil\\x07": b"q"},
        environment={"STORMLOG_CACHE": "off"},
    )
    assert status == 0, shown
    assert "\x1b[31mevil" not in shown
    assert "q or Ctrl-C ends; looking every 0.05 s" in without_styles(shown)


def test_ctrl_c_ends_it_as_it_ends_others_that_follow(tmp_path: Path) -> None:
    write_lines(tmp_path / "telemetry.jsonl", *live())
    status, shown = on_terminal(
        "top",
        tmp_path,
        "--no-cache",
        width=60,
        when_shown={"1 running": lambda: None},
        interrupt_after_s=0.1,
        environment={"NO_COLOR": "1"},
    )
    assert status == 130
    assert shown.endswith("Interrupted.\n")
    assert "\x1b[3" not in shown and "\x1b[1m" not in shown


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return our end of a terminal that is stdin, and a stream to it: pytest sets stdout after this."""
    ours, theirs = pty.openpty()
    with os.fdopen(os.dup(theirs), "r") as stdin, os.fdopen(theirs, "w") as stdout:
        monkeypatch.setattr("sys.stdin", stdin)
        yield ours, stdout
    os.close(ours)


def test_keys_come_at_once_and_the_terminal_is_as_before(terminal: Any) -> None:
    ours, _ = terminal
    before = termios.tcgetattr(ours)
    with Keyboard() as keyboard:
        assert keyboard.is_there
        os.write(ours, b"q")
        assert keyboard.wait(5) == "q"
        assert keyboard.wait(0.01) is None
    assert termios.tcgetattr(ours) == before


def test_another_size_of_the_terminal_is_noticed(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, stdout = terminal
    monkeypatch.setattr("sys.stdout", stdout)

    def resize() -> None:
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 3, 10, 0, 0))

    with Keyboard() as keyboard:
        timer = threading.Timer(0.05, resize)
        timer.start()
        assert keyboard.wait(10) == "resize"
        timer.join()


def test_without_a_keyboard_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with Keyboard() as keyboard:
            assert not keyboard.is_there
            assert keyboard.wait(0.01) is None
