"""``stormlog rollups``: counts the events of sinks, and writes their sums and peaks beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stormlog.apps.cli.options.options import memory_limit_option, threads_option
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.times import duration_ns

if TYPE_CHECKING:
    from stormlog.rollups import RollupReport

__all__ = ["rollups"]


@click.command()
@click.argument("sinks", metavar="SINK...", nargs=-1, required=True, type=NamedPath())
@click.option(
    "--output",
    metavar="FILE",
    type=NamedPath(),
    help="Write there, of one SINK (default: rollups.json in SINK, where readers look for it).",
)
@click.option("--window", metavar="TIME", default="1m", show_default=True, help="Length of a window.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of what was done.")
@threads_option
@memory_limit_option
@click.option("-q", "--quiet", is_flag=True, help="Do not name lines that were skipped.")
@click.help_option("-h", "--help")
def rollups(
    sinks: tuple[str, ...],
    output: str | None,
    window: str,
    as_json: bool,
    threads: int | None,
    memory_limit: str | None,
    quiet: bool,
) -> None:
    """Write rollups.json of sinks anew: sums and peaks of sessions, ranks and windows.

    Summaries of sinks with rollups that are up to date read no events. A sink that is still running is refused.

    \b
    Examples:
      stormlog rollups runs/sink
      stormlog rollups runs/*/sink --window 10s
      stormlog rollups /mnt/readonly/sink --output sink-rollups.json
    """
    if output is not None and len(sinks) > 1:
        raise click.UsageError("--output names one file: give one SINK.")
    window_ns = duration_ns(window, "'--window'")
    from stormlog.apps.cli.printing import output as answers
    from stormlog.apps.cli.printing.diagnostics import print_message
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.rollups import rebuild_rollups

    reports = []
    for sink in sinks:
        report = rebuild_rollups(
            sink, output, window_duration_ns=window_ns, threads=threads, memory_limit=memory_limit
        )
        reports.append(report)
        if not as_json:
            answers.print_text(_as_text(report))
            answers.flush()
        for warning in () if quiet else report.warnings:
            print_message(warning, "Warning")
    if as_json:
        answers.print_text(json_document([report.as_dict() for report in reports]) + "\n")
        answers.flush()


def _as_text(report: RollupReport) -> str:
    from stormlog.presenting import human_count, printable

    counts = ", ".join(
        f"{human_count(count)} {noun}{'' if count == 1 else 's'}"
        for count, noun in (
            (report.session_count, "session"),
            (report.event_count, "event"),
            (report.window_count, "window"),
        )
    )
    return f"{printable(report.output)}: {counts}\n"
