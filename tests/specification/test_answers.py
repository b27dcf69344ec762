"""What commands print as JSON is what the schemas say."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from stormlog.apps.cli.app import root
from stormlog.apps.cli.command_tree import command_paths
from tests.apps.cli.runner import stormlog
from tests.specification.fitting import misfits
from tests.specification.story import ANSWERS, Line, tell

Told = list[tuple[Line, Any]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return tell(tmp_path_factory.mktemp("story"), monkeypatch)


def line_schema(answer: str) -> dict[str, Any]:
    """Return the schema of one line of an answer."""
    pointer = ANSWERS[answer].line
    assert pointer is not None, f"{answer} has no lines"
    part: Any = ANSWERS[answer].schema
    for name in pointer.split("/")[1:]:
        part = part[name]
    return dict(part)


def lines_schema(answer: str) -> dict[str, Any]:
    """Return the schema of a list of all lines of an answer."""
    definitions = ANSWERS[answer].schema.get("$defs", {})
    return {"type": "array", "items": line_schema(answer), "$defs": definitions}


def test_every_answer_fits_its_schema(told: Told) -> None:
    problems = {}
    for line, value in told:
        schema = lines_schema(line.answer) if line.is_lines else ANSWERS[line.answer].schema
        found = misfits(value, schema)
        if found:
            problems[line.text] = found[:5]
    assert problems == {}


def test_every_answer_is_given(told: Told) -> None:
    given = {line.answer for line, value in told if value not in (None, [], {})}
    assert set(ANSWERS) - given == set()


def test_every_command_that_prints_json_has_an_answer() -> None:
    """A command that is missing here needs a line in ``stormlog/apps/cli/json_answers.py``."""
    answering = {command for answer in ANSWERS.values() for command in answer.commands} - {"*"}
    prints = set()
    for name, command, context in command_paths(root):
        options = {option for param in command.get_params(context) for option in param.opts}
        if options & {"--json", "--format"}:
            prints.add(name)
    assert prints == answering


def test_fields_that_can_be_chosen_are_those_of_the_schema(told: Told) -> None:
    shown: dict[str, set[str]] = {}
    for line, value in told:
        if line.answer.endswith("_fields"):
            rows = value if isinstance(value, list) else value.get("issues", value.get("evidence"))
            # What a summary has besides its value depends on the metric.
            shown.setdefault(line.answer, set()).update(*rows)
    assert shown == {
        name: set(line_schema(name)["properties"]) for name in ANSWERS if name.endswith("_fields")
    }


def test_what_has_lines_says_so(told: Told) -> None:
    with_lines = {line.answer for line, _ in told if line.is_lines}
    always = {"scan", "top", "statement", "error"}
    assert {name for name, answer in ANSWERS.items() if answer.line is not None} - always <= {
        *with_lines,
        *(f"{name}_fields" for name in with_lines),
    }
    assert with_lines <= {name for name, answer in ANSWERS.items() if answer.line is not None}


@pytest.mark.parametrize("name", ANSWERS)
def test_schemas_are_schemas_and_say_what_things_are(name: str) -> None:
    schema = ANSWERS[name].schema
    jsonschema.Draft202012Validator.check_schema(schema)
    for inner in (schema, *schema.get("$defs", {}).values()):
        assert "properties" not in inner or inner.get("description"), f"{name}: {sorted(inner['properties'])}"


def test_a_wrong_answer_does_not_fit() -> None:
    described = json.loads(stormlog("spec", "why", "--json").stdout)
    schema = ANSWERS["spec_command"].schema
    assert misfits(described, schema) == []
    described["command"]["parameters"][0]["is_required"] = "no"
    described["command"]["more"] = 1
    del described["answers"]
    assert misfits(described, schema) == [
        "$.command.parameters[0].is_required: 'no' is not of type 'boolean'",
        "$.command: Additional properties are not allowed ('more' was unexpected)",
        "$: 'answers' is a required property",
    ]
