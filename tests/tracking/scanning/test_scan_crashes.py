"""Scans that are killed: the next one makes everything good. ``STORMLOG_SOAK=1`` kills more of them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from stormlog.tracking import Tracker
from tests.captures import CHECKOUT
from tests.soak import IS_SOAK, few_or_many
from tests.tracking.tables import tables

KILLS = few_or_many(1, 50)


def scan_in_process(database: Path, path: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "tests.tracking.scanning.scanning_process",
        str(database),
        str(path),
        str(kill_at),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, check=False)


def test_killed_at_any_point(tmp_path: Path) -> None:
    # Sinks, bundles and sessions of several ranks: for a few kills they are enough.
    captures = CHECKOUT / "examples" / "captures" / ("." if IS_SOAK else "v4-cuda-sim")
    clean = scan_in_process(tmp_path / "clean.db", captures, 0)
    assert clean.returncode == 0, clean.stderr
    with Tracker(tmp_path / "clean.db") as tracker:
        wanted = tables(tracker)
    assert len(wanted["issues"]) > 20

    points = int(clean.stdout)
    rng = random.Random(4)
    for number in range(1, 1 + KILLS):
        database = tmp_path / f"{number}.db"
        # Some are killed twice before they may finish.
        for _ in range(1 + number % 2):
            killed = scan_in_process(database, captures, rng.randrange(1, points))
            assert killed.returncode in (0, -signal.SIGKILL), killed.stderr
        assert scan_in_process(database, captures, 0).returncode == 0
        with Tracker(database) as tracker:
            assert tables(tracker) == wanted
            with tracker.reading() as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                outcomes = {row[0] for row in connection.execute("SELECT outcome FROM scans")}
        assert "running" not in outcomes
