"""``stormlog issues stats``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.tracker_options import json_option, tracker_of, tracker_options

if TYPE_CHECKING:
    from stormlog.tracking import IssueStats

__all__ = ["stats"]


@click.command()
@click.option(
    "--by",
    type=click.Choice(("day", "week")),
    default="day",
    show_default=True,
    help="Count per day or week.",
)
@click.option(
    "--periods", type=click.IntRange(1, 1000), default=14, show_default=True, help="How many days or weeks."
)
@click.option("--all-projects", is_flag=True, help="Those of all projects, whatever --project says.")
@tracker_options
@json_option
@click.help_option("-h", "--help")
def stats(by: str, periods: int, all_projects: bool, as_json: bool, **options: Any) -> None:
    """Count issues by status, kind and severity, and how many came and went.

    Days and weeks are those of UTC; weeks begin on Monday.
    """
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document

    with tracker_of(options, read_only=True) as tracker:
        found = tracker.stats(by=by, periods=periods, all_projects=all_projects)
    output.print_text(json_document(found.as_dict()) + "\n" if as_json else _as_text(found))
    output.flush()


def _as_text(found: IssueStats) -> str:
    from stormlog.presenting import human_count, printable
    from stormlog.tracking.statuses import shown_status

    statuses = {shown_status(name): count for name, count in found.statuses.items()}
    lines = [f"{'Issues':<10}{human_count(found.issue_count)}"]
    for name, counts in (("Status", statuses), ("Kind", found.kinds), ("Severity", found.severities)):
        said = ", ".join(f"{printable(word)} {human_count(count)}" for word, count in counts.items())
        lines.append(f"{name:<10}{said or '-'}")
    lines += ["", f"{found.by.title() + ' (UTC)':<12}{'New':>8}{'Closed':>8}{'Regressed':>11}"]
    lines += [f"{p.start:<12}{p.new:>8,}{p.closed:>8,}{p.regressed:>11,}" for p in found.periods]
    return "".join(f"{line}\n" for line in lines)
