"""What a gate found, as Markdown for people: on a terminal, in a job summary, in a comment on a change."""

from __future__ import annotations

import re
from typing import Final

from stormlog._markdown import markdown_text
from stormlog.presenting import counted
from stormlog.tracking.gate.gate import FAILURES, GateIssue, GateReport

__all__ = ["markdown_summary"]

#: Most issues of one outcome that are shown.
_MOST_ROWS: Final = 50
_MOST_TITLE: Final = 80

_HEADINGS: Final = {
    "new": "New",
    "regressed": "Regressed: a version newer than the fix has them",
    "recurring": "Recurring: resolved, and nobody can tell whether these versions have the fix",
    "pending": "Pending: found in sessions that may still grow",
}
_PLAIN_ID: Final = re.compile(r"[a-z]+:[0-9a-f]+")


def markdown_summary(report: GateReport, *, why: str | None = None) -> str:
    """Return the summary, which ends with a line break.

    Args:
        why: Why the latest run failed, on one line.
    """
    counts = report.counts
    verdict = "failed" if report.failed else "passed"
    shown = [name for name in FAILURES if name != "pending" or counts[name]]
    parts = [
        f"## Stormlog gate {verdict}\n\n",
        f"{', '.join(f'{counts[name]:,} {name}' for name in shown)}; {counts['known']:,} known, "
        f"{counts['ignored']:,} ignored, {counts['older']:,} of versions before their fix.\n\n",
        f"{counted(report.sources_seen, 'source')} with {counted(report.sessions_scanned, 'session')}, compared with "
        f"{markdown_text(report.baseline)}. Fails on: {', '.join(report.fail_on) or 'nothing'}.\n",
    ]
    if why is not None:
        parts.append(f"\nLatest failed run: {markdown_text(why)}\n")
    # What it fails on comes first.
    for outcome in sorted(FAILURES, key=lambda name: (name not in report.fail_on, FAILURES.index(name))):
        issues = report.of(outcome)
        if issues:
            parts.append(f"\n### {_HEADINGS[outcome]}\n\n{_table(issues)}")
    return "".join(parts)


def _table(issues: list[GateIssue]) -> str:
    lines = [
        "| Severity | Title | What | Runs | Sessions | Versions | Fixed in | Fingerprint |",
        "|---|---|---|---:|---:|---|---|---|",
    ]
    for issue in issues[:_MOST_ROWS]:
        cells = (
            markdown_text(issue.severity),
            markdown_text(_cut(issue.title)) + (" (development)" if issue.is_dev else ""),
            markdown_text(issue.what) or "-",
            f"{issue.run_count:,}",
            f"{issue.session_count:,}",
            markdown_text(_cut(", ".join(issue.code_versions))) or "-",
            markdown_text(_cut(issue.fix_version or "")) or "-",
            _id(issue.fingerprint_id),
        )
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    more = len(issues) - _MOST_ROWS
    return f"{text}\nand {more:,} more\n" if more > 0 else text


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TITLE else text[: _MOST_TITLE - 1] + "…"


def _id(text: str) -> str:
    return f"`{text}`" if _PLAIN_ID.fullmatch(text) else markdown_text(text)
