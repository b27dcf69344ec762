"""Options that choose among the rows of a list: the same words on every list.

Options of words and ranks may be repeated, and mean any of their values. Their names are those of the fields of the
filters in `stormlog.query.filters` and of `stormlog.tracking.Tracker.list_issues`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from stormlog.apps.cli.options.sections import section
from stormlog.apps.cli.options.times import TimeType

__all__ = [
    "app_option",
    "environment_options",
    "fields_option",
    "given_filters",
    "job_option",
    "place_options",
    "row_options",
    "search_option",
    "session_ids_option",
    "time_options",
    "word_option",
]

Decorator = Callable[[Any], Any]


def word_option(name: str, text: str, *, choices: Sequence[str] = (), kind: Any = None) -> Decorator:
    """Return an option that takes a word to compare with, and may be repeated.

    Args:
        name: The option.
        text: Its help.
        choices: The words that it may have; any, if there are none.
        kind: Type of the values; text by default.
    """
    if choices:
        return click.option(
            name, multiple=True, type=kind or click.Choice(choices), help=f"{text} (repeatable)."
        )
    metavar = "N" if kind is click.INT else "TEXT"
    return click.option(name, multiple=True, type=kind, metavar=metavar, help=f"{text} (repeatable).")


def session_ids_option(text: str) -> Decorator:
    """Return the option that names sessions, in both spellings."""
    return click.option(
        "--session-id", "--session", "session_id", multiple=True, metavar="ID", help=f"{text} (repeatable)."
    )


def time_options(since: str, until: str) -> Decorator:
    """Return ``--since`` and ``--until``.

    Args:
        since: What the first one says.
        until: What the second one says.
    """
    forms = "2h or 7d (ago), yesterday, an ISO date or time, or seconds since the epoch"
    return section(
        "Filters",
        click.option("--since", metavar="TIME", type=TimeType(), help=f"{since}: {forms}."),
        click.option("--until", metavar="TIME", type=TimeType(), help=f"{until}, likewise."),
    )


def job_option(rows: str) -> Decorator:
    """Return ``--job-id``."""
    return word_option("--job-id", f"Only {rows} of this job")


def app_option(rows: str) -> Decorator:
    """Return ``--app``."""
    return word_option("--app", f"Only {rows} of this training program")


def environment_options(rows: str) -> Decorator:
    """Return ``--dev`` and ``--prod``."""
    return section(
        "Filters",
        click.option("--dev", is_flag=True, help=f"Only {rows} in development."),
        click.option(
            "--prod",
            "--production",
            "prod",
            is_flag=True,
            help=f"Only {rows} in production, or where the telemetry does not say.",
        ),
    )


def place_options(rows: str) -> Decorator:
    """Return ``--run``, ``--job-id``, ``--rank``, ``--host``, ``--app``, ``--dev`` and ``--prod``.

    Args:
        rows: What is listed.
    """
    return section(
        "Filters",
        word_option("--run", f"Only {rows} of this run, by its id or its job"),
        job_option(rows),
        word_option("--rank", f"Only {rows} of this rank", kind=click.INT),
        word_option("--host", f"Only {rows} on this machine"),
        app_option(rows),
        environment_options(rows),
    )


def search_option(fields: str) -> Decorator:
    """Return ``--search``.

    Args:
        fields: Where the text is looked for.
    """
    return click.option("--search", metavar="TEXT", help=f"Only with this text, in any case, in {fields}.")


def row_options(sorts: Sequence[str]) -> Decorator:
    """Return ``--sort``, ``--limit``, ``--page`` and ``--fields`` for the lists of ``stormlog query``.

    Args:
        sorts: Orders, the usual one first.
    """
    return section(
        "Rows",
        click.option("--sort", type=click.Choice(sorts), help=f"What comes first (default: {sorts[0]})."),
        click.option("--limit", type=click.INT, metavar="N", help="Only the first so many."),
        click.option("--page", type=click.INT, metavar="N", help="Page N of --limit rows (or 50), from 1."),
        fields_option,
    )


def fields_option(function: Any) -> Any:
    """Add ``--fields``."""
    return click.option(
        "--fields", metavar="A,B", help="Only these fields, in this order; a wrong one lists those there are."
    )(function)


def given_filters(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a filter that options ask for, apart from those that ask for nothing.

    Args:
        options: Of a command; those of other purposes have been taken out.

    Raises:
        click.UsageError: options contradict each other.
    """
    filters = {
        name: value
        for name, value in options.items()
        if value is not None and value != () and name not in ("dev", "prod")
    }
    if options.get("dev") and options.get("prod"):
        raise click.UsageError("Choose one of --dev and --prod: they exclude each other.")
    if options.get("dev") or options.get("prod"):
        filters["is_dev"] = bool(options["dev"])
    if filters.get("hide_ignored") is False:
        del filters["hide_ignored"]
    if "hide_ignored" in filters and {"ignored", "silenced"}.intersection(filters.get("state", ())):
        raise click.UsageError("Choose one of --hide-ignored and --state ignored: they exclude each other.")
    if filters.get("limit", 1) == 0:
        raise click.UsageError("--limit 0 asks for no rows: leave it out for all of them.")
    return filters
