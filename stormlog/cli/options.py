"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from stormlog.cli.formats import FORMATS

__all__ = ["AnswerCommand", "answer_options", "format_of", "session_option", "text_option"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Decorator = Callable[[Decorated], Decorated]


class AnswerCommand(click.Command):
    """A command whose ``--sql`` may or may not be followed by a statement."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse after deciding what belongs to ``--sql``."""
        from stormlog.cli.sql_option import attach_statement

        return super().parse_args(ctx, attach_statement(args))


def text_option(name: str, text: str) -> Decorator[Any]:
    """Return an option that takes a text to compare with."""
    return click.option(name, metavar="TEXT", help=text)


def session_option(text: str) -> Decorator[Any]:
    """Return the option that names a session, in both spellings."""
    return click.option("--session-id", "--session", "session_id", metavar="ID", help=text)


def answer_options(function: Decorated) -> Decorated:
    """Add paths, formats and settings to a command that prints rows.

    The command receives ``paths``, ``format_name``, ``shortcut_<format>``, ``sql``, ``strict``,
    ``threads``, ``memory_limit``, ``quiet`` and ``no_colour``.
    """
    decorators: list[Decorator[Any]] = [
        click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path()),
        click.option(
            "--format", "format_name", type=click.Choice(FORMATS), help="How to print (default: table)."
        ),
        *(
            click.option(f"--{name}", f"shortcut_{name}", is_flag=True, help=f"Short for --format {name}.")
            for name in FORMATS
        ),
        click.option(
            "--sql",
            metavar="[SELECT]",
            help="Print the SQL that answers the command; with a SELECT behind it, run that over the views.",
        ),
        click.option("--strict", is_flag=True, help="Fail with status 3 if anything has to be skipped."),
        click.option("--threads", type=click.INT, metavar="N", help="Use at most this many threads."),
        click.option("--memory-limit", metavar="SIZE", help="Use at most this much memory, such as 512MB."),
        click.option("-q", "--quiet", is_flag=True, help="Print neither warnings nor progress."),
        click.option(
            "--no-color", "no_colour", is_flag=True, help="Print without colours, as NO_COLOR does."
        ),
        click.help_option("-h", "--help"),
    ]
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def format_of(options: Mapping[str, Any]) -> str:
    """Return the one format that ``--format`` and its shortcuts name.

    Raises:
        click.UsageError: they name several.
    """
    named = [name for name in FORMATS if options["format_name"] == name or options[f"shortcut_{name}"]]
    if len(named) > 1:
        raise click.UsageError(f"Choose one format: {', '.join(named)} exclude each other.")
    return named[0] if named else FORMATS[0]
