"""What is said about issues: who may say, change and delete what."""

from __future__ import annotations

import pytest

from stormlog.tracking import Actor, Tracker
from tests.tracking.people import BOT, DAY, KIM, LEE, OTHER_BOT, Clock, S, as_actor, of, refused, seen


def count(tracker: Tracker) -> int:
    with tracker.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM issue_comments").fetchone()[0])


def test_a_comment_is_trimmed_and_names_its_author(tracker: Tracker) -> None:
    issue = seen(tracker)
    comment = tracker.comment(issue.issue_id, "  text\n")
    assert (comment.body, comment.author_type, comment.author_id, comment.author_name) == (
        "text",
        "user",
        "kim",
        "Kim",
    )
    assert tracker.comments(issue.issue_id) == [comment]
    assert tracker.issue(issue.issue_id).comments == [comment]


@pytest.mark.parametrize("body", ["", "   ", "\n\t", "\u00a0"])
def test_a_blank_comment_is_refused(tracker: Tracker, body: str) -> None:
    issue = seen(tracker)
    with pytest.raises(ValueError, match="text"):
        tracker.comment(issue.issue_id, body)
    assert of(tracker) == issue


def test_a_new_comment_touches_its_issue_and_later_ones_do_not(tracker: Tracker) -> None:
    issue = seen(tracker)
    comment = tracker.comment(issue.issue_id, "one")
    commented = of(tracker)
    assert commented.updated_ns == comment.created_ns > issue.updated_ns
    assert commented.revision == issue.revision + 1
    tracker.edit_comment(comment.comment_id, "two")
    tracker.delete_comment(comment.comment_id)
    assert of(tracker) == commented


def test_comments_come_oldest_first_in_every_status(tracker: Tracker) -> None:
    issue = seen(tracker)
    for verb in (tracker.claim, tracker.resolve, tracker.ignore, tracker.reopen):
        verb(issue.issue_id)
        tracker.comment(issue.issue_id, verb.__name__)
    assert [comment.body for comment in tracker.comments(issue.issue_id)] == [
        "claim",
        "resolve",
        "ignore",
        "reopen",
    ]


def test_only_authors_edit(tracker: Tracker) -> None:
    issue = seen(tracker)
    with as_actor(tracker, BOT):
        comment = tracker.comment(issue.issue_id, "from an agent")
    with refused("not_author", "Bot"):
        tracker.edit_comment(comment.comment_id, "from Kim")
    with as_actor(tracker, OTHER_BOT), refused("not_author"):
        tracker.edit_comment(comment.comment_id, "from another")
    # A person of the same name is somebody else.
    with as_actor(tracker, Actor("user", "bot", "Bot")), refused("not_author"):
        tracker.edit_comment(comment.comment_id, "from a person")
    with as_actor(tracker, BOT):
        edited = tracker.edit_comment(comment.comment_id, "  better ")
    assert (edited.body, edited.created_ns) == ("better", comment.created_ns)
    assert edited.updated_ns > comment.updated_ns
    assert tracker.comments(issue.issue_id) == [edited]


def test_agents_delete_their_own_and_people_any(tracker: Tracker) -> None:
    issue = seen(tracker)
    with as_actor(tracker, BOT):
        mine, other = (tracker.comment(issue.issue_id, text) for text in ("mine", "other"))
    with as_actor(tracker, OTHER_BOT), refused("not_author"):
        tracker.delete_comment(mine.comment_id)
    with as_actor(tracker, BOT):
        tracker.delete_comment(mine.comment_id)
    with as_actor(tracker, LEE):
        tracker.delete_comment(other.comment_id)
    assert tracker.comments(issue.issue_id) == []


def test_a_deleted_comment_is_gone_for_everybody(tracker: Tracker) -> None:
    issue = seen(tracker)
    comment = tracker.comment(issue.issue_id, "text")
    tracker.delete_comment(comment.comment_id)
    with refused("not_found"):
        tracker.edit_comment(comment.comment_id, "again")
    with refused("not_found"):
        tracker.delete_comment(comment.comment_id)


def test_what_was_deleted_leaves_the_file_a_week_later(tracker: Tracker, clock: Clock) -> None:
    issue = seen(tracker)
    early, late = (tracker.comment(issue.issue_id, text) for text in ("early", "late"))
    deleted_ns = clock.now_ns
    clock.now_ns = deleted_ns - 1
    tracker.delete_comment(early.comment_id)
    clock.now_ns = deleted_ns + 2 * S
    tracker.delete_comment(late.comment_id)
    tracker.comment(issue.issue_id, "alive")

    clock.now_ns = deleted_ns + 7 * DAY - 1
    assert (tracker.purge(), count(tracker)) == (0, 3)
    clock.now_ns = deleted_ns + 7 * DAY + S
    assert (tracker.purge(), count(tracker)) == (1, 2)
    assert [comment.body for comment in tracker.comments(issue.issue_id)] == ["alive"]


def test_a_comment_is_named_by_part_of_its_id_in_its_project(tracker: Tracker) -> None:
    issue = seen(tracker)
    comment = tracker.comment(issue.issue_id, "text")
    assert tracker.edit_comment(comment.comment_id[-8:], "new").comment_id == comment.comment_id
    with refused("not_found"):
        tracker.edit_comment(comment.comment_id[-5:], "new")
    other = tracker.comment(issue.issue_id, "other")
    # Ids of one moment start alike.
    assert other.comment_id[:6] == comment.comment_id[:6]
    with refused("ambiguous_id"):
        tracker.delete_comment(comment.comment_id[:6])
    tracker.project = "elsewhere"
    seen(tracker)
    with refused("not_found"):
        tracker.delete_comment(comment.comment_id)


def test_the_log_says_who_commented_but_not_what(tracker: Tracker) -> None:
    issue = seen(tracker)
    comment = tracker.comment(issue.issue_id, "secret")
    tracker.edit_comment(comment.comment_id, "secret too")
    tracker.delete_comment(comment.comment_id)
    activities = tracker.history(issue.issue_id).activities
    assert [activity.action for activity in activities[:3]] == ["delete_comment", "edit_comment", "comment"]
    assert all(activity.actor_id == KIM.id for activity in activities[:3])
    assert "secret" not in str(activities)


def test_an_unknown_issue_has_no_comments(tracker: Tracker) -> None:
    seen(tracker)
    with refused("not_found"):
        tracker.comment("ffffffff", "text")
    with refused("not_found"):
        tracker.comments("ffffffff")
