"""``stormlog issues merge`` and ``unmerge``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.tracker_options import json_option, tracker_of, tracker_options

if TYPE_CHECKING:
    from stormlog.tracking import TrackedIssue

__all__ = ["merge", "unmerge"]

_yes_option = click.option(
    "--yes",
    is_flag=True,
    expose_value=False,
    help="As with the other verbs; this one changes no more than two.",
)


@click.command()
@click.argument("target", metavar="TARGET")
@click.argument("source", metavar="SOURCE")
@click.option("--across-apps", is_flag=True, help="Merge issues of different apps.")
@click.option("--keep-status", is_flag=True, help="Leave TARGET resolved though SOURCE is not.")
@click.option("--reopen", is_flag=True, help="Make a resolved TARGET new if SOURCE is not resolved.")
@click.option("--revision", type=click.INT, metavar="N", help="Only if TARGET still has this revision.")
@_yes_option
@tracker_options
@json_option
@click.help_option("-h", "--help")
def merge(target: str, source: str, as_json: bool, **options: Any) -> None:
    """Make one issue of two: TARGET gets everything of SOURCE, whose id leads to it from then on.

    TARGET keeps its title, kind and severity. Both have to be of one project, and both of development or
    both of production.
    """
    with tracker_of(options) as tracker:
        issue = tracker.merge(target, source, **options)
    _print(issue, as_json, f"Merged {f'#{source}' if source.isdecimal() else source} into")


@click.command()
@click.argument("source", metavar="SOURCE")
@_yes_option
@tracker_options
@json_option
@click.help_option("-h", "--help")
def unmerge(source: str, as_json: bool, **options: Any) -> None:
    """Undo a merge: SOURCE is back, with all evidence of its fingerprints.

    Its status is what it was. Evidence that came after the merge goes with its fingerprint.
    """
    with tracker_of(options) as tracker:
        issue = tracker.unmerge(source)
    _print(issue, as_json, "Brought back")


def _print(issue: TrackedIssue, as_json: bool, verb: str) -> None:
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import printable

    if as_json:
        output.print_text(json_document(issue.as_dict()) + "\n")
    else:
        output.print_text(f"{printable(verb)} #{issue.number} ({printable(issue.title)})\n")
    output.flush()
