"""``stormlog query sessions``, ``events`` and ``ooms``."""

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
from stormlog.apps.cli.options.options import AnswerCommand, answer_options
from stormlog.apps.cli.options.sections import section
from stormlog.apps.cli.options.targets import EVENTS, OOMS, SESSIONS
from stormlog.apps.cli.options.times import TimeType
from stormlog.apps.cli.requests import answer_rows

__all__ = ["SESSION_SORT_CHOICES", "TIME_SORT_CHOICES", "events", "ooms", "sessions"]

#: Written out here so that completing an option does not import the filters.
SESSION_SORT_CHOICES = ("started", "ended", "events", "ooms", "rank")
TIME_SORT_CHOICES = ("oldest", "newest")


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    session_ids_option("Only this session"),
    word_option("--status", "Only sessions with this status, such as completed or interrupted"),
    time_options("Only sessions that had not ended before", "Only sessions that had begun by then"),
    place_options("sessions"),
    word_option("--world-size", "Only sessions of a job of this size", kind=click.INT),
    word_option("--source-kind", "Only sessions from this kind of source, such as sink"),
    click.option(
        "--has-oom-bundle/--no-has-oom-bundle",
        default=None,
        help="Only sessions with (without) an OOM bundle.",
    ),
    search_option("the id, the job, the host or the path"),
)
@row_options(SESSION_SORT_CHOICES)
@answer_options
def sessions(**options: Any) -> None:
    """List sessions, the latest first."""
    answer_rows(SESSIONS, options)


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    session_ids_option("Only events of this session"),
    word_option("--event-type", "Only events of this type"),
    time_options("Only events since then", "Only events until then"),
    place_options("events"),
    word_option("--severity", "Only events of this severity"),
    word_option("--collector", "Only events of this collector"),
    word_option("--status", "Only events of sessions with this status"),
    click.option(
        "--time-start-ns", type=click.INT, metavar="NS", help="Not before this time since the Unix epoch."
    ),
    click.option(
        "--time-end-ns", type=click.INT, metavar="NS", help="Not after this time since the Unix epoch."
    ),
    click.option("--has-alert/--no-has-alert", default=None, help="Only events that are (are not) alerts."),
    word_option("--collector-health-status", "Only events with this health of their collector"),
    word_option("--backend", "Only events of this backend"),
    search_option("the context"),
)
@row_options(TIME_SORT_CHOICES)
@follow_options("Go on printing new events as files grow, until Ctrl-C or --limit.")
@answer_options
def events(**options: Any) -> None:
    """List events in order of time.

    \b
    Examples:
      stormlog query events runs/ --has-alert --since 24h
      stormlog query events runs/ --follow --event-type error --jsonl
    """
    follow_s = follow_seconds(
        options,
        excludes=("sql", "sort", "page"),
        why="prints events as they come",
        formats=("table", "json", "jsonl", "csv"),
    )
    answer_rows(EVENTS, options, follow_s=follow_s)


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    session_ids_option("Only bundles of this session"),
    word_option("--backend", "Only bundles of this backend"),
    word_option("--reason", "Only bundles with this reason"),
    time_options("Only bundles written since then", "Only bundles written until then"),
    place_options("bundles"),
    click.option(
        "--created-after", metavar="TIME", type=TimeType(), help="As --since, of fractions of a second too."
    ),
    click.option(
        "--created-before", metavar="TIME", type=TimeType(), help="As --until, of fractions of a second too."
    ),
    search_option("the reason, or the class or message of the exception"),
)
@row_options(TIME_SORT_CHOICES)
@answer_options
def ooms(**options: Any) -> None:
    """List the bundles that a flight recorder wrote when memory ran out."""
    answer_rows(OOMS, options)
