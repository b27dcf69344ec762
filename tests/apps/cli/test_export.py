"""``stormlog export``: what it says, and which command lines it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.apps.cli.runner import COMMAND, stormlog
from tests.apps.cli.samples import capture as write_capture
from tests.apps.cli.samples import event, write_lines
from tests.query.sinks import busy_session, write_sink

VIEWS = ("--views", "sessions,events")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_capture(folder)
    return folder


def test_it_says_what_was_written_and_what_was_left_out(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = stormlog("export", runs, "out.sqlite", *VIEWS, "--since", "2026-01-02T03:04:06Z")
    size = human(Path("out.sqlite").stat().st_size)
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout == (
        f"out.sqlite: 4 views, 4 rows, {size}; the newest event is of 2026-01-02 03:04:07 UTC\n"
        "Not asked for: 26 views\n"
        "Left out, as it had ended before 2026-01-02 03:04:06 UTC: 1 of events\n"
    )
    again = stormlog("export", runs, "out.sqlite", *VIEWS, "--json", "--force")
    document = json.loads(again.stdout)
    assert document["target"] == "out.sqlite" and document["format"] == "sqlite"
    assert document["row_count"] == 5 and document["size_bytes"] == Path("out.sqlite").stat().st_size
    by_name = {view["view"]: view for view in document["views"]}
    assert by_name["events"] == {"view": "events", "row_count": 3, "left_out_count": 0, "left_out": None}
    assert by_name["issues"]["left_out"] == "the view was not asked for"


def human(size: int) -> str:
    from stormlog.presenting import human_bytes

    return human_bytes(size)


def test_lines_that_were_skipped_are_told(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", event(), "{broken")
    outcome = stormlog("export", tmp_path / "events.jsonl", tmp_path / "out", *VIEWS)
    assert outcome.status == 0 and "1 line skipped, line 2: " in outcome.stderr
    quiet = stormlog("export", tmp_path / "events.jsonl", tmp_path / "again", *VIEWS, "-q")
    assert (quiet.status, quiet.stderr) == (0, "")
    strict = stormlog("export", tmp_path / "events.jsonl", tmp_path / "none", *VIEWS, "--strict")
    assert strict.status == 3 and not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ((), 2, "Missing argument 'TARGET': name the file or the directory to write last."),
        (("out.duckdb",), 2, "Missing argument 'PATH...'"),
        (("{runs}",), 2, "Missing argument 'TARGET': name the file or the directory to write, after "),
        (
            ("{runs}", "out.xlsx"),
            2,
            "out.xlsx: an export ends in .duckdb or .sqlite, or is a directory of Parquet",
        ),
        (("{runs}", "-"), 2, "an export is a file or a directory, and cannot be printed"),
        (("{runs}", "nowhere/out.duckdb"), 2, "there is no directory nowhere"),
        (("{runs}", "old.duckdb"), 2, "old.duckdb exists already; --force replaces it"),
        (("{runs}", "{runs}"), 2, "lies in the opened paths, where nothing is written"),
        (("{runs}", "{runs}/out.duckdb"), 2, "lies in the opened paths, where nothing is written"),
        (
            ("{runs}", "out.duckdb", "--views", "issues,evnts"),
            2,
            "there is no view 'evnts'; did you mean events?",
        ),
        (("{runs}", "out.duckdb", "--views", ""), 2, "there is no view ''; there are attachments, "),
        (("{runs}", "out.duckdb", "--since", "soon"), 2, "soon"),
        (("no-such", "out.duckdb"), 3, "no-such"),
        (("{runs}", "\x1b[31m.txt"), 2, "\\x1b[31m.txt: an export ends in"),
    ],
)
def test_bad_command_lines_are_refused_in_one_line(
    words: tuple[str, ...],
    status: int,
    message: str,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.duckdb").touch()
    outcome = stormlog("export", *(word.format(runs=runs) for word in words))
    assert outcome.status == status and outcome.stdout == ""
    assert outcome.stderr.startswith("Error: ") and outcome.stderr.count("\n") == 1
    assert message in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["old.duckdb"]
    assert [path.name for path in runs.iterdir()] == ["events.jsonl"]


def test_a_folder_that_nobody_may_write_is_said_in_one_line(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/proc")
    outcome = stormlog("export", runs, "out.duckdb", *VIEWS, "--json")
    assert outcome.status == 1 and outcome.stdout == ""
    error = json.loads(outcome.stderr)["error"]
    assert error["code"] == "query_failed"
    assert error["message"].startswith("out.duckdb cannot be written, and nothing was: ")


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    write_sink(tmp_path / "sink", {"segment-000001.jsonl": busy_session("s-1", 20_000)})
    out = tmp_path / "out"
    out.mkdir()
    command = [*COMMAND, "export", str(tmp_path / "sink"), str(out / "all.duckdb"), "--no-cache"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(out.glob(".*/all.duckdb")) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout, stderr) == (130, "", "Interrupted.\n")
    assert os.listdir(out) == []
