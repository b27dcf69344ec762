"""Pairs each question of an export with the statement and the parameters that it runs."""

from __future__ import annotations

from stormlog.engine import load_query
from stormlog.query.statements import FilteredStatement, Statement

__all__ = [
    "failures_statement",
    "issue_labels_statement",
    "otlp_statement",
    "otlp_times",
    "scans_statement",
    "tracked_issues_statement",
]

#: Words of severity that are told apart.
_MOST_SEVERITIES = 20


def issue_labels_statement(listing: FilteredStatement) -> FilteredStatement:
    """Return the statement that counts the rows of ``list_issues`` by kind, severity and state."""
    counting = load_query("count_issue_labels")
    return FilteredStatement(
        f"WITH listed_issues AS (\n{listing.text.rstrip()}\n)\n\nFROM (\n{counting.rstrip()}\n)",
        {**listing.parameters, "most_severities": _MOST_SEVERITIES},
        listing.views,
    )


def failures_statement(since_ns: int | None) -> Statement:
    """Return the statement that counts failures by rank."""
    return load_query("count_failures"), {"since": since_ns}


def tracked_issues_statement() -> Statement:
    """Return the statement that counts issues of a tracker."""
    return load_query("count_tracked_issues"), {"most_severities": _MOST_SEVERITIES}


def scans_statement() -> Statement:
    """Return the statement that counts scans of a tracker."""
    return load_query("count_scans"), {}


def otlp_statement(since_ns: int | None, until_ns: int | None) -> Statement:
    """Return the statement whose rows are lines of OTLP/JSON."""
    # Its rows are read for one slice of time after the other, which asks for these parameters.
    return load_query("otlp_logs"), {
        "time_start_ns": since_ns,
        "time_end_ns": until_ns,
        "limit": None,
        "offset": 0,
    }


def otlp_times() -> str:
    """Return the text of a statement with the times of the rows of `otlp_statement`, and with its parameters."""
    return load_query("otlp_times")
