"""The documentation is true: its examples run, its links resolve, and it mentions everything there is.

A fenced block runs if a comment stands above it:

* ``<!-- run -->``: commands of a ``console`` block end with status 0 and print what stands below them (a line
  ``...`` stands for any lines, ``...`` at the end of a line for its rest); a ``python`` block runs after
  those before it on the page; a ``sql`` block finds rows;
* ``<!-- run: exit 3 -->``: the status is another one;
* ``<!-- run: terminal 100 -->``: on a terminal of that width;
* ``<!-- run: cookbook -->``: ``tests/test_cookbook.py`` asks it, and compares the answer.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

import stormlog.query
from stormlog.apps.cli.app import root
from stormlog.engine.database.python_functions import UDFS
from stormlog.engine.database.sql_files import load_sql_files
from stormlog.engine.reading.odd_lines import _MESSAGES
from stormlog.query.sql_store import SqlStore
from tests.apps.cli.runner import on_terminal, without_styles
from tests.apps.cli.runner import stormlog as run_stormlog
from tests.apps.cli.shared_stores import shared_stores

#: Opens a store of its own, also while the stores of commands are shared.
_OPEN = stormlog.query.open
CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"
PAGES = [
    *(CHECKOUT / name for name in ("README.md", "AGENTS.md", "CHANGELOG.md", "llms.txt")),
    *sorted(DOCS.glob("*.md")),
]
CODE = [
    path
    for folder in ("stormlog", "sql", "tests", "benchmarks", "examples", "docs")
    for pattern in ("*.py", "*.sql", "*.sh")
    for path in sorted((CHECKOUT / folder).rglob(pattern))
]

_BLOCK = re.compile(r"(?:^<!-- (run[^>]*) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SOURCE = re.compile(r"docs/[\w-]+\.md(?:#[\w-]+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block that is marked to run."""

    page: Path
    line: int
    how: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def status(self) -> int:
        found = re.search(r"exit (\d+)", self.how)
        return int(found[1]) if found else 0

    @property
    def width(self) -> int | None:
        found = re.search(r"terminal (\d+)", self.how)
        return int(found[1]) if found else None


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            if match[1] and match[2] in languages:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(page, line, match[1], match[2], match[3]))
    return found


def without_blocks(page: Path) -> str:
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return what a reader of the page can point to, spelled as on GitHub."""
    found = set()
    for heading in _HEADING.findall(without_blocks(page)):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that looks like the checkout to the examples."""
    folder = tmp_path_factory.mktemp("docs")
    for name in ("captures", "job"):
        shutil.copytree(CHECKOUT / "examples" / name, folder / "examples" / name)
    shutil.copy(CHECKOUT / "examples" / "train_cpu.py", folder / "examples")
    return folder


# ---- examples ----------------------------------------------------------------------------------------------


