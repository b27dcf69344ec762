"""``stormlog shell``: statements one after the other, with completion and history."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from stormlog.apps.cli.commands.sql import attach_option
from stormlog.apps.cli.options.options import cache_of, name_tracker, reading_options
from stormlog.apps.cli.options.sections import SectionedCommand

__all__ = ["shell"]


@click.command(cls=SectionedCommand)
@attach_option
@reading_options
def shell(**options: Any) -> None:
    """Ask one statement after the other.

    A statement ends with a semicolon, and .help lists the commands. Ctrl-C stops a statement, Ctrl-D leaves.
    Where stdin is no terminal, the statements in it are run until one fails.

    The line editor is prompt_toolkit: pip install 'stormlog[shell]'.
    """
    from stormlog.apps.cli.answers import open_store
    from stormlog.apps.cli.commands.sql import request_of
    from stormlog.apps.cli.interrupts import interruptible
    from stormlog.apps.cli.options.statements import attachments_of
    from stormlog.apps.cli.printing import diagnostics
    from stormlog.apps.cli.shell.session import ShellSession
    from stormlog.apps.cli.sql_answers import attach_all

    is_terminal = sys.stdin.isatty()
    if is_terminal:
        _require_line_editor()
    attached = attachments_of(options["attached"])
    name_tracker(options)
    request = request_of(options, list(options["paths"]), "table", cache_of(options))
    with open_store(request) as store:

        @contextmanager
        def guard() -> Iterator[None]:
            with (
                interruptible(store.interrupt),
                diagnostics.progress_bar(store.progress, enabled=is_terminal and not request.quiet),
            ):
                yield

        with guard():
            attach_all(store, attached, quiet=request.quiet)
        if is_terminal:
            from stormlog.apps.cli.shell.terminal import (
                history_file,
                prompt_session,
                run_on_terminal,
                show_table,
            )

            def print_table(answer: Any) -> None:
                show_table(answer, no_colour=request.no_colour)

            session = ShellSession(
                store,
                no_colour=request.no_colour,
                quiet=request.quiet,
                guard=guard,
                print_table=print_table,
            )
            run_on_terminal(session, prompt_session(session, history_file()))
            return
        session = ShellSession(store, no_colour=request.no_colour, quiet=request.quiet, guard=guard)
        _run_lines(session)


def _require_line_editor() -> None:
    try:
        import prompt_toolkit  # noqa: F401
    except ImportError as error:
        raise click.UsageError(
            "The shell needs prompt_toolkit: pip install 'stormlog[shell]'. 'stormlog sql' does without."
        ) from error


def _run_lines(session: Any) -> None:
    """Run what stdin holds; the first error ends it."""
    from stormlog.apps.cli.shell.completion import is_complete

    text = ""
    for line in sys.stdin:
        text += line
        if is_complete(text):
            session.run(text)
            if session.is_over:
                return
            text = ""
    session.run(text)
