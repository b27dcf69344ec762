"""What an issue may be called by."""

from __future__ import annotations

import pytest

from stormlog.errors import LifecycleError
from stormlog.tracking import Tracker
from tests.tracking.evidence import fingerprint_id, see
from tests.tracking.people import refused, seen


def found(tracker: Tracker, text: str) -> str:
    return tracker.issue(text).issue.issue_id


def test_an_id_or_enough_of_its_start_or_end_is_enough(tracker: Tracker) -> None:
    issue_id = seen(tracker).issue_id
    assert found(tracker, issue_id) == issue_id
    assert found(tracker, f"  {issue_id.upper()} ") == issue_id
    assert found(tracker, issue_id[:6]) == issue_id
    assert found(tracker, issue_id[-6:]) == issue_id
    assert tracker.issue(issue_id).merged_into is None


@pytest.mark.parametrize("part", [slice(None, 5), slice(-5, None)])
def test_five_characters_are_too_few(tracker: Tracker, part: slice) -> None:
    issue_id = seen(tracker).issue_id
    with refused("not_found", "at least 6"):
        tracker.issue(issue_id[part])


@pytest.mark.parametrize(
    "text", ["", "nope", "ffffffffff", "issue:unknown", "error:", "%%%%%%", "______", "'; --  "]
)
def test_what_names_no_issue_is_not_found(tracker: Tracker, text: str) -> None:
    seen(tracker)
    with refused("not_found"):
        tracker.issue(text)


def test_a_part_that_fits_two_names_neither(tracker: Tracker) -> None:
    ids = sorted(seen(tracker, name).issue_id for name in ("F1", "F2"))
    assert ids[0][:6] == ids[1][:6]
    with pytest.raises(LifecycleError) as refusal:
        tracker.issue(ids[0][:6])
    assert refusal.value.code == "ambiguous_id"
    assert refusal.value.details["issue_ids"] == ids


def test_a_fingerprint_names_its_issue_if_only_one_app_has_it(tracker: Tracker) -> None:
    issue = seen(tracker)
    assert found(tracker, fingerprint_id("F1")) == issue.issue_id
    see(tracker, app="b")
    with refused("ambiguous_id"):
        tracker.issue(fingerprint_id("F1"))


def test_issues_of_other_projects_are_not_found(tracker: Tracker) -> None:
    issue = seen(tracker)
    tracker.project = "other"
    with refused("not_found", "other"):
        tracker.issue(issue.issue_id)
    seen(tracker, "F9")
    for text in (issue.issue_id, issue.issue_id[-8:], fingerprint_id("F1")):
        with refused("not_found"):
            tracker.issue(text)


def test_the_id_of_a_merged_issue_leads_to_its_survivor(tracker: Tracker) -> None:
    target, source = (seen(tracker, name) for name in ("F1", "F2"))
    tracker.merge(target.issue_id, source.issue_id)
    for text in (source.issue_id, source.issue_id[-8:]):
        detail = tracker.issue(text)
        assert (detail.merged_into, detail.issue.issue_id) == (target.issue_id, target.issue_id)
        assert detail.issue.merged_from == source.issue_id
    # Both start alike, and both lead there: no need to ask which one was meant.
    assert found(tracker, source.issue_id[:6]) == target.issue_id
    assert found(tracker, fingerprint_id("F2")) == target.issue_id


def test_the_fingerprint_with_the_latest_evidence_comes_first(tracker: Tracker) -> None:
    first, second = seen(tracker, "F1", at=10), seen(tracker, "F2", at=20)
    assert tracker.fingerprints(first.issue_id) == [fingerprint_id("F1")]
    tracker.merge(first.issue_id, second.issue_id)
    assert tracker.fingerprints(first.issue_id) == [fingerprint_id("F2"), fingerprint_id("F1")]
    assert tracker.fingerprints(second.issue_id) == [fingerprint_id("F2"), fingerprint_id("F1")]
    see(tracker, "F1", "s2", at=30)
    assert tracker.fingerprints(first.issue_id) == [fingerprint_id("F1"), fingerprint_id("F2")]


def test_a_fingerprint_without_times_comes_last(tracker: Tracker) -> None:
    first, second = seen(tracker, "F1", at=None), seen(tracker, "F2", at=20)
    tracker.merge(first.issue_id, second.issue_id)
    assert tracker.fingerprints(first.issue_id) == [fingerprint_id("F2"), fingerprint_id("F1")]


def test_the_fingerprints_of_an_unknown_issue_are_not_found(tracker: Tracker) -> None:
    with refused("not_found"):
        tracker.fingerprints("ffffffffff")
