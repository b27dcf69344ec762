"""Every change of people is taken back whole, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.database.maintenance import check_store
from tests.apps.cli.runner import Outcome, stormlog
from tests.tracking.evidence import see
from tests.tracking.people import BOT, DAY, KIM, LEE, Clock, as_actor, new_tracker, of, refused, seen
from tests.tracking.tables import everything, tables

State = dict[str, Any]


def state(tracker: Tracker) -> State:
    """Return what a tracker holds, with comments that were deleted left out."""
    shown = tables(tracker)
    with tracker.store.reading() as connection:
        shown["comments"] = [
            tuple(row)
            for row in connection.execute(
                "SELECT comment_id, issue_id, author_id, body, created_ns, updated_ns FROM issue_comments "
                "WHERE deleted_ns IS NULL ORDER BY 1"
            )
        ]
        shown["told"] = [
            tuple(row)
            for row in connection.execute(
                "SELECT issue_id, resolved_ns, last_notified_ns, notified_sequence, activity_sequence, "
                "last_activity_ns FROM issues ORDER BY 1"
            )
        ]
        shown["numbers"] = [
            tuple(row) for row in connection.execute("SELECT * FROM issue_numbers ORDER BY 1, 2")
        ]
    return shown


def prepare(tracker: Tracker) -> None:
    """Make six issues: #1 and #2 new, #3 resolved and recurring, #4 in progress, #5 ignored, #6 with #7 in it."""
    for number in range(1, 8):
        see(tracker, f"F{number}", at=number, version="1.0")
        see(tracker, f"F{number}", "s2", at=number + 10, version="1.0")
    tracker.resolve("3", version="latest")
    see(tracker, "F3", "s3", at=50, version="1.1")
    tracker.claim("4")
    tracker.ignore("5", reason="noise", until_count=3)
    tracker.comment("1", "first words")
    tracker.merge("6", "7")


def comment_id(tracker: Tracker) -> str:
    return tracker.comments("1")[0].comment_id


class Verb(NamedTuple):
    """One change, said in Python and on the command line; ``{comment}`` is the id of the comment of #1."""

    action: str
    do: Callable[[Tracker], object]
    words: str