def sessions_of(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block and the lines below it."""
    command, shown = "", list[str]()
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        else:
            shown.append(line)
    yield command, shown


def looks_like(shown: list[str], printed: list[str]) -> bool:
    """Tell whether printed lines are those that are shown; see the top of this file for ``...``."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(looks_like(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    if not printed:
        return False
    first = shown[0].removesuffix("...")
    same = printed[0].startswith(first) if shown[0].endswith("...") else printed[0] == first
    return same and looks_like(shown[1:], printed[1:])


@pytest.fixture(scope="module")
def one_store_for_all_commands() -> Iterator[None]:
    with shared_stores():
        yield


@pytest.mark.usefixtures("one_store_for_all_commands")
@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_commands_print_what_is_shown(block: Block, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    # Commands that are recorded are run by this interpreter.
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    for command, shown in sessions_of(block):
        program, *arguments = shlex.split(command)
        assert program == "stormlog"
        if block.width is None:
            outcome = run_stormlog(*arguments)
            status, printed = outcome.status, outcome.stdout + outcome.stderr
        else:
            status, printed = on_terminal(
                *arguments, width=block.width, environment={"NO_COLOR": "1", "PYTHONUTF8": "1"}
            )
            # The progress bar stands before a carriage return.
            printed = "\n".join(line.rpartition("\r")[2] for line in without_styles(printed).split("\n"))
        assert status == block.status, printed
        lines = [line.rstrip() for line in printed.rstrip("\n").split("\n")] if printed else []
        assert looks_like(shown, lines), f"{command}\n" + "\n".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_runs(page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(stormlog.query, "open", _OPEN)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks("python"):
        if block.page == page:
            # Blank lines in front make tracebacks name the line of the page.
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
    if "store" in names:
        names["store"].close()


@pytest.fixture(scope="module")
def all_captures() -> Iterator[stormlog.query.QueryStore]:
    with _OPEN(CHECKOUT / "examples" / "captures") as store:
        yield store


@pytest.mark.parametrize("block", [block for block in blocks("sql") if block.how == "run"], ids=str)
def test_sql_finds_rows(block: Block, all_captures: stormlog.query.QueryStore) -> None:
    assert all_captures.sql(block.text).rows


def test_there_are_examples_of_everything() -> None:
    assert len(blocks("sql")) >= 10
    assert len(blocks("console")) >= 5
    assert len(blocks("python")) >= 5


def test_shown_lines_are_compared_in_order() -> None:
    assert looks_like(["a", "...", "d"], ["a", "b", "c", "d"])
    assert looks_like(["a..."], ["abc"])
    assert looks_like(["..."], [])
    assert not looks_like(["a"], ["a", "b"])
    assert not looks_like(["a", "...", "b"], ["a", "c"])
    assert not looks_like(["a", "b"], ["a"])


# ---- the command line --------------------------------------------------------------------------------------


def commands(command: click.Command, name: str = "stormlog") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, by its full name."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for sub in command.list_commands(context):
        found = command.get_command(context, sub)
        assert found is not None
        yield from commands(found, f"{name} {sub}")


def section(page: Path, heading: str) -> str:
    """Return what stands below a heading, up to the next heading."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page.name} has no heading {heading!r}"
    return found[1]


@pytest.mark.parametrize(("name", "command"), list(commands(root)), ids=lambda value: str(value))
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    described = section(DOCS / "cli.md", name)
    # Options of all commands of a group stand with the group.
    group = name.rpartition(" ")[0]
    if " " in group:
        described += section(DOCS / "cli.md", group)
    context = click.Context(command, info_name=name)
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            for spelling in [*parameter.opts, *parameter.secondary_opts]:
                assert re.search(rf"`{spelling}[` ]", described), f"{name} {spelling}"
            if isinstance(parameter.type, click.Choice):
                for choice in parameter.type.choices:
                    assert f"`{choice}`" in described, f"{name} {parameter.opts[0]} {choice}"


def test_every_command_is_shown_in_the_readme() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for name, _ in commands(root):
        # Of groups, one command stands for all.
        assert f"$ {' '.join(name.split()[:2])}" in readme, name


def test_every_exit_status_is_documented() -> None:
    from stormlog.apps.cli.exit_codes import ExitCode

    described = section(DOCS / "cli.md", "Exit status")
    for code in ExitCode:
        assert f"| {int(code)} |" in described, code


def test_every_make_target_is_in_the_readme() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert targets is not None
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for target in set(targets[1].split()) - {"clean"}:
        assert f"make {target}" in readme, target


# ---- the library -------------------------------------------------------------------------------------------


def generator() -> ModuleType:
    """Import ``docs/generate_views.py``, which is no package."""
    spec = importlib.util.spec_from_file_location("generate_views", DOCS / "generate_views.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_of_views_is_up_to_date() -> None:
    page = (DOCS / "views.md").read_text(encoding="utf-8")
    assert page == generator().render(page), "run python docs/generate_views.py"


def test_every_column_of_public_views_is_described(all_captures: stormlog.query.QueryStore) -> None:
    for view in generator().public_views():
        assert view.columns, view.name
        if view.kind == "VIEW":
            assert list(view.columns) == all_captures.relation(view.name).columns, view.name


def test_functions_for_everyone_are_described() -> None:
    page = (DOCS / "views.md").read_text(encoding="utf-8")
    inner = {name for file in load_sql_files() for name in file.python_functions}
    assert [name for name in UDFS if name not in inner and f"`{name}(" not in page] == []


def reason_codes() -> set[str]:
    """Return the fixed beginnings of all codes that the code gives to what it refuses."""
    positions = {"TelemetryRecordError": 0, "reject": 2, "warn": 1, "add": 1}
    found = set(_MESSAGES)
    for path in CODE:
        if path.suffix != ".py" or "stormlog" not in path.relative_to(CHECKOUT).parts:
            continue
        text = path.read_text(encoding="utf-8")
        if not re.search(rf"\b({'|'.join(positions)})\(", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            position = positions.get(name)
            # Sets have `add`, too; warnings have three arguments.
            if position is None or len(node.args) <= position or (name == "add" and len(node.args) != 3):
                continue
            code = node.args[position]
            if isinstance(code, ast.JoinedStr):
                code = code.values[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                found.add(code.value.partition(":")[0])
    return found


def test_every_reason_code_is_documented() -> None:
    codes = reason_codes()
    assert {"torn_line", "used_exceeds_total", "symlink_outside", "load_failed"} <= codes
    page = (DOCS / "bad-input.md").read_text(encoding="utf-8")
    assert sorted(code for code in codes if not re.search(rf"`{code}[`:]", page)) == []


def test_public_methods_of_the_store_are_documented() -> None:
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    names = [name for name in [*vars(stormlog.query.QueryStore), *vars(SqlStore)] if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"\b{name}\b", page)] == []


# ---- links and words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for link in _LINK.findall(without_blocks(page)):
        target, _, anchor = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path), link


def test_modules_named_in_pages_exist() -> None:
    modules = [
        str(path.relative_to(CHECKOUT))
        for folder in ("stormlog", "tests")
        for path in (CHECKOUT / folder).rglob("*.py")
    ]
    for page in PAGES:
        for named in re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", page.read_text(encoding="utf-8")):
            is_known = any(f"/{module}".endswith(f"/{named}") for module in modules)
            assert is_known or (CHECKOUT / named).exists(), f"{page.name}: {named}"


def test_sources_named_in_code_exist() -> None:
    missing = set()
    for path in CODE:
        if path == Path(__file__):
            continue
        for source in _SOURCE.findall(path.read_text(encoding="utf-8")):
            target, _, anchor = source.partition("#")
            page = CHECKOUT / target
            if not page.is_file() or (anchor and anchor not in anchors(page)):
                missing.add(f"{path.relative_to(CHECKOUT)}: {source}")
    assert sorted(missing) == []


def test_every_guide_is_linked_from_the_readme() -> None:
    links = _LINK.findall((CHECKOUT / "README.md").read_text(encoding="utf-8"))
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= set(links)


def test_every_guide_is_linked_from_the_list_for_language_models() -> None:
    links = _LINK.findall((CHECKOUT / "llms.txt").read_text(encoding="utf-8"))
    assert {"README.md", "AGENTS.md", *(f"docs/{page.name}" for page in DOCS.glob("*.md"))} <= set(links)


def test_readme_is_short() -> None:
    assert len((CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()) <= 240


@pytest.mark.parametrize("word", ["*/wor[k]/*", "*../share[d]*", "*TOD[O]*", "*FIXM[E]*"])
def test_pages_and_code_are_finished_and_stand_alone(word: str) -> None:
    for path in [*PAGES, *CODE]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            assert not fnmatchcase(line, word), f"{path.relative_to(CHECKOUT)}:{number}"
