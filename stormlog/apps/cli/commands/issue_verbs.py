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
        click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing."),
        click.option("--yes", is_flag=True, help=f"Change more than {_MANY} issues if it comes to that."),
        click.option(
            "--where", metavar="SQL", help="All issues of the project that fit, such as \"kind = 'alert'\"."
        ),
        click.argument("ids", metavar="ID...", nargs=-1),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--take", is_flag=True, help="Also those that somebody else has.")
@_verb_options
def claim(take: bool, **options: Any) -> None:
    """Say that you work on issues: they become in_progress, and yours.

    Those that you have claimed already stay as they are. If somebody else has one, nothing is done without --take.
    """
    _change(options, lambda tracker, *ids, **rest: tracker.claim(*ids, take=take, **rest), "Claimed {}")


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
@click.option("--until-next", is_flag=True, help="Only until it is seen the next time.")
@click.option("--kind", metavar="KIND", help="Make a rule: ignore issues of this kind, now and later.")
@click.option(
    "--dimension",
    "dimensions",
    multiple=True,
    metavar="NAME=PATTERN",
    help="Make a rule: ignore issues whose dimension is this text, * standing for any characters (repeatable).",
)
@_verb_options
def ignore(
    reason: str | None,
    until_count: int | None,
    until_runs: int | None,
    until: str | None,
    until_next: bool,
    kind: str | None,
    dimensions: tuple[str, ...],
    **options: Any,
) -> None:
    """Say that issues do not matter: they become ignored, for good or until a scan finds a condition met.

    With --kind and --dimension, a rule ignores all issues that fit, those that are found later too; 'stormlog issues
    ignores' lists and removes rules. A fingerprint that was not seen yet is ignored by a rule as well.

    
    Examples:
      stormlog issues ignore 12 --reason "known" --until-next
      stormlog issues ignore --kind alert --dimension "category=fragmentation*" --reason "noise"
    """
    from stormlog.apps.cli.options.times import moment_ns

    if kind is not None or dimensions:
        ends = (until_count, until_runs, until)
        if (
            options["ids"]
            or options["where"] is not None
            or until_next
            or any(end is not None for end in ends)
        ):
            raise click.UsageError("A rule (--kind, --dimension) takes no ID, no --where and no end.")
        _make_rule(kind, dimensions, reason, options)
        return
    until_ns = None if until is None else moment_ns(until, "--until", is_ahead=True)
    _change(
        options,
        lambda tracker, *ids, **rest: tracker.ignore(
            *ids,
            reason=reason,
            until_count=until_count,
            until_runs=until_runs,
            until_ns=until_ns,
            until_next=until_next,
            **rest,
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


def _make_rule(
    kind: str | None, dimensions: tuple[str, ...], reason: str | None, options: dict[str, Any]
) -> None:
    """Ignore what fits a kind and dimensions, and confirm it."""
    from stormlog.apps.cli.commands.issue_ignores import rule_text
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import printable

    if options["revision"] is not None:
        raise click.UsageError("A rule (--kind, --dimension) takes no --revision.")
    patterns = {}
    for text in dimensions:
        name, equals, pattern = text.partition("=")
        if not equals or name in patterns:
            raise click.BadParameter(
                f"{text!r}: write NAME=PATTERN, and each name once.", param_hint="'--dimension'"
            )
        patterns[name] = pattern
    dry_run = options["dry_run"]
    with tracker_of(options) as tracker:
        rule = tracker.add_ignore_rule(kind=kind, dimensions=patterns, reason=reason, dry_run=dry_run)
    if options["as_json"]:
        output.print_text(json_document(rule.as_dict()) + "\n")
    else:
        count = f"{rule.issue_count:,} {'issue' if rule.issue_count == 1 else 'issues'} now"
        text = f"Rule {rule.rule_id} ignores {rule_text(rule)}: {count}, and those found later"
        output.print_text(f"{'Dry run: ' if dry_run else ''}{printable(text)}\n")
    output.flush()


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
    dry_run = options["dry_run"]
    at_most = None if options["yes"] or dry_run else _MANY
    tracker: Tracker
    with tracker_of(options) as tracker:
        change = verb(
            tracker,
            *ids,
            where=options["where"],
            revision=options["revision"],
            at_most=at_most,
            dry_run=dry_run,
        )
    if as_json:
        output.print_text(json_document(change.as_dict()) + "\n")
        output.flush()
        return
    prefix = "Dry run: " if dry_run else ""
    lines = [
        f"{prefix}{printable(sentence.replace('{}', f'#{issue.number}'))} ({printable(issue.title)})\n"
        for issue in change.issues[:_MOST_LINES]
    ]
    if len(change.issues) > len(lines):
        lines.append(f"... and {len(change.issues) - len(lines):,} more\n")
    made = [warning for warning in change.warnings if warning["code"] == "unseen_fingerprint"]
    lines += [f"{prefix}{printable(warning['message'])}\n" for warning in made]
    output.print_text("".join(lines) or "No issue fits.\n")
    output.flush()
    numbers = {issue.issue_id: issue.number for issue in change.issues}
    for warning in change.warnings:
        if warning in made:
            continue
        where = "" if warning["issue_id"] is None else f"#{numbers[warning['issue_id']]}: "
        print_message(f"{where}{warning['message']}", "Warning")
