"""Every example runs as it stands and says what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.captures import capture_path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPTS = {
    "list_issues.py": ("OOM captured by flight recorder", "Hidden-memory anomaly"),
    "sql_over_views.py": ("Evidence by host", "Longest phases", "node-"),
    "notebook.py": ("peak_mib", "message_pattern:", "rank 1 completed"),
}


def run(command: list[str | Path], directory: Path) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    # Scripts call the command of this environment, activated or not.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120
    )


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == {*SCRIPTS, "ci_check.sh"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_answers_about_the_shipped_captures(script: str, tmp_path: Path) -> None:
    answer = run([sys.executable, EXAMPLES / script], tmp_path)
    assert answer.returncode == 0, answer.stderr
    for text in SCRIPTS[script]:
        assert text in answer.stdout


@pytest.mark.parametrize(
    ("scenario", "status", "says"),
    [("run-envelope", 1, "memory failures in this run"), ("torn-tail", 0, "no memory failures")],
)
def test_build_check_fails_only_after_memory_failures(
    scenario: str, status: int, says: str, tmp_path: Path
) -> None:
    answer = run([EXAMPLES / "ci_check.sh", capture_path(scenario)], tmp_path)
    assert answer.returncode == status, answer.stderr
    assert says in answer.stdout + answer.stderr


def test_build_check_passes_on_that_nothing_can_be_read(tmp_path: Path) -> None:
    assert run([EXAMPLES / "ci_check.sh", tmp_path / "nowhere"], tmp_path).returncode == 3