VERBS = [
    Verb("claim", lambda tracker: tracker.claim("1"), "claim 1"),
    Verb("claim", lambda tracker: tracker.claim("1", "2"), "claim 1 2"),
    Verb(
        "claim",
        lambda tracker: tracker.claim(where="number IN (1, 2, 4)"),
        "claim --where number!=3+AND+number<5",
    ),
    Verb("resolve", lambda tracker: tracker.resolve("1", version="2.0"), "resolve 1 --version 2.0"),
    Verb("resolve", lambda tracker: tracker.resolve("1", "4"), "resolve 1 4"),
    Verb(
        "amend",
        lambda tracker: tracker.resolve("3", version="3", amend=True),
        "resolve 3 --amend --version 3",
    ),
    Verb("reopen", lambda tracker: tracker.reopen("3"), "reopen 3"),
    Verb("reopen", lambda tracker: tracker.reopen("4"), "reopen 4"),
    Verb("reopen", lambda tracker: tracker.reopen("5"), "reopen 5"),
    Verb("ignore", lambda tracker: tracker.ignore("1", reason="x", until_next=True), "ignore 1 --until-next"),
    Verb("ignore", lambda tracker: tracker.ignore("3"), "ignore 3"),
    Verb("assign", lambda tracker: tracker.assign("1", assignee="lee"), "assign 1 --to lee"),
    Verb("assign", lambda tracker: tracker.assign("4", assignee=None), "assign 4 --nobody"),
    Verb("merge", lambda tracker: tracker.merge("1", "2"), "merge 1 2"),
    Verb("merge", lambda tracker: tracker.merge("3", "1", reopen=True), "merge 3 1 --reopen"),
    Verb("merge", lambda tracker: tracker.merge("1", "6"), "merge 1 6"),
    Verb("unmerge", lambda tracker: tracker.unmerge("7"), "unmerge 7"),
    Verb("comment", lambda tracker: tracker.comment("2", "words"), "comment 2 words"),
    Verb(
        "edit_comment",
        lambda tracker: tracker.edit_comment(comment_id(tracker), "other words"),
        "edit-comment {comment} words",
    ),
    Verb(
        "delete_comment",
        lambda tracker: tracker.delete_comment(comment_id(tracker)),
        "delete-comment {comment}",
    ),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A tracker that was prepared, to be copied, and the time of its clock."""
    clock = Clock()
    with new_tracker(tmp_path_factory.mktemp("recorded"), clock) as tracker:
        prepare(tracker)
    return tracker.store.path, clock.now_ns


@pytest.fixture
def prepared(recorded: tuple[Path, int], tmp_path: Path, clock: Clock) -> Iterator[Tracker]:
    path, clock.now_ns = recorded
    shutil.copy(path, tmp_path / path.name)
    with new_tracker(tmp_path, clock) as tracker:
        yield tracker
    # Whatever was undone, what is counted is what the evidence says.
    assert check_store(tmp_path / path.name) == []


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.words)
def test_an_undone_verb_leaves_what_was_there_before(prepared: Tracker, verb: Verb) -> None:
    before = state(prepared)
    verb.do(prepared)
    assert state(prepared) != before
    undone = prepared.undo()
    assert undone.action == verb.action
    assert state(prepared) == before
    assert prepared.history(str(undone.issues[0].number)).activities[0].action == "undo"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.words)
def test_an_undone_command_leaves_what_was_there_before(
    prepared: Tracker, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORMLOG_USER", KIM.id)

    def run(*words: str) -> Outcome:
        outcome = stormlog("issues", *words, "--db", prepared.store.path)
        assert outcome.status == 0, outcome
        return outcome

    before = state(prepared)
    words = [word.replace("+", " ") for word in verb.words.format(comment=comment_id(prepared)).split()]
    run(*words)
    assert state(prepared) != before
    answer = json.loads(run("undo", "--json").stdout)
    assert answer["action"] == verb.action
    assert state(prepared) == before


def test_undoing_again_goes_further_back(tracker: Tracker) -> None:
    seen(tracker)
    states = [state(tracker)]
    for change in (
        lambda: tracker.claim("1"),
        lambda: tracker.resolve("1", version="1.0"),
        lambda: tracker.ignore("1"),
        lambda: tracker.reopen("1"),
        lambda: tracker.assign("1", assignee="lee"),
    ):
        change()
        states.append(state(tracker))
    for expected in reversed(states[:-1]):
        tracker.undo()
        assert state(tracker) == expected
    with refused("not_found", "kim"):
        tracker.undo()


def test_a_recurrence_is_counted_again_after_the_reopening_is_undone(tracker: Tracker) -> None:
    seen(tracker, version="1.0")
    tracker.resolve("1")
    assert seen(tracker, session="s2", version="1.1").recurred_count == 1
    tracker.reopen("1")
    tracker.undo()
    assert of(tracker).recurred_count == 1
    assert seen(tracker, session="s3", version="1.1").recurred_count == 2


def test_only_the_last_change_of_the_actor_is_undone(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    tracker.claim("1")
    with as_actor(tracker, LEE):
        tracker.claim("2")
    assert [issue.number for issue in tracker.undo().issues] == [1]
    assert of(tracker, "F2").status == "in_progress"


def test_what_somebody_changed_since_is_left_alone_and_named(tracker: Tracker) -> None:
    seen(tracker)
    tracker.claim("1")
    with as_actor(tracker, LEE):
        tracker.resolve("1", version="1.0")
        stored = everything(tracker)
    with refused("changed_since", "#1", "resolve", "lee"):
        tracker.undo()
    assert everything(tracker) == stored


def test_a_change_back_and_forth_is_a_change_since(tracker: Tracker) -> None:
    seen(tracker)
    tracker.assign("1", assignee="kim")
    with as_actor(tracker, LEE):
        tracker.assign("1", assignee="lee")
        tracker.assign("1", assignee="kim")
    with refused("changed_since", "lee"):
        tracker.undo()


def test_a_change_of_many_issues_is_undone_for_all_or_none(tracker: Tracker) -> None:
    for name in ("F1", "F2", "F3"):
        seen(tracker, name)
    tracker.resolve(where="number <= 3", version="1.0")
    with as_actor(tracker, LEE):
        tracker.reopen("2")
    stored = everything(tracker)
    with refused("changed_since", "#2"):
        tracker.undo()
    assert everything(tracker) == stored


def test_a_regression_that_a_scan_found_is_a_change_since(tracker: Tracker) -> None:
    seen(tracker, version="1.0")
    tracker.resolve("1", version="1.0")
    seen(tracker, session="s2", version="2.0")
    with refused("changed_since", "regress", "a scan"):
        tracker.undo()


def test_evidence_that_came_while_an_issue_was_reopened_is_not_hidden(tracker: Tracker) -> None:
    seen(tracker, version="1.0")
    tracker.resolve("1", version="1.0")
    tracker.reopen("1")
    seen(tracker, session="s2", version="2.0")
    with refused("changed_since", "evidence"):
        tracker.undo()
    assert of(tracker).status == "new"


def test_evidence_since_does_not_keep_a_resolution_from_being_undone(tracker: Tracker) -> None:
    seen(tracker, version="1.0")
    tracker.resolve("1")
    seen(tracker, session="s2", version="2.0")
    (issue,) = tracker.undo().issues
    assert (issue.status, issue.recurred_count, issue.occurrence_count) == ("new", 0, 2)


def test_an_issue_that_was_merged_since_is_named_with_its_survivor(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    tracker.claim("2")
    with as_actor(tracker, LEE):
        tracker.merge("1", "2")
    with refused("changed_since", "#2 was merged into #1"):
        tracker.undo()


def test_a_merge_is_not_undone_after_its_target_was_resolved(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    tracker.merge("1", "2")
    with as_actor(tracker, LEE):
        tracker.resolve("1")
    with refused("changed_since", "resolve"):
        tracker.undo()


def entry(tracker: Tracker, action: str) -> int:
    with tracker.store.reading() as connection:
        [found] = connection.execute(
            "SELECT max(activity_id) FROM activity WHERE action = ?", [action]
        ).fetchone()
    return int(found)


def test_an_entry_of_the_history_may_be_named(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    tracker.claim("1")
    tracker.assign("2", assignee="lee")
    assert tracker.undo(entry(tracker, "claim")).issues[0].number == 1
    with refused("not_undoable", "was undone"):
        tracker.undo(entry(tracker, "claim"))
    with refused("not_undoable", "an undo is not undone"):
        tracker.undo(entry(tracker, "undo"))
    with refused("not_undoable", "scan"):
        tracker.undo(entry(tracker, "create"))
    for unknown in (0, -5, 999, 2**70):
        with refused("not_found", "entry"):
            tracker.undo(unknown)


def test_imports_and_settings_are_not_undone(tracker: Tracker, tmp_path: Path) -> None:
    seen(tracker)
    tracker.export_states(tmp_path / "issues.json")
    tracker.claim("1")
    tracker.import_states(tmp_path / "issues.json")
    tracker.set_project("default", alert_frequency="weekly")
    with refused("not_undoable", "import"):
        tracker.undo(entry(tracker, "import"))
    with refused("not_undoable", "projects set"):
        tracker.undo(entry(tracker, "set_project"))
    with refused("changed_since", "import"):
        tracker.undo()


def test_an_undo_stays_within_its_project(tracker: Tracker) -> None:
    seen(tracker)
    tracker.claim("1")
    tracker.project = "other"
    seen(tracker)
    with refused("not_found"):
        tracker.undo()
    with refused("not_found"):
        tracker.undo(entry(tracker, "claim"))


def test_agents_undo_only_what_they_did_and_nobody_edits_the_words_of_others(tracker: Tracker) -> None:
    seen(tracker)
    tracker.claim("1")
    with as_actor(tracker, BOT), refused("not_author", "kim"):
        tracker.undo(entry(tracker, "claim"))
    with as_actor(tracker, BOT):
        comment = tracker.comment("1", "words")
        tracker.edit_comment(comment.comment_id, "other words")
    with refused("not_author", "bot"):
        tracker.undo(entry(tracker, "edit_comment"))
    with as_actor(tracker, BOT):
        tracker.undo()
    # A person may delete a comment of anybody, and so take it back.
    tracker.undo(entry(tracker, "comment"))
    assert tracker.comments("1") == []


def test_a_comment_that_was_edited_since_stays(tracker: Tracker) -> None:
    seen(tracker)
    first = tracker.comment("1", "one")
    tracker.edit_comment(first.comment_id, "two")
    with refused("changed_since", "edited"):
        tracker.undo(entry(tracker, "comment"))
    tracker.undo()
    tracker.undo()
    assert tracker.comments("1") == []


def test_what_a_comment_said_leaves_the_file_after_a_week(tracker: Tracker, clock: Clock) -> None:
    seen(tracker)
    comment = tracker.comment("1", "SECRET-WORDS")
    tracker.edit_comment(comment.comment_id, "harmless")
    clock.now_ns += 8 * DAY
    tracker.purge()
    with refused("not_undoable", "7 days"):
        tracker.undo()
    with tracker.store.reading() as connection:
        assert not any("SECRET" in row for rows in everything_said(connection) for row in rows)


def everything_said(connection: Any) -> Iterator[list[str]]:
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        yield [repr(tuple(row)) for row in connection.execute(f"SELECT * FROM {name}")]


def test_a_deleted_comment_that_is_purged_does_not_come_back(tracker: Tracker, clock: Clock) -> None:
    seen(tracker)
    tracker.delete_comment(tracker.comment("1", "words").comment_id)
    clock.now_ns += 8 * DAY
    tracker.purge()
    with refused("not_undoable", "gone"):
        tracker.undo()


# ---- claims --------------------------------------------------------------------------------------------


def test_who_claims_an_issue_has_it(tracker: Tracker) -> None:
    seen(tracker)
    (claimed,) = tracker.claim("1").issues
    assert (claimed.status, claimed.assignee) == ("in_progress", "kim")
    stored = everything(tracker)
    assert tracker.claim("1").issues == (claimed,)
    assert everything(tracker) == stored


def test_an_issue_that_somebody_else_has_is_taken_only_if_that_is_said(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    tracker.claim("1")
    with as_actor(tracker, LEE):
        stored = everything(tracker)
        with refused("already_claimed", "#1", "kim", "--take"):
            tracker.claim("2", "1")
        assert everything(tracker) == stored
        (taken,) = tracker.claim("1", take=True).issues
    assert (taken.status, taken.assignee) == ("in_progress", "lee")


def test_an_assigned_issue_is_claimed_by_its_assignee_alone(tracker: Tracker) -> None:
    seen(tracker)
    tracker.assign("1", assignee="lee")
    with refused("already_claimed", "lee"):
        tracker.claim("1")
    with as_actor(tracker, LEE):
        assert tracker.claim("1").issues[0].status == "in_progress"


def test_a_claim_of_an_earlier_version_names_who_claimed(tracker: Tracker) -> None:
    seen(tracker)
    tracker.claim("1")
    with tracker.store.writing() as connection:
        connection.execute("UPDATE issues SET assignee = NULL")
        connection.execute(
            """UPDATE activity SET after_json = '{"status":"in_progress"}' WHERE action = 'claim'"""
        )
    with as_actor(tracker, LEE), refused("already_claimed", "kim"):
        tracker.claim("1")
    assert tracker.claim("1").issues[0].assignee == "kim"


def test_a_dry_run_says_what_would_be_and_changes_nothing(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    stored = everything(tracker)
    for verb, options in (
        ("claim", {}),
        ("resolve", {"version": "2"}),
        ("ignore", {"until_next": True}),
        ("assign", {"assignee": "lee"}),
    ):
        change = getattr(tracker, verb)(where="TRUE", dry_run=True, **options)
        assert [issue.number for issue in change.issues] == [1, 2]
        assert everything(tracker) == stored
    with refused("illegal_transition"):
        tracker.reopen("1", dry_run=True)


def test_an_issue_that_is_ignored_until_the_next_time_is_new_when_it_is_seen(
    tracker: Tracker, tmp_path: Path
) -> None:
    see(tracker, at=1)
    tracker.ignore("1", until_next=True)
    tracker.scan([tmp_path])
    assert of(tracker).status == "silenced"
    # The same session counts as well.
    see(tracker, at=2)
    tracker.scan([tmp_path])
    assert of(tracker).status == "new"
