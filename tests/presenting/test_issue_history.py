"""Sentences about what was done to issues."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.presenting.issue_history import activity_sentence, status_sentence
from tests.presenting.issue_samples import CREATED, REGRESSED, RESOLVED, activity, issue


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (CREATED, "found by a scan"),
        (activity("create", 0, after={"status": "new"}), "recorded by alice"),
        (RESOLVED, "resolved in 1.4.0 by alice"),
        (
            activity("resolve", 1, {"status": "new"}, {"status": "resolved"}),
            "resolved without a version by alice",
        ),
        (
            activity("amend", 1, {"fix_version": "1.4.0"}, {"fix_version": "1.4.1"}),
            "fix version changed to 1.4.1 from 1.4.0 by alice",
        ),
        (REGRESSED, "regressed: 1.4.1 > 1.4.0 (pep440), found by a scan"),
        (activity("claim", 1, {}, {}, actor_type="agent", actor_id="bot"), "claimed by agent bot"),
        (activity("assign", 1, {"assignee": "bob"}, {"assignee": None}), "assigned to nobody by alice"),
        (
            activity("ignore", 1, {}, {"ignore_until": {"count": 5, "reason": "noise"}}),
            "ignored by alice, until 5 more sessions: noise",
        ),
        (activity("merge", 1, {}, {"source_issue_id": "01a2"}), "01a2 merged into this issue by alice"),
        (
            activity("snooze_all", 1, {"status": "new", "x": 1}, {"status": "silenced", "x": None}),
            "snooze all by alice: status new -> ignored and x 1 -> none",
        ),
        (
            activity(
                "undo", 9, {"status": "resolved"}, {"action": "resolve", "activity_id": 8, "status": "new"}
            ),
            "resolve (entry 8) undone by alice, so it is new again",
        ),
        (
            activity("undo", 9, {}, {"action": "comment", "activity_id": 6, "comment_id": "01a2"}),
            "comment (entry 6) undone by alice",
        ),
        (activity("import", 1, None, None), "imported by alice"),
        (
            activity(
                "import",
                1,
                {"status": "new", "assignee": None, "fix_version": None, "ignore_until": None},
                {
                    "status": "silenced",
                    "assignee": "bob",
                    "fix_version": None,
                    "ignore_until": {"next": True, "from_hits": 1},
                    "source": "issues.json",
                },
            ),
            "imported by alice from issues.json: status ignored, assignee bob and until it is seen again",
        ),
        (
            activity("ignore", 1, {}, {"ignore_until": {"next": True, "from_hits": 3}}),
            "ignored by alice, until it is seen again",
        ),
        (
            activity("ignore", 1, {}, {"ignore_until": {"rule": 2, "from_status": "new", "reason": "noise"}}),
            "ignored by alice, until rule 2 is removed: noise",
        ),
        (
            activity("unsilence", 1, {"ignore_until": {"rule": 2}}, {"status": "new"}),
            "not ignored any more: rule 2 was removed by alice",
        ),
    ],
)
def test_a_change_is_a_sentence(entry: dict[str, Any], sentence: str) -> None:
    assert activity_sentence(entry) == sentence


@pytest.mark.parametrize(
    ("changes", "history", "sentence"),
    [
        ({}, [CREATED], "new"),
        (
            {"status": "regressed"},
            [REGRESSED, RESOLVED, CREATED],
            "regressed: seen in 1.4.1, fixed in 1.4.0 (pep440)",
        ),
        ({"status": "regressed"}, [], "regressed"),
        (
            {"status": "resolved", "fix_version": "1.4.0"},
            [RESOLVED],
            "resolved in 1.4.0 by alice",
        ),
        ({"status": "silenced", "fix_version": "1.4.0"}, [], "ignored (was resolved in 1.4.0)"),
        (
            {"status": "silenced"},
            [activity("ignore", 3, {"status": "in_progress"}, {"status": "silenced"})],
            "ignored (was in progress)",
        ),
        (
            {"status": "in_progress"},
            [activity("claim", 3, {"status": "new"}, {"status": "in_progress"})],
            "in progress, claimed by alice",
        ),
        # A claim that takes the issue from somebody changes the assignee alone.
        (
            {"status": "in_progress"},
            [
                activity("claim", 4, {"assignee": "alice"}, {"assignee": "bob"}, actor_id="bob"),
                activity("claim", 3, {"status": "new"}, {"status": "in_progress"}),
            ],
            "in progress, claimed by bob",
        ),
        (
            {"status": "in_progress"},
            [
                activity(
                    "undo", 5, {"assignee": "bob"}, {"activity_id": 4, "assignee": "alice"}, actor_id="bob"
                ),
                activity("claim", 4, {"assignee": "alice"}, {"assignee": "bob"}, actor_id="bob"),
                activity("claim", 3, {"status": "new"}, {"status": "in_progress"}),
            ],
            "in progress, claimed by alice",
        ),
        # What was done to an issue merged into it says nothing of its own status.
        (
            {"status": "regressed"},
            [{**REGRESSED, "issue_id": "another"}],
            "regressed",
        ),
    ],
)
def test_a_status_says_how_it_came_about(
    changes: dict[str, Any], history: list[dict[str, Any]], sentence: str
) -> None:
    assert status_sentence(issue(**changes), history) == sentence
