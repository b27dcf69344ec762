"""``stormlog issues list`` and ``history``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.options import format_of, session_option, text_option
from stormlog.apps.cli.options.targets import Target
from stormlog.apps.cli.options.tracker_options import (
    format_options,
    page_options,
    tracker_of,
    tracker_options,
)
from stormlog.issues.kinds import TRACKED_KINDS
from stormlog.tracking.statuses import SHOWN_STATUSES, STATUSES

if TYPE_CHECKING:
    pass

__all__ = ["KIND_CHOICES", "SORT_CHOICES", "STATUS_CHOICES", "history", "list_", "print_rows"]

STATUS_CHOICES = tuple(dict.fromkeys((*SHOWN_STATUSES, *STATUSES)))
KIND_CHOICES = TRACKED_KINDS
#: Written out here so that completing an option does not import the tracker.
SORT_CHOICES = ("last_seen", "first_seen", "occurrences", "runs", "users")


@click.command("list")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUS_CHOICES), help="Only these (repeatable)."
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KIND_CHOICES), help="Only these (repeatable)."
)
@click.option("--severity", "severities", multiple=True, metavar="WORD", help="Only these (repeatable).")
@text_option("--app", "Only of this training program.")
@click.option("--dev/--production", "is_dev", default=None, help="Only of development (production).")
@text_option("--run", "Only those seen in this run (job).")
@session_option("Only those seen in this session.")
@text_option("--version", "Only those with evidence of this version of the code.")
@text_option("--text", "Only those whose title has this text.")
@click.option("--where", metavar="SQL", help="Only those that fit a condition, such as 'run_count > 3'.")
@click.option("--all-projects", is_flag=True, help="Those of all projects, whatever --project says.")
@click.option(
    "--sort",
    type=click.Choice(SORT_CHOICES),
    default="last_seen",
    show_default=True,
    help="The greatest first.",
)
@page_options
@tracker_options
@format_options
@click.help_option("-h", "--help")
def list_(**options: Any) -> None:
    """List tracked issues.

    --json prints the page: its issues, whether there are more, and the cursor for --after.

    \b
    Examples:
      stormlog issues list --status new --status regressed
      stormlog issues list --where "recurred_count > 0" --sort runs --json
    """
    format_name, no_colour = _format_of(options)
    options["session"] = options.pop("session_id")
    with tracker_of(options, read_only=True) as tracker:
        page = tracker.list_issues(**options)
        unmatched = []
        if not page.issues:
            names = ("app", "run", "session", "version", "all_projects")
            unmatched = tracker.unmatched_filters(**{name: options[name] for name in names})
    from stormlog.apps.cli.options.tracked_targets import TRACKED_ISSUES, for_people

    rows = [issue.as_dict() for issue in page.issues]
    if format_name in ("table", "markdown"):
        rows = [for_people(row, names_project=options["all_projects"]) for row in rows]
    print_rows(rows, TRACKED_ISSUES, format_name, no_colour, page=page.as_dict(), cursor=page.cursor)
    if unmatched:
        from stormlog.apps.cli.printing.diagnostics import print_unmatched

        print_unmatched(unmatched)


@click.command()
@click.argument("issue_id", metavar="ID")
@page_options
@tracker_options
@format_options
@click.help_option("-h", "--help")
def history(issue_id: str, limit: int, after: str | None, **options: Any) -> None:
    """List what was done to an issue, and to those merged into it, the latest first."""
    format_name, no_colour = _format_of(options)
    with tracker_of(options, read_only=True) as tracker:
        page = tracker.history(issue_id, limit=limit, after=after)
    from stormlog.apps.cli.options.tracked_targets import CHANGES, HISTORY

    rows = [activity.as_dict() for activity in page.activities]
    target = HISTORY
    if format_name in ("table", "markdown"):
        from stormlog.presenting import activity_sentence

        target = CHANGES
        rows = [{**row, "change": activity_sentence(row)} for row in rows]
    print_rows(rows, target, format_name, no_colour, page=page.as_dict(), cursor=page.cursor)


def print_rows(
    rows: Sequence[dict[str, Any]],
    target: Target,
    format_name: str,
    no_colour: bool,
    *,
    page: dict[str, Any] | None = None,
    cursor: str | None = None,
) -> None:
    """Print rows of a list, and say where it goes on.

    Args:
        page: What to print as JSON, in place of the rows.
        cursor: Of the next page.
    """
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.formats import Answer
    from stormlog.apps.cli.printing.json_text import json_document

    if format_name == "json" and page is not None:
        output.print_text(json_document(page) + "\n")
        return
    output.print_answer(Answer(rows, target), format_name, no_colour=no_colour)
    output.flush()
    if cursor is not None:
        from stormlog.apps.cli.printing.diagnostics import print_message

        print_message(f"There are more: --after {cursor}")


def _format_of(options: dict[str, Any]) -> tuple[str, bool]:
    """Take what `format_options` added from the options: the format, and whether to leave out colours."""
    format_name = format_of(options)
    for name in [name for name in options if name == "format_name" or name.startswith("shortcut_")]:
        del options[name]
    return format_name, options.pop("no_colour")
