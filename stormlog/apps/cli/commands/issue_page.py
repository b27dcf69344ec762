"""``stormlog issues show``: everything that is known of one issue."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from stormlog.apps.cli.options.options import (
    cache_dir_option,
    cache_of,
    machine_options,
)
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.options.tracker_options import no_colour_option, tracker_of, tracker_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stormlog.apps.cli.answers import Request
    from stormlog.presenting import ShownIssue
    from stormlog.query import QueryStore

__all__ = ["show"]

_FORMATS = ("text", "markdown", "json")

#: Where the rest of what was skipped can be seen.
_REST = 'stormlog query issues PATH... --sql "SELECT * FROM rejects" shows every skipped line'


@click.command(cls=SectionedCommand)
@click.argument("issue_id", metavar="ID")
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=NamedPath())
@click.option("--why", "with_rule", is_flag=True, help="Add the rule that made the issue, and its SQL.")
@click.option(
    "--repo",
    metavar="DIR",
    type=NamedPath(exists=True, file_okay=False),
    help="Name the command that lists the changes between the versions without and with the issue, where this git "
    "repository knows both.",
)
@section(
    "Output",
    click.option(
        "--format", "format_name", type=click.Choice(_FORMATS), help="How to print (default: text)."
    ),
    click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
    click.option("-q", "--quiet", is_flag=True, help="Print neither warnings nor progress."),
    no_colour_option,
)
@section("Tracker", tracker_options)
@section(
    "Reading",
    machine_options,
    click.option("--no-cache", is_flag=True, help="Read all files anew, and remember nothing."),
    cache_dir_option,
)
@click.help_option("-h", "--help")
def show(
    issue_id: str,
    paths: tuple[str, ...],
    with_rule: bool,
    repo: str | None,
    format_name: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show all that is known of an issue: where it was seen, what surrounds it, and what was said.

    Telemetry is read where the scans of the tracker found it, or from PATH. With PATH no tracker is needed: ID is a
    fingerprint id then, or its first 6 digits or more.

    \b
    Examples:
      stormlog issues show 12
      stormlog issues show 12 --why --repo ~/src/train
      stormlog issues show 8d0c6a4e runs/
      stormlog issues show 12 --format markdown
    """
    if as_json and format_name not in (None, "json"):
        raise click.UsageError(f"--format {format_name} and --json exclude each other.")
    format_name = "json" if as_json else format_name or _FORMATS[0]
    # Late: help and completion must not wait for the engine.
    from stormlog.apps.cli.answers import open_store, reading
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.workflows import show_issue

    tracker_options_given = {name: options.pop(name) for name in ("db", "project", "as_agent", "allow")}
    request = _request(format_name, options)

    def opening(opened: Sequence[str]) -> QueryStore:
        return open_store(_with_paths(request, opened))

    @contextmanager
    def watching(store: QueryStore) -> Iterator[None]:
        with ExitStack() as watched:
            with reading(store, watched, request):
                yield
            if paths and not request.quiet:
                diagnostics.print_skipped(diagnostics.notices(store), _REST)

    with ExitStack() as closing:
        tracker = None
        if _needs_tracker(tracker_options_given["db"], paths):
            tracker = closing.enter_context(tracker_of(tracker_options_given, read_only=True))
        shown = show_issue(
            issue_id,
            paths,
            tracker=tracker,
            repo=repo,
            with_rule=with_rule,
            opening=opening,
            watching=watching,
        )
    _print(shown, format_name, request.no_colour)
    output.flush()
    merged = shown.tracked
    if merged is not None and merged["merged_into"] is not None and format_name != "json":
        diagnostics.print_message(f"{merged['issue']['merged_from']} is merged into {merged['merged_into']}.")


def _needs_tracker(db: str | None, paths: Sequence[str]) -> bool:
    """Return whether there has to be a tracker: without paths, or if one is named, or there already."""
    ctx = click.get_current_context()
    if not paths or any(
        ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in ("db", "project")
    ):
        return True
    named = db or os.environ.get("STORMLOG_DB")
    return bool(named) and os.path.exists(named or "") and os.path.getsize(named or "") > 0


def _request(format_name: str, options: dict[str, Any]) -> Request:
    from stormlog.apps.cli.answers import Request

    cache = cache_of(options)
    settings = {name: value for name, value in options.items() if name not in ("no_cache", "cache_dir")}
    return Request(
        paths=(),
        format_name=format_name,
        sql=None,
        tracker=None,
        project=None,
        strict=False,
        cache=cache,
        **settings,
    )


def _with_paths(request: Request, paths: Sequence[str]) -> Request:
    from dataclasses import replace

    return replace(request, paths=tuple(paths))


def _print(shown: ShownIssue, format_name: str, no_colour: bool) -> None:
    from stormlog.apps.cli.printing import output

    if format_name == "json":
        from stormlog.apps.cli.printing.json_text import json_document

        output.print_text(json_document(shown.as_dict()) + "\n")
    elif format_name == "markdown":
        from stormlog.presenting import issue_page_markdown

        output.print_text(issue_page_markdown(shown))
    else:
        from stormlog.apps.cli.printing.screens import print_screen, screen_width
        from stormlog.presenting import issue_screen

        print_screen(
            issue_screen(shown, width=screen_width(), ascii_only=not output.draws_blocks()), no_colour
        )
