"""What keys do to issues: the same as the command that is shown, and nothing if somebody was quicker."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.tui.prompts import Ask, Choose, Confirm
from stormlog.tracking import Actor, Tracker
from tests.apps.cli.runner import stormlog
from tests.apps.tui.driver import Driver, Place, drive, locked

#: Of an entry of the log, what does not depend on when and in which store it was made.
_FACTS = ("action", "actor_type", "actor_id", "before", "after")


def log(database: Path) -> list[dict[str, Any]]:
    """Return what was done, without times and random ids."""
    with Tracker(database, read_only=True) as tracker, tracker.store.reading() as connection:
        rows = connection.execute(
            "SELECT action, actor_type, actor_id, before_json AS before, after_json AS after FROM activity "
            "WHERE action <> 'create' ORDER BY activity_id"
        ).fetchall()
    found = []
    for row in rows:
        entry = {name: row[name] for name in _FACTS}
        for name in ("before", "after"):
            fields = json.loads(entry[name] or "{}")
            for key in ("resolved_ns", "comment_id", "ignore_until"):
                fields.pop(key, None) if key != "ignore_until" else None
            entry[name] = fields
        found.append(entry)
    return found


#: Keys of actions, one after the other; a text after = is typed, with blanks for underscores.
ACTIONS = (
    "g c",
    "r =1.4.0 enter",
    "i enter enter",
    "r enter",
    "o",
    "i =next enter =noise enter",
    "u",
    "i =5_runs enter enter",
    "c",
    "i =20_sessions enter enter",
    "u",
    "i =2040-01-01 enter enter",
    "u",
    "m =it_is_'known' enter",
    "a =bob enter",
    "a enter",
    "space j M y",
    "escape g U enter",
    "u",
    "g space space r =2.0 enter",
)


def test_actions_leave_what_the_commands_that_are_shown_leave(tracked: Place, tmp_path: Path) -> None:
    place = tracked.copied(tmp_path)
    assert place.database is not None
    other = Path(shutil.copy(place.database, tmp_path / "other.db"))

    async def scenario(driver: Driver) -> None:
        for keys in ACTIONS:
            for key in keys.split(" "):
                if key.startswith("="):
                    await driver.type(key[1:].replace("_", " "))
                else:
                    await driver.press(key)
            for command in driver.command.split(" && "):
                words = shlex.split(command.replace(str(place.database), str(other)))
                assert words[0] == "stormlog"
                outcome = stormlog(*words[1:])
                assert outcome.status == 0, (command, outcome.stderr)

    drive(place.board, scenario, size=(120, 24))
    assert log(place.database) == log(other)
    done = [entry["action"] for entry in log(other)]
    assert {"claim", "resolve", "ignore", "reopen", "assign", "comment", "merge", "unmerge", "undo"} <= {
        *done
    }
    assert done[-2:] == ["resolve", "resolve"]


def test_who_comes_second_is_told_and_sees_the_new_state(tracked: Place, tmp_path: Path) -> None:
    place = tracked.copied(tmp_path)

    async def scenario(driver: Driver) -> None:
        # The issue that a change is refused for: for a merge the one that stays.
        for keys, changed in (("c", 0), ("r enter", 1), ("space space r enter", 2), ("space M y", 4)):
            driver.issues.table.move_to(changed - ("M" in keys))
            row = driver.issues.row_at(changed)
            assert row is not None and row.tracked is not None
            with Tracker(place.database, actor=Actor("user", "bob", "bob")) as tracker:
                tracker.ignore(str(row.tracked.number))
            before = len(log(place.database or Path()))
            await driver.press(*keys.split(" "))
            assert "was changed meanwhile" in driver.said, (keys, driver.said)
            assert "nothing was done" in driver.said
            assert len(log(place.database or Path())) == before
            row = driver.issues.row_at(changed)
            assert row is not None and row.tracked is not None
            assert row.tracked.status == "silenced"
            await driver.press("escape")

    drive(place.board, scenario)


def test_what_is_refused_is_asked_or_said(tracked: Place, tmp_path: Path) -> None:
    place = tracked.copied(tmp_path)
    with Tracker(place.database, actor=Actor("user", "bob", "bob")) as tracker:
        tracker.claim("1")

    async def scenario(driver: Driver) -> None:
        # An issue of somebody else is taken if that is meant.
        await driver.press("slash", "1", "enter", "c")
        assert isinstance(driver.app.screen, Confirm)
        assert "issue #1 is bob's" in driver.screen
        await driver.press("y")
        assert "issues claim 1 --take" in driver.said
        # What is wrong with an answer is said in the question.
        await driver.press("i")
        await driver.type("whenever")
        await driver.press("enter", "enter")
        assert isinstance(driver.app.screen, Ask)
        assert "'whenever' is no end" in driver.screen
        await driver.press("escape", "m", "enter")
        assert "a comment says something" in driver.screen
        # Who may only read changes nothing.
        await driver.press("escape")
        assert driver.app.board.place is not None
        driver.app.board.place = replace(driver.app.board.place, permissions=("issues:read",))
        before = log(place.database or Path())
        await driver.press("o")
        assert driver.said == "this needs the permission issues:write"
        assert log(place.database or Path()) == before

    drive(place.board, scenario)


def test_a_tracker_that_cannot_be_used_is_said(
    tracked: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tracked.copied(tmp_path)
    database = place.database
    assert database is not None
    monkeypatch.setattr("stormlog._sqlite.BUSY_S", 0.05)

    async def scenario(driver: Driver) -> None:
        with locked(database):
            await driver.press("slash", "1", "enter", "c")
        assert "is in use by another process" in driver.said
        await driver.press("c")
        assert driver.said.startswith("Claimed #")
        database.rename(tmp_path / "elsewhere.db")
        await driver.press("u")
        assert "the tracker is not there any more" in driver.said
        assert not database.exists()
        with Tracker(database) as tracker:
            tracker.record_error("other")
        # What bears the number of the issue now is another one.
        await driver.press("c")
        assert driver.said == "#1: not in this tracker any more, and nothing was done"
        with Tracker(database) as tracker:
            assert tracker.issue("1").issue.status == "new"
        await driver.press("f5")
        assert driver.said == ""
        assert {row.tracked for row in driver.issues._pages[0]} == {None}
        database.write_bytes(b"something else")
        await driver.press("u")
        assert str(database) in driver.said and len(driver.app.screen_stack) == 1

    drive(place.board, scenario)


def test_what_no_scan_has_recorded_yet_names_the_scan(untracked: Place, tmp_path: Path) -> None:
    database = tmp_path / "empty.db"
    with Tracker(database):
        pass
    place = Place(untracked.runs, database, untracked.cache)

    async def scenario(driver: Driver) -> None:
        assert len(driver.issues.issues or ()) == 6
        await driver.press("r")
        assert "not in the tracker yet" in driver.said
        assert driver.command == f"stormlog scan {place.runs} --db {database}"

    drive(place.board, scenario)


def test_without_a_tracker_noise_is_ignored_in_a_file_that_is_named_once(
    untracked: Place, tmp_path: Path
) -> None:
    place = untracked.copied(tmp_path, with_runs=True)
    file = place.runs / "issues.json"

    async def scenario(driver: Driver) -> None:
        await driver.press("c")
        assert "needs a tracker" in driver.said and "--db FILE" in driver.said
        await driver.press("i")
        assert str(file.name) in driver.screen
        await driver.press("n")
        assert not file.exists()
        await driver.press("i", "y")
        await driver.type("noise")
        await driver.press("enter")
        first = driver.issues.row_at(0)
        assert first is not None and first.row.state == "ignored"
        assert "--hide-ignored" in driver.command
        # The second time it is not asked whether the file may be written.
        await driver.press("j", "i")
        assert isinstance(driver.app.screen, Ask)
        await driver.press("enter", "k", "o")
        first = driver.issues.row_at(0)
        assert first is not None and first.row.state == "open"

    drive(place.board, scenario)
    states = json.loads(file.read_text())["issues"]
    assert [state["state"] for state in states] == ["ignored"]


def test_a_broken_file_of_states_is_left_alone(untracked: Place, tmp_path: Path) -> None:
    place = untracked.copied(tmp_path, with_runs=True)
    file = place.runs / "issues.json"
    file.write_text("{broken")

    async def scenario(driver: Driver) -> None:
        await driver.press("i", "y", "enter")
        assert str(file) in driver.said and "JSON" in driver.said

    drive(place.board, scenario)
    assert file.read_text() == "{broken"


def test_merges_across_programs_are_asked_for(tracked: Place, tmp_path: Path) -> None:
    place = tracked.copied(tmp_path)
    with Tracker(place.database) as tracker:
        issues = tracker.list_issues(limit=200).issues
        with tracker.writing() as connection:
            connection.execute(
                "INSERT INTO apps (app_id, project_id, name) SELECT 'second', project_id, 'second' FROM apps LIMIT 1"
            )
            connection.execute("UPDATE issues SET app_id = 'second' WHERE issue_id = ?", [issues[0].issue_id])

    async def scenario(driver: Driver) -> None:
        await driver.press("slash", *str(issues[0].number), "enter", "space")
        await driver.press("slash", *str(issues[1].number), "enter", "M", "y")
        assert "different apps" in driver.screen and isinstance(driver.app.screen, Confirm)
        await driver.press("y")
        assert "--across-apps" in driver.command
        await driver.press("slash", *str(issues[1].number), "enter", "U")
        assert isinstance(driver.app.screen, Choose)

    drive(place.board, scenario)
