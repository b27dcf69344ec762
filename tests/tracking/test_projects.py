"""Projects and their settings."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.projects import ensure_project
from tests.tracking.people import refused, seen
from tests.tracking.tables import everything


def test_a_project_has_settings_that_suit_most(tracker: Tracker) -> None:
    project = tracker.create_project(" alpha ")
    assert tracker.projects() == [project]
    assert (project.name, project.alert_frequency, project.version_order) == ("alpha", "daily", "auto")
    assert (project.regress_on_equal, project.recipients, project.webhook_url) == (False, (), None)
    assert project.last_digest_ns is None


def test_projects_are_made_once_and_listed_by_name(tracker: Tracker) -> None:
    tracker.create_project("beta", alert_frequency="weekly")
    tracker.create_project("alpha")
    with pytest.raises(ValueError, match="exists"):
        tracker.create_project("beta")
    assert [project.name for project in tracker.projects()] == ["alpha", "beta"]
    assert tracker.projects()[1].alert_frequency == "weekly"


def test_a_project_that_is_asked_for_is_made_or_found(tracker: Tracker) -> None:
    with tracker.writing() as connection:
        first = ensure_project(connection, "alpha", 5)
        second = ensure_project(connection, "alpha", 9)
    assert first["project_id"] == second["project_id"]
    assert second["created_ns"] == 5


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[1m"])
def test_names_are_a_line_of_printable_text(tracker: Tracker, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        tracker.create_project(name)
    assert tracker.projects() == []


def test_settings_change_and_others_stay(tracker: Tracker) -> None:
    tracker.create_project("alpha", recipients=["a@example.org"], webhook_url="https://example.org/hook")
    changed = tracker.set_project(
        "alpha",
        alert_frequency="6_hourly",
        version_order="semver",
        regress_on_equal=True,
        webhook_format="slack",
        recipients=["b@example.org", "c@example.org", "b@example.org"],
    )
    assert changed.recipients == ("b@example.org", "c@example.org")
    assert (changed.alert_frequency, changed.version_order, changed.regress_on_equal) == (
        "6_hourly",
        "semver",
        True,
    )
    assert (changed.webhook_url, changed.webhook_format) == ("https://example.org/...", "slack")
    assert tracker.set_project("alpha", webhook_url=None).webhook_url is None
    assert tracker.set_project("alpha", recipients=[]).recipients == ()


def test_a_setting_that_is_as_it_was_is_no_change(tracker: Tracker) -> None:
    tracker.create_project("alpha")
    stored = everything(tracker)
    tracker.set_project("alpha", alert_frequency="daily", recipients=[])
    assert everything(tracker) == stored


@pytest.mark.parametrize(
    "settings",
    [
        {"alert_frequency": "monthly"},
        {"alert_frequency": None},
        {"version_order": "newest"},
        {"webhook_format": "xml"},
        {"webhook_url": "ftp://example.org"},
        {"webhook_url": "https://"},
        {"webhook_url": "https://example.org/\nx"},
        {"recipients": ["nobody"]},
        {"recipients": ["a@example.org\nBcc: b@example.org"]},
        {"recipients": ["a@example.org, b@example.org"]},
        {"recipients": ["@example.org"]},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_setting_that_nobody_can_use_is_refused(tracker: Tracker, settings: dict[str, Any]) -> None:
    tracker.create_project("alpha")
    stored = everything(tracker)
    with pytest.raises(ValueError):
        tracker.set_project("alpha", **settings)
    with pytest.raises(ValueError):
        tracker.create_project("beta", **settings)
    assert everything(tracker) == stored


def test_an_unknown_project_is_not_found(tracker: Tracker) -> None:
    with refused("not_found", "alpha"):
        tracker.set_project("alpha", alert_frequency="none")


def test_changes_of_projects_are_logged(tracker: Tracker) -> None:
    tracker.create_project("alpha")
    tracker.set_project("alpha", alert_frequency="none")
    with tracker.reading() as connection:
        rows = connection.execute(
            "SELECT issue_id, actor_id, action, before_json, after_json FROM activity"
        ).fetchall()
    assert [tuple(row) for row in rows] == [
        (None, "kim", "create", None, '{"name":"alpha"}'),
        (None, "kim", "set_project", '{"alert_frequency":"daily"}', '{"alert_frequency":"none"}'),
    ]


def test_the_same_fingerprint_is_another_issue_in_another_project(tracker: Tracker) -> None:
    first = seen(tracker)
    tracker.project = "other"
    assert seen(tracker).issue_id != first.issue_id
    assert [project.name for project in tracker.projects()] == ["default", "other"]
