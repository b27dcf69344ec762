"""Lays a digest out: as a mail in text and HTML, as JSON, and for Slack.

The promise: whatever is in the telemetry, a header stays one line, and nothing of it is markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

from stormlog.presenting import counted
from stormlog.tracking.digest.content import Digest, DigestIssue, one_line

__all__ = ["as_html", "as_json", "as_slack", "as_text", "subject"]

_MOST_SUBJECT: Final = 199
_RECURRING: Final = "Recurring while resolved"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_CELL: Final = 'style="padding:4px 8px;border-bottom:1px solid #ddd;text-align:left;vertical-align:top"'
_HEADINGS: Final = (
    "Status",
    "Title",
    "What",
    "Kind",
    "App",
    "Runs",
    "Occurrences",
    "Users",
    "Versions",
    "Seen (UTC)",
    "Open",
)


def subject(digest: Digest) -> str:
    """Return what a digest is about, in fewer than 200 characters."""
    counts = f"{digest.new_count} new, {digest.regressed_count} regressed"
    if digest.recurring_count:
        counts += f", {digest.recurring_count} recurring while resolved"
    before, after = f"[stormlog] {counted(digest.issue_count, 'issue')} in ", f": {counts}"
    return before + one_line(digest.project, _MOST_SUBJECT - len(before) - len(after)) + after


def as_text(digest: Digest) -> str:
    """Return a digest as plain text."""
    parts = [subject(digest), *_why(digest)]
    parts += map(_text_row, digest.issues)
    parts += _more(digest.more_count)
    if digest.recurring:
        parts.append(f"{_RECURRING}:")
        parts += map(_text_row, digest.recurring)
        parts += _more(digest.more_recurring_count)
    return "\n\n".join(parts) + "\n"


def as_html(digest: Digest) -> str:
    """Return a digest as an HTML document without scripts, pictures or links."""
    parts = [f"<h2>{escape(subject(digest))}</h2>", *(f"<p>{escape(line)}</p>" for line in _why(digest))]
    parts += _html_table(digest.issues, digest.more_count)
    if digest.recurring:
        parts.append(f"<h3>{_RECURRING}</h3>")
        parts += _html_table(digest.recurring, digest.more_recurring_count)
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n'
        f'<body style="font-family:sans-serif;font-size:14px">\n{body}\n</body></html>\n'
    )


def as_json(digest: Digest) -> dict[str, Any]:
    """Return a digest as a webhook sends it."""
    return {
        "type": "stormlog.digest",
        "subject": subject(digest),
        "issue_count": digest.issue_count,
        **digest.as_dict(),
    }


def as_slack(digest: Digest) -> dict[str, Any]:
    """Return a digest as a message of Slack and of what understands the same."""
    lines = [f"*{_slack(subject(digest))}*", *map(_slack, _why(digest))]
    lines += map(_slack_row, digest.issues)
    lines += _more(digest.more_count)
    if digest.recurring:
        lines.append(f"*{_RECURRING}*")
        lines += map(_slack_row, digest.recurring)
        lines += _more(digest.more_recurring_count)
    return {"text": "\n".join(lines)}


def _why(digest: Digest) -> list[str]:
    return [] if digest.why is None else [f"Latest failed run: {digest.why}"]


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count else []


def _counts(issue: DigestIssue) -> str:
    parts = [
        counted(issue.run_count, "run"),
        counted(issue.occurrence_count, "occurrence"),
        counted(issue.unique_user_count, "user"),
    ]
    if issue.status == "resolved":
        parts.append(f"{issue.recurred_count} since resolved")
    return ", ".join(parts)


def _versions(issue: DigestIssue) -> str:
    seen = dict.fromkeys(v for v in (issue.first_seen_version, issue.last_seen_version) if v is not None)
    text = " to ".join(seen) or "-"
    return text if issue.fix_version is None else f"{text}, fixed in {issue.fix_version}"


def _seen(issue: DigestIssue) -> str:
    seen = dict.fromkeys(_utc(ns) for ns in (issue.first_seen_ns, issue.last_seen_ns) if ns is not None)
    return " to ".join(seen) or "-"


def _utc(time_ns: int) -> str:
    try:
        return f"{_EPOCH + timedelta(seconds=time_ns // 10**9):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return str(time_ns)


def _text_row(issue: DigestIssue) -> str:
    what = f"  {issue.what}\n" if issue.what else ""
    return (
        f"{issue.status} ({issue.severity}): {issue.title}\n"
        f"{what}"
        f"  {issue.kind} in {issue.app}: {_counts(issue)}\n"
        f"  versions {_versions(issue)}; seen {_seen(issue)} UTC\n"
        f"  {issue.command}"
    )


def _html_table(issues: Sequence[DigestIssue], more_count: int) -> list[str]:
    if not issues:
        return []
    # Digests that an earlier version stored do not say it.
    has_what = any(issue.what for issue in issues)
    rows = [_html_row("th", [heading for heading in _HEADINGS if has_what or heading != "What"])]
    for issue in issues:
        cells = (
            issue.status if issue.status != "resolved" else f"resolved, {issue.recurred_count} since",
            f"{issue.title} ({issue.severity})",
            *([issue.what or "-"] if has_what else []),
            issue.kind,
            issue.app,
            str(issue.run_count),
            str(issue.occurrence_count),
            str(issue.unique_user_count),
            _versions(issue),
            _seen(issue),
            issue.command,
        )
        rows.append(_html_row("td", cells))
    table = '<table style="border-collapse:collapse">\n' + "\n".join(rows) + "\n</table>"
    return [table, *(f"<p>{line}</p>" for line in _more(more_count))]


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag} {_CELL}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _slack(text: str) -> str:
    # These three are all that Slack gives a meaning that goes beyond looks: links, mentions, entities.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_row(issue: DigestIssue) -> str:
    name = f"{issue.title}: {issue.what}" if issue.what else issue.title
    line = f"• {issue.status} ({issue.severity}): {name}: {issue.app}, {_counts(issue)}"
    return _slack(f"{line}\n    {issue.command}")
