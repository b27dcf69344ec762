"""Every command with its options, read from the commands themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from stormlog.configuration import KEYS
from stormlog.specification import CommandDescription, ParameterDescription

__all__ = ["command_paths", "described_command"]

_TYPES: Mapping[type[Any], str] = {
    click.types.BoolParamType: "flag",
    click.types.IntParamType: "integer",
    click.IntRange: "integer",
    click.types.FloatParamType: "number",
    click.FloatRange: "number",
}

#: A paragraph of examples: lines that click is told to leave as they are.
_EXAMPLES = re.compile(r"^(?:\b\n)?Examples?:\n((?: +.*\n?)+)", re.MULTILINE)

#: Where the help of an option says which variable holds its default: the library looks at that, not click.
_DEFAULT_VARIABLE = re.compile(r"\(default: (STORMLOG_[A-Z_]+)")


def command_paths(root: click.Command) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield the words of each command that does something, the command, and what it is called in.

    Args:
        root: The group at the top.
    """
    yield from _below(root, click.Context(root, info_name="stormlog"), ())


def _below(
    command: click.Command, context: click.Context, words: tuple[str, ...]
) -> Iterator[tuple[str, click.Command, click.Context]]:
    if not isinstance(command, click.Group):
        yield " ".join(words), command, context
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            inside = click.Context(inner, parent=context, info_name=name)
            yield from _below(inner, inside, (*words, name))


def described_command(
    name: str, command: click.Command, context: click.Context, answers: Sequence[str]
) -> CommandDescription:
    """Return what a command takes.

    Args:
        name: Its words.
        command: The command.
        context: What it is called in.
        answers: Names of its JSON answers.
    """
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    found = _EXAMPLES.search(text)
    examples = () if found is None else tuple(line.strip() for line in found[1].splitlines() if line.strip())
    parameters = tuple(
        _described(param, context)
        for param in command.get_params(context)
        if not getattr(param, "hidden", False)
    )
    formats = next((found.choices for found in parameters if "--format" in found.names), ())
    return CommandDescription(
        name=name,
        usage=" ".join([context.command_path, *command.collect_usage_pieces(context)]),
        summary=command.get_short_help_str(limit=200),
        description=_EXAMPLES.sub("", text).strip(),
        examples=examples,
        parameters=parameters,
        formats=formats,
        answers=tuple(answers),
    )


def _described(param: click.Parameter, context: click.Context) -> ParameterDescription:
    is_option = isinstance(param, click.Option)
    is_flag = isinstance(param, click.Option) and param.is_flag
    key = getattr(param, "key", None)
    configured = None if key is None else KEYS[key].variable
    meaning = (getattr(param, "help", None) or "").strip()
    said = _DEFAULT_VARIABLE.search(meaning)
    named = param.envvar if isinstance(param.envvar, str) else said and said[1]
    metavar = param.make_metavar(context)
    return ParameterDescription(
        kind="option" if is_option else "argument",
        names=tuple(param.opts) if is_option else (metavar,),
        opposite_names=tuple(param.secondary_opts),
        type="flag" if is_flag else _type_name(param.type),
        metavar=None if is_flag else metavar,
        choices=tuple(map(str, param.type.choices)) if isinstance(param.type, click.Choice) else (),
        default=_default(param, is_flag=is_flag),
        is_required=param.required,
        is_repeatable=param.multiple or param.nargs == -1,
        environment=named or configured,
        configuration=key,
        section=getattr(param, "section", "Options") if is_option else None,
        meaning=meaning,
    )


def _type_name(kind: Any) -> str:
    if isinstance(kind, click.Choice):
        return "choice"
    if isinstance(kind, click.Path):
        return "path"
    return next((name for known, name in _TYPES.items() if isinstance(kind, known)), str(kind.name))


def _default(param: click.Parameter, *, is_flag: bool) -> Any:
    # Versions of click have several values that stand for no default.
    known = param.default if isinstance(param.default, (str, int, float, bool)) else None
    return bool(known) if is_flag and not param.secondary_opts else known
