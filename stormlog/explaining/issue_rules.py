"""The rule that makes hits one issue: in words, and the SQL that it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from stormlog._resources import resource_directory
from stormlog._values import frozen_class
from stormlog.explaining.plain_fields import Plain
from stormlog.issues import ISSUE_FINGERPRINT_SCHEMA_VERSION

__all__ = ["IssueRule", "RuleSql", "rule_of"]

_TESTS = "\n-- Tests\n"


@frozen_class
class RuleSql(Plain):
    """A macro or view.

    Args:
        name: As SQL names it.
        text: The statement that creates it, with its comment.
    """

    name: str
    text: str


@frozen_class
class IssueRule(Plain):
    """Which hits are one issue.

    Args:
        name: Kind of the issue.
        version: Version of the rule, part of every fingerprint.
        hits: What is a hit, in words.
        grouping: Which hits are the same issue, in words.
        sql: Macros and views that say the same; empty where a rule is written in Python.
    """

    name: str
    version: int
    hits: str
    grouping: str
    sql: tuple[RuleSql, ...]


class _Words(NamedTuple):
    hits: str
    grouping: str
    files: tuple[str, ...]


_EVENT_KIND = "macros/issues/event_kind.sql"
_WORDS: Final[Mapping[str, _Words]] = {
    "oom": _Words(
        "An OOM bundle, or an 'error' event whose metadata has oom_reason or oom_dump_path.",
        "Same backend and reason.",
        (_EVENT_KIND,),
    ),
    "collector_degradation": _Words(
        "A 'collector_degraded' event, or any event whose metadata says that the collector is degraded or unhealthy.",
        "Same collector, backend, health, missing fields and stem of the error.",
        (_EVENT_KIND, "macros/issues/error_stem.sql"),
    ),
    "alert": _Words(
        "A 'warning', 'critical' or 'error' event, or any event whose metadata names one of these as its severity, "
        "that is neither an OOM nor a degradation of the collector.",
        "Same event type, severity, collector, backend and text, without its numbers.",
        (_EVENT_KIND, "macros/issues/alert_category.sql"),
    ),
    "hidden_memory_anomaly": _Words(
        "A pattern in the memory of a device that its allocator does not account for, over the samples of a session.",
        "Same classification, severity, phase, collector and backend.",
        ("views/gaps/gap_sessions.sql", "views/public/memory_gaps.sql"),
    ),
    "error": _Words(
        "An error text that a program recorded.",
        "Same text, without its numbers, and same module.",
        (),
    ),
}


def rule_of(kind: str) -> IssueRule | None:
    """Return the rule that makes issues of a kind; None for a kind that is not known here."""
    words = _WORDS.get(kind)
    if words is None:
        return None
    return IssueRule(
        name=kind,
        version=ISSUE_FINGERPRINT_SCHEMA_VERSION,
        hits=words.hits,
        grouping=words.grouping,
        sql=tuple(map(_rule_sql, words.files)),
    )


def _rule_sql(file: str) -> RuleSql:
    folder, schema, name = file.removesuffix(".sql").split("/")
    text = (resource_directory("sql") / file).read_text(encoding="utf-8").partition(_TESTS)[0].strip()
    if schema == "public":
        return RuleSql(name, text)
    return RuleSql(f"{schema if folder == 'macros' else 'stage'}.{name}", text)
