"""``stormlog diff``: two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.configured import configuration_of
from stormlog.apps.cli.options.options import (
    cache_of,
    format_of,
    format_options,
    name_tracker,
    reading_settings,
    schema_option,
)
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.options.shown_times import moment_options, moments_of

if TYPE_CHECKING:
    from stormlog.apps.cli.answers import Request
    from stormlog.apps.cli.options.named_runs import NamedRun
    from stormlog.explaining import RunDiff
    from stormlog.query import QueryStore

__all__ = ["diff"]

#: Where the rest of what was skipped can be seen.
_REST = 'stormlog sql PATH... "SELECT * FROM rejects" shows every skipped line'


@click.command(cls=SectionedCommand)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option(
    "--path",
    "paths",
    metavar="PATH",
    type=NamedPath(),
    multiple=True,
    help="Look there for a run that is named by its id alone (repeatable; default: 'paths' of the configuration).",
)
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="N M",
    help="Compare attempt N of BEFORE with attempt M of AFTER (default: all attempts of both).",
)
@section(
    "Output",
    format_options,
    schema_option("RunDiff", "Comparison of two runs"),
    moment_options,
    reading_settings,
)
def diff(
    before: str, after: str, paths: tuple[str, ...], attempts: tuple[int, int] | None, **options: Any
) -> None:
    """Compare two runs: issues that came and went, peaks of memory by phase, and how both ended.

    BEFORE and AFTER are each a PATH that holds one run, PATH::RUN, or the id of a run.

    \b
    Examples:
      stormlog diff runs/nightly-0411 runs/nightly-0412
      stormlog diff runs/::llm-1.4.0 runs/::llm-1.4.1 --json
      stormlog diff runs/::llm-1.4.1 runs/::llm-1.4.1 --attempts 1 2
    """
    from stormlog.apps.cli.answers import open_store, reading
    from stormlog.apps.cli.options.named_runs import named_run
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.errors import SourceError

    known = paths or configuration_of(click.get_current_context()).value("paths") or ()
    first, second = named_run(before, known, "BEFORE"), named_run(after, known, "AFTER")
    request = _request(second, options)
    with ExitStack() as opened, ExitStack() as watching:
        store = opened.enter_context(open_store(request))
        stores = [store]
        if first.paths != second.paths:
            stores.insert(0, opened.enter_context(open_store(request.below(first.paths))))
        try:
            with ExitStack() as questions:
                for asked in stores:
                    questions.enter_context(reading(asked, watching, request))
                found = store.compare_runs(
                    first.run_id, second.run_id, before_store=stores[0], attempts=attempts or (None, None)
                )
        except SourceError:
            if not (request.quiet or request.strict):
                # There may be no telemetry because all of it was skipped.
                _print_skipped(stores)
            raise
        _print(found, request)
        output.flush()
        if not request.quiet:
            if found.is_same_run:
                diagnostics.print_message("both are the same run", "Note")
            _print_skipped(stores)


def _print_skipped(stores: Sequence[QueryStore]) -> None:
    from stormlog.apps.cli.printing import diagnostics

    for store in stores:
        diagnostics.print_skipped(diagnostics.notices(store), _REST)


def _request(run: NamedRun, options: dict[str, Any]) -> Request:
    """Return what the options ask for, about the paths of a run.

    Raises:
        click.UsageError: options contradict one another.
    """
    from stormlog.apps.cli.answers import Request

    format_name, cache, moments = format_of(options), cache_of(options), moments_of(options)
    name_tracker(options)
    others = ("no_cache", "cache_dir", "format_name")
    settings = {
        name: value
        for name, value in options.items()
        if name not in others and not name.startswith("shortcut_")
    }
    return Request(
        paths=run.paths, format_name=format_name, sql=None, cache=cache, moments=moments, **settings
    )


def _print(found: RunDiff, request: Request) -> None:
    """Print all of it: as one document, as rows, or as tables under headings."""
    from stormlog.apps.cli.options.diff_targets import COMPARISON
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.formats import Answer

    if request.format_name == "json":
        from stormlog.apps.cli.printing.json_text import json_document

        output.print_text(json_document(found.as_dict()) + "\n")
    elif request.format_name in ("jsonl", "csv"):
        from stormlog.presenting import comparison_rows

        output.print_answer(Answer(comparison_rows(found), COMPARISON), request.format_name)
    else:
        _print_tables(found, request)


def _print_tables(found: RunDiff, request: Request) -> None:
    from stormlog.apps.cli.options.diff_targets import ISSUE_CHANGES, PEAK_CHANGES, RUN_FACTS, without_empty
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.formats import Answer
    from stormlog.presenting import issue_change_rows, issue_changes_title, peak_change_rows, run_fact_rows

    mark = "### " if request.format_name == "markdown" else ""
    tables = (
        ("Runs", run_fact_rows(found, request.moments), RUN_FACTS),
        (issue_changes_title(found), issue_change_rows(found), ISSUE_CHANGES),
        ("Peaks by phase, of the rank with the highest", peak_change_rows(found), PEAK_CHANGES),
    )
    for number, (title, rows, target) in enumerate(tables):
        output.print_text(f"{'' if number == 0 else chr(10)}{mark}{title}\n\n")
        shown = without_empty(target, rows, ("number", "status", "unknown"))
        answer = Answer(rows, shown, moments=request.moments)
        output.print_answer(answer, request.format_name, no_colour=request.no_colour)
