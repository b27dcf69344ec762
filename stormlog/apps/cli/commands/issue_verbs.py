"""``stormlog issues claim``, ``resolve``, ``reopen``, ``ignore`` and ``assign``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stormlog.apps.cli.options.tracker_options import json_option, tracker_of, tracker_options

if TYPE_CHECKING:
    from stormlog.tracking import Change, Tracker

__all__ = ["assign", "claim", "ignore", "reopen", "resolve"]

#: More issues than that are changed only if that is said.
_MANY = 50
#: So many confirmations are printed.
_MOST_LINES = 20

Command = TypeVar("Command", bound=Callable[..., Any])


def _verb_options(command: Command) -> Command:
    for option in (
        click.help_option("-h", "--help"),
        json_option,
        tracker_options,
        click.option(
            "--revision", type=click.INT, metavar="N", help="Only if the issue still has this revision."
        ),
        click.option("--yes", is_flag=True, help=f"Change more than {_MANY} issues if it comes to that."),
        click.option(
            "--where", metavar="SQL", help="All issues of the project that fit, such as \"kind = 'alert'\"."
        ),
        click.argument("ids", metavar="ID...", nargs=-1),
    ):
        command = option(command)
    return command


@click.command()
@_verb_options
def claim(**options: Any) -> None:
    """Say that somebody works on issues: they become in_progress."""
    _change(options, lambda tracker, *ids, **rest: tracker.claim(*ids, **rest), "Claimed {}")


@click.command()
@click.option("--version", metavar="VERSION", help="Version of the code that has the fix.")
@click.option("--amend", is_flag=True, help="Correct the version of issues that are resolved already.")
@_verb_options
def resolve(version: str | None, amend: bool, **options: Any) -> None:
    """Say that issues are fixed.

    Evidence of a version newer than the fix makes an issue regressed. Without a version, what recurs is only
    counted.
    """
    in_version = "" if version is None else f" in {version.strip()}"
    _change(
        options,
        lambda tracker, *ids, **rest: tracker.resolve(*ids, version=version, amend=amend, **rest),
        "Amended {}: fixed" + in_version if amend else "Resolved {}" + in_version,
    )


@click.command()
@_verb_options
def reopen(**options: Any) -> None:
    """Take back that issues are resolved, ignored or worked on: they become new."""
    _change(options, lambda tracker, *ids, **rest: tracker.reopen(*ids, **rest), "Reopened {}")


@click.command()
@click.option("--reason", metavar="TEXT", help="Why.")
@click.option("--until-count", type=click.INT, metavar="N", help="Only until it is seen in N more sessions.")
@click.option("--until-runs", type=click.INT, metavar="N", help="Only until it is seen in N more runs.")
@click.option(
    "--until", metavar="TIME", help="Only until then: 3d (from now), tomorrow, an ISO date or time."
)
@_verb_options
def ignore(
    reason: str | None, until_count: int | None, until_runs: int | None, until: str | None, **options: Any
) -> None:
    """Say that issues do not matter: they become ignored, for good or until a scan finds a condition met."""
    from stormlog.apps.cli.options.times import moment_ns

    until_ns = None if until is None else moment_ns(until, "--until", is_ahead=True)
    _change(
        options,
        lambda tracker, *ids, **rest: tracker.ignore(
            *ids, reason=reason, until_count=until_count, until_runs=until_runs, until_ns=until_ns, **rest
        ),
        "Ignored {}",
    )


@click.command()
@click.option("--to", "assignee", metavar="NAME", help="Whose they are.")
@click.option("--nobody", is_flag=True, help="They are nobody's.")
@_verb_options
def assign(assignee: str | None, nobody: bool, **options: Any) -> None:
    """Say whose issues are."""
    if (assignee is None) != nobody:
        raise click.UsageError("Say --to NAME or --nobody.")
    _change(
        options,
        lambda tracker, *ids, **rest: tracker.assign(*ids, assignee=assignee, **rest),
        "Unassigned {}" if assignee is None else "Assigned {} to " + assignee.strip(),
    )


def _change(options: dict[str, Any], verb: Callable[..., Change], sentence: str) -> None:
    """Run a verb and confirm what it did.

    Args:
        options: What `_verb_options` added.
        verb: Called with the tracker, ids, and what all verbs have in common.
        sentence: Confirms one issue; ``{}`` stands for its number.
    """
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.diagnostics import print_message
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import printable

    ids, as_json = options["ids"], options["as_json"]
    if not ids and options["where"] is None:
        raise click.UsageError("Name issues, or give a condition with --where.")
    at_most = None if options["yes"] else _MANY
    tracker: Tracker
    with tracker_of(options) as tracker:
        change = verb(tracker, *ids, where=options["where"], revision=options["revision"], at_most=at_most)
    if as_json:
        output.print_text(json_document(change.as_dict()) + "\n")
        output.flush()
        return
    lines = [
        f"{printable(sentence.replace('{}', f'#{issue.number}'))} ({printable(issue.title)})\n"
        for issue in change.issues[:_MOST_LINES]
    ]
    if len(change.issues) > len(lines):
        lines.append(f"... and {len(change.issues) - len(lines):,} more\n")
    output.print_text("".join(lines) or "No issue fits.\n")
    output.flush()
    numbers = {issue.issue_id: issue.number for issue in change.issues}
    for warning in change.warnings:
        where = "" if warning["issue_id"] is None else f"#{numbers[warning['issue_id']]}: "
        print_message(f"{where}{warning['message']}", "Warning")
