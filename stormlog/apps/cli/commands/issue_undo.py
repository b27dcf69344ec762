"""``stormlog issues undo``."""

from __future__ import annotations

from typing import Any

import click

from stormlog.apps.cli.options.tracker_options import json_option, tracker_of, tracker_options

__all__ = ["undo"]


@click.command()
@click.argument("activity_id", metavar="[ACTIVITY]", required=False, type=click.INT)
@tracker_options
@json_option
@click.help_option("-h", "--help")
def undo(activity_id: int | None, as_json: bool, **options: Any) -> None:
    """Reverse your last change of a status, an assignee or a comment, or your last merge.

    ACTIVITY is the number of an entry of 'stormlog issues history', for a change other than the last. What was
    changed again since is left alone, and said. Nothing takes back what scans found, imports, and messages that were
    sent; and an undo is not undone.

    \b
    Examples:
      stormlog issues undo
      stormlog issues undo 4711
    """
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import listed, printable
    from stormlog.workflows import UNDONE

    with tracker_of(options) as tracker:
        undone = tracker.undo(activity_id)
    if as_json:
        output.print_text(json_document(undone.as_dict()) + "\n")
    else:
        names = listed([f"#{issue.number}" for issue in undone.issues])
        what = UNDONE.get(undone.action, f"{undone.action} of")
        title = f" ({printable(undone.issues[0].title)})" if len(undone.issues) == 1 else ""
        output.print_text(f"Undone: {what} {names}{title}\n")
    output.flush()
