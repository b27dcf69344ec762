"""Short numbers of issues: given once, in order, and never to another issue."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.database.migrations import load_migrations, migrate
from tests.tracking.evidence import fingerprint_id, see
from tests.tracking.people import Clock, new_tracker, of, refused, seen


def numbers(tracker: Tracker) -> list[int]:
    """Return the numbers of all issues of the project, in the order in which they were made."""
    issues = tracker.list_issues(limit=200).issues
    return [issue.number for issue in sorted(issues, key=lambda issue: (issue.created_ns, issue.issue_id))]


def test_issues_are_numbered_in_the_order_in_which_they_are_made(tracker: Tracker) -> None:
    assert [seen(tracker, name).number for name in ("F1", "F2", "F3")] == [1, 2, 3]
    assert seen(tracker, "F2", session="later").number == 2


def test_projects_number_their_own_issues(tracker: Tracker) -> None:
    seen(tracker)
    tracker.project = "other"
    assert [seen(tracker, name).number for name in ("F1", "F2")] == [1, 2]


@pytest.mark.parametrize("text", ["2", "#2", " #2 ", "002", "default/2", "default/#2"])
def test_a_number_names_its_issue(tracker: Tracker, text: str) -> None:
    seen(tracker, "F1")
    second = seen(tracker, "F2")
    assert tracker.issue(text).issue.issue_id == second.issue_id


def test_a_number_may_be_given_to_every_verb(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    assert tracker.claim("1", "#2").issues[0].status == "in_progress"
    assert tracker.resolve("1", version="1.0").issues[0].number == 1
    assert tracker.comment("#1", "text").issue_id == of(tracker).issue_id
    assert tracker.comments("1")
    assert tracker.history("1").activities
    assert tracker.occurrences("1").occurrences
    assert tracker.fingerprints("1") == [fingerprint_id("F1")]
    assert tracker.merge("1", "2", keep_status=True).number == 1
    assert tracker.unmerge("2").number == 2


@pytest.mark.parametrize("text", ["0", "7", "123456789", "9" * 30, "#7", "other/1"])
def test_a_number_that_no_issue_has_is_not_found(tracker: Tracker, text: str) -> None:
    seen(tracker)
    with refused("not_found"):
        tracker.issue(text)


def test_digits_alone_are_never_part_of_an_id(tracker: Tracker) -> None:
    issue_id = seen(tracker).issue_id
    with tracker.store.writing() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        digits = issue_id[:-8] + "12345678"
        for table in ("issues", "issue_fingerprints", "issue_occurrences", "issue_numbers"):
            connection.execute(f"UPDATE {table} SET issue_id = ? WHERE issue_id = ?", [digits, issue_id])
    with refused("not_found", "number"):
        tracker.issue("12345678")
    assert tracker.issue("-" + digits[-12:]).issue.number == 1


def test_the_end_of_a_new_id_is_never_a_number(tracker: Tracker) -> None:
    assert all(seen(tracker, f"F{n}").issue_id[-1] in "abcdef" for n in range(30))


def test_the_number_of_a_merged_issue_leads_to_its_survivor_and_comes_back(tracker: Tracker) -> None:
    for name in ("F1", "F2", "F3"):
        seen(tracker, name)
    tracker.merge("2", "3")
    tracker.merge("1", "2")
    for text in ("2", "3"):
        detail = tracker.issue(text)
        assert detail.issue.number == 1
        assert detail.merged_into == of(tracker, "F1").issue_id
    assert seen(tracker, "F4").number == 4
    assert tracker.unmerge("3").number == 3
    assert tracker.unmerge("2").number == 2


def test_a_number_of_another_project_may_be_named_with_it(tracker: Tracker) -> None:
    tracker.project = "llm/big"
    issue = seen(tracker, "F1")
    tracker.project = "default"
    assert tracker.issue("llm/big/1").issue.issue_id == issue.issue_id
    assert tracker.claim("llm/big/1").issues[0].project == "llm/big"
    with refused("not_found", "llm/big/1"):
        tracker.issue(issue.issue_id)
    seen(tracker, "F1")
    with refused("merge_scope", "projects"):
        tracker.merge("1", "llm/big/1")
    tracker.project = "llm/big"
    assert tracker.history("1").activities[0].action == "claim"


def test_the_number_of_an_issue_that_was_removed_is_not_given_again(tracker: Tracker) -> None:
    seen(tracker, "F1")
    issue = seen(tracker, "F2")
    with tracker.store.writing() as connection:
        for table in ("issue_occurrences", "issue_fingerprints", "activity", "issues"):
            connection.execute(f"DELETE FROM {table} WHERE issue_id = ?", [issue.issue_id])
    assert seen(tracker, "F3").number == 3
    with refused("not_found", "removed"):
        tracker.issue("2")


def test_numbers_survive_an_export_into_an_empty_tracker(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "issues.json"
    with new_tracker(tmp_path, clock) as tracker:
        for name in ("F1", "F2", "F3", "F4", "F5"):
            seen(tracker, name)
        tracker.merge("4", "2")
        tracker.merge("4", "1")
        tracker.export_states(file, counts=False)
    with new_tracker(tmp_path, clock, "other.db") as tracker:
        tracker.import_states(file)
        assert {name: of(tracker, name).number for name in ("F2", "F3", "F4", "F5")} == {
            "F2": 4,
            "F3": 3,
            "F4": 4,
            "F5": 5,
        }
        assert [tracker.issue(text).issue.number for text in ("1", "2")] == [4, 4]
        assert seen(tracker, "F6").number == 6
        assert seen(tracker, "F3", session="again").number == 3
        again = tmp_path / "again.json"
        tracker.import_states(file)
        tracker.export_states(again, counts=False)
    said = [
        {entry["fingerprint_id"]: (entry["number"], entry.get("former_numbers")) for entry in entries}
        for entries in (json.loads(path.read_text())["issues"] for path in (file, again))
    ]
    assert said[0].items() <= said[1].items()
    assert said[0][fingerprint_id("F1")] == (4, [1, 2])


def test_an_imported_number_that_is_taken_is_not_given_twice(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "issues.json"
    with new_tracker(tmp_path, clock) as tracker:
        seen(tracker, "F1"), seen(tracker, "F2")
        tracker.export_states(file)
    with new_tracker(tmp_path, clock, "other.db") as tracker:
        here = seen(tracker, "F9")
        known = seen(tracker, "F2")
        tracker.import_states(file)
        assert of(tracker, "F9").number == here.number == 1
        assert of(tracker, "F2").number == known.number == 2
        assert of(tracker, "F1").number == 3


@pytest.mark.parametrize(
    ("field", "value"), [("number", 0), ("number", "1"), ("number", True), ("former_numbers", 3)]
)
def test_a_number_in_a_file_that_is_none_is_refused(
    tracker: Tracker, tmp_path: Path, field: str, value: object
) -> None:
    file = tmp_path / "issues.json"
    seen(tracker)
    tracker.export_states(file)
    document = json.loads(file.read_text())
    document["issues"][0][field] = value
    file.write_text(json.dumps(document))
    with pytest.raises(Exception, match=field):
        tracker.import_states(file)


def _see_some(path: str, place: int, start: multiprocessing.synchronize.Barrier) -> None:
    with Tracker(path) as tracker:
        start.wait(60)
        for count in range(5):
            see(tracker, f"F{place}.{count}")


def test_processes_that_record_at_once_never_give_a_number_twice(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    Tracker(path).close()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    processes = [context.Process(target=_see_some, args=(str(path), n, start)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    with Tracker(path) as tracker:
        assert sorted(numbers(tracker)) == list(range(1, 21))


def test_issues_of_an_older_tracker_are_numbered_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with new_tracker(tmp_path, name="new.db") as tracker:
        for name in ("F1", "F2", "F3", "F4"):
            seen(tracker, name)
        tracker.project = "other"
        seen(tracker, "F1")
        tracker.project = "default"
        # The one that was made second is merged, and made the last row when it is back.
        tracker.merge("4", "2")
        tracker.merge("4", "1")
        tracker.unmerge("1")
        tables = [
            name
            for (name,) in tracker.store.connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
            if name not in ("issue_numbers", "schema_migrations")
        ]
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, path, load_migrations()[:5])
    old.execute("ATTACH ? AS new", [str(tmp_path / "new.db")])
    for table in tables:
        columns = ", ".join(
            name for _, name, *_ in old.execute(f"PRAGMA main.table_info({table})").fetchall()
        )
        if columns:
            old.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
    old.close()
    with new_tracker(tmp_path, name="old.db") as tracker:
        assert {name: of(tracker, name).number for name in ("F1", "F2", "F3", "F4")} == {
            "F1": 1,
            "F2": 4,
            "F3": 3,
            "F4": 4,
        }
        assert tracker.issue("2").issue.number == 4
        assert tracker.unmerge("2").number == 2
        assert seen(tracker, "F5").number == 5
        tracker.project = "other"
        assert of(tracker, "F1").number == 1
