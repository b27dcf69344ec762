"""``stormlog spec`` has everything, and what it takes from lists is what the code does."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from stormlog.apps.cli.app import root
from stormlog.apps.cli.command_tree import command_paths, described_command
from stormlog.apps.cli.exit_codes import ERROR_CODES, ExitCode
from stormlog.apps.cli.printing.formats import FORMATS
from stormlog.apps.mcp.asking import ASKING
from stormlog.apps.mcp.reading import READING
from stormlog.apps.mcp.writing import WRITING
from stormlog.configuration import KEYS, VARIABLES
from stormlog.query.schema import view_columns
from tests.apps.cli.runner import stormlog

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = sorted((CHECKOUT / "stormlog").rglob("*.py"))
DOCS = {path.name: path.read_text(encoding="utf-8") for path in (CHECKOUT / "docs").glob("*.md")}


@pytest.fixture(scope="module")
def everything() -> dict[str, list[dict[str, object]]]:
    outcome = stormlog("spec", "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    found: dict[str, list[dict[str, object]]] = json.loads(outcome.stdout)
    return found


def test_everything_is_there(everything: dict[str, list[dict[str, object]]]) -> None:
    names = {
        part: [entry.get("name") for entry in entries]
        for part, entries in everything.items()
        if part != "version"
    }
    assert names["commands"] == [name for name, _, _ in command_paths(root)]
    assert names["formats"] == list(FORMATS)
    assert names["exit_statuses"] == [code.name for code in ExitCode]
    assert names["configuration"] == list(KEYS)
    assert names["environment"] == list(VARIABLES)
    assert set(names["tools"]) == {tool.name for tool in (*READING, *ASKING, *WRITING)}
    assert {
        view["name"]: [column["name"] for column in view["columns"]] for view in everything["views"]
    } == view_columns()  # type: ignore[attr-defined]
    for entries in (everything["exit_statuses"], everything["views"]):
        assert all(entry["meaning"] for entry in entries)


def test_options_are_those_of_the_command() -> None:
    shown = json.loads(stormlog("spec", "scan", "--json").stdout)["command"]
    options = {option["names"][0]: option for option in shown["parameters"]}
    assert options["--min-severity"] == {
        "kind": "option",
        "names": ["--min-severity"],
        "opposite_names": [],
        "type": "choice",
        "metavar": "[critical|warning|info]",
        "choices": ["critical", "warning", "info"],
        "default": "warning",
        "is_required": False,
        "is_repeatable": False,
        "environment": None,
        "configuration": "min_severity",
        "section": "Options",
        "meaning": "Least severe alerts that count.",
    }
    assert options["--db"]["environment"] == "STORMLOG_DB"
    assert options["--code-version"]["environment"] == "STORMLOG_CODE_VERSION"
    assert options["--watch"]["type"] == "flag" and options["--watch"]["metavar"] is None
    assert options["PATH..."]["kind"] == "argument" and options["PATH..."]["is_repeatable"]
    assert shown["usage"] == "stormlog scan [OPTIONS] PATH..."
    assert shown["examples"][0] == "stormlog scan runs/"
    assert "Examples" not in shown["description"] and "\b" not in shown["description"]
    assert shown["answers"] == ["scan"]


def test_a_default_that_the_library_looks_up_is_told() -> None:
    """By a variable or a key of the configuration, though click knows nothing of it."""
    options = {
        option["names"][0]: (option["environment"], option["configuration"])
        for option in json.loads(stormlog("spec", "mcp", "--json").stdout)["command"]["parameters"]
    }
    assert options["--db"] == ("STORMLOG_DB", "db")
    assert options["--project"] == (None, "project")
    assert options["--as-agent"] == ("STORMLOG_AGENT", None)
    assert options["--unpack-limit"] == ("STORMLOG_UNPACK_LIMIT", None)


def test_the_command_that_serves_agents_describes_their_tools() -> None:
    shown = {tool["name"]: tool for tool in json.loads(stormlog("spec", "mcp", "--json").stdout)["tools"]}
    assert shown["why"]["permission"] == "issues:read" and shown["claim"]["permission"] == "issues:write"
    assert shown["why"]["schema"] == json.loads(stormlog("spec", "--schema", "mcp_why").stdout)
    taken = json.loads(stormlog("spec", "--schema", "mcp_why_arguments").stdout)
    assert taken["properties"]["attempt"]["anyOf"][0] == {"minimum": 1, "type": "integer"}
    assert json.loads(stormlog("spec", "why", "--json").stdout)["tools"] == []
    of_one = stormlog("spec", "mcp").stdout
    assert "Explain why a run failed, by default the one that failed last" in of_one


def test_an_option_with_an_opposite_names_it() -> None:
    shown = json.loads(stormlog("spec", "projects", "set", "--json").stdout)["command"]
    [option] = [found for found in shown["parameters"] if found["opposite_names"]]
    assert (option["names"], option["opposite_names"]) == (["--regress-on-equal"], ["--no-regress-on-equal"])
    assert option["default"] is None


def test_hidden_options_stay_hidden() -> None:
    command = click.Command("c", params=[click.Option(["--a"]), click.Option(["--b"], hidden=True)])
    described = described_command("c", command, click.Context(command), ())
    assert [found.names for found in described.parameters if found.names != ("--help",)] == [("--a",)]


def test_people_see_commands_answers_views_and_statuses() -> None:
    shown = stormlog("spec").stdout
    for words in (
        "query issues  ",
        "issues_change  ",
        "memory_timeline(session, buckets)",
        "  130  Stopped by Ctrl-C.",
    ):
        assert words in shown
    of_one = stormlog("spec", "projects", "set").stdout
    assert "--regress-on-equal, --no-regress-on-equal" in of_one
    assert "[STORMLOG_DB, key db]" in of_one


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("spec quarry issues", "'quarry issues' is no command; there are query issues"),
        ("spec query", "'query' is no command; there are query issues, query sessions"),
        ("spec \x1b[31m", "'stormlog spec' lists them all"),
        ("spec --schema wy", "there is no answer 'wy'; did you mean why?"),
        ("spec --schema 0", "there is no answer '0'; 'stormlog spec' lists them all"),
        ("spec why --schema why", "--schema is asked for alone"),
    ],
)
def test_what_there_is_not_is_refused(arguments: str, message: str) -> None:
    outcome = stormlog(*arguments.split())
    assert (outcome.status, outcome.stdout) == (2, "")
    assert message in outcome.stderr
    assert "\x1b" not in outcome.stderr


def test_a_schema_is_what_is_committed() -> None:
    committed = (CHECKOUT / "schemas/gate.json").read_text(encoding="utf-8")
    assert stormlog("spec", "--schema", "gate").stdout == committed
    assert stormlog("why", "--schema").stdout == (CHECKOUT / "schemas/why.json").read_text(encoding="utf-8")


def literals() -> Iterator[tuple[str, ast.expr]]:
    """Yield what is given to each keyword argument in the code, and the first argument of each look at a variable."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg is not None:
                yield node.arg, node.value
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv"):
                yield "envvar", node.args[0]


