"""Opens the sources, asks, and prints: what all ``stormlog query`` commands have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from stormlog._names import distinct_names
from stormlog._values import frozen_class
from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.options.configured import configuration_of
from stormlog.apps.cli.options.fields import chosen_fields, chosen_target, known_fields, parse_fields
from stormlog.apps.cli.options.sql_option import PRINT_SQL, statement_document
from stormlog.apps.cli.options.targets import EVENTS, ISSUES, Target, issue_target
from stormlog.apps.cli.printing import diagnostics, output
from stormlog.apps.cli.printing.formats import STREAMED_FORMATS, TABLE_FORMATS, Answer
from stormlog.presenting import Moments
from stormlog.query.streams import RowStream

if TYPE_CHECKING:
    from stormlog.issues import StormlogIssue
    from stormlog.query import EventFilter, QueryStore

__all__ = ["Request", "answer", "open_store", "print_statement", "reading", "with_fields"]

#: Class of a filter -> what its rows are called.
_NOUNS = {
    "IssueFilter": "issues",
    "SessionFilter": "sessions",
    "EventFilter": "events",
    "OOMBundleFilter": "OOM bundles",
    "RunFilter": "runs",
    "RunAttachmentFilter": "attachments",
}


@frozen_class
class Request:
    """What was asked on the command line, besides filters.

    Args:
        paths: Files and directories to read.
        format_name: One of `formats.FORMATS`.
        sql: None, `PRINT_SQL`, or a statement to run instead.
        tracker: A tracker whose states count; None for none.
        project: Its project; None for the usual one.
        strict: Whether anything skipped is an error.
        threads: At most this many; None leaves it to the engine.
        memory_limit: Such as ``512MB``; None leaves it to the engine.
        spill_directory: Where rows go that do not fit; None is the system's temporary directory.
        spill_limit: Such as ``10GB``; None leaves it to the engine.
        unpack_limit: Such as ``10GB``; None leaves it to the environment.
        cache: Where to remember what was read; False for nowhere, None for the usual place.
        quiet: Whether to keep notices and progress to oneself.
        no_colour: Whether to print without colours.
        follow_s: Seconds between two looks at the paths; None asks once.
        moments: How tables show times.
        fields: Names of the fields to print, with commas between; None for all.
    """

    paths: Sequence[str]
    format_name: str
    sql: str | None
    tracker: str | None
    project: str | None
    strict: bool
    threads: int | None
    memory_limit: str | None
    spill_directory: str | None
    spill_limit: str | None
    unpack_limit: str | None
    cache: str | bool | None
    quiet: bool
    no_colour: bool
    follow_s: float | None = None
    moments: Moments = Moments()
    fields: str | None = None

    def below(self, paths: Sequence[str]) -> Request:
        """Return the same about other paths."""
        return replace(self, paths=paths)


def answer(target: Target, filters: Mapping[str, Any], request: Request) -> None:
    """Print what a command asks for, then what had to be skipped for it.

    Args:
        target: Kind of rows.
        filters: Fields of the target's filter class that were given.
        request: Everything else.

    Raises:
        ValueError: a bad filter or setting.
        SourceError: nothing to read, or something skipped where that is not allowed.
        QueryError: the statement failed or was refused.
    """
    if request.sql not in (None, PRINT_SQL) and filters:
        names = ", ".join("--" + name.replace("_", "-") for name in filters)
        raise click.UsageError(
            f"A statement given with --sql answers by itself: leave out {names}, or say it in the statement."
        )
    fields = parse_fields(request.fields, known_fields(target)) if request.sql is None else None
    # Help and completion must not wait for the import.
    import stormlog.query

    wanted = getattr(stormlog.query, target.filter_name)(**filters)
    with open_store(request) as store, ExitStack() as watching:
        if request.follow_s is not None and target is EVENTS:
            _follow_events(store, wanted, request)
        elif request.follow_s is not None:
            _follow(store, wanted, request)
        elif request.sql == PRINT_SQL:
            sql, parameters = getattr(store, f"{target.method}_sql")(wanted)
            print_statement(sql, parameters, request)
        else:
            with reading(store, watching, request):
                found = _found(store, target, wanted, request)
                if request.fields is not None:
                    found = with_fields(found, fields or parse_fields(request.fields, found.names) or ())
            output.print_answer(found, request.format_name, no_colour=request.no_colour)
            output.flush()
            if request.sql is None and not request.quiet:
                _note_other_rows(store, wanted, found, request)
        if not request.quiet and request.follow_s is None:
            diagnostics.print_skipped(diagnostics.notices(store))


def open_store(request: Request) -> QueryStore:
    """Open the paths of a request; use it as a context manager.

    Raises:
        ValueError: a bad setting.
        SourceError: nothing to read, or something skipped where that is not allowed.
    """
    # The engine takes its time to import; help and completion must not wait for it.
    import stormlog.query

    return stormlog.query.open(
        list(request.paths),
        strict=request.strict,
        threads=request.threads,
        memory_limit=request.memory_limit,
        spill_directory=request.spill_directory,
        spill_limit=request.spill_limit,
        unpack_limit=request.unpack_limit,
        cache=request.cache,
        tracker=request.tracker,
        project=request.project or "default",
        ignore=configuration_of(click.get_current_context()).value("ignore") or (),
    )


@contextmanager
def reading(store: QueryStore, watching: ExitStack, request: Request) -> Iterator[None]:
    """Show how far a question inside is, and let Ctrl-C stop it.

    Args:
        store: What is asked.
        watching: What goes on after the question: evidence is read when it is printed, and what was skipped is asked
            of the database.
        request: Whether progress is wanted.
    """
    with ExitStack() as bars:
        # Watching costs threads, and a kept answer is printed before they would have begun.
        store.on_start = lambda: _watch(store, watching, bars, request)
        yield
    store.on_start = lambda: _watch(store, watching, None, request)


def _watch(store: QueryStore, watching: ExitStack, bars: ExitStack | None, request: Request) -> None:
    from stormlog.apps.cli.interrupts import interruptible

    def give_up() -> None:
        from stormlog._new_files import remove_unfinished

        remove_unfinished()
        store.abandon()
        diagnostics.print_error(
            KeyboardInterrupt(), "interrupted", as_json=request.format_name in ("json", "jsonl")
        )
        os._exit(ExitCode.INTERRUPTED)

    watching.enter_context(interruptible(store.interrupt, give_up))
    if bars is not None:
        bars.enter_context(diagnostics.progress_bar(store.progress, enabled=not request.quiet))


def _follow(store: QueryStore, filters: Any, request: Request) -> None:
    from stormlog.apps.cli.commands.follow import follow

    as_table = request.format_name == "table" and output.is_terminal()
    follow(
        store,
        filters,
        interval_s=request.follow_s or 0.0,
        as_table=as_table,
        quiet=request.quiet,
        no_colour=request.no_colour,
        moments=request.moments,
        # A table that is drawn over itself has no line for a bar.
        guard=_guard(store, has_bar=not request.quiet and not as_table),
    )


def _follow_events(store: QueryStore, filters: EventFilter, request: Request) -> None:
    from stormlog.apps.cli.commands.follow_events import follow_events

    fields = parse_fields(request.fields, known_fields(EVENTS))
    follow_events(
        store,
        filters,
        interval_s=request.follow_s or 0.0,
        format_name=request.format_name,
        target=EVENTS if fields is None else chosen_target(EVENTS, fields),
        fields=fields,
        quiet=request.quiet,
        moments=request.moments,
        guard=_guard(store, has_bar=not request.quiet),
    )


def _guard(store: QueryStore, *, has_bar: bool) -> Callable[[], AbstractContextManager[None]]:
    """Return what to enter while a store that is followed reads: Ctrl-C stops it, and a bar shows how far it is."""
    from stormlog.apps.cli.interrupts import interruptible

    @contextmanager
    def guard() -> Iterator[None]:
        with (
            interruptible(store.interrupt),
            diagnostics.progress_bar(store.progress, enabled=has_bar),
        ):
            yield

    return guard


def _found(store: QueryStore, target: Target, wanted: Any, request: Request) -> Answer:
    is_streamed = request.format_name in STREAMED_FORMATS
    if request.sql is not None:
        result = store.iter_sql(request.sql) if is_streamed else store.sql(request.sql)
        names = distinct_names(result.columns)
        records = (dict(zip(names, row, strict=True)) for row in result)
        return Answer(records if is_streamed else list(records), names=names, moments=request.moments)
    if is_streamed and target.stream_method is not None:
        return Answer(getattr(store, target.stream_method)(wanted), target)
    rows = getattr(store, target.method)(wanted)
    if target is not ISSUES:
        return Answer(rows, target, moments=request.moments)
    return _issues_found(store, rows, request)


def _issues_found(store: QueryStore, issues: list[StormlogIssue], request: Request) -> Answer:
    fields = parse_fields(request.fields, known_fields(ISSUES)) or ()
    if request.format_name not in TABLE_FORMATS and not fields:
        return Answer(issues, ISSUES)
    # The formats for programs do without.
    from stormlog.presenting.issue_rows import COUNTS, TABLE_FIELDS, issue_rows

    if request.format_name not in TABLE_FORMATS and not set(fields).intersection(TABLE_FIELDS):
        return Answer(issues, ISSUES)
    is_counted = bool(issues) and (not fields or not set(fields).isdisjoint(COUNTS))
    others = [name for name in fields if name not in TABLE_FIELDS]
    shown = issue_rows(issues, store.issue_counts() if is_counted else {})
    rows = [{**chosen_fields(issue, others), **row} for issue, row in zip(issues, shown, strict=True)]
    return Answer(rows, issue_target(issues), moments=request.moments)


def with_fields(found: Answer, fields: Sequence[str]) -> Answer:
    """Return an answer with some fields of its rows, in the order given."""
    choose = partial(chosen_fields, fields=fields)
    rows = found.rows.mapped(choose) if isinstance(found.rows, RowStream) else list(map(choose, found.rows))
    target = None if found.target is None else chosen_target(found.target, fields)
    return Answer(rows, target, found.names if target is not None else tuple(fields), found.moments)


def _note_other_rows(store: QueryStore, wanted: Any, found: Answer, request: Request) -> None:
    """Say why there are no rows, or how many there are behind these."""
    is_page = wanted.limit is not None or wanted.page is not None
    if not found.is_empty:
        behind = store.rows_behind(wanted) if is_page and request.format_name in ("table", "markdown") else 0
        if behind:
            diagnostics.print_message(f"{behind:,} more: --page {(wanted.page or 1) + 1}", "Note")
        return
    unmatched = store.unmatched_filters(wanted)
    diagnostics.print_unmatched(unmatched)
    if not unmatched and wanted != type(wanted)():
        noun = _NOUNS[type(wanted).__name__]
        fitting, there_are = store.count_rows(wanted), store.count_rows(type(wanted)())
        if fitting:
            diagnostics.print_message(f"there is no page {wanted.page}: {fitting:,} {noun} fit", "Note")
        elif there_are:
            diagnostics.print_message(f"0 of {there_are:,} {noun} fit", "Note")


def print_statement(sql: str, parameters: Mapping[str, Any], request: Request) -> None:
    """Print a statement instead of running it: as text with its parameters, or as a JSON object."""
    if request.format_name in ("json", "jsonl"):
        text = statement_document(sql, parameters)
    else:
        from stormlog.presenting.statement_texts import statement_text

        text = statement_text(sql, parameters)
    output.print_text(text)
    output.flush()
