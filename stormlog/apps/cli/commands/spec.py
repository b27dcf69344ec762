"""``stormlog spec``: what Stormlog takes and answers, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stormlog.specification import AnswerDescription, CommandSpecification, ParameterDescription

__all__ = ["spec"]


@click.command()
@click.argument("command", nargs=-1, metavar="[COMMAND]...")
@click.option(
    "--schema", metavar="NAME", help="Print the JSON Schema of this answer, or of a tool of agents."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.help_option("-h", "--help")
@click.pass_context
def spec(ctx: click.Context, /, command: tuple[str, ...], schema: str | None, as_json: bool) -> None:
    """Describe all commands and what they answer, or one COMMAND.

    --json has everything: options, formats, exit statuses, environment, configuration, views with their columns, and
    the JSON Schema of every answer and of the tools of agents.

    \b
    Examples:
      stormlog spec
      stormlog spec query issues
      stormlog spec gate --json
      stormlog spec --schema why
      stormlog spec --json > stormlog.json
    """
    from stormlog.apps.cli import specification
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document

    root = ctx.find_root().command
    if schema is not None:
        if command or as_json:
            raise click.UsageError("--schema is asked for alone.")
        text = json_document(specification.schema_named(schema)) + "\n"
    elif command:
        found = specification.command_specification(root, command)
        text = json_document(found.as_dict()) + "\n" if as_json else _command_text(found)
    elif as_json:
        text = json_document(specification.specification(root).as_dict()) + "\n"
    else:
        text = _overview(root)
    output.print_text(text)
    output.flush()


def _overview(root: click.Command) -> str:
    from stormlog.apps.cli.json_answers import answer_descriptions
    from stormlog.apps.cli.specification import commands, exit_statuses
    from stormlog.query.schema import view_meanings
    from stormlog.specification import tool_descriptions

    sections = {
        "Commands ('stormlog spec COMMAND' describes one)": [
            (command.name, command.summary) for command in commands(root)
        ],
        "JSON answers ('stormlog spec --schema NAME' prints the schema of one)": [
            (answer.name, f"{answer.title}: {_given_by(answer)}") for answer in answer_descriptions()
        ],
        "Tools of 'stormlog mcp' ('stormlog spec mcp' describes them)": [
            (tool.name, f"{tool.title} ({tool.permission})") for tool in tool_descriptions()
        ],
        "Views ('stormlog describe VIEW' describes one)": list(view_meanings().items()),
        "Exit statuses": [(str(found.status), found.meaning) for found in exit_statuses()],
        "Everything": [("stormlog spec --json", "this, all options, variables, keys, columns and schemas")],
    }
    return "\n".join(f"{heading}\n{_table(rows)}" for heading, rows in sections.items())


def _given_by(answer: AnswerDescription) -> str:
    commands = "any command" if answer.commands == ("*",) else ", ".join(answer.commands)
    return f"{commands} ({answer.when})"


def _command_text(found: CommandSpecification) -> str:
    command = found.command
    parts = [f"{command.usage}\n", f"{command.description}\n"]
    options = [_parameter(param) for param in command.parameters if param.kind == "option"]
    parts.append("Options\n" + _table(options))
    if found.answers:
        parts.append("JSON answers\n" + _table((answer.name, answer.when) for answer in found.answers))
    if found.tools:
        tools = [(tool.name, f"{tool.meaning} [{tool.permission}]") for tool in found.tools]
        schemas = "'stormlog spec --schema mcp_NAME' prints the schema of an answer, mcp_NAME_arguments that of a call"
        parts.append(f"Tools ({schemas})\n{_table(tools)}")
    if command.examples:
        parts.append("Examples\n" + "".join(f"  {example}\n" for example in command.examples))
    return "\n".join(parts)


def _parameter(param: ParameterDescription) -> tuple[str, str]:
    names = ", ".join((*param.names, *param.opposite_names))
    also = [
        f"default {param.default}" if param.default not in (None, False) else "",
        param.environment or "",
        f"key {param.configuration}" if param.configuration else "",
    ]
    said = ", ".join(filter(None, also))
    return (f"{names} {param.metavar or ''}".strip(), f"{param.meaning} [{said}]" if said else param.meaning)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    """Return lines of two columns; a first cell that is very long has a line of its own."""
    cells = list(rows)
    width = min(max(len(first) for first, _ in cells), _WIDEST)
    lines = (
        f"  {first:<{width}}  {second}" if len(first) <= width else f"  {first}\n  {'':<{width}}  {second}"
        for first, second in cells
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


#: Characters of the first column.
_WIDEST = 36
