"""Options that the commands about tracked issues share, and how they open the tracker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stormlog.apps.cli.options.configured import configured_option
from stormlog.apps.cli.options.options import format_option
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.shown_times import moment_options
from stormlog.apps.cli.printing.formats import FORMATS

if TYPE_CHECKING:
    from stormlog.tracking import Tracker

__all__ = [
    "db_option",
    "evidence_options",
    "format_options",
    "group_shared_option",
    "json_option",
    "no_colour_option",
    "open_tracker",
    "page_options",
    "permissions_of",
    "settle_option",
    "store_options",
    "tracker_of",
    "tracker_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])

_PERMISSION_CHOICES = ("issues:read", "issues:write")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

no_colour_option = click.option(
    "--no-color", "no_colour", is_flag=True, help="Print without colours, as NO_COLOR does."
)

settle_option = configured_option(
    "--settle",
    key="settle",
    metavar="TIME",
    default="10m",
    show_default=True,
    help="Take a session that has no end for over after so long without growth.",
)

db_option = configured_option(
    "--db",
    key="db",
    gives_way_to=("baseline",),
    metavar="FILE",
    type=NamedPath(dir_okay=False),
    help="The tracker (default: STORMLOG_DB, else ~/.local/share/stormlog/tracker.db).",
)


group_shared_option = click.option(
    "--group-shared",
    is_flag=True,
    help="Let the group of a new tracker read and write it too (mode 660, else 600).",
)


def store_options(command: Command) -> Command:
    """Add what says who acts on which file: ``db``, ``as_agent`` and ``allow``."""
    for option in (
        click.option(
            "--allow",
            metavar="PERMISSIONS",
            envvar="STORMLOG_ALLOW",
            help=f"Allow only these, with commas between: {', '.join(_PERMISSION_CHOICES)}.",
        ),
        click.option("--as-agent", metavar="NAME", help="Act as the agent NAME (default: STORMLOG_AGENT)."),
        db_option,
    ):
        command = option(command)
    return command


def tracker_options(command: Command) -> Command:
    """Add what `store_options` does, and ``project``, for `open_tracker`."""
    return store_options(
        configured_option(
            "--project",
            key="project",
            metavar="NAME",
            default="default",
            show_default=True,
            help="Project of the issues.",
        )(command)
    )


def evidence_options(command: Command) -> Command:
    """Add how evidence is taken: ``dev``, ``code_version``, ``repo`` and ``min_severity``."""
    for option in (
        configured_option(
            "--min-severity",
            key="min_severity",
            type=click.Choice(("critical", "warning", "info")),
            default="warning",
            show_default=True,
            help="Least severe alerts that count.",
        ),
        click.option(
            "--repo",
            metavar="DIR",
            type=NamedPath(exists=True, file_okay=False),
            help="Ask this git repository which commit is newer (default: by when they were first seen).",
        ),
        click.option(
            "--code-version",
            metavar="VERSION",
            envvar="STORMLOG_CODE_VERSION",
            help="Version of the code, where telemetry names none (default: STORMLOG_CODE_VERSION).",
        ),
        click.option("--dev", is_flag=True, help="Take what does not say for development."),
    ):
        command = option(command)
    return command


def format_options(command: Command) -> Command:
    """Add ``--format`` and its shortcuts, for `stormlog.apps.cli.options.options.format_of`, ``--no-color``, and what
    `moment_options` adds."""
    for option in (
        no_colour_option,
        moment_options,
        *(
            click.option(f"--{name}", f"shortcut_{name}", is_flag=True, help=f"Short for --format {name}.")
            for name in reversed(FORMATS)
        ),
        format_option,
    ):
        command = option(command)
    return command


def page_options(command: Command) -> Command:
    """Add ``--limit`` and ``--after``."""
    for option in (
        click.option("--after", metavar="CURSOR", help="Go on behind the page that ended there."),
        click.option(
            "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="Most rows to print."
        ),
    ):
        command = option(command)
    return command


def tracker_of(options: dict[str, Any], *, read_only: bool = False, makes: bool = False) -> Tracker:
    """Take what `tracker_options` or `store_options` added from the options of a command, and open the tracker."""
    names = [name for name in ("db", "project", "as_agent", "allow", "group_shared") if name in options]
    return open_tracker(**{name: options.pop(name) for name in names}, read_only=read_only, makes=makes)


def open_tracker(
    *,
    db: str | None,
    as_agent: str | None,
    allow: str | None,
    project: str = "default",
    read_only: bool = False,
    makes: bool = False,
    scratch: bool = False,
    group_shared: bool = False,
) -> Tracker:
    """Open the tracker that the options name; use it as a context manager.

    Args:
        read_only: As of `Tracker`.
        makes: Make the file if there is none. Most commands do not: it is a mistyped name then.
        scratch: As of `Tracker`.
        group_shared: As of `Tracker`.

    Raises:
        SourceError: there is no such file.
    """
    import os

    from stormlog.apps.cli.printing.diagnostics import print_message
    from stormlog.errors import SourceError
    from stormlog.tracking import Actor, Tracker, default_store_path

    path = db or default_store_path()
    if not (makes or scratch or os.path.exists(path)):
        raise SourceError("no such tracker; 'stormlog scan' makes one", path=str(path))
    permissions = permissions_of(allow)
    tracker = Tracker(
        path,
        project=project,
        actor=Actor.from_environment(as_agent=as_agent),
        permissions=permissions,
        read_only=read_only,
        scratch=scratch,
        group_shared=group_shared,
        # A path with a slip in it is to be said, not made.
        make_folder=False,
    )
    for warning in tracker.store.warnings:
        print_message(warning, "Warning")
    return tracker


def permissions_of(allow: str | None) -> tuple[str, ...]:
    """Return the permissions that ``--allow`` names; all of them without it.

    Raises:
        ValueError: an unknown one.
    """
    from stormlog.tracking import PERMISSIONS, Permissions

    allowed = (
        PERMISSIONS if allow is None else tuple(word.strip() for word in allow.split(",") if word.strip())
    )
    Permissions(allowed)
    return allowed