def test_every_variable_that_is_looked_at_is_listed_and_documented() -> None:
    looked_at = {
        value.value for name, value in literals() if name == "envvar" and isinstance(value, ast.Constant)
    }
    own = set(
        re.findall(
            r"\bSTORMLOG_[A-Z_]*[A-Z]\b", "".join(path.read_text(encoding="utf-8") for path in SOURCES)
        )
    )
    # What click takes from the name of the program; the beginning of several names.
    assert (looked_at | own) - {"STORMLOG_COMPLETE", "STORMLOG_SMTP"} <= set(VARIABLES)
    for name in VARIABLES:
        assert f"`{name}`" in DOCS["cli.md"] + DOCS["notifications.md"] or f"${name}/" in DOCS["cli.md"], name


def test_every_code_of_an_error_has_its_status() -> None:
    known = {code for codes in ERROR_CODES.values() for code in codes}
    refusals = {
        keyword.value.value
        for path in SOURCES
        if "tracking" in path.parts or path.name == "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Error", "__init__"))
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }
    assert len(refusals) > 10 and refusals <= known
    statuses = {row.split("|")[1].strip(): row for row in DOCS["cli.md"].splitlines() if row.startswith("| ")}
    for status, codes in ERROR_CODES.items():
        for code in codes:
            assert f"`{code}`" in statuses[str(int(status))], code
