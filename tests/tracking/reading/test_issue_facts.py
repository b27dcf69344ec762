"""What a tracker says of its issues beside the counts: failures, and what tells them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.issues.what import what_of
from stormlog.tracking import Tracker
from tests.tracking.evidence import see
from tests.tracking.shared_stores import one_store_of

CAPTURES = Path(__file__).resolve().parents[3] / "examples" / "captures"


@pytest.mark.parametrize("capture", ["v4-cuda-sim", "sink-retention"])
def test_a_tracker_counts_failures_and_tells_issues_as_a_query_does(capture: str, tmp_path: Path) -> None:
    path = CAPTURES / capture
    with one_store_of(path) as store, Tracker(tmp_path / "tracker.db") as tracker:
        failures = {name: count.failure_count for name, count in store.issue_counts().items()}
        issues = {issue.fingerprint_id: issue for issue in store.list_issues()}
        tracker.scan([path], settle_ns=0)
        tracked = tracker.list_issues(limit=200).issues
    assert {issue.fingerprint_ids[0]: issue.failure_count for issue in tracked} == failures
    for issue in tracked:
        (name,) = issue.fingerprint_ids
        fingerprint = issues[name].fingerprint
        assert issue.what == what_of(fingerprint.kind, fingerprint.dimensions, {})
    assert any(issue.failure_count < issue.hit_count for issue in tracked) == any(
        failures[name] < issue.hit_count for name, issue in issues.items()
    )


def test_of_a_merged_issue_its_own_fingerprint_speaks_and_the_others_are_counted(tmp_path: Path) -> None:
    with Tracker(tmp_path / "tracker.db") as tracker:
        for number, name in enumerate(("F1", "F2", "F3")):
            see(tracker, name, f"s{number}", 1_700_000_000 + number)
        first, second, third = sorted(tracker.list_issues().issues, key=lambda issue: issue.number)
        assert (first.what, second.what) == ("name=F1", "name=F2")
        tracker.merge(second.issue_id, first.issue_id)
        tracker.merge(second.issue_id, third.issue_id)
        merged = tracker.issue(second.issue_id).issue
        assert (merged.title, merged.what) == (second.title, "name=F2 (and 2 merged)")


def test_failures_may_be_asked_for_in_a_condition(tmp_path: Path) -> None:
    with Tracker(tmp_path / "tracker.db") as tracker:
        see(tracker, "F1", "s1", 1_700_000_000)
        see(tracker, "F2", "s1", 1_700_000_000)
        see(tracker, "F2", "s2", 1_700_000_001)
        assert [issue.what for issue in tracker.list_issues(where="failure_count > 1").issues] == ["name=F2"]
