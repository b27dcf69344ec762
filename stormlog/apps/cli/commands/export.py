"""``stormlog export``: the views, in a file or a directory that other tools open."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.options import cache_of, name_tracker, reading_settings
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.options.times import TIMES, TimeType

if TYPE_CHECKING:
    from stormlog.exporting import ExportReport

__all__ = ["export"]


@click.command(cls=SectionedCommand)
@click.argument("words", metavar="PATH... TARGET", nargs=-1, type=NamedPath())
@section(
    "Rows",
    click.option("--views", metavar="NAME,...", help="Only these views (default: all)."),
    click.option(
        "--since", metavar="TIME", type=TimeType(), help=f"Leave out what had ended before: {TIMES}."
    ),
)
@section(
    "Output",
    click.option("--force", is_flag=True, help="Replace an export that exists."),
    click.option("--json", "as_json", is_flag=True, help="Print a JSON object of what was written."),
    reading_settings,
)
def export(
    words: tuple[str, ...], views: str | None, since: int | None, force: bool, as_json: bool, **options: Any
) -> None:
    """Write all views to a file that other tools open, or to a directory of Parquet files.

    TARGET says the format: NAME.duckdb, NAME.sqlite, or a directory. It is read again and compared with its source
    before it gets its name, and it is never written into the opened paths.

    \b
    Examples:
      stormlog export runs/ runs.duckdb
      stormlog export runs/ runs.sqlite --views issues,issue_evidence,sessions
      stormlog export runs/ parquet/ --since 7d
    """
    from stormlog.apps.cli.answers import open_store, reading
    from stormlog.apps.cli.commands.sql import request_of
    from stormlog.apps.cli.options.statements import paths_or_configured
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.apps.cli.printing.json_text import json_document

    if not words:
        raise click.UsageError("Missing argument 'TARGET': name the file or the directory to write last.")
    *paths, target = words
    name_tracker(options)
    format_name = "json" if as_json else "table"
    request = request_of(options, paths_or_configured(paths), format_name, cache_of(options))
    with open_store(request) as store, ExitStack() as watching:
        with reading(store, watching, request):
            report = store.export(
                target, views=None if views is None else views.split(","), since=since, replace=force
            )
        output.print_text(json_document(report.as_dict()) + "\n" if as_json else _as_text(report))
        output.flush()
        if not request.quiet:
            diagnostics.print_skipped(diagnostics.notices(store))


def _as_text(report: ExportReport) -> str:
    from stormlog.presenting import counted, human_bytes, human_count, printable

    written = [view for view in report.views if view.row_count is not None]
    lines = [
        f"{printable(report.target)}: {counted(len(written), 'view')}, {human_count(report.row_count)} rows, "
        f"{human_bytes(report.size_bytes)}"
    ]
    return "\n".join(lines) + "\n"
