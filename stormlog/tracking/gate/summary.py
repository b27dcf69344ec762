"""What a gate found, as Markdown for people: on a terminal, in a job summary, in a comment on a change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from stormlog._markdown import markdown_text
from stormlog.explaining import BudgetResult
from stormlog.presenting import counted, human_bytes
from stormlog.tracking.gate.models import FAILURES, GateIssue, GateReport

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
#: States of budgets in the order in which they are shown.
_STATES: Final = ("over", "unknown", "within")
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
        f"{markdown_text(report.baseline)}. Fails on: {', '.join(_reasons(report)) or 'nothing'}.\n",
    ]
    if why is not None:
        parts.append(f"\nLatest failed run: {markdown_text(why)}\n")
    if report.budgets:
        parts.append(f"\n### Budgets of memory\n\n{_budgets(report.budgets)}")
    # What it fails on comes first.
    for outcome in sorted(FAILURES, key=lambda name: (name not in report.fail_on, FAILURES.index(name))):
        issues = report.of(outcome)
        if issues:
            parts.append(f"\n### {_HEADINGS[outcome]}\n\n{_table(issues)}")
    return "".join(parts)


def _reasons(report: GateReport) -> list[str]:
    if not report.budgets:
        return list(report.fail_on)
    return [*report.fail_on, "budgets that are over" + (" or unknown" if report.fails_on_unknown else "")]


def _budgets(budgets: Sequence[BudgetResult]) -> str:
    """Return a table of budgets, those that are over first, and what helps with those of phases that are not there."""
    lines = [
        "| Budget | State | Over | Not known | Ranks | Worst rank | Needs | Phase then | Where |",
        "|---|---|---:|---:|---:|---|---:|---|---|",
    ]
    for result in sorted(budgets, key=lambda result: _STATES.index(result.state)):
        counts = (f"{count:,}" for count in (result.over_count, result.unknown_count, result.rank_count))
        cells = (markdown_text(_cut(result.budget)), result.state, *counts, *_worst_cells(result))
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    for result in budgets:
        if result.rank_count == 0:
            text += f"\n{_explained(result)}\n"
    return text


def _worst_cells(result: BudgetResult) -> tuple[str, ...]:
    worst = result.worst
    if worst is None:
        return ("-",) * 4
    of_device = "" if worst.device_id is None or worst.device_id < 0 else f", device {worst.device_id}"
    rank = f"{'-' if worst.rank is None else worst.rank}{of_device} of {markdown_text(_cut(worst.run_id))}"
    attempt = "" if worst.attempt == 1 else f", attempt {worst.attempt}"
    # What is over by less than the digits show is said to the byte.
    needs, limit = human_bytes(worst.peak_bytes), human_bytes(worst.limit_bytes)
    if needs == limit:
        needs, limit = f"{worst.peak_bytes:,} B", f"{worst.limit_bytes:,} B"
    line = "" if worst.line_number is None else f":{worst.line_number}"
    return (
        rank + attempt,
        f"{needs} of {limit}",
        markdown_text(_cut(worst.phase or "")) or "-",
        markdown_text(f"{worst.path}{line}"),
    )


def _explained(result: BudgetResult) -> str:
    """Return why a budget has no ranks."""
    if not result.session_count:
        return f"{markdown_text(_cut(result.budget))}: there is no session to judge."
    there = ", ".join(markdown_text(_cut(path)) for path in result.known_phases)
    known = f"there are {there}" if there else "no phase was recorded"
    return f"{markdown_text(_cut(result.budget))}: no rank was in this phase; {known}."


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
