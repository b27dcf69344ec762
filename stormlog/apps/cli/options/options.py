"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from stormlog.apps.cli.options.configured import (
    configuration_of,
    configured_option,
    late_option,
    paths_argument,
)
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.options.shown_times import moment_options
from stormlog.apps.cli.printing.formats import FORMATS

__all__ = [
    "AnswerCommand",
    "answer_options",
    "cache_dir_option",
    "cache_of",
    "format_of",
    "format_options",
    "machine_options",
    "reading_options",
    "reading_settings",
    "schema_option",
    "session_option",
    "text_option",
    "name_tracker",
]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Decorator = Callable[[Decorated], Decorated]


threads_option = configured_option(
    "--threads", key="threads", type=click.INT, metavar="N", help="Use at most this many threads."
)

memory_limit_option = configured_option(
    "--memory-limit", key="memory_limit", metavar="SIZE", help="Use at most this much memory, such as 512MB."
)

#: How a list is printed, for `format_of`.
format_option = configured_option(
    "--format",
    "format_name",
    key="format",
    gives_way_to=tuple(f"shortcut_{name}" for name in FORMATS),
    type=click.Choice(FORMATS),
    help="How to print (default: table).",
)


class AnswerCommand(SectionedCommand):
    """A command whose ``--sql`` may or may not be followed by a statement."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse after deciding what belongs to ``--sql``."""
        from stormlog.apps.cli.options.sql_option import attach_statement

        return super().parse_args(ctx, attach_statement(args))


def text_option(name: str, text: str) -> Decorator[Any]:
    """Return an option that takes a text to compare with."""
    return click.option(name, metavar="TEXT", help=text)


def session_option(text: str) -> Decorator[Any]:
    """Return the option that names a session, in both spellings."""
    return click.option("--session-id", "--session", "session_id", metavar="ID", help=text)


def format_options(function: Decorated) -> Decorated:
    """Add the formats of a list, for `format_of`: ``format_name`` and ``shortcut_<format>``."""
    return section(
        "Output",
        format_option,
        *(
            click.option(f"--{name}", f"shortcut_{name}", is_flag=True, help=f"Short for --format {name}.")
            for name in FORMATS
        ),
    )(function)


def schema_option(name: str, title: str) -> Decorator[Any]:
    """Return the option that prints the JSON schema of an answer.

    Args:
        name: Class of `stormlog.explaining` that the answer is.
        title: Title of the schema.
    """

    def print_schema(ctx: click.Context, _: click.Parameter, is_wanted: bool) -> None:
        if not is_wanted or ctx.resilient_parsing:
            return
        import stormlog.explaining
        from stormlog.apps.cli.printing import output
        from stormlog.apps.cli.printing.json_text import json_document
        from stormlog.specification import json_schema

        schema = json_schema(getattr(stormlog.explaining, name), title=title)
        output.print_text(json_document(schema) + "\n")
        output.flush()
        ctx.exit()

    return click.option(
        "--schema",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=print_schema,
        help="Print the JSON schema of --json, and nothing else.",
    )


def answer_options(function: Decorated) -> Decorated:
    """Add paths, formats and settings to a command that prints rows.

    The command receives ``format_name``, ``shortcut_<format>``, ``sql``, what `moment_options` adds, and what
    `reading_options` says.
    """
    return section(
        "Output",
        format_options,
        click.option(
            "--sql",
            metavar="[SELECT]",
            help="Print the SQL that answers the command; with a SELECT behind it, run that over the views.",
        ),
        moment_options,
        reading_options,
    )(function)


def reading_options(function: Decorated) -> Decorated:
    """Add paths, and how they are read, to a command that opens them.

    The command receives ``paths``, ``tracker``, ``project``, ``strict``, what `machine_options` says, ``no_cache``,
    ``cache_dir``, ``quiet`` and ``no_colour``.
    """
    decorate = section("Output", paths_argument(type=NamedPath()), reading_settings)
    return decorate(function)


