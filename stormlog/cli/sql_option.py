"""``--sql`` with or without a statement behind it.

The promise: a path that follows ``--sql`` stays a path, and a statement that is wrong is refused as a
statement rather than looked for as a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from stormlog.cli.json_text import json_document, json_line

__all__ = ["PRINT_SQL", "attach_statement", "looks_like_sql", "statement_document", "statement_text"]

#: Value of the option when no statement follows it.
PRINT_SQL = ""

#: Compiled when ``--sql`` stands before something, which it seldom does.
_KEYWORD = (
    r"\s*(?:[(;]|--\s|/\*|(?:alter|analyze|attach|begin|call|checkpoint|comment|commit|copy|create|deallocate|"
    r"delete|desc|describe|detach|drop|execute|explain|export|from|import|insert|install|load|merge|pivot|"
    r"pragma|prepare|reset|rollback|select|set|show|summarize|table|truncate|unpivot|update|use|vacuum|"
    r"values|with)\b)"
)


def looks_like_sql(text: str) -> bool:
    """Tell whether an argument behind ``--sql`` is its statement rather than a path or another option."""
    if os.path.exists(text):
        return False
    if re.match(_KEYWORD, text, re.IGNORECASE):
        return True
    # Names of files that do not exist have blanks more rarely than statements have typing errors.
    return not text.startswith("-") and any(character.isspace() for character in text.strip())


def attach_statement(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with every ``--sql`` joined to its statement, or to none (``--sql=``)."""
    joined: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            return [*joined, argument, *waiting]
        if argument == "--sql":
            statement = waiting.pop(0) if waiting and looks_like_sql(waiting[0]) else PRINT_SQL
            argument = f"--sql={statement}"
        joined.append(argument)
    return joined


def statement_text(sql: str, parameters: Mapping[str, Any]) -> str:
    """Return a statement for people, its parameters before it as comments."""
    lines = [f"-- ${name} = {_literal(value)}" for name, value in parameters.items()]
    return "\n".join([*lines, sql.strip().removesuffix(";") + ";"]) + "\n"


def statement_document(sql: str, parameters: Mapping[str, Any]) -> str:
    """Return a statement and its parameters as a JSON object."""
    return json_document({"sql": sql.strip(), "parameters": dict(parameters)}) + "\n"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_literal, value))}]"
    if not isinstance(value, str):
        return json_line(value)
    quoted = "'" + value.replace("'", "''") + "'"
    # A line break would end the comment and leave the rest of the value to be run.
    return quoted if value.isprintable() else f"E{quoted.encode('unicode_escape').decode('ascii')}"
