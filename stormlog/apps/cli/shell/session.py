"""One session of the shell: it takes what was typed, runs it, and prints what comes of it. No terminal is needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING

import click

from stormlog._names import distinct_names
from stormlog.apps.cli.printing import diagnostics, output
from stormlog.apps.cli.printing.formats import FORMATS, STREAMED_FORMATS, Answer
from stormlog.apps.cli.shell.completion import COMMANDS
from stormlog.errors import QueryError, StormlogError

if TYPE_CHECKING:
    from stormlog.query import QueryStore
    from stormlog.query.completion import Vocabulary

__all__ = ["ShellSession"]

#: Rows of each statement that are shown, until `.limit` says otherwise.
_MOST_ROWS = 1_000


class ShellSession:
    """What a shell knows between two statements.

    Args:
        store: What is asked.
        format_name: How rows are printed.
        no_colour: Whether to print without colours.
        quiet: Whether to leave out warnings about what was skipped.
        guard: Lets Ctrl-C stop what runs inside.
        print_table: Prints rows as a table; by default as every command does.
    """

    def __init__(
        self,
        store: QueryStore,
        *,
        format_name: str = "table",
        no_colour: bool = False,
        quiet: bool = False,
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
        print_table: Callable[[Answer], None] | None = None,
    ) -> None:
        self._store = store
        self._format_name = format_name
        self._no_colour = no_colour
        self._quiet = quiet
        self._warned: set[diagnostics.Notice] = set()
        self._guard = guard
        self._print_table = print_table or self._print_plainly
        self._limit: int | None = _MOST_ROWS
        self.is_over = False

    def vocabulary(self) -> Vocabulary:
        """Return the names that statements may use now."""
        from stormlog.query.completion import vocabulary_of

        return vocabulary_of(self._store)

    def handle(self, text: str) -> bool:
        """Run a statement or a command of the shell, and return whether it worked; errors are printed.

        Args:
            text: What was typed.
        """
        try:
            self.run(text)
        except KeyboardInterrupt:
            diagnostics.print_message("Interrupted.")
            return False
        except BrokenPipeError:
            raise
        except QueryError as error:
            if str(error).endswith("interrupted"):
                diagnostics.print_message("Interrupted.")
            else:
                diagnostics.print_message(diagnostics.one_line(str(error).removeprefix("sql: ")), "Error")
            return False
        except (StormlogError, ValueError, OSError, click.ClickException) as error:
            message = error.format_message() if isinstance(error, click.ClickException) else str(error)
            diagnostics.print_message(diagnostics.one_line(message), "Error")
            return False
        return True

    def run(self, text: str) -> None:
        """Run a statement or a command of the shell.

        Raises:
            QueryError, SourceError, ValueError, click.ClickException: it failed, or something had to be skipped where
                that is not allowed.
        """
        stripped = text.strip()
        if not stripped.strip("; \n\t"):
            return
        with self._guard():
            if stripped.startswith("."):
                self._run_command(stripped)
            else:
                self._run_statement(stripped)
                output.flush()
                self._warn()
        output.flush()

    # ---- statements ----------------------------------------------------------------------------------------

    def _run_statement(self, text: str) -> None:
        with self._store.iter_sql(text) as rows:
            names = distinct_names(rows.columns)
            records = (dict(zip(names, row, strict=True)) for row in rows)
            shown = islice(records, self._limit)
            if self._format_name in STREAMED_FORMATS:
                output.print_answer(Answer(shown, names=names), self._format_name)
            else:
                answer = Answer(list(shown), names=names)
                if self._format_name == "table":
                    self._print_table(answer)
                else:
                    output.print_answer(answer, self._format_name)
            if self._limit is not None and next(records, None) is not None:
                diagnostics.print_message(f"only the first {self._limit:,} shown; .limit 0 shows all", "Note")

    def _warn(self) -> None:
        """Say what had to be skipped, each thing once in a session."""
        if self._quiet:
            return
        notices = [notice for notice in diagnostics.notices(self._store) if notice not in self._warned]
        diagnostics.print_skipped(notices)
        self._warned.update(notices)

    def _print_plainly(self, answer: Answer) -> None:
        output.print_answer(answer, "table", no_colour=self._no_colour)

    # ---- commands ------------------------------------------------------------------------------------------

    def _run_command(self, text: str) -> None:
        name, _, argument = text.rstrip(";").partition(" ")
        argument = argument.strip()
        if name in (".quit", ".exit"):
            self.is_over = True
        elif name == ".help":
            output.print_text(_help())
        elif name == ".tables":
            self._list_tables()
        elif name == ".schema":
            self._show_schema(argument)
        elif name == ".attach":
            self._attach(argument)
        elif name == ".format":
            self._choose_format(argument)
        elif name == ".limit":
            self._set_limit(argument)
        elif name == ".refresh":
            changed = self._store.refresh()
            output.print_text("Something has changed.\n" if changed else "Nothing has changed.\n")
        else:
            raise ValueError(f"there is no command {name}; .help lists them")

    def _list_tables(self) -> None:
        from stormlog.apps.cli.commands.describe import described_views
        from stormlog.query.schema import view_meanings

        own = {name: f"your own: {', '.join(columns)}" for name, columns in self._store.own_tables().items()}
        output.print_text(described_views({**view_meanings(), **own}))

    def _show_schema(self, name: str) -> None:
        from stormlog.apps.cli.commands.describe import described_view
        from stormlog.query.schema import describe_view

        if not name:
            self._list_tables()
            return
        own = {table.lower(): columns for table, columns in self._store.own_tables().items()}
        if name.lower() in own:
            self._run_statement(f"DESCRIBE {name}")
        else:
            output.print_text(described_view(describe_view(name, self._store)))

    def _attach(self, argument: str) -> None:
        from stormlog.apps.cli.options.statements import attachments_of
        from stormlog.apps.cli.sql_answers import attach_all

        if not argument:
            raise ValueError("write .attach NAME=FILE, as in .attach hosts=hosts.csv")
        attach_all(self._store, attachments_of([argument]), quiet=False)

    def _choose_format(self, name: str) -> None:
        if name not in FORMATS:
            raise ValueError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
        self._format_name = name

    def _set_limit(self, text: str) -> None:
        if not text.isdecimal():
            raise ValueError("write .limit N, as in .limit 100; 0 is no limit")
        self._limit = int(text) or None


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"{name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(["A statement ends with a semicolon.", *lines]) + "\n"
