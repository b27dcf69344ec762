"""What people do with issues: with a tracker, or in a file of states without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stormlog import query
from stormlog.errors import LifecycleError, SourceError
from stormlog.issues.sidecar import read_sidecar
from stormlog.query import IssueFilter
from stormlog.tracking import Tracker
from stormlog.workflows import (
    Action,
    action_command,
    ignore_in_sidecar,
    ignore_options,
    list_with_tracker,
    perform,
    reopen_in_sidecar,
    require_filter,
    sidecar_path,
)
from tests.apps.cli.samples import capture, write_lines
from tests.apps.tui.driver import alert

ENDS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("  ", {}),
    ("next", {"until_next": True}),
    ("5 runs", {"until_runs": 5}),
    ("1 run", {"until_runs": 1}),
    ("20 Sessions", {"until_count": 20}),
    ("3d", {"until": "3d"}),
    ("2040-01-01", {"until": "2040-01-01"}),
]


@pytest.mark.parametrize(("text", "options"), ENDS)
def test_an_end_means_options_of_the_command(text: str, options: dict[str, Any]) -> None:
    assert ignore_options(text) == options


@pytest.mark.parametrize("text", ["whenever", "0 runs", "5 hits", "-1 sessions", "x" * 10_000])
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no end|one or more") as caught:
        ignore_options(text)
    assert len(str(caught.value)) < 300


@pytest.fixture
def tracker(tmp_path: Path) -> Any:
    runs = tmp_path / "runs"
    runs.mkdir()
    capture(runs)
    with Tracker(tmp_path / "tracker.db") as opened:
        opened.scan([runs], cache=False, settle_ns=0)
        yield opened


def test_actions_are_said_and_named_as_commands(tracker: Tracker) -> None:
    db = tracker.store.path
    for action, sentence, command in (
        (Action("claim", ("1", "2")), "Claimed #1 and #2", f"claim 1 --db {db} 2"),
        (
            Action("resolve", ("1",), {"version": "1.4"}),
            "Resolved #1 in 1.4",
            f"resolve 1 --version 1.4 --db {db}",
        ),
        (Action("reopen", ("1",)), "Reopened #1", f"reopen 1 --db {db}"),
        (Action("ignore", ("1",), {"until_next": True}), "Ignored #1", f"ignore 1 --until-next --db {db}"),
        (Action("assign", ("1",), {"to": "bob"}), "Assigned #1 to bob", f"assign 1 --to bob --db {db}"),
        (Action("assign", ("1",), {"nobody": True}), "Unassigned #1", f"assign 1 --nobody --db {db}"),
        (Action("comment", ("1",), text="seen"), "Commented on #1", f"comment 1 --db {db} seen"),
        (
            Action("merge", ("1", "2"), {"across_apps": True}),
            "Merged #2 into #1",
            f"merge 1 --across-apps --db {db} 2",
        ),
        (Action("unmerge", ("2",)), "Brought back #2", f"unmerge 2 --db {db}"),
        (Action("undo"), "Undone: the unmerge of #2 and #1", f"undo --db {db}"),
    ):
        assert action_command(tracker, action) == f"stormlog issues {command}"
        if action.verb == "merge":
            tracker.reopen("1")
        done = perform(tracker, action)
        assert done.sentence.split(" of ")[0] == sentence.split(" of ")[0]
    assert tracker.merged_numbers("1") == [2]


def test_an_action_is_refused_if_one_of_the_issues_was_changed_since(tracker: Tracker) -> None:
    first, second = (tracker.issue(number).issue for number in ("1", "2"))
    seen = {issue.issue_id: issue.revision for issue in (first, second)}
    tracker.assign("2", assignee="bob")
    for action in (Action("claim", ("1", "2")), Action("merge", ("2", "1"))):
        with pytest.raises(LifecycleError) as caught:
            perform(tracker, action, seen)
        assert caught.value.code == "stale_revision"
    assert tracker.issue("1").issue.status == "new"
    perform(tracker, Action("claim", ("1",)), seen)


def test_an_action_by_full_ids_is_about_no_other_issue_and_its_command_has_numbers(
    tracker: Tracker, tmp_path: Path
) -> None:
    first, second = (tracker.issue(number).issue.issue_id for number in ("1", "2"))
    merge = Action("merge", (first, second))
    assert action_command(tracker, merge) == f"stormlog issues merge 1 --db {tracker.store.path} 2"
    assert perform(tracker, merge).sentence == "Merged #2 into #1"
    with Tracker(tmp_path / "other.db") as other:
        other.record_error("something else")
        with pytest.raises(LifecycleError) as caught:
            perform(other, Action("claim", (first,)), {first: 1})
        assert caught.value.code == "not_found"
        assert other.issue("1").issue.status == "new"


def test_states_of_the_list_are_those_of_the_tracker(tracker: Tracker, tmp_path: Path) -> None:
    tracker.claim("1")
    tracker.ignore("2")
    with query.open([tmp_path / "runs"], cache=False) as store:

        def listed(**fields: Any) -> list[str]:
            found = list_with_tracker(store, tracker, fields)
            return found.issues.keys(0, 9)

        one, two = (tracker.issue(number).issue.issue_id for number in ("1", "2"))
        assert set(listed()) == {one, two}
        assert listed(state=["in_progress"]) == [one]
        assert listed(state=["open"]) == [one]
        assert listed(hide_ignored=True) == [one]
        assert listed(state="ignored", kind=["alert", "oom"]) == [two]
        assert listed(state=["new"]) == []


#: Fields of a filter -> titles of issues that only the tracker has.
ONLY_TRACKED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["disk full", "Node lost"]),
    ({"sort": "last_seen"}, ["Node lost", "disk full"]),
    ({"search": "DISK"}, ["disk full"]),
    ({"severity": "critical"}, ["disk full"]),
    ({"state": ["new"]}, ["Node lost"]),
    ({"rank": 3}, []),
    ({"severity": "fatal"}, []),
    ({"fingerprint_id": "issue:12"}, []),
]


def test_issues_that_only_the_tracker_has_are_counted_and_listed_behind_the_others(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    write_lines(
        runs / "e.jsonl", alert("one", 1), alert("two", 2, event_type="fatal", metadata={"severity": "fatal"})
    )
    with (
        Tracker(tmp_path / "tracker.db") as tracker,
        query.open(runs, cache=False) as store,
    ):
        for text, severity, at_ns in (("disk full", "critical", 5), ("Node lost", "warning", 9)):
            tracker.record_error(text, session_id="s-9", severity=severity, timestamp_ns=at_ns)
        tracker.claim(str(tracker.list_issues(search="disk").issues[0].number))
        seen = len(store.issue_table())
        for fields, titles in ONLY_TRACKED:
            without = list_with_tracker(store, tracker, fields)
            with_all = list_with_tracker(store, tracker, fields, shows_tracker_only=True)
            assert without.tracker_only_count == with_all.tracker_only_count == len(titles), fields
            assert len(without.issues) <= seen
            rows = with_all.issues.rows(len(without.issues), 99)
            assert [row.title for row in rows] == titles, fields
            assert all(not row.has_evidence and not row.is_exact and row.key == row.issue_id for row in rows)
            assert all(row.has_evidence for row in without.issues.rows(0, 99))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"state": ["lost"]}, "unknown status 'lost'"),
        ({"kind": ["lost"]}, "unknown kind"),
        ({"state": ["ignored"], "hide_ignored": True}, "hide_ignored"),
    ],
)
def test_a_wrong_filter_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        require_filter(fields, is_tracked=True)
    with pytest.raises(ValueError, match=r"state|kind|hide_ignored"):
        require_filter(fields, is_tracked=False)
    require_filter({"state": ["in_progress"]}, is_tracked=True)


# ---- without a tracker -------------------------------------------------------------------------------------


def test_noise_is_ignored_in_a_file_beside_the_telemetry(tmp_path: Path) -> None:
    capture(tmp_path)
    path = sidecar_path([str(tmp_path)])
    assert path == str(tmp_path / "issues.json")
    assert sidecar_path([str(tmp_path / "events.jsonl")]) == path
    with query.open([tmp_path], cache=False) as store:
        one, two = store.list_issues()
        names = [(issue.fingerprint_id, issue.kind, issue.title) for issue in (one, two)]
        ignore_in_sidecar(path, names[:1], "noise")
        ignore_in_sidecar(path, names[1:])
        store.refresh()
        assert [issue.state for issue in store.list_issues()] == ["ignored", "ignored"]
        assert store.list_issues(IssueFilter(hide_ignored=True)) == []
        reopen_in_sidecar(path, [one.fingerprint_id])
        store.refresh()
        assert {issue.fingerprint_id: issue.state for issue in store.list_issues()} == {
            one.fingerprint_id: "open",
            two.fingerprint_id: "ignored",
        }


def test_what_a_file_says_of_other_issues_stays(tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    kept = {"fingerprint_id": "issue:aa", "state": "resolved", "status": "resolved", "fix_version": "1"}
    other = {"fingerprint_id": "issue:bb", "state": "open", "status": "new", "assignee": "bob"}
    rules = [{"kind": "oom", "reason": "known"}]
    document = {"format": "stormlog-issues", "version": 1, "issues": [kept, other], "ignore": rules}
    path.write_text(json.dumps(document))
    ignore_in_sidecar(str(path), [("issue:bb", "alert", "t")], "why")
    states = {state.fingerprint_id: state for state in read_sidecar(path).states}
    assert states["issue:aa"].as_dict() == kept
    assert (states["issue:bb"].state, states["issue:bb"].status, states["issue:bb"].assignee) == (
        "ignored",
        None,
        "bob",
    )
    assert json.loads(path.read_text())["ignore"] == rules
    reopen_in_sidecar(str(path), ["issue:bb"])
    assert [state.state for state in read_sidecar(path).states] == ["resolved", "open"]


def test_a_file_that_is_no_sidecar_or_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    path.write_text("[]")
    with pytest.raises(SourceError, match="no sidecar"):
        ignore_in_sidecar(str(path), [("issue:aa", "alert", "t")])
    assert path.read_text() == "[]"
    with pytest.raises((SourceError, ValueError), match="nowhere"):
        ignore_in_sidecar(str(tmp_path / "nowhere" / "issues.json"), [("issue:aa", "alert", "t")])
