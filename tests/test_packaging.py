"""The wheel holds everything: installed outside the checkout, commands and library answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from stormlog import __version__
from tests.captures import capture_path

CHECKOUT = Path(__file__).resolve().parents[1]
#: Extras for those who change the code, and the one that names the others.
NOT_FOR_USERS = ("all", "bench", "test", "dev")


def run(command: list[str | Path], cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["STORMLOG_CACHE"] = "off"
    answer = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, f"{command}\n{answer.stdout}\n{answer.stderr}"
    return answer.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--wheel-dir", folder]
    run([sys.executable, "-m", "pip", "wheel", *options, CHECKOUT], folder)
    [built] = folder.glob("stormlog-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment's ``bin``: the wheel is installed, dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp("outside") / "environment"
    run([sys.executable, "-m", "venv", "--without-pip", folder], folder.parent)
    python = folder / "bin" / "python"
    options = ["--no-deps", "--no-index", "--quiet"]
    run([sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], folder.parent)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run([python, "-c", ask], folder.parent).strip())
    # Lines of a .pth file only extend the search path: an editable install over there stays out of it.
    borrowed = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    return folder / "bin"


def test_all_names_every_extra_that_is_for_users() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert extras["all"] == [f"stormlog[{','.join(name for name in extras if name not in NOT_FOR_USERS)}]"]
    guide = (CHECKOUT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [name for name in extras if f"\n| `{name}` |" not in guide] == ["bench", "test", "dev"]


def test_wheel_holds_the_code_every_statement_and_every_schema(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    statements = {
        f"stormlog/_sql/{path.relative_to(CHECKOUT / 'sql')}" for path in CHECKOUT.glob("sql/**/*.sql")
    }
    statements |= {f"stormlog/_migrations/{path.name}" for path in CHECKOUT.glob("migrations/*.sql")}
    statements |= {f"stormlog/_schemas/{path.name}" for path in CHECKOUT.glob("schemas/*")}
    modules = {
        str(path.relative_to(CHECKOUT))
        for path in CHECKOUT.glob("stormlog/**/*.py*")
        if path.suffix != ".pyc"
    }
    assert statements
    assert statements | modules | {"stormlog/py.typed"} <= names
    assert not {name for name in names if name.startswith(("tests/", "benchmarks/", "examples/"))}


def test_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert __version__ in run([installed / "stormlog", "--version"], tmp_path)


def test_installed_command_lists_issues(installed: Path, tmp_path: Path) -> None:
    capture = capture_path("run-envelope")
    rows = json.loads(run([installed / "stormlog", "query", "issues", capture, "--json"], tmp_path))
    assert {"oom", "alert"} <= {row["kind"] for row in rows}


def test_installed_command_scans_and_shows_what_it_tracks(installed: Path, tmp_path: Path) -> None:
    database = tmp_path / "tracker.db"
    scan = [installed / "stormlog", "scan", capture_path("run-envelope"), "--db", database, "--json"]
    assert json.loads(run(scan, tmp_path))["issues_created"] > 0
    rows = json.loads(
        run([installed / "stormlog", "issues", "list", "--db", database, "--kind", "oom", "--json"], tmp_path)
    )
    assert {issue["status"] for issue in rows["issues"]} == {"new"}


def test_installed_library_is_the_one_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import stormlog.query, sys; print(stormlog.query.__file__)"
    assert Path(run([installed / "python", "-c", code], tmp_path).strip()).is_relative_to(installed.parent)
