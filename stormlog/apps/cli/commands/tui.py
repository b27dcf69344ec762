"""``stormlog tui``: issues, runs and statements in a terminal, for triage with the keyboard."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from stormlog.apps.cli.options.options import cache_of, name_tracker, reading_options
from stormlog.apps.cli.options.sections import SectionedCommand

__all__ = ["tui"]


@click.command(cls=SectionedCommand)
@click.option(
    "--interval",
    metavar="TIME",
    help="Time between two looks at the files, such as 500ms or 1m (default: 2s).",
)
@click.option(
    "--allow",
    metavar="PERMISSIONS",
    envvar="STORMLOG_ALLOW",
    help="Allow only these in the tracker, with commas between: issues:read, issues:write.",
)
@reading_options
def tui(interval: str | None, allow: str | None, **options: Any) -> None:
    """Look through issues, runs and their telemetry, and decide what becomes of them.

    The list refreshes as files grow. With a tracker (--db) issues are claimed, resolved, ignored, merged and commented
    with a key each, and the command that does the same is shown. ? shows all keys.

    It is made with Textual: pip install 'stormlog[tui]'.

    \b
    Examples:
      stormlog tui runs/
      stormlog tui runs/ --db tracker.db
    """
    _require_terminal()
    _require_textual()
    from stormlog.apps.cli.answers import Request, open_store
    from stormlog.apps.cli.commands.follow import interval_seconds
    from stormlog.apps.cli.options.tracker_options import permissions_of
    from stormlog.apps.cli.printing import output
    from stormlog.apps.tui import run
    from stormlog.apps.tui.board import Board, PlaceOfTracker

    interval_s = interval_seconds(interval or "2s")
    if interval_s is None:
        raise click.BadParameter(
            f"{interval!r} is no time above zero: write 500ms, 2s, 1m or a number of seconds.",
            param_hint="'--interval'",
        )
    permissions = permissions_of(allow)
    cache = cache_of(options)
    name_tracker(options)
    settings = {name: value for name, value in options.items() if name not in ("no_cache", "cache_dir")}
    request = Request(format_name="table", sql=None, cache=cache, **settings)
    if request.no_colour:
        # Textual looks at it when it starts.
        os.environ["NO_COLOR"] = "1"
    place = (
        None
        if request.tracker is None
        else PlaceOfTracker(request.tracker, request.project or "default", permissions)
    )
    with open_store(request) as store:
        run(
            Board(store, request.paths, place, is_quiet=request.quiet),
            interval_s=interval_s,
            ascii_only=not output.draws_blocks(),
        )


def _require_terminal() -> None:
    # Textual draws on stderr.
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not all(stream.isatty() for stream in streams) or os.environ.get("TERM") == "dumb":
        raise click.UsageError(
            "This needs a terminal: 'stormlog query issues' and 'stormlog issues list' print the same into a pipe."
        )


def _require_textual() -> None:
    try:
        import textual  # noqa: F401
        import textual_fastdatatable  # noqa: F401
    except ImportError as error:
        raise click.UsageError(
            "The terminal application needs textual and textual-fastdatatable: pip install 'stormlog[tui]'. "
            "'stormlog query issues' does without."
        ) from error
