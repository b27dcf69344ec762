"""Every example runs as it stands and says what it promises."""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
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
    automation = {"github-workflow.yml", "stormlog.cron", "stormlog-scan.service", "stormlog-scan.timer"}
    files = [*EXAMPLES.iterdir(), *(EXAMPLES / "systemd").iterdir()]
    # tests/test_shipped_job.py runs the script that writes a job.
    assert {path.name for path in files if path.is_file()} == {
        *SCRIPTS,
        "ci_check.sh",
        "make_shipped_job.py",
        # tests/test_docs.py and tests/capture/test_training.py run it.
        "train_cpu.py",
        # tests/test_cookbook.py joins it with the captures.
        "nodes.csv",
        *automation,
    }


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


# ---- automation --------------------------------------------------------------------------------------------


def step(name: str) -> str:
    """Return the shell text of a step of the workflow."""
    text = (EXAMPLES / "github-workflow.yml").read_text(encoding="utf-8")
    found = re.search(
        rf"^      - name: {name}\n        run: (?:\|\n((?:          .*\n)+)|(.*)\n)", text, re.MULTILINE
    )
    assert found is not None, name
    return textwrap.dedent(found[1] or found[2])


def shell(text: str, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def git_repository(directory: Path) -> None:
    variables = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    text = "git init -q . && git commit -q --allow-empty -m first && git tag v1.5.0"
    assert shell(text, directory, **variables).returncode == 0


def test_workflow_is_well_formed() -> None:
    text = (EXAMPLES / "github-workflow.yml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert not any("\t" in line or (len(line) - len(line.lstrip())) % 2 for line in lines)
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == [
        "name",
        "on",
        "permissions",
        "jobs",
    ]
    if importlib.util.find_spec("yaml") is not None:
        steps = importlib.import_module("yaml").safe_load(text)["jobs"]["gate"]["steps"]
        assert steps[4]["run"].strip() == step("Compare with what is known").strip()


def test_workflow_fails_on_what_is_new_or_back_and_passes_otherwise(tmp_path: Path) -> None:
    git_repository(tmp_path)
    shutil.copytree(capture_path("run-envelope"), tmp_path / "runs")
    text = (EXAMPLES / "github-workflow.yml").read_text(encoding="utf-8")
    preparation = [
        line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   stormlog ")
    ]
    assert len(preparation) == 2
    compare, summary = step("Compare with what is known"), tmp_path / "summary.md"

    def gate() -> subprocess.CompletedProcess[str]:
        return shell(compare, tmp_path, RUNS="runs", GITHUB_STEP_SUMMARY=str(summary))

    assert gate().returncode == 3
    nothing = {"format": "stormlog-issues", "version": 1, "issues": []}
    (tmp_path / "issues.json").write_text(json.dumps(nothing), encoding="utf-8")
    assert gate().returncode == 10
    done = shell("\n".join(preparation), tmp_path)
    assert done.returncode == 0, done.stderr
    assert gate().returncode == 0
    document = json.loads((tmp_path / "issues.json").read_text(encoding="utf-8"))
    for entry in document["issues"]:
        entry |= {"state": "resolved", "status": "resolved", "fix_version": "1.4.0"}
    (tmp_path / "issues.json").write_text(json.dumps(document), encoding="utf-8")
    back = gate()
    assert back.returncode == 10 and "### Regressed" in back.stdout
    assert summary.read_text(encoding="utf-8").count("## Stormlog gate") == 3


def test_cron_line_is_silent_and_logs_one_object(tmp_path: Path) -> None:
    text = (EXAMPLES / "stormlog.cron").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if re.match(r"[0-9*]", line)]
    # Cron would end the command there.
    assert "%" not in line
    fields = line.split(maxsplit=5)
    assert [bool(re.fullmatch(r"[0-9*/,-]+", field)) for field in fields[:5]] == [True] * 5
    shutil.copytree(capture_path("run-envelope"), tmp_path / "runs")

    for _ in range(2):
        done = shell(fields[5], tmp_path, HOME=str(tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    first, second = map(json.loads, (tmp_path / "stormlog-scan.log").read_text(encoding="utf-8").splitlines())
    assert first["issues_created"] > 0 and second["issues_created"] == 0


def test_units_run_the_scan(tmp_path: Path) -> None:
    folder = EXAMPLES / "systemd"
    service = configparser.ConfigParser(interpolation=None, strict=True)
    service.optionxform = str  # type: ignore[assignment,method-assign]
    service.read_string((folder / "stormlog-scan.service").read_text(encoding="utf-8"))
    timer = configparser.ConfigParser(interpolation=None, strict=True)
    timer.read_string((folder / "stormlog-scan.timer").read_text(encoding="utf-8"))
    assert timer["Timer"]["oncalendar"] == "hourly" and timer["Install"]["wantedby"] == "timers.target"
    shutil.copytree(capture_path("run-envelope"), tmp_path / "runs")

    done = shell(service["Service"]["ExecStart"].replace("%h", str(tmp_path)), tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["issues_created"] > 0
    if shutil.which("systemd-analyze"):
        units = [folder / "stormlog-scan.service", folder / "stormlog-scan.timer"]
        checked = shell(
            shlex.join(["systemd-analyze", "verify", "--user", *map(str, units)]),
            tmp_path,
            XDG_RUNTIME_DIR=str(tmp_path),
        )
        assert checked.returncode == 0, checked.stderr
