"""What the tables of ``stormlog diff`` show, in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stormlog.apps.cli.options.targets import Column, Target

__all__ = ["COMPARISON", "ISSUE_CHANGES", "PEAK_CHANGES", "RUN_FACTS", "without_empty"]


def _target(*readable: Column, preferred: tuple[str, ...] = ()) -> Target:
    return Target(method="compare_runs", filter_name="", preferred=preferred, readable=readable)


RUN_FACTS = _target(Column("fact", ""), Column("before", "Before"), Column("after", "After"))

ISSUE_CHANGES = _target(
    Column("change", "Change", "word"),
    Column("number", "Number", "word", 9),
    Column("status", "Status", "word", 9),
    Column("short_id", "Fingerprint", "word", 3),
    Column("severity", "Severity", "severity", 2),
    Column("kind", "Kind", "kind", 7),
    Column("title", "Title"),
    Column("what", "What", rank=1, most=None),
    Column("before", "Before", "count"),
    Column("after", "After", "count"),
    Column("first_ns", "First seen", "time", 5),
    Column("last_ns", "Last seen", "time", 4),
)

PEAK_CHANGES = _target(
    Column("phase", "Phase"),
    Column("metric", "Metric", "word"),
    Column("before", "Before", "bytes"),
    Column("after", "After", "bytes"),
    Column("difference", "Difference", "bytes"),
    Column("percent", "Change", "bytes", 1),
    Column("before_rank", "Rank before", "number", 3),
    Column("after_rank", "Rank after", "number", 2),
    Column("unknown", "Not known of", "text", 4),
)

#: All of it as rows of one shape.
COMPARISON = _target(
    preferred=(
        *("section", "name", "metric", "change", "before", "after", "difference", "difference_percent"),
        "title",
    )
)


def without_empty(target: Target, rows: Sequence[Mapping[str, Any]], keys: Collection[str]) -> Target:
    """Return a target without those of some columns that no row fills.

    Args:
        target: How to print the rows.
        rows: The rows.
        keys: The columns that may be left out.
    """
    empty = {key for key in keys if all(row.get(key) is None for row in rows)}
    return replace(target, readable=tuple(column for column in target.readable if column.key not in empty))
