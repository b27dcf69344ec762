"""``stormlog sql``: one statement over the views, printed or written to a file."""

from __future__ import annotations

from typing import Any

import click

from stormlog.apps.cli.options.options import (
    cache_of,
    format_of,
    format_option,
    name_tracker,
    reading_settings,
)
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.printing.formats import FORMATS

__all__ = ["attach_option", "sql"]

attach_option = click.option(
    "--attach",
    "attached",
    metavar="NAME=FILE",
    multiple=True,
    help="Make a table of a CSV, JSON lines, Parquet or Arrow file, or of FILE#TABLE of a SQLite database.",
)


class _StatementCommand(SectionedCommand):
    """A command whose statement may begin with a comment, which looks like an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, a blank being put before such a statement."""
        return super().parse_args(ctx, [f" {text}" if text[:3] in ("-- ", "--\n") else text for text in args])


_file_option = click.option(
    "-f",
    "--file",
    metavar="FILE",
    type=NamedPath(dir_okay=False),
    help="Read the statement from this file, - for stdin.",
)
_parameter_option = click.option(
    "-p",
    "--param",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of $NAME in the statement: JSON (5, true, null, [1, 2]), else text.",
)


@click.command(cls=_StatementCommand)
@click.argument("words", metavar="PATH... STATEMENT", nargs=-1, type=NamedPath())
@section("Options", _file_option, _parameter_option, attach_option)
@section(
    "Rows",
    click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Only the first so many rows."),
    click.option("--max-bytes", metavar="SIZE", help="At most so much text, such as 100KB, in whole rows."),
    click.option("--timeout", metavar="TIME", help="Stop a statement that takes longer, such as 30s or 5m."),
)
@section(
    "Output",
    format_option,
    *(
        click.option(f"--{name}", f"shortcut_{name}", is_flag=True, help=f"Short for --format {name}.")
        for name in FORMATS
    ),
    click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=NamedPath(),
        help="Write to this file instead: .parquet, .arrow, .csv or .jsonl.",
    ),
    click.option("--force", is_flag=True, help="With -o: replace a file that exists."),
    reading_settings,
)
def sql(**options: Any) -> None:
    """Run one SELECT over the views and your own tables.

    STATEMENT may only read. It may stand anywhere among the paths; - reads it from stdin.

    \b
    Examples:
      stormlog sql runs/ "SELECT kind, count(*) AS issues FROM issues GROUP BY kind"
      stormlog sql runs/ "SHOW TABLES"
      stormlog sql runs/ -f report.sql -p since=2026-11-01 --csv
      stormlog sql runs/ --attach hosts=hosts.csv "FROM events JOIN hosts USING (host)"
      stormlog sql runs/ "FROM events" -o events.parquet
    """
    from stormlog.apps.cli.options.statements import attachments_of, paths_or_configured, statement_of
    from stormlog.apps.cli.sql_answers import SqlRequest, answer_sql, output_format, seconds_of, size_of
    from stormlog.query.parameters import parse_parameters

    text, paths = statement_of(options["words"], options["file"])
    output = options["output"]
    shortcuts = any(options[f"shortcut_{name}"] for name in FORMATS)
    format_name = format_of(options)
    if output is not None:
        given = options["format_name"] if _is_given("format_name") else None
        format_name = output_format(output, format_name if shortcuts else given)
    elif options["force"]:
        raise click.UsageError("--force needs -o: it replaces a file that exists.")
    name_tracker(options)
    answer_sql(
        SqlRequest(
            text=text,
            parameters=parse_parameters(options["parameters"]),
            attached=attachments_of(options["attached"]),
            output=output,
            replaces=options["force"],
            limit=options["limit"],
            most_bytes=size_of(options["max_bytes"]),
            timeout_s=seconds_of(options["timeout"]),
        ),
        request_of(options, paths_or_configured(paths), format_name, cache_of(options)),
    )


def _is_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def request_of(options: dict[str, Any], paths: list[str], format_name: str, cache: Any) -> Any:
    """Return the request that the options of `reading_settings` mean."""
    from stormlog.apps.cli.answers import Request

    names = (
        *("tracker", "project", "strict", "threads", "memory_limit", "spill_directory", "spill_limit"),
        *("unpack_limit", "quiet", "no_colour"),
    )
    settings = {name: options[name] for name in names}
    return Request(paths=paths, format_name=format_name, sql="", cache=cache, **settings)
