"""How ``stormlog tui`` starts: what it refuses, and what its options do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.tui.board import Board
from stormlog.tracking import Tracker
from tests.apps.cli.runner import Outcome, stormlog
from tests.apps.tui.driver import Place
from tests.apps.tui.terminal import run_with_keys


class Terminal:
    """A stream that says that it is a terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Board, dict[str, Any]]]:
    """Return what the application was started with, in place of starting it."""
    found: list[tuple[Board, dict[str, Any]]] = []
    monkeypatch.setattr("stormlog.apps.tui.run", lambda board, **options: found.append((board, options)))
    monkeypatch.setattr("stormlog.apps.cli.commands.tui._require_terminal", lambda: None)
    monkeypatch.setenv("STORMLOG_CACHE", "off")
    return found


def test_it_needs_a_terminal(untracked: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = stormlog("tui", untracked.runs)
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert "This needs a terminal: 'stormlog query issues'" in outcome.stderr
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Terminal(getattr(sys, name)))
    monkeypatch.setenv("TERM", "dumb")
    from stormlog.apps.cli.commands.tui import _require_terminal

    with pytest.raises(Exception, match="needs a terminal"):
        _require_terminal()
    monkeypatch.setenv("TERM", "xterm")
    _require_terminal()


def test_without_textual_the_extra_is_named(
    untracked: Place, monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    for name in ("textual", "textual_fastdatatable"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, name, None)
            outcome = stormlog("tui", untracked.runs)
        assert outcome.status == 2
        assert "pip install 'stormlog[tui]'" in outcome.stderr
    assert started == []


#: Option -> how it is given, and what holds of the board and the arguments of the application.
OPTIONS: dict[str, tuple[str, Callable[[Board, dict[str, Any]], object]]] = {
    "--interval": ("--interval 500ms", lambda _, options: options["interval_s"] == 0.5),
    "--db": (
        "--db {db}",
        lambda board, _: board.place is not None and board.place.path.endswith("tracker.db"),
    ),
    "--project": ("--db {db} --project fresh", lambda board, _: board.place.project == "fresh"),  # type: ignore[union-attr]
    "--allow": (
        "--db {db} --allow issues:read",
        lambda board, _: board.place.permissions == ("issues:read",),  # type: ignore[union-attr]
    ),
    "--strict": ("--strict", lambda board, _: board.store._strict),
    "--threads": ("--threads 1", lambda board, _: board.store._settings.threads == 1),
    "--memory-limit": (
        "--memory-limit 700MB",
        lambda board, _: board.store._settings.memory_limit == "700MB",
    ),
    "--spill-dir": ("--spill-dir {tmp}", lambda board, _: board.store._settings.spill_directory is not None),
    "--spill-limit": ("--spill-limit 2GB", lambda board, _: board.store._settings.spill_limit == "2GB"),
    "--unpack-limit": (
        "--unpack-limit 2GB",
        lambda board, _: board.store._settings.unpack_limit == "2GB",
    ),
    "--cache-dir": ("--cache-dir {tmp}/kept", lambda board, _: "kept" in str(board.store._folder)),
    "--no-cache": ("--no-cache", lambda board, _: board.store._folder is None),
    "--quiet": ("--quiet", lambda board, _: board._is_quiet),
    "--no-color": ("--no-color", lambda _, __: os.environ.get("NO_COLOR") == "1"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_does_what_it_says(
    option: str, tracked: Place, tmp_path: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    given, holds = OPTIONS[option]
    if option != "--no-cache":
        monkeypatch.setenv("STORMLOG_CACHE", str(tmp_path / "usual"))
    place = tracked.copied(tmp_path)
    if "fresh" in given:
        with Tracker(place.database) as tracker:
            tracker.create_project("fresh")
    words = given.format(db=place.database, tmp=tmp_path).split()
    assert_started(stormlog("tui", tracked.runs, *words))
    [(board, options)] = started
    assert holds(board, options)
    started.clear()
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("STORMLOG_CACHE", str(tmp_path / "usual"))
    assert_started(stormlog("tui", tracked.runs))
    [(board, options)] = started
    if option not in ("--project", "--allow"):
        assert not holds(board, options)


def assert_started(outcome: Outcome) -> None:
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        ("--interval never", 2, "'never' is no time above zero"),
        ("--allow everything", 2, "unknown permission 'everything'"),
        ("--db nowhere.db", 3, "nowhere.db"),
        ("--project x", 2, "--project needs --db"),
    ],
)
def test_a_wrong_option_is_said(
    words: str, status: int, problem: str, untracked: Place, started: list[Any]
) -> None:
    outcome = stormlog("tui", untracked.runs, *words.split())
    assert outcome.status == status
    assert problem in outcome.stderr
    assert started == []


def test_nothing_to_read_is_said_before_anything_is_drawn(tmp_path: Path, started: list[Any]) -> None:
    outcome = stormlog("tui", tmp_path / "nowhere")
    assert outcome.status == 3
    assert "nowhere" in outcome.stderr


@pytest.mark.slow
def test_on_a_terminal_it_draws_and_leaves_it_as_it_was(untracked: Place) -> None:
    status, drawn = run_with_keys(
        "tui", untracked.runs, "--no-cache", when="6 issues", keys="q", size=(24, 80)
    )
    assert status == 0
    assert "6 issues" in drawn and "[red]" not in drawn
    # The other screen is left, the mouse is let go, and the cursor is there again.
    assert drawn.rindex("\x1b[?1049l") > drawn.rindex("\x1b[?1049h")
    assert "\x1b[?1000l" in drawn and "\x1b[?25h" in drawn
    assert "Traceback" not in drawn
