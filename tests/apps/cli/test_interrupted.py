"""Ctrl-C while files are read: nothing half-written stays, and what was built is used again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stormlog.engine.index.location import LAYOUT
from tests.apps.cli.runner import stormlog as command_line
from tests.captures import capture_path
from tests.soak import few_or_many

#: Reads in small batches, as a larger sink would be read.
_SMALL_BATCHES = """
import sys
from stormlog.apps.cli import app
from stormlog.engine.database.settings import Settings
from stormlog.engine.index.location import LAYOUT
Settings.batch_bytes = 1 << 20
raise SystemExit(app.run(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sink")
    generate = [sys.executable, "-m", "benchmarks.generate", str(folder), "15000", "--session-events", "1250"]
    subprocess.run(generate, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wanted(sink: Path) -> str:
    """The issues of the sink."""
    return command_line("query", "issues", sink, "--json", "--no-cache").stdout


def half_written(folder: Path) -> list[str]:
    """Return what no reader would ever look at."""
    found = []
    for path in folder.glob(f"{LAYOUT}/*/index.json"):
        text = path.read_text()
        found += [part.name for part in path.parent.glob("parts/*") if part.name not in text]
    return found + [path.name for path in folder.rglob(".writing-*")]


#: A few moments while it reads; with `make soak` also later ones, until it has printed.
_DELAYS = [0.0, 0.15, 0.4, 0.8][: few_or_many(2, 4)]


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("delay_s", _DELAYS)
def test_ctrl_c_leaves_nothing_behind_and_loses_nothing(
    delay_s: float, sink: Path, wanted: str, tmp_path: Path
) -> None:
    cache, spill = tmp_path / "cache", tmp_path / "tmp"
    spill.mkdir()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _SMALL_BATCHES,
            "query",
            "issues",
            str(sink),
            "--json",
            "--cache-dir",
            str(cache),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(spill)},
        text=True,
    )
    # From the moment on when it has begun to read.
    while not list(cache.glob(f"{LAYOUT}/*/lock")) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    if process.returncode != 0:
        assert process.returncode == 130, err
        assert err == '{"error": {"code": "interrupted", "message": "Interrupted.", "details": {}}}\n'
    assert not list(spill.iterdir())
    assert half_written(cache) == []
    again = command_line("query", "issues", sink, "--json", "--cache-dir", cache)
    assert again.status == 0
    assert again.stdout == wanted
    # It may have been printing already.
    assert again.stdout.startswith(out)
    assert half_written(cache) == []


def test_what_was_read_before_ctrl_c_is_not_read_again(sink: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", _SMALL_BATCHES, "query", "issues", str(sink), "--cache-dir", str(cache)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # The first index file that names a part.
    while not any(".part" in path.read_text() for path in cache.glob(f"{LAYOUT}/*/index.json")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    before = {part.name for part in cache.glob(f"{LAYOUT}/*/parts/*")}
    assert before
    assert command_line("query", "issues", sink, "--cache-dir", cache).status == 0
    assert before <= {part.name for part in cache.glob(f"{LAYOUT}/*/parts/*")}


_ROWS = "SELECT * FROM range(1000000000)"
_WITHOUT_ROWS_YET = {
    "join": f"{_ROWS} AS a, range(1000000000) AS b WHERE a.range * b.range = -1",
    "sort": "SELECT * FROM (SELECT hash(range) AS key FROM range(1000000000)) ORDER BY key",
    # DuckDB does not look at interrupts while it binds this.
    "binding": "SELECT " + " + ".join(["(SELECT max(range) FROM range(9))"] * 700),
}


@pytest.mark.parametrize(
    ("statement", "format_name"),
    [pytest.param(_ROWS, name, id=f"rows-{name}") for name in ("csv", "jsonl", "json", "table")]
    # Before the first row all streamed formats are alike, and all statements that run.
    + [
        pytest.param(_WITHOUT_ROWS_YET[case], name, id=f"{case}-{name}")
        for case, name in (("join", "csv"), ("join", "table"), ("sort", "table"), ("binding", "csv"))
    ],
)
def test_ctrl_c_ends_a_statement(statement: str, format_name: str, tmp_path: Path) -> None:
    spill = tmp_path / "tmp"
    spill.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "stormlog", "query", "issues", str(capture_path("legacy-v2"))]
        + ["--format", format_name, "--no-cache", "--memory-limit", "200MB", "--sql", statement],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(spill)},
        # A shell may have started the tests in the background, where Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(spill.iterdir()) and process.poll() is None:
        time.sleep(0.01)
    # Time of the processor, as the machine may be busy: a third of it is needed to come to the statement.
    enough_s = processor_seconds(process) + 0.2
    while process.poll() is None and processor_seconds(process) < enough_s:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"nterrupted" in err
    assert not list(spill.iterdir())
    # Two seconds are meant; the machine may be busy.
    assert time.monotonic() - sent < 20
