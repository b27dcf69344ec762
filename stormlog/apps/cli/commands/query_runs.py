"""``stormlog query runs``, ``attachments``, ``summary`` and ``correlate``: runs and what surrounds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from stormlog.apps.cli.options.filter_options import (
    fields_option,
    job_option,
    row_options,
    search_option,
    session_ids_option,
    time_options,
    word_option,
)
from stormlog.apps.cli.options.options import AnswerCommand, answer_options, session_option
from stormlog.apps.cli.options.run_targets import RUN_ATTACHMENTS, RUNS
from stormlog.apps.cli.options.sections import section
from stormlog.apps.cli.options.times import TimeType, duration_ns
from stormlog.apps.cli.requests import answer_rows

__all__ = [
    "CORRELATION_KIND_CHOICES",
    "RUN_ATTACHMENT_SORT_CHOICES",
    "RUN_SORT_CHOICES",
    "SUMMARY_GROUP_CHOICES",
    "SUMMARY_METRIC_CHOICES",
    "attachments",
    "correlate",
    "runs",
    "summary",
]

#: Written out here so that completing an option does not import the filters.
RUN_SORT_CHOICES = ("started", "ended", "sessions")
RUN_ATTACHMENT_SORT_CHOICES = ("run", "started")
CORRELATION_KIND_CHOICES = (
    "telemetry_event",
    "alert",
    "timeline_marker",
    "oom_bundle",
    "diagnose_bundle",
    "rollup_window",
    "attachment",
)
SUMMARY_METRIC_CHOICES = (
    "session_count_by_status",
    "peak_allocator_allocated_bytes",
    "peak_allocator_reserved_bytes",
    "peak_device_used_bytes",
    "alert_count",
    "collector_degradation_transitions",
    "interrupted_sessions_with_oom_bundles",
    "hidden_memory_gap_growth",
)
SUMMARY_GROUP_CHOICES = ("session", "session-rank", "rank", "status")


def _source_options(rows: str) -> Callable[[Any], Any]:
    return section(
        "Filters",
        word_option("--source-namespace", f"Only {rows} of this other system, such as wandb or mlflow"),
        word_option("--source-ref", f"Only {rows} with this id there"),
    )


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    word_option("--run-id", "Only the run with this id"),
    session_ids_option("Only runs with this session"),
    job_option("runs"),
    word_option("--rank", "Only runs with this rank", kind=click.INT),
    _source_options("runs"),
    time_options("Only runs that had not ended before", "Only runs that had begun by then"),
    search_option("the id, the title, the description, the job, the id elsewhere, or the path"),
)
@row_options(RUN_SORT_CHOICES)
@answer_options
def runs(**options: Any) -> None:
    """List runs, the latest first: those of run envelopes, of jobs, and single sessions."""
    answer_rows(RUNS, options)


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    word_option("--run-id", "Only what belongs to the run with this id"),
    session_ids_option("Only what belongs to this session"),
    job_option("attachments"),
    word_option("--rank", "Only what belongs to this rank", kind=click.INT),
    word_option("--kind", "Only attachments of this kind, such as oom_bundle"),
    _source_options("attachments"),
    time_options("Only what covers a time since then", "Only what covers a time until then"),
    search_option("the title, the path or the url"),
)
@row_options(RUN_ATTACHMENT_SORT_CHOICES)
@answer_options
def attachments(**options: Any) -> None:
    """List what belongs to runs: sinks, bundles, files, and what envelopes and sidecars link to."""
    answer_rows(RUN_ATTACHMENTS, options)


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    click.option(
        "--metric",
        required=True,
        metavar="NAME",
        type=click.Choice(SUMMARY_METRIC_CHOICES),
        help=f"Which number to give: {', '.join(SUMMARY_METRIC_CHOICES)}.",
    ),
    click.option(
        "--group-by",
        type=click.Choice(SUMMARY_GROUP_CHOICES),
        help="Whose number it is (default: session). Sessions are always counted by status, and interrupted ones "
        "listed one by one.",
    ),
)
@section("Rows", fields_option)
@answer_options
def summary(**options: Any) -> None:
    """Give one number for each session, rank, or status.

    \b
    Examples:
      stormlog query summary runs/ --metric peak_device_used_bytes
      stormlog query summary runs/ --metric alert_count --group-by rank
    """
    from stormlog.apps.cli.requests import split_request
    from stormlog.apps.cli.run_answers import answer_summary

    metric, group_by = options.pop("metric"), options.pop("group_by")
    _, request = split_request(options, shows_states=False)
    answer_summary(metric, group_by, request)


@click.command(cls=AnswerCommand)
@section(
    "Filters",
    click.option("--at-ns", type=click.INT, metavar="NS", help="Around this time since the Unix epoch."),
    click.option(
        "--at", metavar="TIME", type=TimeType(), help="Around this time, such as 2026-11-26T10:00:00Z."
    ),
    click.option("--record-id", metavar="ID", help="Around the event with this record id."),
    session_option("Only what belongs to this session; an id shared with the moment makes evidence sure."),
    click.option("--job-id", metavar="TEXT", help="Only what belongs to this job."),
    click.option("--rank", type=click.INT, metavar="N", help="Only what belongs to this rank, or to none."),
    click.option(
        "--scope",
        type=click.Choice(("session", "distributed")),
        help="Whether other sessions of the job belong to the moment (default: session).",
    ),
    click.option(
        "--window-ns", type=click.INT, metavar="NS", help="Nanoseconds to look to either side (default: 60s)."
    ),
    click.option("--window", metavar="TIME", help="The same, such as 500ms or 2m."),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        type=click.Choice(CORRELATION_KIND_CHOICES),
        help="Only evidence of this kind (repeatable).",
    ),
)
@section(
    "Rows",
    click.option("--limit", type=click.INT, metavar="N", help="Only the first so many."),
    fields_option,
)
@answer_options
def correlate(**options: Any) -> None:
    """List what else happened around a moment, the surest and nearest first.

    \b
    Examples:
      stormlog query correlate runs/ --at 2026-11-26T10:00:00Z --window 5s
      stormlog query correlate runs/ --record-id telemetry-0123... --scope distributed
    """
    from stormlog.apps.cli.requests import split_request
    from stormlog.apps.cli.run_answers import answer_correlation

    anchors = [name for name in ("at_ns", "at", "record_id") if options[name] is not None]
    if len(anchors) != 1 and options["sql"] in (None, ""):
        raise click.UsageError("Name the moment with one of --at, --at-ns and --record-id.")
    _merge(options, "at", "at_ns", lambda value: value)
    _merge(options, "window", "window_ns", lambda value: duration_ns(value, "'--window'"))
    # A limit of 0 asks for the moment alone.
    limit = options.pop("limit")
    filters, request = split_request(options, shows_states=False)
    answer_correlation(filters if limit is None else {**filters, "limit": limit}, request)


def _merge(options: dict[str, Any], name: str, into: str, read: Callable[[Any], int]) -> None:
    """Put the value of an option into another one that means the same in nanoseconds."""
    value = options.pop(name)
    if value is not None:
        if options[into] is not None:
            raise click.UsageError(
                f"Choose one of --{name} and --{into.replace('_', '-')}: they mean the same."
            )
        options[into] = read(value)
