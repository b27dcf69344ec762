"""Asks for summaries and correlations, and prints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from stormlog.apps.cli.answers import Request, answer, open_store, print_statement, reading, with_fields
from stormlog.apps.cli.options.fields import chosen_fields, known_fields, parse_fields
from stormlog.apps.cli.options.run_targets import CORRELATION, RUNS, summary_fields, summary_target
from stormlog.apps.cli.options.sql_option import PRINT_SQL
from stormlog.apps.cli.printing import diagnostics, output
from stormlog.apps.cli.printing.formats import Answer

if TYPE_CHECKING:
    from stormlog.query import CorrelationResult, QueryStore

__all__ = ["answer_correlation", "answer_summary"]


def answer_summary(metric: str, group_by: str | None, request: Request) -> None:
    """Print one number for each group.

    Raises:
        ValueError: there is no such field.
        SourceError: nothing to read, or something skipped where that is not allowed.
        QueryError: the statement failed or was refused.
    """
    target = summary_target(metric, group_by)
    fields = parse_fields(request.fields, summary_fields(target)) if request.sql is None else None

    def ask(store: QueryStore) -> Callable[[], None]:
        rows = store.summarize(metric, group_by=group_by)
        return lambda: _print_rows(Answer(rows, target, moments=request.moments), fields, request)

    _answer(request, ask, lambda store: store.summarize_sql(metric, group_by=group_by))


def answer_correlation(filters: Mapping[str, Any], request: Request) -> None:
    """Print what happened around a moment; as JSON, with the moment itself.

    Raises:
        ValueError: a bad filter, no event has the record id, or there is no such field.
        SourceError: nothing to read, or something skipped where that is not allowed.
        QueryError: the statement failed or was refused.
    """
    from stormlog.query import CorrelationFilter

    wanted = CorrelationFilter(**filters)
    fields = parse_fields(request.fields, known_fields(CORRELATION)) if request.sql is None else None

    def ask(store: QueryStore) -> Callable[[], None]:
        result = store.correlate(wanted)
        return lambda: _print_correlation(result, fields, request)

    _answer(request, ask, lambda store: store.correlate_sql(wanted))


def _print_correlation(result: CorrelationResult, fields: Sequence[str] | None, request: Request) -> None:
    if request.format_name == "json":
        from stormlog.apps.cli.printing.json_text import json_document

        document: dict[str, Any] = {**result.as_dict()}
        if fields is not None:
            document["evidence"] = [chosen_fields(row, fields) for row in document["evidence"]]
        output.print_text(json_document(document) + "\n")
    else:
        _print_rows(Answer(result.evidence, CORRELATION, moments=request.moments), fields, request)


def _print_rows(rows: Answer, fields: Sequence[str] | None, request: Request) -> None:
    if fields is not None:
        rows = with_fields(rows, fields)
    output.print_answer(rows, request.format_name, no_colour=request.no_colour)


def _answer(
    request: Request,
    ask: Callable[[QueryStore], Callable[[], None]],
    statement: Callable[[QueryStore], tuple[str, dict[str, Any]]],
) -> None:
    """Ask, print, then say what had to be skipped.

    Args:
        request: How to ask and print.
        ask: Asks the store, and returns what prints the answer.
        statement: Returns what would be asked.
    """
    if request.sql not in (None, PRINT_SQL):
        # A statement answers by itself, whichever command it stands behind.
        answer(RUNS, {}, request)
        return
    with open_store(request) as store, ExitStack() as watching:
        if request.sql == PRINT_SQL:
            print_statement(*statement(store), request)
        else:
            with reading(store, watching, request):
                print_rows = ask(store)
            print_rows()
            output.flush()
        if not request.quiet:
            diagnostics.print_skipped(diagnostics.notices(store))
