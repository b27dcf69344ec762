"""Options that the commands about tracked issues share, and how they open the tracker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from stormlog.tracking import Tracker

__all__ = ["json_option", "open_tracker", "tracker_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

_PERMISSION_CHOICES = ("issues:read", "issues:write")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def tracker_options(command: Command) -> Command:
    """Add ``--db``, ``--project``, ``--as-agent`` and ``--allow``; a command gets what `open_tracker` takes."""
    for option in (
        click.option(
            "--allow",
            metavar="PERMISSIONS",
            envvar="STORMLOG_ALLOW",
            help=f"Allow only these, with commas between: {', '.join(_PERMISSION_CHOICES)}.",
        ),
        click.option("--as-agent", metavar="NAME", help="Act as the agent NAME (default: STORMLOG_AGENT)."),
        click.option(
            "--project", metavar="NAME", default="default", show_default=True, help="Project of the issues."
        ),
        click.option(
            "--db",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="The tracker (default: STORMLOG_DB, else ~/.local/share/stormlog/tracker.db).",
        ),
    ):
        command = option(command)
    return command


def open_tracker(
    *, db: str | None, project: str, as_agent: str | None, allow: str | None, read_only: bool = False
) -> Tracker:
    """Open the tracker that the options name; use it as a context manager."""
    from stormlog.tracking import PERMISSIONS, Actor, Tracker

    permissions = (
        PERMISSIONS if allow is None else tuple(word.strip() for word in allow.split(",") if word.strip())
    )
    tracker = Tracker(
        db,
        project=project,
        actor=Actor.from_environment(as_agent=as_agent),
        permissions=permissions,
        read_only=read_only,
    )
    for warning in tracker.store.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return tracker
