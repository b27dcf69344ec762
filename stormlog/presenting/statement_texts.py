"""Statements as text that runs as it stands, wherever it is pasted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["statement_text"]

#: A parameter; or a text, a quoted name or a comment, in which there is none.
_PARAMETER: Final = (
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*(?s:.*?)\*/|\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)"""
)


def statement_text(sql: str, parameters: Mapping[str, Any]) -> str:
    """Return a statement that runs as it stands: its values are in their places, and listed before it."""
    lines = [f"-- ${name} = {_literal(value)}" for name, value in parameters.items()]
    return "\n".join([*lines, _filled_in(sql, parameters).strip().removesuffix(";") + ";"]) + "\n"


def _filled_in(sql: str, parameters: Mapping[str, Any]) -> str:
    """Return a statement with literals in place of its parameters; texts, names and comments stay as they are."""

    def literal(found: re.Match[str]) -> str:
        name = found["name"]
        return _literal(parameters[name]) if name in parameters else found[0]

    return re.sub(_PARAMETER, literal, sql)


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
        return json.dumps(value, sort_keys=True, default=str)
    quoted = "'" + value.replace("'", "''") + "'"
    # A line break would end the comment and leave the rest of the value to be run.
    return quoted if value.isprintable() else f"E{quoted.encode('unicode_escape').decode('ascii')}"
