"""How many issues there are, and how many came and went."""

from __future__ import annotations

import json
from datetime import date

import pytest

from stormlog.tracking import Tracker
from tests.apps.cli.runner import stormlog
from tests.tracking.people import DAY, Clock, refused, seen


def test_issues_are_counted_by_status_kind_and_severity(tracker: Tracker) -> None:
    (
        seen(tracker, "F1"),
        seen(tracker, "F2", kind="oom", severity="critical"),
        seen(tracker, "F3", severity="odd"),
    )
    tracker.claim("1")
    found = tracker.stats()
    assert (found.project, found.issue_count) == ("default", 3)
    assert found.statuses == {"new": 2, "in_progress": 1}
    assert found.kinds == {"alert": 2, "oom": 1}
    assert list(found.severities.items()) == [("critical", 1), ("warning", 1), ("odd", 1)]
    tracker.project = "other"
    seen(tracker, "F1")
    assert tracker.stats().issue_count == 1
    assert tracker.stats(all_projects=True).issue_count == 4


def test_days_and_weeks_say_what_came_and_went(tracker: Tracker, clock: Clock) -> None:
    seen(tracker, "F1", version="1.0"), seen(tracker, "F2"), seen(tracker, "F3")
    tracker.resolve("1", version="1.0")
    clock.now_ns += DAY
    tracker.ignore("2")
    # Of those, none counts.
    tracker.resolve("3")
    tracker.undo()
    tracker.ignore("1")
    tracker.undo()
    clock.now_ns += 8 * DAY
    seen(tracker, "F1", session="s2", version="2.0")
    days = tracker.stats(periods=10).periods
    counts = [(day.new, day.closed, day.regressed) for day in days]
    assert len(days) == 10
    assert [count for count in counts if any(count)] == [(3, 1, 0), (0, 1, 0), (0, 0, 1)]
    weeks = tracker.stats(by="week", periods=3).periods
    assert sum(week.new for week in weeks) == 3
    assert sum(week.closed for week in weeks) == 2
    assert all(date.fromisoformat(week.start).weekday() == 0 for week in weeks)
    assert weeks[-1].regressed == 1


@pytest.mark.parametrize("options", [{"by": "month"}, {"periods": 0}, {"periods": 10_000}])
def test_periods_that_are_none_are_refused(tracker: Tracker, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="period"):
        tracker.stats(**options)  # type: ignore[arg-type]
    tracker.project = "nowhere"
    with refused("not_found"):
        tracker.stats()


def test_the_command_prints_a_table_and_json(tracker: Tracker) -> None:
    seen(tracker)
    tracker.ignore("1")
    arguments = ("issues", "stats", "--db", tracker.store.path, "--periods", "2")
    lines = stormlog(*arguments).stdout.splitlines()
    assert lines[:4] == ["Issues    1", "Status    ignored 1", "Kind      alert 1", "Severity  warning 1"]
    assert lines[5].split() == ["Day", "(UTC)", "New", "Closed", "Regressed"]
    assert len(lines) == 8
    answer = json.loads(stormlog(*arguments, "--json").stdout)
    assert set(answer) == {"project", "issue_count", "statuses", "kinds", "severities", "by", "periods"}
