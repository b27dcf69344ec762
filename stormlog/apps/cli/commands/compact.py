"""``stormlog compact``: a sink as Parquet, with the same answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stormlog.apps.cli.options.options import memory_limit_option, threads_option
from stormlog.apps.cli.options.path_type import NamedPath

if TYPE_CHECKING:
    from stormlog.compaction import CompactionReport

__all__ = ["compact"]

#: Most copied segments that are named one by one.
_NAMED = 10


@click.command()
@click.argument("sink", metavar="SINK", type=NamedPath())
@click.option(
    "--output",
    metavar="DIR",
    type=NamedPath(),
    help="Where to write; a new directory (default: SINK-compact).",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Put the result, once verified, in the place of SINK; remove the original.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object of what was done.")
@threads_option
@memory_limit_option
@click.option("-q", "--quiet", is_flag=True, help="Print neither notices nor progress.")
@click.help_option("-h", "--help")
def compact(
    sink: str,
    output: str | None,
    replace: bool,
    as_json: bool,
    threads: int | None,
    memory_limit: str | None,
    quiet: bool,
) -> None:
    """Write the closed segments of a sink as Parquet.

    The result is a sink that answers as SINK does, in a fraction of its size. Every record is read again
    and compared before the result gets its name. SINK is left as it is, unless --replace is given.

    \b
    Examples:
      stormlog compact runs/sink
      stormlog compact runs/sink --output archive/sink
      stormlog compact runs/sink --replace
    """
    from stormlog._progress import Progress
    from stormlog.apps.cli.printing import diagnostics
    from stormlog.apps.cli.printing import output as answers
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.compaction import compact_sink

    state = Progress(0, 0)

    def note(done: int, total: int) -> None:
        nonlocal state
        state = Progress(done, total)

    with diagnostics.progress_bar(lambda: state if state.bytes_total else None, enabled=not quiet):
        report = compact_sink(
            sink, output, replace=replace, threads=threads, memory_limit=memory_limit, progress=note
        )
    answers.print_text(json_document(report.as_dict()) + "\n" if as_json else _as_text(report))
    answers.flush()
    if not quiet:
        _print_notices(report)


def _as_text(report: CompactionReport) -> str:
    from stormlog.presenting import counted, human_bytes, human_count, printable

    before = sum(segment.bytes_before for segment in report.compacted)
    after = sum(segment.bytes_after for segment in report.compacted)
    if not report.compacted:
        what = "No segment could be compacted"
    else:
        smaller = f", {before / after:.1f} times smaller" if after < before else ""
        what = (
            f"{counted(len(report.compacted), 'segment')} of {human_count(report.row_count)} records compacted: "
            f"{human_bytes(before)} to {human_bytes(after)}{smaller}"
        )
    lines = [what]
    if report.copied:
        lines.append(f"{counted(len(report.copied), 'segment')} copied as written")
    place = printable(report.output)
    if report.is_replaced:
        lines.append(f"{place} is the compacted sink now")
    elif report.output == report.sink:
        lines.append(f"{place} was left as it is")
    else:
        lines.append(f"Written to {place}")
    return "\n".join(lines) + "\n"


def _print_notices(report: CompactionReport) -> None:
    from stormlog.apps.cli.printing.diagnostics import print_message

    notices: list[str] = []
    if report.is_restored:
        notices.append(
            f"{report.sink} had been moved aside by a replacement that was cut short; it was put back"
        )
    notices += [
        f"{segment.filename}: copied as written: {segment.reason}" for segment in report.copied[:_NAMED]
    ]
    if len(report.copied) > _NAMED:
        notices.append(f"... and {len(report.copied) - _NAMED:,} more; --json names every segment")
    for notice in notices:
        print_message(notice, "Note")
