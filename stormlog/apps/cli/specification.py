"""Collects the description of Stormlog from where each part of it is: nothing is written down a second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import click

from stormlog import __version__
from stormlog.apps.cli.command_tree import command_paths, described_command
from stormlog.apps.cli.exit_codes import ERROR_CODES, ExitCode
from stormlog.apps.cli.json_answers import answer_descriptions, answers_of
from stormlog.apps.cli.printing.formats import MEANINGS
from stormlog.configuration import KEYS, VARIABLES
from stormlog.query.schema import describe_views
from stormlog.specification import (
    CommandDescription,
    CommandSpecification,
    ExitStatusDescription,
    FormatDescription,
    SettingDescription,
    Specification,
    VariableDescription,
    docstring_of,
    tool_descriptions,
    tool_schema_names,
)

__all__ = ["command_specification", "commands", "exit_statuses", "schema_named", "specification"]


def specification(root: click.Command) -> Specification:
    """Return everything that Stormlog takes and answers.

    Args:
        root: The command at the top.
    """
    return Specification(
        version=__version__,
        commands=tuple(commands(root)),
        formats=tuple(FormatDescription(name, meaning) for name, meaning in MEANINGS.items()),
        exit_statuses=tuple(exit_statuses()),
        environment=tuple(VariableDescription(name, meaning) for name, meaning in VARIABLES.items()),
        configuration=tuple(
            SettingDescription(key.name, key.meaning, key.example, key.variable) for key in KEYS.values()
        ),
        views=tuple(describe_views()),
        answers=tuple(answer_descriptions()),
        tools=tuple(tool_descriptions()),
    )


def commands(root: click.Command) -> list[CommandDescription]:
    """Return all commands below one."""
    return [
        described_command(name, command, context, answers_of(name))
        for name, command, context in command_paths(root)
    ]


def command_specification(root: click.Command, words: Sequence[str]) -> CommandSpecification:
    """Return what one command takes and answers.

    Args:
        root: The command at the top.
        words: Of the command, such as ``query`` and ``issues``.

    Raises:
        ValueError: there is no such command; the message names those that are meant perhaps.
    """
    known = {command.name: command for command in commands(root)}
    name = " ".join(words)
    if name not in known:
        inside = [other for other in known if other.startswith(f"{name} ")]
        near = inside or get_close_matches(name, known, n=3)
        hint = f"; there are {', '.join(near)}" if near else "; 'stormlog spec' lists them all"
        raise ValueError(f"{name!r} is no command{hint}")
    answers = (answer for answer in answer_descriptions() if name in answer.commands)
    tools = tool_descriptions() if name == "mcp" else ()
    return CommandSpecification(known[name], tuple(answers), tuple(tools))


def schema_named(name: str) -> Mapping[str, Any]:
    """Return the JSON Schema of an answer, or of what a tool of agents takes or answers.

    Raises:
        ValueError: there is none of that name; the message names those that are meant perhaps.
    """
    known = {answer.name: answer.schema for answer in answer_descriptions()}
    for tool in tool_descriptions():
        known |= zip(tool_schema_names(tool.name), (tool.arguments, tool.schema), strict=True)
    if name not in known:
        near = get_close_matches(name.replace(" ", "_"), known, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; 'stormlog spec' lists them all"
        raise ValueError(f"there is no answer {name!r}{hint}")
    return known[name]


def exit_statuses() -> list[ExitStatusDescription]:
    """Return what finished commands tell the shell."""
    meanings = docstring_of(ExitCode).names
    return [
        ExitStatusDescription(int(code), code.name, meanings[code.name], ERROR_CODES.get(code, ()))
        for code in ExitCode
    ]
