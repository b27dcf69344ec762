"""``--sql`` with or without a statement behind it.

The promise: a path that follows ``--sql`` stays a path, a statement that is wrong is refused as a statement rather
than looked for as a file, and a word that is neither is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.printing.json_text import json_document

if TYPE_CHECKING:
    from stormlog.apps.cli.documents import StatementDocument

__all__ = [
    "PRINT_SQL",
    "attach_statement",
    "is_statement",
    "statement_document",
]

#: Value of the option when no statement follows it; no argument of a process can hold this character.
PRINT_SQL = "\0"

#: Compiled when ``--sql`` stands before something, which it seldom does.
_KEYWORD = (
    r"\s*(?:[(;]|--\s|/\*|(?:alter|analyze|attach|begin|call|checkpoint|comment|commit|copy|create|deallocate|"
    r"delete|desc|describe|detach|drop|execute|explain|export|from|import|insert|install|load|merge|pivot|"
    r"pragma|prepare|reset|rollback|select|set|show|summarize|table|truncate|unpivot|update|use|vacuum|"
    r"values|with)\b)"
)


def is_statement(text: str) -> bool:
    """Tell whether a text may be a statement: it begins as one, or has several words."""
    if re.match(_KEYWORD, text, re.IGNORECASE):
        return True
    # Names of files that do not exist have blanks more rarely than statements have typing errors.
    return not text.startswith("-") and any(character.isspace() for character in text.strip())


def attach_statement(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with every ``--sql`` joined to its statement, or to `PRINT_SQL`.

    Raises:
        click.BadParameter: what follows is neither a statement nor a path nor an option.
    """
    joined: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            return [*joined, argument, *waiting]
        if argument == "--sql":
            statement = waiting.pop(0) if waiting and _follows(waiting[0]) else PRINT_SQL
            argument = f"--sql={statement}"
        elif argument.startswith("--sql="):
            _require_statement(argument.removeprefix("--sql="))
        joined.append(argument)
    return joined


def _follows(text: str) -> bool:
    """Tell whether an argument behind ``--sql`` is its statement."""
    if text.startswith("-") and text != "-" and not is_statement(text):
        return False
    if os.path.exists(text) and not (text.lower().endswith(".sql") and os.path.isfile(text)):
        return False
    _require_statement(text)
    return True


def _require_statement(text: str) -> None:
    """Refuse what is no statement, whatever it says.

    Raises:
        click.BadParameter: see above.
    """
    if not text.strip():
        problem = "the statement is empty"
    elif os.path.isfile(text.removeprefix("@")):
        problem = f'{text!r} is a file: give its text, as in --sql "$(cat FILE)"'
    elif is_statement(text):
        return
    else:
        problem = f"{text!r} is neither a statement nor the name of anything that exists"
    raise click.BadParameter(f"{problem}.", param_hint="'--sql'")


def statement_document(sql: str, parameters: Mapping[str, Any]) -> str:
    """Return a statement and its parameters as a JSON object."""
    document: StatementDocument = {"sql": sql.strip(), "parameters": dict(parameters)}
    return json_document(document) + "\n"
