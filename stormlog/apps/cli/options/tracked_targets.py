"""Which columns lists of tracked things show in which order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.apps.cli.options.targets import Column, Target

__all__ = [
    "COMMENTS",
    "HISTORY",
    "IGNORE_RULES",
    "OCCURRENCES",
    "PROJECTS",
    "TRACKED_ISSUES",
]
__all__ += ["activity_for_people", "for_people", "short_id"]


TRACKED_ISSUES = Target(
    method="",
    filter_name="",
    preferred=(
        "issue_id",
        "number",
        "status",
        "severity",
        "kind",
        "title",
        "app",
        "run_count",
        "occurrence_count",
        "unique_user_count",
        "recurred_count",
        "last_seen_ns",
    ),
    readable=(
        Column("short_id", "#", "word"),
        Column("shown_status", "Status", "status", 1),
        Column("severity", "Severity", "severity", 3),
        Column("kind", "Kind", "kind", 8),
        Column("title", "Title"),
        Column("what", "What", most=None),
        Column("shown_app", "App", "word", 5),
        Column("failure_count", "Failures", "count", 2),
        Column("run_count", "Runs", "count", 4),
        Column("occurrence_count", "Sessions", "count", 6),
        Column("unique_user_count", "Users", "count", 10),
        Column("versions", "Versions", "word", 7),
        Column("last_seen_ns", "Last seen", "time", 3),
    ),
)

OCCURRENCES = Target(
    method="",
    filter_name="",
    preferred=(
        "session_id",
        "run_id",
        "host",
        "user",
        "environment",
        "code_version",
        "ranks",
        "first_ns",
        "last_ns",
        "hit_count",
    ),
    readable=(
        Column("session_id", "Session", "word"),
        Column("run_id", "Run", "text", 2),
        Column("host", "Host", "text", 4),
        Column("code_version", "Version", "word", 1),
        Column("ranks", "Ranks", "ranks", 3),
        Column("hit_count", "Hits", "count", 1),
        Column("last_ns", "Last seen", "time"),
    ),
)

HISTORY = Target(
    method="",
    filter_name="",
    preferred=("at_ns", "actor_type", "actor_id", "action", "before", "after", "issue_id", "scan_id"),
    readable=(
        Column("at_ns", "Time", "time"),
        Column("change", "Change", most=None),
        Column("activity_id", "Entry", "number", 1),
    ),
)

COMMENTS = Target(
    method="",
    filter_name="",
    preferred=("comment_id", "author_type", "author_name", "created_ns", "updated_ns", "body"),
    readable=(
        Column("created_ns", "Time", "time"),
        Column("author_name", "Who", "word"),
        Column("body", "Comment", most=None),
        Column("comment_id", "Id", "word", 1),
    ),
)

IGNORE_RULES = Target(
    method="",
    filter_name="",
    preferred=(
        "rule_id",
        "kind",
        "dimensions",
        "fingerprint_id",
        "reason",
        "actor_type",
        "actor_id",
        "created_ns",
        "issue_count",
    ),
    readable=(
        Column("rule_id", "Rule", "number"),
        Column("fits", "Ignores"),
        Column("reason", "Reason", "text", 1),
        Column("issue_count", "Issues", "count"),
        Column("actor_id", "Who", "word", 2),
        Column("created_ns", "Since", "time", 3),
    ),
)

PROJECTS = Target(
    method="",
    filter_name="",
    preferred=(
        "name",
        "alert_frequency",
        "version_order",
        "regress_on_equal",
        "recipients",
        "webhook_url",
        "webhook_format",
        "last_digest_ns",
    ),
    readable=(
        Column("name", "Project", "word"),
        Column("alert_frequency", "Digests", "word"),
        Column("version_order", "Versions", "word", 2),
        Column("recipients", "Recipients", "list"),
        Column("webhook_url", "Webhook", "text", 1),
        Column("last_digest_ns", "Last digest", "time", 3),
    ),
)


def activity_for_people(activity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an entry of the history with what was done in a sentence."""
    from stormlog.presenting import activity_sentence

    return {**activity, "change": activity_sentence(activity)}


def short_id(issue_id: str) -> str:
    """Return the end of an id, which is enough to name it; ids made at one time start alike."""
    return issue_id[-8:]


def for_people(issue: Mapping[str, Any], *, names_project: bool = False) -> dict[str, Any]:
    """Return the fields of an issue with those that only tables for people show.

    Args:
        names_project: Whether its number stands behind the name of its project.
    """
    ends = [version for version in (issue["first_seen_version"], issue["last_seen_version"]) if version]
    return {
        **issue,
        "short_id": f"{issue['project']}/{issue['number']}" if names_project else f"#{issue['number']}",
        "shown_status": _status_text(issue),
        "shown_app": f"{issue['app']} (dev)" if issue["is_dev"] else issue["app"],
        "versions": " - ".join(dict.fromkeys(ends)) or None,
    }


def _status_text(issue: Mapping[str, Any]) -> str:
    from stormlog.tracking.statuses import shown_status

    shown = shown_status(issue["status"])
    return f"{shown} (recurring)" if issue["recurred_count"] else shown
