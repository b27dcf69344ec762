"""What a command line needs to find a project in a tracker."""

from __future__ import annotations

import shlex

from stormlog.tracking.database.store import default_store_path
from stormlog.tracking.projects import DEFAULT_PROJECT
from stormlog.tracking.session import TrackerSession

__all__ = ["command_options"]


def command_options(tracker: TrackerSession, project: str | None = None) -> str:
    """Return the options that a command needs besides what it finds by itself, with a blank before each.

    Args:
        project: Name of the project; by default the one of the tracker.
    """
    name = tracker.project if project is None else project
    options = []
    if tracker.store.path != default_store_path():
        options += ["--db", str(tracker.store.path.absolute())]
    if name != DEFAULT_PROJECT:
        options += ["--project", name]
    # Paths need not be text.
    return "".join(f" {shlex.quote(word)}" for word in options).encode("utf-8", "replace").decode("utf-8")
