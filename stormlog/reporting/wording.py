"""What the page and Markdown say in the same words."""

from __future__ import annotations

import re
import shlex
from collections import Counter

from stormlog.presenting import human_count, human_time, listed
from stormlog.presenting.why_headline import headline
from stormlog.reporting.models import IssueLine, Report

__all__ = [
    "KIND_WORDS",
    "ask_again",
    "hidden_issues",
    "issue_command",
    "issue_counts",
    "issue_name",
    "opened_paths",
    "report_title",
    "span_of_time",
    "state_of",
    "verdict",
]

#: Kind of an issue -> what it is called.
KIND_WORDS = {
    "oom": "out of memory",
    "collector_degradation": "collector degraded",
    "alert": "alert",
    "hidden_memory_anomaly": "hidden memory",
}

#: Status in a tracker -> what people read.
_STATUS_WORDS = {"silenced": "ignored", "in_progress": "in progress"}

#: Texts that mean nothing to a shell within double quotes.
_HARMLESS = re.compile(r"[\w.:-]+", re.ASCII)

_ISSUES_SQL = '"SELECT * FROM issues ORDER BY severity_rank, last_seen_ns DESC"'

_SEVERITY_ORDER = ("critical", "error", "warning", "info")


def report_title(report: Report) -> str:
    """Return the title: which run is explained."""
    run = report.explanation.run
    return f"Memory report: run {run.run_id}{'' if run.attempt == 1 else f', attempt {run.attempt}'}"


def verdict(report: Report) -> str:
    """Return how the run ended, and how many issues there are, in two sentences."""
    return f"{headline(report.explanation)} {issue_counts(report)}"


def issue_counts(report: Report) -> str:
    """Return how many issues there are of each severity, and how many of them are back or closed."""
    count = len(report.issues)
    if not count:
        return "No issue was found."
    by_severity = Counter(issue.severity for issue in report.issues)
    known = [word for word in _SEVERITY_ORDER if word in by_severity]
    parts = [f"{human_count(by_severity.pop(word))} {word}" for word in known]
    if by_severity:
        parts.append(f"{human_count(by_severity.total())} other")
    states = Counter(issue.state for issue in report.issues)
    closed = [f"{human_count(states[s])} {s}" for s in ("regressed", "resolved", "ignored") if states[s]]
    noun = "issue" if count == 1 else "issues"
    return f"{human_count(count)} {noun}: {listed(parts)}{f' ({listed(closed)})' if closed else ''}."


def span_of_time(report: Report) -> str:
    """Return how many sessions there are, and from when to when they ran."""
    noun = "session" if report.session_count == 1 else "sessions"
    sessions = f"{human_count(report.session_count)} {noun}"
    if report.first_ns is None or report.last_ns is None:
        return sessions
    return f"{sessions}, {human_time(report.first_ns)} to {human_time(report.last_ns)} UTC"


def hidden_issues(report: Report) -> str | None:
    """Return how many issues are not shown; None where all are."""
    hidden = len(report.issues) - len(report.accounts)
    if hidden <= 0:
        return None
    noun = "issue is" if hidden == 1 else "issues are"
    return f"{human_count(hidden)} more {noun} not shown here; the worst and latest are. All of them:"


def issue_name(report: Report, issue: IssueLine) -> str:
    """Return how an issue is called for short: its number in the tracker, else the first digits of its fingerprint."""
    tracked = report.tracked.get(issue.fingerprint_id)
    if tracked is not None and tracked.number is not None:
        return f"#{tracked.number}"
    return issue.fingerprint_id.removeprefix("issue:")[:8]


def state_of(report: Report, issue: IssueLine) -> str:
    """Return the status of an issue in the tracker, else its state."""
    tracked = report.tracked.get(issue.fingerprint_id)
    return issue.state if tracked is None else _STATUS_WORDS.get(tracked.status, tracked.status)


def opened_paths(report: Report) -> str:
    """Return the opened paths as they are typed into a shell."""
    return " ".join(shlex.quote(path) for path in report.paths)


def _tracker(report: Report) -> str:
    if report.tracker is None:
        return ""
    project = f" --project {shlex.quote(report.project)}" if report.project is not None else ""
    return f" --db {shlex.quote(report.tracker)}{project}"


def issue_command(report: Report, fingerprint_id: str) -> str:
    """Return the command that shows one issue."""
    opened = opened_paths(report)
    return f"stormlog query issues {opened} --fingerprint-id {fingerprint_id}{_tracker(report)}"


def ask_again(report: Report) -> dict[str, str]:
    """Return what a part of the report is -> the command that says the same."""
    run, opened, tracker = report.explanation.run, opened_paths(report), _tracker(report)
    name = shlex.quote(run.run_id)
    option = f" --run={name}" if name.startswith("-") else f" --run {name}"
    attempt = "" if run.attempt == 1 else f" --attempt {run.attempt}"
    found = {
        "Why the run failed": f"stormlog why {opened}{option}{attempt}{tracker}",
        "All issues": f"stormlog query issues {opened}{tracker}",
        "The same in SQL": f"stormlog query issues {opened} --sql {_ISSUES_SQL}",
        "Hits over time": f'stormlog query issues {opened} --sql "SELECT * FROM issue_trend"',
    }
    memory = report.explanation.memory
    if memory is not None:
        session = memory.session_id.replace("'", "''")
        statement = f"SELECT * FROM memory_timeline('{session}', 360)"
        # Quotes inside quotes are hard to read; few sessions need them.
        typed = f'"{statement}"' if _HARMLESS.fullmatch(session) else shlex.quote(statement)
        found["Memory over time"] = f"stormlog query events {opened} --sql {typed}"
    if report.skipped_line_count:
        found["Skipped lines"] = f'stormlog query issues {opened} --sql "SELECT * FROM rejects"'
    if any(skipped.line_count is None for skipped in report.skipped):
        found["Skipped files"] = f'stormlog query issues {opened} --sql "SELECT * FROM catalog_warnings"'
    return found