def reading_settings(function: Decorated) -> Decorated:
    """Add what `reading_options` adds, but the paths."""
    return section(
        "Output",
        section(
            "Tracker",
            late_option(
                "--db",
                "--tracker",
                "tracker",
                key="db",
                metavar="FILE",
                type=NamedPath(dir_okay=False),
                help="Show the states of this tracker (default: STORMLOG_DB, if there is one); SQL sees its tables "
                "as schema tracking.",
            ),
            late_option(
                "--project",
                key="project",
                metavar="NAME",
                help="Project of the tracker (default: default).",
            ),
        ),
        section(
            "Reading",
            click.option("--strict", is_flag=True, help="Fail with status 3 if anything has to be skipped."),
            machine_options,
            click.option("--no-cache", is_flag=True, help="Read all files anew, and remember nothing."),
            cache_dir_option,
        ),
        click.option("-q", "--quiet", is_flag=True, help="Print neither warnings nor progress."),
        click.option(
            "--no-color", "no_colour", is_flag=True, help="Print without colours, as NO_COLOR does."
        ),
        click.help_option("-h", "--help"),
    )(function)


def machine_options(function: Decorated) -> Decorated:
    """Add what limits the engine: ``threads``, ``memory_limit``, spilling and unpacking."""
    return section(
        "Reading",
        threads_option,
        memory_limit_option,
        click.option(
            "--spill-dir",
            "spill_directory",
            metavar="DIR",
            type=NamedPath(exists=True, file_okay=False, writable=True),
            help="Put what does not fit into memory there (default: the temporary directory).",
        ),
        click.option("--spill-limit", metavar="SIZE", help="Put at most this much there, such as 10GB."),
        click.option(
            "--unpack-limit",
            metavar="SIZE",
            help="Skip .gz and .zst files that hold more, such as 10GB (default: STORMLOG_UNPACK_LIMIT, else 4 GiB "
            "and 500 times their size).",
        ),
    )(function)


class _CacheDirectory(NamedPath):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        # The configuration file says so: there is to be none.
        return value if value is False else super().convert(value, param, ctx)


def cache_dir_option(function: Decorated) -> Decorated:
    """Add the option that names the directory in which to remember what was read."""
    return configured_option(
        "--cache-dir",
        key="cache",
        gives_way_to=("no_cache",),
        metavar="DIR",
        type=_CacheDirectory(file_okay=False),
        help="Remember there what was read (default: STORMLOG_CACHE, else ~/.cache/stormlog).",
    )(function)


def cache_of(options: Mapping[str, Any]) -> str | bool | None:
    """Return the argument ``cache`` of `stormlog.query.open` that ``--no-cache`` and ``--cache-dir`` mean.

    Raises:
        click.UsageError: they contradict each other.
    """
    if options["no_cache"] and options["cache_dir"] is not None:
        raise click.UsageError("Choose one of --no-cache and --cache-dir: they exclude each other.")
    return False if options["no_cache"] else options["cache_dir"]


def format_of(options: Mapping[str, Any]) -> str:
    """Return the one format that ``--format`` and its shortcuts name.

    Raises:
        click.UsageError: they name several.
    """
    named = [name for name in FORMATS if options["format_name"] == name or options[f"shortcut_{name}"]]
    if len(named) > 1:
        raise click.UsageError(f"Choose one format: {', '.join(named)} exclude each other.")
    return named[0] if named else FORMATS[0]


def name_tracker(options: dict[str, Any], *, is_wanted: bool = True) -> None:
    """Put the tracker and its project into the options of a command that names none.

    That is the tracker of ``STORMLOG_DB`` or of the configuration file; none before the first scan has made it.

    Args:
        options: ``tracker`` and ``project`` among them.
        is_wanted: Whether a tracker is of use where none is named.

    Raises:
        click.UsageError: a project is named, and there is no tracker.
    """
    configuration = configuration_of(click.get_current_context())
    if options["tracker"] is None and (is_wanted or options["project"] is not None):
        named = os.environ.get("STORMLOG_DB") or configuration.value("db")
        if named and os.path.exists(named) and os.path.getsize(named):
            options["tracker"] = named
    if options["tracker"] is None:
        if options["project"] is not None:
            raise click.UsageError(
                "--project needs --db, or a tracker that STORMLOG_DB or the configuration names."
            )
    elif options["project"] is None:
        options["project"] = configuration.value("project")
