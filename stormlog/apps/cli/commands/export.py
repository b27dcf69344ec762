"""``stormlog export``: the views, in a file or a directory that other tools open."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.configured import configuration_of
from stormlog.apps.cli.options.options import cache_of, name_tracker, reading_settings
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.options.times import TIMES, TimeType

if TYPE_CHECKING:
    from stormlog.exporting import ExportReport

__all__ = ["export"]

_TEXT_FORMATS = ("openmetrics", "otlp-jsonl")


@click.command(cls=SectionedCommand)
@click.argument("words", metavar="PATH... [TARGET]", nargs=-1, type=NamedPath())
@section(
    "Rows",
    click.option("--views", metavar="NAME,...", help="Only these views (default: all)."),
    click.option(
        "--since", metavar="TIME", type=TimeType(), help=f"Leave out what had ended before: {TIMES}."
    ),
)
@section(
    "Output",
    click.option(
        "--format",
        "format_name",
        type=click.Choice(_TEXT_FORMATS),
        help="Write text instead of a TARGET: counts as metrics, or every record as a line of OTLP/JSON.",
    ),
    click.option(
        "-o",
        "--output",
        "target_file",
        metavar="FILE",
        type=NamedPath(allow_dash=True),
        help="With --format: write to FILE (default: stdout, which - means too).",
    ),
    click.option("--force", is_flag=True, help="Replace an export that exists."),
    click.option("--json", "as_json", is_flag=True, help="Print a JSON object of what was written."),
    reading_settings,
)
def export(
    words: tuple[str, ...],
    views: str | None,
    since: int | None,
    format_name: str | None,
    target_file: str | None,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write all views to a file that other tools open, or to a directory of Parquet files; or metrics, or log lines.

    TARGET says the format: NAME.duckdb, NAME.sqlite, or a directory. It is read again and compared with its source
    before it gets its name, and it is never written into the opened paths.

    \b
    Examples:
      stormlog export runs/ runs.duckdb
      stormlog export runs/ runs.sqlite --views issues,issue_evidence,sessions
      stormlog export runs/ parquet/ --since 7d
      stormlog export runs/ --format openmetrics -o metrics/stormlog.prom --force
      stormlog export runs/ --format otlp-jsonl > records.jsonl
    """
    from stormlog.apps.cli.answers import open_store, reading
    from stormlog.apps.cli.commands.sql import request_of
    from stormlog.apps.cli.options.statements import paths_or_configured
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.apps.cli.printing.json_text import json_document

    _require_fitting(format_name, target_file, {"--views": views is not None, "--json": as_json}, force=force)
    if format_name is not None:
        from stormlog.apps.cli.text_exports import export_text

        name_tracker(options)
        request = request_of(options, paths_or_configured(words), "table", cache_of(options))
        export_text(format_name, target_file, request, since=since, replaces=force)
        return
    if not words:
        raise click.UsageError("Missing argument 'TARGET': name the file or the directory to write last.")
    *paths, target = words
    context = click.get_current_context()
    if not paths and os.path.exists(target) and not configuration_of(context).value("paths"):
        raise click.UsageError(
            f"Missing argument 'TARGET': name the file or the directory to write, after {target}.", context
        )
    name_tracker(options)
    answer_format = "json" if as_json else "table"
    request = request_of(options, paths_or_configured(paths), answer_format, cache_of(options))
    with open_store(request) as store, ExitStack() as watching:
        with reading(store, watching, request):
            report = store.export(
                target, views=None if views is None else views.split(","), since=since, replace=force
            )
        output.print_text(json_document(report.as_dict()) + "\n" if as_json else _as_text(report))
        output.flush()
        if not request.quiet:
            diagnostics.print_skipped(diagnostics.notices(store))


def _require_fitting(
    format_name: str | None, target_file: str | None, of_views: dict[str, bool], *, force: bool
) -> None:
    """Refuse options that say nothing beside the others.

    Args:
        format_name: Format of text; None for an export of views.
        target_file: File of text; None for stdout.
        of_views: Options of an export of views, and whether they were given.
        force: Whether a file may be replaced.

    Raises:
        click.UsageError: there are some.
    """
    if format_name is None:
        if target_file is not None:
            raise click.UsageError("-o needs --format: an export of views is named last, without an option.")
        return
    for name, is_given in of_views.items():
        if is_given:
            raise click.UsageError(
                f"{name} is of exports of views: leave it out with --format {format_name}."
            )
    if force and target_file in (None, "-"):
        raise click.UsageError("--force needs a file: name one with -o FILE.")


def _as_text(report: ExportReport) -> str:
    from stormlog.presenting import counted, human_bytes, human_count, human_time, printable

    written = [view for view in report.views if view.row_count is not None]
    newest = (
        "" if report.newest_ns is None else f"; the newest event is of {human_time(report.newest_ns)} UTC"
    )
    lines = [
        f"{printable(report.target)}: {counted(len(written), 'view')}, {counted(report.row_count, 'row')}, "
        f"{human_bytes(report.size_bytes)}{newest}"
    ]
    missing = len(report.views) - len(written)
    if missing:
        lines.append(f"Not asked for: {counted(missing, 'view')}")
    if report.since_ns is not None:
        shorter = [f"{human_count(v.left_out_count)} of {v.view}" for v in written if v.left_out_count]
        lines.append(
            f"Left out, as it had ended before {human_time(report.since_ns)} UTC: {', '.join(shorter) or 'nothing'}"
        )
    return "\n".join(lines) + "\n"
