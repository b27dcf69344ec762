"""The recipes of docs/recipes.md run as they stand there, where the tool of each is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

import stormlog.query
from stormlog.tracking import Tracker

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = (CHECKOUT / "docs" / "recipes.md").read_text(encoding="utf-8")
SCRIPTS = Path(sys.executable).parent
#: Tools that the extra `test` does not bring, with the program that each is.
OTHERS = {"duckdb": "duckdb", "harlequin": "hsql", "sqlite3": "sqlite3"}


@dataclass(frozen=True)
class Recipe:
    """A block of the page."""

    tool: str
    language: str
    text: str


RECIPES = [
    Recipe(*found)
    for found in re.findall(r"<!-- recipe: (\w+) -->\n```(console|python)\n(.*?)```", PAGE, re.DOTALL)
]


def is_wanted(recipe: Recipe) -> bool:
    program = OTHERS.get(recipe.tool)
    return program is None or shutil.which(program, path=search_path()) is not None


def search_path() -> str:
    return f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the files that the page begins with."""
    folder = tmp_path_factory.mktemp("exports")
    with Tracker(folder / "tracker.db") as tracker:
        tracker.scan([CHECKOUT / "examples" / "job"])
    with stormlog.query.open(CHECKOUT / "examples" / "job", cache=False) as store:
        for target in ("job.duckdb", "job.sqlite", "job/"):
            store.export(f"{folder}/{target}", views=["issues", "events"])
    return folder


def test_every_recipe_has_a_heading_and_none_is_missing() -> None:
    tools = [recipe.tool for recipe in RECIPES]
    assert tools == ["duckdb", "duckdb_module", "harlequin", "datasette", "sqlite3", "pandas", "polars"]
    assert all(find_spec(tool) for tool in ("datasette", "pandas", "polars"))


@pytest.mark.parametrize("recipe", [r for r in RECIPES if is_wanted(r)], ids=lambda recipe: recipe.tool)
def test_recipe_runs_and_prints_what_stands_there(
    recipe: Recipe, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exports)
    if recipe.language == "python":
        exec(compile(recipe.text, f"recipe {recipe.tool}", "exec"), {})
        return
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", recipe.text, re.MULTILINE):
        answer = subprocess.run(
            command,
            shell=True,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PATH": search_path()},
        )
        assert answer.returncode == 0, answer.stderr
        pattern = re.escape(expected.rstrip("\n")).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, answer.stdout.rstrip("\n")), answer.stdout
