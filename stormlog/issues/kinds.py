"""Kinds and severities of issues, once for all that names, orders or compares them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal, TypeAlias

__all__ = [
    "ISSUE_KINDS",
    "SEVERITY_RANKS",
    "SHORT_KINDS",
    "TRACKED_KINDS",
    "UNKNOWN_SEVERITY_RANK",
    "IssueKind",
    "kind_named",
    "severity_rank",
    "severity_rank_sql",
]

IssueKind: TypeAlias = Literal["oom", "collector_degradation", "alert", "hidden_memory_anomaly"]

#: Kinds of what telemetry shows.
ISSUE_KINDS: Final[tuple[IssueKind, ...]] = (
    "oom",
    "collector_degradation",
    "alert",
    "hidden_memory_anomaly",
)

#: Kinds of what a tracker holds: programs report plain errors, too.
TRACKED_KINDS: Final[tuple[str, ...]] = (*ISSUE_KINDS, "error")

#: Kind -> the word that tables show for it, where there is a shorter one. Options take both.
SHORT_KINDS: Final = MappingProxyType(
    {"collector_degradation": "collector", "hidden_memory_anomaly": "hidden"}
)

#: Severity -> its place in every order, the worst first. An event may name any other word.
SEVERITY_RANKS: Final = MappingProxyType({"critical": 0, "error": 0, "warning": 1, "info": 2})
UNKNOWN_SEVERITY_RANK: Final = 9


def kind_named(word: str) -> str:
    """Return the kind that a word means: the short one of a kind, or a kind itself; any other word as it is."""
    return next((kind for kind, short in SHORT_KINDS.items() if short == word), word)


def severity_rank(severity: str | None) -> int:
    """Return 0 for critical and error, 1 for warning, 2 for info, 9 for every other word."""
    return UNKNOWN_SEVERITY_RANK if severity is None else SEVERITY_RANKS.get(severity, UNKNOWN_SEVERITY_RANK)


def severity_rank_sql(column: str) -> str:
    """Return SQL for the rank of the severity in a column, for SQLite; DuckDB has ``issues.severity_rank``."""
    cases = " ".join(f"WHEN '{word}' THEN {rank}" for word, rank in SEVERITY_RANKS.items())
    return f"CASE {column} {cases} ELSE {UNKNOWN_SEVERITY_RANK} END"
