"""``stormlog query``: rows of what lies under some paths."""

from __future__ import annotations

from typing import Any

import click

from stormlog.apps.cli.groups import HelpfulGroup
from stormlog.apps.cli.options.filter_options import (
    given_filters,
    place_options,
    row_options,
    search_option,
    session_ids_option,
    time_options,
    word_option,
)
from stormlog.apps.cli.options.kind_type import KindChoice
from stormlog.apps.cli.options.options import (
    AnswerCommand,
    answer_options,
    cache_of,
    format_of,
    name_tracker,
)
from stormlog.apps.cli.options.sections import section
from stormlog.apps.cli.options.shown_times import moments_of
from stormlog.apps.cli.options.targets import EVENTS, ISSUES, OOMS, SESSIONS, Target
from stormlog.apps.cli.options.times import TimeType
from stormlog.issues import ISSUE_KINDS, ISSUE_STATES

__all__ = ["ISSUE_KIND_CHOICES", "ISSUE_SORT_CHOICES", "ISSUE_STATE_CHOICES", "SESSION_SORT_CHOICES"]
__all__ += ["TIME_SORT_CHOICES", "query"]

ISSUE_KIND_CHOICES = ISSUE_KINDS
ISSUE_STATE_CHOICES = ISSUE_STATES
#: Written out here so that completing an option does not import the filters.
ISSUE_SORT_CHOICES = ("severity", "last_seen", "first_seen", "hits", "sessions")
SESSION_SORT_CHOICES = ("started", "ended", "events", "ooms", "rank")
TIME_SORT_CHOICES = ("oldest", "newest")

#: Options that go into a `Request` as they are.
_SETTINGS = (
    "paths",
    "sql",
    "tracker",
    "project",
    "strict",
    "threads",
    "memory_limit",
    "spill_directory",
    "spill_limit",
    "unpack_limit",
    "quiet",
    "no_colour",
    "fields",
)


@click.group(cls=HelpfulGroup)
@click.help_option("-h", "--help")
def query() -> None:
    """Answer from telemetry files, sinks and bundles.

    PATH is a file or a directory with everything below it; several are read together. Files are only
    ever read.
    """


@query.command(cls=AnswerCommand)
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
@click.option("--follow", is_flag=True, help="Go on printing new and changed issues until Ctrl-C.")
@click.option(
    "--interval", metavar="TIME", help="With --follow: time between two looks, such as 500ms, 2s or 1m."
)
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
    _answer(ISSUES, options, follow_s=_follow_s(options))


@query.command(cls=AnswerCommand)
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
    _answer(SESSIONS, options)


@query.command(cls=AnswerCommand)
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
@answer_options
def events(**options: Any) -> None:
    """List events in order of time."""
    _answer(EVENTS, options)


@query.command(cls=AnswerCommand)
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
    _answer(OOMS, options)


def _follow_s(options: dict[str, Any]) -> float | None:
    """Return the seconds between two looks; None if nothing is to be followed."""
    interval, is_wanted = options.pop("interval"), options.pop("follow")
    if not is_wanted:
        if interval is not None:
            raise click.UsageError("--interval needs --follow.")
        return None
    for option in ("sql", "fields", "page"):
        if options[option] is not None:
            raise click.UsageError(f"--follow lists whole issues as they change: leave out --{option}.")
    if format_of(options) in ("csv", "markdown"):
        raise click.UsageError("--follow prints a table or JSON lines: choose --table, --json or --jsonl.")
    from stormlog.apps.cli.commands.follow import interval_seconds

    seconds = interval_seconds(interval or "2s")
    if seconds is None:
        raise click.BadParameter(
            f"{interval!r} is no time above zero: write 500ms, 2s, 1m or a number of seconds.",
            param_hint="'--interval'",
        )
    return seconds


def _answer(target: Target, options: dict[str, Any], *, follow_s: float | None = None) -> None:
    from stormlog.apps.cli.answers import Request, answer

    shows_states = target is ISSUES or options["sql"] is not None
    name_tracker(options, is_wanted=shows_states)
    format_name, cache, moments = format_of(options), cache_of(options), moments_of(options)
    settings = {name: options.pop(name) for name in _SETTINGS}
    # What is left names fields of the filter, apart from the ways to name a format and a cache.
    filters = given_filters(
        {
            name: value
            for name, value in options.items()
            if name not in ("format_name", "no_cache", "cache_dir") and not name.startswith("shortcut_")
        }
    )
    request = Request(format_name=format_name, cache=cache, follow_s=follow_s, moments=moments, **settings)
    answer(target, filters, request)
