"""``stormlog why``: what a failed run died of."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.options import (
    cache_of,
    name_tracker,
    reading_options,
    schema_option,
    session_option,
)

if TYPE_CHECKING:
    from stormlog.apps.cli.answers import Request
    from stormlog.explaining import Explanation

__all__ = ["why"]

_FORMATS = ("text", "json", "markdown")

#: Where the rest of what was skipped can be seen.
_REST = 'stormlog query issues PATH... --sql "SELECT * FROM rejects" shows every skipped line'


@click.command()
@click.option("--run", "run_id", metavar="ID", help="Explain this run (default: the latest that failed).")
@click.option(
    "--attempt",
    type=click.IntRange(min=1),
    metavar="N",
    help="Explain this attempt of the run (default: the latest that failed).",
)
@session_option("Explain the run of this session, with the account of this session.")
@click.option(
    "--issue", metavar="ID", help="Explain the run of the latest evidence of this issue, or of a fingerprint."
)
@click.option(
    "--at",
    metavar="TIME",
    help="Show the memory of every device at this time: 2h or 7d (ago), an ISO time (UTC), or seconds since the epoch.",
)
@click.option("--format", "format_name", type=click.Choice(_FORMATS), help="How to print (default: text).")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--brief", is_flag=True, help="Print one line, for the epilogue of a job or a mail.")
@schema_option("Explanation", "Explanation of a run")
@reading_options
def why(
    run_id: str | None,
    attempt: int | None,
    session_id: str | None,
    issue: str | None,
    at: str | None,
    brief: bool,
    **options: Any,
) -> None:
    """Explain why a run failed: which rank first, in which phase, and where its memory went.

    \b
    Examples:
      stormlog why runs/
      stormlog why runs/ --run llm-pretrain-0412 --json
      stormlog why runs/ --issue 8d0c6a4e --db tracker.db
      stormlog why runs/ --at "2026-11-20 09:45:34"
      stormlog why runs/ --brief | mail -s "job $SLURM_JOB_ID" me@example.org
    """
    from stormlog.apps.cli.answers import open_store, reading
    from stormlog.apps.cli.options.times import moment_ns
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.errors import SourceError
    from stormlog.workflows import explain

    format_name = _format_of(options, brief)
    if attempt is not None and (session_id is not None or issue is not None):
        raise click.UsageError("--attempt is a number within a run: leave out --session and --issue.")
    at_ns = None if at is None else moment_ns(at, "'--at'")
    request = _request(format_name, options)
    with open_store(request) as store, ExitStack() as watching:
        try:
            with reading(store, watching, request):
                explanation = explain(
                    store,
                    tracker=request.tracker,
                    project=request.project,
                    run_id=run_id,
                    session_id=session_id,
                    issue=issue,
                    attempt=attempt,
                    at_ns=at_ns,
                )
        except SourceError:
            if not (request.quiet or request.strict):
                # There may be no telemetry because all of it was skipped.
                diagnostics.print_skipped(diagnostics.notices(store), _REST)
            raise
        _print(explanation, format_name, request.no_colour)
        output.flush()
        if not request.quiet:
            _note_other_runs(explanation)
            diagnostics.print_skipped(diagnostics.notices(store), _REST)


def _format_of(options: dict[str, Any], brief: bool) -> str:
    """Take the options that name a format, and return the one that they name.

    Raises:
        click.UsageError: they name several.
    """
    named = {"json": "--json"} if options.pop("as_json") else {}
    format_name = options.pop("format_name")
    if format_name is not None:
        named.setdefault(format_name, f"--format {format_name}")
    if brief:
        named["brief"] = "--brief"
    if len(named) > 1:
        from stormlog.presenting import listed

        raise click.UsageError(f"{listed(sorted(named.values()))} exclude each other.")
    return next(iter(named), _FORMATS[0])


def _request(format_name: str, options: dict[str, Any]) -> Request:
    """Return what `reading_options` said.

    Raises:
        click.UsageError: options contradict one another.
    """
    from stormlog.apps.cli.answers import Request

    cache = cache_of(options)
    name_tracker(options)
    settings = {name: value for name, value in options.items() if name not in ("no_cache", "cache_dir")}
    return Request(format_name=format_name, sql=None, cache=cache, **settings)


def _print(explanation: Explanation, format_name: str, no_colour: bool) -> None:
    from time import time_ns

    from stormlog.apps.cli.printing import output

    if format_name == "json":
        from stormlog.apps.cli.printing.json_text import json_document

        output.print_text(json_document(explanation.as_dict()) + "\n")
    elif format_name == "markdown":
        from stormlog.presenting import markdown

        output.print_text(markdown(explanation, now_ns=time_ns()))
    elif format_name == "brief":
        from stormlog.presenting import brief

        output.print_text(brief(explanation, now_ns=time_ns()) + "\n")
    else:
        _print_screen(explanation, no_colour, time_ns())


def _print_screen(explanation: Explanation, no_colour: bool, now_ns: int) -> None:
    from stormlog.apps.cli.printing.output import draws_blocks
    from stormlog.apps.cli.printing.screens import print_screen, screen_width
    from stormlog.presenting import screen

    lines = screen(explanation, width=screen_width(), ascii_only=not draws_blocks(), now_ns=now_ns)
    print_screen(lines, no_colour)


def _note_other_runs(explanation: Explanation) -> None:
    from stormlog.apps.cli.printing.diagnostics import print_message
    from stormlog.presenting import other_runs_note

    note = other_runs_note(explanation)
    if note is not None:
        print_message(note, "Note")
