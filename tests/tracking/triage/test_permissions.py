"""What a caller with few permissions may do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import PermissionDeniedError
from stormlog.tracking import Tracker
from tests.tracking.people import BOT, seen
from tests.tracking.tables import everything

READS: dict[str, Callable[[Tracker, str], Any]] = {
    "list_issues": lambda tracker, issue_id: tracker.list_issues(),
    "issue": lambda tracker, issue_id: tracker.issue(issue_id),
    "occurrences": lambda tracker, issue_id: tracker.occurrences(issue_id),
    "history": lambda tracker, issue_id: tracker.history(issue_id),
    "comments": lambda tracker, issue_id: tracker.comments(issue_id),
    "projects": lambda tracker, issue_id: tracker.projects(),
}

WRITES: dict[str, Callable[[Tracker, str], Any]] = {
    "claim": lambda tracker, issue_id: tracker.claim(issue_id),
    "resolve": lambda tracker, issue_id: tracker.resolve(issue_id),
    "reopen": lambda tracker, issue_id: tracker.reopen(issue_id),
    "ignore": lambda tracker, issue_id: tracker.ignore(issue_id),
    "assign": lambda tracker, issue_id: tracker.assign(issue_id, assignee="kim"),
    "merge": lambda tracker, issue_id: tracker.merge(issue_id, "ffffffff"),
    "unmerge": lambda tracker, issue_id: tracker.unmerge(issue_id),
    "comment": lambda tracker, issue_id: tracker.comment(issue_id, "text"),
    "edit_comment": lambda tracker, issue_id: tracker.edit_comment("ffffffff", "text"),
    "delete_comment": lambda tracker, issue_id: tracker.delete_comment("ffffffff"),
    "purge": lambda tracker, issue_id: tracker.purge(),
    "create_project": lambda tracker, issue_id: tracker.create_project("alpha"),
    "set_project": lambda tracker, issue_id: tracker.set_project("default", alert_frequency="none"),
    "record_error": lambda tracker, issue_id: tracker.record_error("text"),
}


@pytest.mark.parametrize("verb", WRITES)
def test_readers_change_nothing(tracker: Tracker, tmp_path: Path, verb: str) -> None:
    issue = seen(tracker)
    stored = everything(tracker)
    path = tmp_path / "tracker.db"
    with Tracker(path, actor=BOT, permissions=["issues:read"]) as reader:
        with pytest.raises(PermissionDeniedError, match="issues:write") as refusal:
            WRITES[verb](reader, issue.issue_id)
        assert refusal.value.details == {"permission": "issues:write"}
        for read in READS.values():
            read(reader, issue.issue_id)
    assert everything(tracker) == stored


@pytest.mark.parametrize("verb", READS)
def test_whoever_may_not_read_sees_nothing(tracker: Tracker, tmp_path: Path, verb: str) -> None:
    issue = seen(tracker)
    with (
        Tracker(tmp_path / "tracker.db", permissions=[]) as stranger,
        pytest.raises(PermissionDeniedError, match="issues:read"),
    ):
        READS[verb](stranger, issue.issue_id)


def test_an_unknown_permission_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="issues:delete"):
        Tracker(tmp_path / "tracker.db", permissions=["issues:delete"])


def test_the_author_comes_from_the_caller(tracker: Tracker, tmp_path: Path) -> None:
    issue = seen(tracker)
    with Tracker(tmp_path / "tracker.db", actor=BOT) as agent:
        comment = agent.comment(issue.issue_id, "I am Kim")
    assert (comment.author_type, comment.author_name) == ("agent", "Bot")
