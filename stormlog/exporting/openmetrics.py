"""Counts as OpenMetrics text, which Prometheus scrapes and node_exporter's textfile collector reads.

Promise: any parser of OpenMetrics takes the text, whatever words telemetry puts into labels. All numbers of what the
files hold are gauges, because files go away; only what a tracker never forgets is a counter.

Source: docs/export.md#openmetrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product
from typing import NamedTuple

from stormlog._printable_text import printable
from stormlog._storable_text import storable_text
from stormlog.issues import ISSUE_KINDS, ISSUE_STATES
from stormlog.issues.kinds import SEVERITY_RANKS, TRACKED_KINDS
from stormlog.issues.state import STATE_OF_STATUS

__all__ = [
    "FailureCount",
    "IssueLabelCount",
    "MetricCounts",
    "ScanCount",
    "TrackedIssueCount",
    "openmetrics_text",
]


class IssueLabelCount(NamedTuple):
    """How many issues the telemetry shows of a kind, a severity and a state.

    Attributes:
        severity: At most 100 characters; ``other`` for all words beyond the most frequent ones.
        hit_count: Hits of all of them.
        last_seen_ns: Time of the latest hit; None if no hit has a time.
    """

    kind: str
    severity: str
    state: str
    issue_count: int
    hit_count: int
    last_seen_ns: int | None


class FailureCount(NamedTuple):
    """How often a rank failed; ``rank`` is None for failures of which no rank is known."""

    kind: str
    rank: int | None
    failure_count: int


class TrackedIssueCount(NamedTuple):
    """How many issues of a tracker there are of a kind, a severity and a status; words as of `IssueLabelCount`."""

    project: str
    kind: str
    severity: str
    status: str
    is_dev: bool
    issue_count: int


class ScanCount(NamedTuple):
    """How many scans of a project ended so."""

    project: str
    outcome: str
    scan_count: int


class MetricCounts(NamedTuple):
    """What the text says.

    Attributes:
        issues: Issues of the telemetry.
        failures: Failures of ranks.
        sessions: Status -> number of sessions.
        skipped_line_count: Lines, rows and items that could not be read.
        tracked_issues: Issues of a tracker; None without one.
        scans: Its scans; None without one.
    """

    issues: Iterable[IssueLabelCount]
    failures: Iterable[FailureCount]
    sessions: Mapping[str, int]
    skipped_line_count: int
    tracked_issues: Iterable[TrackedIssueCount] | None
    scans: Iterable[ScanCount] | None


#: Names and values of labels, in order.
_Labels = tuple[tuple[str, str], ...]


def openmetrics_text(counts: MetricCounts) -> str:
    """Return counts as text, with the line that ends it.

    What is known in advance is there with 0: every kind, state or status, and severity that has a rank. So a graph has
    no gaps, and what is not there was not asked for.
    """
    known = [_issue_labels(*words) for words in product(ISSUE_KINDS, SEVERITY_RANKS, ISSUE_STATES)]
    issues, hits = Counter(dict.fromkeys(known, 0)), Counter(dict.fromkeys(known, 0))
    last_seen: dict[_Labels, int] = {}
    for issue in counts.issues:
        labels = _issue_labels(issue.kind, issue.severity, issue.state)
        issues[labels] += issue.issue_count
        hits[labels] += issue.hit_count
        if issue.last_seen_ns is not None:
            last_seen[labels] = max(issue.last_seen_ns, last_seen.get(labels, 0))
    failures = Counter[_Labels]()
    for failure in counts.failures:
        rank = "unknown" if failure.rank is None else str(failure.rank)
        failures[_labels(kind=failure.kind, rank=rank)] += failure.failure_count
    sessions = {_labels(status=status): count for status, count in counts.sessions.items()}

    families = [
        _family("issues", "gauge", "Issues that the files show.", issues),
        _family("issue_hits", "gauge", "Hits of issues that the files show.", hits),
        _family(
            "issue_last_seen_timestamp_seconds",
            "gauge",
            "Time of the latest hit, seconds since the Unix epoch.",
            {labels: _seconds(time_ns) for labels, time_ns in last_seen.items()},
            unit="seconds",
        ),
        _family("failures", "gauge", "Failures of ranks that the files show.", failures),
        _family("sessions", "gauge", "Sessions that the files show.", sessions),
        _family(
            "skipped_lines",
            "gauge",
            "Lines, rows and items of the files that could not be read.",
            {(): counts.skipped_line_count},
        ),
    ]
    if counts.tracked_issues is not None:
        families.append(_tracked_issues(counts.tracked_issues))
    if counts.scans is not None:
        scans = Counter[_Labels]()
        for scan in counts.scans:
            scans[_labels(project=scan.project, outcome=scan.outcome)] += scan.scan_count
        families.append(_family("scans", "counter", "Scans of the tracker that have ended.", scans))
    return "".join([*families, "# EOF\n"])


def _tracked_issues(found: Iterable[TrackedIssueCount]) -> str:
    rows = list(found)
    tracked = Counter(
        {
            _tracked_labels(project, kind, severity, status, is_dev=False): 0
            for project, kind, severity, status in product(
                sorted({row.project for row in rows}), TRACKED_KINDS, SEVERITY_RANKS, STATE_OF_STATUS
            )
        }
    )
    for row in rows:
        labels = _tracked_labels(row.project, row.kind, row.severity, row.status, is_dev=row.is_dev)
        tracked[labels] += row.issue_count
    return _family("tracked_issues", "gauge", "Issues of the tracker.", tracked)


def _issue_labels(kind: str, severity: str, state: str) -> _Labels:
    return _labels(kind=kind, severity=severity, state=state)


def _tracked_labels(project: str, kind: str, severity: str, status: str, *, is_dev: bool) -> _Labels:
    return _labels(
        project=project, kind=kind, severity=severity, status=status, is_dev="true" if is_dev else "false"
    )


def _labels(**values: str) -> _Labels:
    # Made safe before numbers are added up: two words that look alike afterwards are one label.
    return tuple((name, printable(storable_text(value))) for name, value in values.items())


def _family(
    name: str, kind: str, meaning: str, samples: Mapping[_Labels, int | str], *, unit: str | None = None
) -> str:
    """Return the lines of one metric; a counter has its ending where its samples are, and nowhere else."""
    full_name = f"stormlog_{name}"
    lines = [f"# TYPE {full_name} {kind}"]
    if unit is not None:
        lines.append(f"# UNIT {full_name} {unit}")
    lines.append(f"# HELP {full_name} {meaning}")
    sample_name = f"{full_name}_total" if kind == "counter" else full_name
    lines += [f"{sample_name}{_label_text(labels)} {value}" for labels, value in samples.items()]
    return "\n".join([*lines, ""])


def _label_text(labels: _Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _seconds(time_ns: int) -> str:
    """Return nanoseconds as seconds, exactly."""
    return f"{time_ns // 10**9}.{time_ns % 10**9:09d}"
