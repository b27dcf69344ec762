"""``stormlog issues comment``, ``comments``, ``edit-comment`` and ``delete-comment``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.shown_times import moments_of
from stormlog.apps.cli.options.tracker_options import format_options, json_option, tracker_of, tracker_options

if TYPE_CHECKING:
    from stormlog.tracking import Comment, Tracker

__all__ = ["comment", "comments", "delete_comment", "edit_comment"]


@click.command()
@click.argument("issue_id", metavar="ID")
@click.argument("text", metavar="TEXT")
@tracker_options
@json_option
@click.help_option("-h", "--help")
def comment(issue_id: str, text: str, as_json: bool, **options: Any) -> None:
    """Add a comment in Markdown to an issue; TEXT of - is what stdin says."""
    with tracker_of(options) as tracker:
        _confirm(tracker, tracker.comment(issue_id, _text(text)), as_json, "Commented")


@click.command()
@click.argument("issue_id", metavar="ID")
@tracker_options
@format_options
@click.help_option("-h", "--help")
def comments(issue_id: str, **options: Any) -> None:
    """List the comments of an issue, the oldest first."""
    from stormlog.apps.cli.commands.issue_lists import print_rows
    from stormlog.apps.cli.options.options import format_of
    from stormlog.apps.cli.options.tracked_targets import COMMENTS

    with tracker_of(options, read_only=True) as tracker:
        rows = [found.as_dict() for found in tracker.comments(issue_id)]
    print_rows(rows, COMMENTS, format_of(options), options["no_colour"], moments_of(options))


@click.command("edit-comment")
@click.argument("comment_id", metavar="COMMENT")
@click.argument("text", metavar="TEXT")
@tracker_options
@json_option
@click.help_option("-h", "--help")
def edit_comment(comment_id: str, text: str, as_json: bool, **options: Any) -> None:
    """Replace the text of your own comment; TEXT of - is what stdin says.

    COMMENT is its id, or at least 6 characters of its start or end.
    """
    with tracker_of(options) as tracker:
        _confirm(tracker, tracker.edit_comment(comment_id, _text(text)), as_json, "Edited")


@click.command("delete-comment")
@click.argument("comment_id", metavar="COMMENT")
@tracker_options
@json_option
@click.help_option("-h", "--help")
def delete_comment(comment_id: str, as_json: bool, **options: Any) -> None:
    """Delete a comment; agents delete only their own.

    Its text leaves the file a week later.
    """
    with tracker_of(options) as tracker:
        _confirm(tracker, tracker.delete_comment(comment_id), as_json, "Deleted")


def _text(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


def _confirm(tracker: Tracker, found: Comment, as_json: bool, verb: str) -> None:
    from stormlog.apps.cli.options.tracked_targets import short_id
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document

    if as_json:
        output.print_text(json_document(found.as_dict()) + "\n")
    else:
        number = tracker.issue_number(found.issue_id)
        output.print_text(f"{verb}: comment {short_id(found.comment_id)} on #{number}\n")
    output.flush()
