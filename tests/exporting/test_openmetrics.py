"""Counts as OpenMetrics text: the numbers are those of lists, and parsers take the text, whatever words are in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as text_of_prometheus

import stormlog.query
from stormlog.exporting import (
    FailureCount,
    IssueLabelCount,
    MetricCounts,
    ScanCount,
    TrackedIssueCount,
    openmetrics_text,
)
from stormlog.issues import ISSUE_KINDS, ISSUE_STATES
from stormlog.issues.kinds import SEVERITY_RANKS
from stormlog.query import IssueFilter, QueryStore
from stormlog.tracking import Tracker
from tests.artifacts.factories import make_oom_bundle
from tests.captures import CHECKOUT, capture_path
from tests.query.sinks import write_lines
from tests.telemetry.factories import record

S = 10**9
NOTHING = MetricCounts([], [], {}, 0, None, None)

Samples = dict[tuple[str, ...], float]


def families_of(text: str) -> dict[str, Metric]:
    """Parse a text; one metric twice or one sample twice is an error."""
    assert text.endswith("\n# EOF\n")
    found = list(text_string_to_metric_families(text))
    by_name = {family.name: family for family in found}
    assert len(by_name) == len(found)
    for family in found:
        assert len(samples_of(family)) == len(family.samples)
        assert family.documentation and all(sample.timestamp is None for sample in family.samples)
    return by_name


def samples_of(family: Metric) -> Samples:
    """Return the values of a metric by the values of its labels."""
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def not_zero(family: Metric) -> Samples:
    return {labels: value for labels, value in samples_of(family).items() if value}


PATHS = [capture_path("v4-cuda-sim"), CHECKOUT / "examples" / "job"]


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracker") / "tracker.db"
    with Tracker(path) as tracked:
        tracked.scan(PATHS[:1], settle_ns=0)
        tracked.resolve(*(issue.issue_id for issue in tracked.list_issues(kinds=["oom"]).issues))
    return path


@pytest.fixture(scope="module")
def store(tracker: Path) -> Iterator[QueryStore]:
    with stormlog.query.open(PATHS, tracker=tracker, cache=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def families(store: QueryStore) -> dict[str, Metric]:
    return families_of(store.openmetrics())


def test_issues_are_those_of_the_list(store: QueryStore, families: dict[str, Metric]) -> None:
    issues = store.list_issues()
    assert {issue.state for issue in issues} >= {"open", "resolved"}
    assert not_zero(families["stormlog_issues"]) == Counter((i.kind, i.severity, i.state) for i in issues)
    hits: Counter[tuple[str, ...]] = Counter()
    last: dict[tuple[str, ...], float] = {}
    for issue in issues:
        labels = issue.kind, issue.severity, issue.state
        hits[labels] += issue.hit_count
        last[labels] = max(last.get(labels, 0.0), issue.last_seen_ns / S)
    assert not_zero(families["stormlog_issue_hits"]) == hits
    family = families["stormlog_issue_last_seen_timestamp_seconds"]
    assert samples_of(family) == last and family.unit == "seconds"


def test_failures_are_those_of_ranks(store: QueryStore, families: dict[str, Metric]) -> None:
    rows = store.sql("SELECT kind, coalesce(CAST(rank AS VARCHAR), 'unknown') FROM failures").rows
    assert rows and samples_of(families["stormlog_failures"]) == Counter(rows)


def test_sessions_are_those_of_the_summary(store: QueryStore, families: dict[str, Metric]) -> None:
    summary = {(str(row.status),): row.value for row in store.summarize("session_count_by_status")}
    assert summary and samples_of(families["stormlog_sessions"]) == summary


def test_tracked_issues_are_those_of_the_tracker(tracker: Path, families: dict[str, Metric]) -> None:
    with Tracker(tracker, read_only=True) as opened:
        issues = opened.list_issues(limit=200).issues
    assert {issue.status for issue in issues} == {"new", "resolved"}
    assert not_zero(families["stormlog_tracked_issues"]) == Counter(
        ("default", issue.kind, issue.severity, issue.status, "false") for issue in issues
    )
    scans = families["stormlog_scans"]
    assert (scans.type, samples_of(scans)) == ("counter", {("default", "completed"): 1.0})
    assert [sample.name for sample in scans.samples] == ["stormlog_scans_total"]


def test_only_what_never_goes_down_is_a_counter(families: dict[str, Metric]) -> None:
    assert {name for name, family in families.items() if family.type != "gauge"} == {"stormlog_scans"}


def test_a_time_leaves_out_what_is_older(store: QueryStore) -> None:
    since = sorted(issue.last_seen_ns for issue in store.list_issues())[-5]
    found = families_of(store.openmetrics(since=since))
    kept = store.list_issues(IssueFilter(since=since))
    assert 0 < len(kept) < len(store.list_issues())
    assert sum(samples_of(found["stormlog_issues"]).values()) == len(kept)
    (count,) = store.sql("SELECT count(*) FROM failures WHERE timestamp_ns >= $t", {"t": since}).rows[0]
    assert sum(samples_of(found["stormlog_failures"]).values()) == count


def test_parsers_of_the_older_format_take_it_too(store: QueryStore, families: dict[str, Metric]) -> None:
    """The collector of node_exporter reads the text format of Prometheus, in which the rest are comments."""
    found = {family.name: family for family in text_of_prometheus(store.openmetrics())}
    assert samples_of(found["stormlog_issues"]) == samples_of(families["stormlog_issues"])
    assert samples_of(found["stormlog_scans_total"]) == samples_of(families["stormlog_scans"])


def test_without_any_issue_all_that_is_known_in_advance_is_zero(tmp_path: Path) -> None:
    with stormlog.query.open(write_lines(tmp_path / "events.jsonl", [record()]), cache=False) as store:
        found = families_of(store.openmetrics())
    assert len(found["stormlog_issues"].samples) == len(ISSUE_KINDS) * len(SEVERITY_RANKS) * len(ISSUE_STATES)
    assert not_zero(found["stormlog_issues"]) == {} == samples_of(found["stormlog_failures"])
    assert samples_of(found["stormlog_skipped_lines"]) == {(): 0.0}
    assert not {"stormlog_tracked_issues", "stormlog_scans"} & set(found)


def issue(severity: str, count: int = 1, last_seen_ns: int | None = None) -> IssueLabelCount:
    return IssueLabelCount("alert", severity, "open", count, count, last_seen_ns)


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ('say "x"', 'say "x"'),
        ("back\\slash\\n", "back\\slash\\n"),
        ("line\nbreak\r", "line\\nbreak\\r"),
        ("\x1b[2J\x00\x9b", "\\x1b[2J\\x00\\x9b"),
        ("\ud800", "\ufffd"),
        ("# EOF", "# EOF"),
        ('",kind="oom"} 5', '",kind="oom"} 5'),
        ("日本 é", "日本 é"),
        ("", ""),
    ],
)
def test_labels_hold_hostile_words(word: str, label: str) -> None:
    counts = NOTHING._replace(
        issues=[issue(word, 7, 5)], tracked_issues=[TrackedIssueCount(word, "oom", word, "new", True, 3)]
    )
    found = families_of(openmetrics_text(counts))
    assert not_zero(found["stormlog_issues"]) == {("alert", label, "open"): 7.0}
    assert not_zero(found["stormlog_tracked_issues"]) == {(label, "oom", label, "new", "true"): 3.0}


def test_words_that_look_alike_are_one_label() -> None:
    found = families_of(openmetrics_text(NOTHING._replace(issues=[issue("a\n", 1, 5), issue("a\\n", 2, 4)])))
    assert not_zero(found["stormlog_issues"]) == {("alert", "a\\n", "open"): 3.0}
    last_seen = found["stormlog_issue_last_seen_timestamp_seconds"]
    assert samples_of(last_seen) == {("alert", "a\\n", "open"): 5e-9}


def test_unknown_times_and_ranks_and_large_numbers() -> None:
    counts = NOTHING._replace(
        issues=[issue("critical", 2**63 - 1), issue("warning", 1, 1_767_255_601_123_456_789)],
        failures=[FailureCount("oom", None, 1), FailureCount("oom", 8191, 2)],
        skipped_line_count=10**19,
        scans=[ScanCount("p", "failed", 1)],
    )
    text = openmetrics_text(counts)
    found = families_of(text)
    assert 'severity="critical",state="open"} 9223372036854775807\n' in text
    assert 'severity="warning",state="open"} 1767255601.123456789\n' in text
    assert len(found["stormlog_issue_last_seen_timestamp_seconds"].samples) == 1
    assert samples_of(found["stormlog_failures"]) == {("oom", "unknown"): 1.0, ("oom", "8191"): 2.0}
    assert "stormlog_skipped_lines 10000000000000000000\n" in text


def test_telemetry_cannot_make_labels_without_end(tmp_path: Path) -> None:
    """Severities are any words: the most frequent ones keep theirs, cut, and all others count together."""
    words = [*(f"loud {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(60)), "y" * 1_000_000, 'q"\n\x1b']
    events: list[dict[str, Any]] = [
        record(event_type="warning", context=f"w {word[:7]}", timestamp_ns=i, metadata={"severity": word})
        for i, word in enumerate([*words, words[0], "critical"])
    ]
    events[-2]["context"] = "another issue"
    path = write_lines(tmp_path / "events.jsonl", events)
    with stormlog.query.open(path, cache=False) as store:
        issues = [found for found in store.list_issues() if found.kind == "alert"]
        found = not_zero(families_of(store.openmetrics())["stormlog_issues"])
    alerts = {severity: count for (kind, severity, _), count in found.items() if kind == "alert"}
    assert sum(alerts.values()) == len(issues) == 64
    assert len(alerts) <= 21 and max(map(len, alerts)) <= 100
    assert alerts["critical"] == 1 and alerts["loud aa"] == 2 and alerts["other"] > 30


def test_what_has_no_time_is_no_older_than_any_time(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path / "oom_dump_1")
    make_oom_bundle(tmp_path / "oom_dump_2", created_at_utc="2026-11-20T21:00:00Z")
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert store.count_failures() == [FailureCount("oom", None, 2)]
        assert store.count_failures(since="2026-12-01") == [FailureCount("oom", None, 1)]
        family = families_of(store.openmetrics())["stormlog_issue_last_seen_timestamp_seconds"]
    assert list(samples_of(family).values()) == [1795208400.0]


def test_numbers_follow_the_tracker_also_where_answers_are_remembered(tmp_path: Path) -> None:
    events = tmp_path / "runs" / "events.jsonl"
    events.parent.mkdir()
    write_lines(events, [record(event_type="warning", context="slow")])
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([events], settle_ns=0)
        for status, state in (("new", "open"), ("resolved", "resolved")):
            options: dict[str, Any] = {"tracker": tmp_path / "tracker.db", "cache": tmp_path / "cache"}
            with stormlog.query.open(events, **options) as store:
                found = families_of(store.openmetrics())
            assert not_zero(found["stormlog_tracked_issues"]) == {
                ("default", "alert", "warning", status, "false"): 1
            }
            assert not_zero(found["stormlog_issues"]) == {("alert", "warning", state): 1}
            if status == "new":
                tracker.resolve("1")
