"""``stormlog report``: what can be sent to those who were not there."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.options import cache_of, name_tracker, reading_options
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand

if TYPE_CHECKING:
    from stormlog.apps.cli.answers import Request
    from stormlog.query import QueryStore
    from stormlog.reporting import Report

__all__ = ["report"]

_FORMATS = ("html", "markdown", "json", "svg")

#: Ending of a file -> the format that it says.
_FORMAT_OF_ENDING = {".md": "markdown", ".markdown": "markdown", ".json": "json", ".svg": "svg"}


@click.command(cls=SectionedCommand)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    type=NamedPath(allow_dash=True),
    help="Write to FILE (default: stdout, which - means too).",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(_FORMATS),
    help="How to write (default: as the ending of FILE says, .md, .json or .svg; else html).",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--run", "run_id", metavar="ID", help="Explain this run (default: the latest that failed).")
@click.option(
    "--limit",
    "most_issues",
    type=click.IntRange(min=0),
    metavar="N",
    help="Show so many issues in full, the worst and latest (default: 50).",
)
@reading_options
def report(
    target: str | None,
    force: bool,
    format_name: str | None,
    as_json: bool,
    run_id: str | None,
    most_issues: int | None,
    **options: Any,
) -> None:
    """Write a report to send: why the latest failed run failed, and which issues there are.

    HTML is one file that loads nothing and runs no script. Markdown is for a pull request. JSON is an envelope
    'stormlog.report' for programs, which says in its verdict whether there are findings. SVG is the picture of the
    run's memory alone. The status is 0 for a report that was written, whatever it says.

    \b
    Examples:
      stormlog report runs/ -o report.html
      stormlog report runs/ --db tracker.db -o report.html --force
      stormlog report runs/ --format markdown >> "$GITHUB_STEP_SUMMARY"
      stormlog report runs/ --json | jq .verdict
    """
    from stormlog.apps.cli.answers import open_store, reading
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.errors import SourceError
    from stormlog.reporting import MOST_ISSUES, check_target, collect_report, write_report

    is_stdout = target in (None, "-")
    format_name = _format_of(format_name, as_json, target)
    if force and is_stdout:
        raise click.UsageError("--force needs a file: name one with -o FILE.")
    if target is None and format_name == "html" and output.is_terminal():
        raise click.UsageError(
            "A page is nothing for a terminal: name a file with -o FILE, or choose --format markdown."
        )
    request = _request(format_name, options)
    with open_store(request) as store, ExitStack() as watching:
        if target is not None and not is_stdout:
            # Before anything is read, which may take long.
            check_target(target, store, tracker=request.tracker, replace=force)
        try:
            with reading(store, watching, request):
                found = collect_report(
                    store,
                    run_id=run_id,
                    tracker=request.tracker,
                    project=request.project,
                    most_issues=MOST_ISSUES if most_issues is None else most_issues,
                )
                text = _text_of(found, store, format_name, None if is_stdout else target)
        except SourceError:
            # What was skipped may be why there is nothing to report.
            if not request.quiet and not request.strict:
                diagnostics.print_skipped(diagnostics.notices(store))
            raise
        if target is None or is_stdout:
            output.print_text(text)
        else:
            write_report(target, text, store, tracker=request.tracker, replace=force)
        output.flush()
        if not request.quiet:
            diagnostics.print_skipped(diagnostics.notices(store))


def _format_of(format_name: str | None, as_json: bool, target: str | None) -> str:
    """Return the one format that the options and the name of the file say.

    Raises:
        click.UsageError: they name several.
    """
    if as_json:
        if format_name not in (None, "json"):
            raise click.UsageError(f"--json and --format {format_name} exclude each other.")
        return "json"
    if format_name is None and target is not None:
        named = (name for ending, name in _FORMAT_OF_ENDING.items() if target.lower().endswith(ending))
        format_name = next(named, None)
    return format_name or _FORMATS[0]


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


def _text_of(found: Report, store: QueryStore, format_name: str, target: str | None) -> str:
    if format_name == "json":
        from stormlog.apps.cli.printing.json_text import json_document
        from stormlog.reporting import report_envelope

        directory = None if target is None else os.path.dirname(target) or "."
        return json_document(report_envelope(found, store, directory=directory)) + "\n"
    if format_name == "svg":
        from stormlog.reporting import report_picture

        return report_picture(found)
    if format_name == "markdown":
        from stormlog.reporting import report_markdown

        return report_markdown(found)
    from stormlog.reporting import report_page

    return report_page(found)
