"""What ``stormlog sql`` and ``stormlog shell`` are given: a statement, its parameters, and tables to attach."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from stormlog.apps.cli.options.configured import configuration_of
from stormlog.apps.cli.options.sql_option import is_statement

__all__ = ["attachments_of", "paths_or_configured", "statement_of"]

#: Longest statement of a file or of stdin.
_MOST_BYTES = 1 << 26


def statement_of(words: Sequence[str], file: str | None) -> tuple[str, list[str]]:
    """Return the statement and the paths of a command line.

    Args:
        words: Its arguments. One of them is the statement, or ``-`` for that of stdin, unless there is a file.
        file: The file that holds the statement, ``-`` for stdin; None if none was named.

    Raises:
        click.UsageError: there is no statement, or there are two; or the file cannot be read.
    """
    statements = [word for word in words if word == "-" or (not os.path.exists(word) and is_statement(word))]
    paths = [word for word in words if word not in statements[-1:]]
    if file is not None:
        if statements:
            raise click.UsageError("Give the statement once: with -f, or among the arguments.")
        return _text_of(file), list(words)
    if not statements:
        named = next((word for word in words if word.lower().endswith(".sql") and os.path.isfile(word)), None)
        hint = f"-f {named} reads the file" if named else 'as in stormlog sql runs/ "SELECT kind FROM issues"'
        raise click.UsageError(f"There is no statement: {hint}.")
    statement = statements[-1]
    return (_text_of("-") if statement == "-" else statement), paths


def _text_of(file: str) -> str:
    try:
        if file == "-":
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with open(file, "rb") as stream:
                content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror or error}.") from error
    name = "stdin" if file == "-" else file
    if len(content) > _MOST_BYTES:
        raise click.UsageError(f"{name} is too long for a statement.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{name} is no UTF-8 (byte {error.start:,}).") from error
    if not text.strip():
        raise click.UsageError(f"{name} holds no statement.")
    return text


def paths_or_configured(paths: Sequence[str]) -> list[str]:
    """Return the paths, or those of the configuration file where there are none.

    Raises:
        click.UsageError: there are none there either.
    """
    context = click.get_current_context()
    found = list(paths) or configuration_of(context).value("paths")
    if not found:
        raise click.UsageError("Missing argument 'PATH...'.", context)
    return list(found)


def attachments_of(texts: Sequence[str]) -> dict[str, str]:
    """Return the files of ``NAME=FILE``, by name.

    Raises:
        click.BadParameter: a text is no such pair, or a name occurs twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, file = text.partition("=")
        if not sign or not name or not file:
            raise click.BadParameter(
                f"{text!r}: write NAME=FILE, as in hosts=hosts.csv.", param_hint="'--attach'"
            )
        if name.lower() in map(str.lower, found):
            raise click.BadParameter(f"{name} is given twice.", param_hint="'--attach'")
        found[name] = file
    return found
