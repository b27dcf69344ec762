"""A page opens in a browser without a network: nothing is asked for, nothing runs, and hostile texts stay text."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stormlog.reporting import report_page
from tests.left_out import leave_out
from tests.reporting.conftest import Reported

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def page(of_hostile: Reported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_page(of_hostile.report), encoding="utf-8")
    return path


def browse(page: Path, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        leave_out("no chromium is installed, which opens pages (apt-get install chromium)")
    command = [
        *(program, "--headless", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"),
        # Any name leads nowhere, so that no network is needed or used.
        *("--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--no-first-run"),
        *("--enable-logging=stderr", "--v=0", "--hide-scrollbars", "--window-size=900,1200"),
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        *options,
        page.as_uri(),
    ]
    environment = {**os.environ, "HOME": str(tmp_path)}
    return subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment)


def test_browser_shows_the_page_and_runs_nothing(page: Path, tmp_path: Path) -> None:
    answer = browse(page, tmp_path, "--dump-dom")
    assert answer.returncode == 0, answer.stderr[-2000:]
    dom = answer.stdout
    assert "CUDA out of memory" in dom and "&lt;script&gt;alert(1)" in dom
    assert "<script" not in dom and "<img" not in dom
    # What the policy forbids, and what cannot be loaded, is said on the console.
    assert "CONSOLE" not in answer.stderr


@pytest.mark.parametrize("scheme", ["0", "1"])
def test_picture_of_the_page_can_be_taken_light_and_dark(page: Path, tmp_path: Path, scheme: str) -> None:
    picture = tmp_path / "page.png"
    answer = browse(
        page, tmp_path, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}"
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20_000
