"""``stormlog query issues``."""

from __future__ import annotations

from typing import Any

import click

from stormlog.apps.cli.options.filter_options import (
    place_options,
    row_options,
    search_option,
    session_ids_option,
    time_options,
    word_option,
)
from stormlog.apps.cli.options.follow_options import follow_options, follow_seconds
from stormlog.apps.cli.options.kind_type import KindChoice
from stormlog.apps.cli.options.options import AnswerCommand, answer_options
from stormlog.apps.cli.options.sections import section
from stormlog.apps.cli.options.targets import ISSUES
from stormlog.apps.cli.requests import answer_rows
from stormlog.issues import ISSUE_KINDS, ISSUE_STATES

__all__ = ["ISSUE_KIND_CHOICES", "ISSUE_SORT_CHOICES", "ISSUE_STATE_CHOICES", "issues"]

ISSUE_KIND_CHOICES = ISSUE_KINDS
ISSUE_STATE_CHOICES = ISSUE_STATES
#: Written out here so that completing an option does not import the filters.
ISSUE_SORT_CHOICES = ("severity", "last_seen", "first_seen", "hits", "sessions")


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    word_option("--fingerprint-id", "Only the issue with this fingerprint"),
    word_option(
        "--kind", "Only issues of this kind", choices=ISSUE_KIND_CHOICES, kind=KindChoice(ISSUE_KIND_CHOICES)
    ),
    word_option("--state", "Only issues in this state", choices=ISSUE_STATE_CHOICES),
    word_option("--severity", "Only issues of this severity"),
    session_ids_option("Only issues that hit this session"),
    time_options("Only issues with a hit since then", "Only issues with a hit until then"),
    place_options("issues with a hit"),
    click.option("--hide-ignored", is_flag=True, help="Leave out ignored issues."),
    search_option("the title, what makes the issue, or the message of a hit"),
)
@row_options(ISSUE_SORT_CHOICES)
@follow_options("Go on printing new and changed issues until Ctrl-C.")
@answer_options
def issues(**options: Any) -> None:
    """List recurring failures, one row per fingerprint.

    \b
    Examples:
      stormlog query issues runs/
      stormlog query issues runs/ --kind oom --since 24h --json
      stormlog query issues runs/ --follow --interval 10s
      stormlog query issues runs/ --sql
      stormlog query issues runs/ --sql "SELECT kind, count(*) FROM issues GROUP BY kind"
    """
    follow_s = follow_seconds(
        options,
        excludes=("sql", "fields", "page"),
        why="lists whole issues as they change",
        formats=("table", "json", "jsonl"),
    )
    answer_rows(ISSUES, options, shows_states=True, follow_s=follow_s)
