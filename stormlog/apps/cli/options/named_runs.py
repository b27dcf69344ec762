"""Runs as they are named on the command line: ``RUN``, ``PATH`` or ``PATH::RUN``."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from stormlog._values import frozen_class

__all__ = ["NamedRun", "named_run"]

_SEPARATOR = "::"
_EXAMPLES = "write a run as PATH, PATH::RUN or RUN, such as runs/nightly or runs/::job-4711"


@frozen_class
class NamedRun:
    """A run that somebody named.

    Args:
        paths: Below which it lies.
        run_id: Its id or its job; None for the only run there.
    """

    paths: tuple[str, ...]
    run_id: str | None


def named_run(text: str, paths: Sequence[str], name: str) -> NamedRun:
    """Return the run that a word of the command line names.

    A word that is a path is a path, whatever runs are called.

    Args:
        text: The word.
        paths: Below which a run lies that is named by its id alone.
        name: Name of the argument.

    Raises:
        click.BadParameter: it names no path, and no paths are known in which to look for a run; the message has an
            example.
    """
    hint = f"'{name}'"
    if not text.strip():
        raise click.BadParameter(f"it is empty: {_EXAMPLES}.", param_hint=hint)
    if os.path.exists(text):
        return NamedRun((text,), None)
    head, separator, rest = text.partition(_SEPARATOR)
    while separator:
        if head and rest and os.path.exists(head):
            return NamedRun((head,), rest)
        more, separator, rest = rest.partition(_SEPARATOR)
        head = f"{head}{_SEPARATOR}{more}"
    if paths:
        return NamedRun(tuple(paths), text)
    if _SEPARATOR in text:
        missing = text.partition(_SEPARATOR)[0]
        what = f"there is no file or directory {missing!r}" if missing else "the path is missing"
        raise click.BadParameter(f"{text!r}: {what}; {_EXAMPLES}.", param_hint=hint)
    raise click.BadParameter(
        f"{text!r} is no file or directory, and nothing says where a run of this name lies: {_EXAMPLES}; or add "
        "--path PATH, or 'paths' to the configuration file.",
        param_hint=hint,
    )
