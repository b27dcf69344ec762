"""``stormlog issues list`` and ``history``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.filter_options import (
    fields_option,
    given_filters,
    place_options,
    session_ids_option,
    time_options,
    word_option,
)
from stormlog.apps.cli.options.kind_type import KindChoice
from stormlog.apps.cli.options.options import format_of
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.options.shown_times import moments_of
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
    from stormlog.presenting import Moments
    from stormlog.tracking import Tracker

__all__ = ["KIND_CHOICES", "SORT_CHOICES", "STATUS_CHOICES", "history", "list_", "print_rows"]

STATUS_CHOICES = tuple(dict.fromkeys((*SHOWN_STATUSES, *STATUSES)))
KIND_CHOICES = TRACKED_KINDS
#: Written out here so that completing an option does not import the tracker.
SORT_CHOICES = ("last_seen", "first_seen", "hits", "sessions", "occurrences", "runs", "users")


@click.command("list", cls=SectionedCommand)
@section(
    "Filters",
    click.option(
        "--state",
        "--status",
        "state",
        multiple=True,
        type=click.Choice(("open", *STATUS_CHOICES)),
        help="Only issues in this state; open is new and in_progress (repeatable).",
    ),
    word_option("--kind", "Only issues of this kind", choices=KIND_CHOICES, kind=KindChoice(KIND_CHOICES)),
    word_option("--severity", "Only issues of this severity"),
    session_ids_option("Only issues seen in this session"),
    time_options("Only issues seen since then", "Only issues seen until then"),
    place_options("issues seen"),
    click.option("--hide-ignored", is_flag=True, help="Leave out ignored issues."),
    word_option("--version", "Only issues with evidence of this version of the code"),
    click.option(
        "--search",
        "--text",
        "search",
        metavar="TEXT",
        help="Only with this text, in any case, in the title, what makes the issue, or the context of evidence.",
    ),
    click.option("--where", metavar="SQL", help="Only those that fit a condition, such as 'run_count > 3'."),
    click.option("--all-projects", is_flag=True, help="Those of all projects, whatever --project says."),
)
@section(
    "Rows",
    click.option(
        "--sort",
        type=click.Choice(SORT_CHOICES),
        default="last_seen",
        show_default=True,
        help="The greatest first.",
    ),
    click.option("--page", type=click.IntRange(1), metavar="N", help="Page N of --limit rows, from 1."),
    page_options,
    fields_option,
)
@section("Tracker", tracker_options)
@section("Output", format_options, click.help_option("-h", "--help"))
def list_(fields: str | None, **options: Any) -> None:
    """List tracked issues.

    --json prints the page: its issues, whether there are more, and the cursor for --after.

    \b
    Examples:
      stormlog issues list --state open --since 7d
      stormlog issues list --where "recurred_count > 0" --sort runs --json
    """
    from stormlog.apps.cli.options.fields import parse_fields
    from stormlog.apps.cli.options.tracked_targets import TRACKED_ISSUES, for_people
    from stormlog.tracking import TrackedIssue

    format_name, no_colour, moments = _format_of(options)
    shown = {column.key for column in TRACKED_ISSUES.readable}
    chosen = parse_fields(fields, [*TrackedIssue.__dataclass_fields__, *sorted(shown)])
    place = {name: options.pop(name) for name in ("sort", "limit", "page", "after")}
    if place["page"] is not None and place["after"] is not None:
        raise click.UsageError("Choose one of --page and --after: they exclude each other.")
    projects = {"all_projects": options.pop("all_projects")}
    with tracker_of(options, read_only=True) as tracker:
        filters = given_filters(options)
        page = tracker.list_issues(**filters, **place, **projects)
        notes = [] if page.issues else _notes(tracker, filters, place["page"], projects)
        behind = 0
        if page.has_more and place["after"] is None:
            seen = ((place["page"] or 1) - 1) * place["limit"] + len(page.issues)
            behind = tracker.count_issues(**filters, **projects) - seen
    rows = [issue.as_dict() for issue in page.issues]
    if format_name in ("table", "markdown") or chosen is not None:
        rows = [{**row, **for_people(row, names_project=projects["all_projects"])} for row in rows]
    if behind > 0:
        notes = [f"{behind:,} more: --page {(place['page'] or 1) + 1}"]
    elif page.cursor is not None:
        notes = [f"There are more: --after {page.cursor}"]
    print_rows(rows, TRACKED_ISSUES, format_name, no_colour, moments, page=page.as_dict(), fields=chosen)
    if format_name != "json" or not page.issues:
        _print_notes(notes)


def _notes(
    tracker: Tracker, filters: dict[str, Any], page: int | None, projects: dict[str, Any]
) -> list[str]:
    """Return why no issue is listed, and what there is."""
    unmatched = [str(found) for found in tracker.unmatched_filters(**filters, **projects)]
    if unmatched or not (filters or page):
        return unmatched
    fitting, there_are = tracker.count_issues(**filters, **projects), tracker.count_issues(**projects)
    if fitting:
        return [f"there is no page {page}: {fitting:,} issues fit"]
    return [f"0 of {there_are:,} issues fit"] if there_are else []


def _print_notes(notes: Sequence[str]) -> None:
    if notes:
        from stormlog.apps.cli.printing.diagnostics import print_message

        for note in notes:
            print_message(note, "Note")


@click.command()
@click.argument("issue_id", metavar="ID")
@page_options
@tracker_options
@format_options
@click.help_option("-h", "--help")
def history(issue_id: str, limit: int, after: str | None, **options: Any) -> None:
    """List what was done to an issue, and to those merged into it, the latest first."""
    format_name, no_colour, moments = _format_of(options)
    with tracker_of(options, read_only=True) as tracker:
        page = tracker.history(issue_id, limit=limit, after=after)
    from stormlog.apps.cli.options.tracked_targets import HISTORY, activity_for_people

    rows = [activity.as_dict() for activity in page.activities]
    if format_name in ("table", "markdown"):
        rows = [activity_for_people(row) for row in rows]
    print_rows(rows, HISTORY, format_name, no_colour, moments, page=page.as_dict(), cursor=page.cursor)


def print_rows(
    rows: Sequence[dict[str, Any]],
    target: Target,
    format_name: str,
    no_colour: bool,
    moments: Moments,
    *,
    page: dict[str, Any] | None = None,
    cursor: str | None = None,
    fields: Sequence[str] | None = None,
) -> None:
    """Print rows of a list, and say where it goes on.

    Args:
        page: What to print as JSON, in place of the rows.
        cursor: Of the next page.
        fields: The fields to print, in their order; None for all.
    """
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.formats import Answer
    from stormlog.apps.cli.printing.json_text import json_document

    if fields is not None:
        from stormlog.apps.cli.options.fields import chosen_fields, chosen_target

        rows, target = [chosen_fields(row, fields) for row in rows], chosen_target(target, fields)
        page = None if page is None else {**page, "issues": rows}
    if format_name == "json" and page is not None:
        output.print_text(json_document(page) + "\n")
        return
    output.print_answer(Answer(rows, target, moments=moments), format_name, no_colour=no_colour)
    output.flush()
    if cursor is not None:
        from stormlog.apps.cli.printing.diagnostics import print_message

        print_message(f"There are more: --after {cursor}")


def _format_of(options: dict[str, Any]) -> tuple[str, bool, Moments]:
    """Take what `format_options` added from the options: format, whether to leave out colours, and times."""
    format_name = format_of(options)
    for name in [name for name in options if name == "format_name" or name.startswith("shortcut_")]:
        del options[name]
    return format_name, options.pop("no_colour"), moments_of(options)
