"""Clocks that were ahead, were set back, or differ between hosts: nothing stays untold, and nothing is told twice."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormlog.tracking import Tracker
from stormlog.tracking.database.migrations import load_migrations, migrate
from stormlog.tracking.digest import Digest, NotifySettings, deliver, notify, notifying
from stormlog.tracking.digest.due import INTERVAL_NS, is_due
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.lock import delivery_lock
from stormlog.tracking.projects import ensure_project
from stormlog.tracking.recording.regression import ended_silences
from tests.soak import few_or_many
from tests.tracking.digest.digests import (
    HOUR_NS,
    MINUTE_NS,
    START_NS,
    Clock,
    open_tracker,
    outcomes,
    rows,
    run,
)
from tests.tracking.evidence import fingerprint_id, see

YEAR_NS = 365 * 24 * HOUR_NS


class Receiver:
    """Takes the place of a webhook.

    Attributes:
        got: Titles of the issues of each digest that arrived.
        counts: Title -> occurrences it tells of, for each digest.
        is_down: Whether nothing arrives.
    """

    def __init__(self) -> None:
        self.got: list[list[str]] = []
        self.counts: list[dict[str, int]] = []
        self.is_down = False

    def __call__(self, digest: Digest, url: str, **options: object) -> None:
        if self.is_down:
            raise DeliveryError("nobody there")
        counts = {issue.title.removeprefix("Alert: "): issue.occurrence_count for issue in digest.issues}
        self.got.append(sorted(counts))
        self.counts.append(counts)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    found = Receiver()
    monkeypatch.setattr(notifying, "post", found)
    return found


def with_webhook(folder: Path, clock: Clock, **columns: object) -> Tracker:
    return open_tracker(folder, clock, recipients_json="[]", webhook_url="https://example.org/", **columns)


def test_a_digest_of_a_clock_that_was_years_ahead_mutes_nobody(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock) as tracker:
        clock.now_ns = START_NS + 10 * YEAR_NS
        see(tracker, "F1")
        assert outcomes(run(tracker)) == ["queued"]
        clock.now_ns = START_NS
        see(tracker, "F2")
        see(tracker, "F1", "s2")
        assert outcomes(run(tracker)) == ["queued"]
        assert receiver.got == [["F1"], ["F1", "F2"]]
        clock.pass_by(HOUR_NS)
        assert outcomes(run(tracker)) == ["nothing_new"]


def test_a_clock_that_was_less_than_an_interval_ahead_delays_by_one_interval(
    tmp_path: Path, receiver: Receiver
) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock, alert_frequency="daily") as tracker:
        clock.now_ns = START_NS + 20 * HOUR_NS
        see(tracker, "F1")
        assert outcomes(run(tracker)) == ["queued"]
        clock.now_ns = START_NS
        see(tracker, "F2")
        assert outcomes(run(tracker)) == ["not_due"]
        clock.pass_by(23 * HOUR_NS + 45 * MINUTE_NS)
        assert outcomes(run(tracker)) == ["queued"]
        assert receiver.got == [["F1"], ["F2"]]


def test_hosts_that_differ_by_minutes_keep_the_frequency(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    offsets = {"ahead": 7 * MINUTE_NS, "behind": -4 * MINUTE_NS}
    with with_webhook(tmp_path, clock, alert_frequency="hourly") as tracker:
        for minute in range(0, 8 * 60, 10):
            for number, offset_ns in enumerate(offsets.values()):
                clock.now_ns = START_NS + minute * MINUTE_NS + offset_ns
                see(tracker, f"F{minute}", f"s{minute}-{number}")
                run(tracker)
        assert 7 <= len(receiver.got) <= 11


def test_force_delivers_now_whatever_was_planned(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock, alert_frequency="weekly") as tracker:
        clock.now_ns = START_NS + 10 * YEAR_NS
        see(tracker, "F1")
        run(tracker)
        clock.now_ns = START_NS
        see(tracker, "F2")
        report = run(tracker, force=True)
        assert [delivery.state for delivery in report.deliveries] == ["sent"]
        assert receiver.got == [["F1"], ["F2"]]
        assert rows(tracker, "SELECT last_digest_ns FROM projects") == [(START_NS,)]


def test_a_project_made_by_a_clock_that_was_ahead_gets_its_digest(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock, created_ns=START_NS + HOUR_NS // 2) as tracker:
        see(tracker)
        assert outcomes(run(tracker)) == ["queued"]


@pytest.mark.parametrize("ahead_ns", [2 * MINUTE_NS, 24 * HOUR_NS, 10 * YEAR_NS])
def test_an_attempt_that_a_wrong_clock_planned_is_made_now(
    tmp_path: Path, receiver: Receiver, ahead_ns: int
) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock, alert_frequency="weekly") as tracker:
        receiver.is_down = True
        see(tracker)
        clock.pass_by(ahead_ns)
        [delivery] = run(tracker).deliveries
        assert (delivery.state, delivery.next_attempt_ns) == ("pending", clock() + MINUTE_NS)
        clock.now_ns = START_NS
        receiver.is_down = False
        assert [d.state for d in deliver(tracker, NotifySettings(), projects=None)] == ["sent"]


def test_a_clock_that_was_set_back_keeps_evidence_untold_until_it_is_told(
    tmp_path: Path, receiver: Receiver
) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock) as tracker:
        see(tracker, "F1")
        run(tracker)
        clock.pass_by(-30 * 24 * HOUR_NS)
        see(tracker, "F1", "s2")
        run(tracker)
        assert receiver.got == [["F1"], ["F1"]]
        clock.now_ns = START_NS + 2 * HOUR_NS
        assert outcomes(run(tracker)) == ["nothing_new"]


def test_a_later_digest_is_not_undone_by_an_earlier_one_that_arrives_late(
    tmp_path: Path, receiver: Receiver
) -> None:
    clock = Clock()
    people = '["one@example.org", "two@example.org"]'
    with open_tracker(tmp_path, clock, recipients_json=people) as tracker:
        see(tracker, "F1")
        run(tracker)
        with tracker.writing() as connection:
            # Somebody took the first digest, the other mail of it is on its way.
            connection.execute("UPDATE notices SET state = 'sent' WHERE recipient = 'one@example.org'")
        clock.pass_by(2 * HOUR_NS)
        see(tracker, "F1", "s2")
        run(tracker)
        early, *late = notifying.waiting(tracker.store.connection, [project_id(tracker)])
        for notice in (*late, early):
            with tracker.writing() as connection:
                notifying.mark(connection, tracker.actor, notice, now_ns=clock())
        told = rows(tracker, "SELECT last_notified_ns FROM issues")
        assert told == [(late[0].digest.digest_ns,)]
        clock.pass_by(2 * HOUR_NS)
        assert outcomes(run(tracker)) == ["nothing_new"]


def test_evidence_at_the_very_time_of_a_digest_is_told_next_time(tmp_path: Path, receiver: Receiver) -> None:
    with with_webhook(tmp_path, Clock()) as tracker:
        see(tracker, "F1")
        run(tracker)
        see(tracker, "F1", "s2")
        run(tracker, force=True)
        assert receiver.got == [["F1"], ["F1"]]


def test_messages_are_left_to_the_process_that_sends_them(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock) as tracker:
        see(tracker)
        with delivery_lock(tmp_path / "tracker.db") as is_free:
            assert is_free
            # Clocks of two hosts would not keep them apart.
            clock.pass_by(YEAR_NS)
            [delivery] = run(tracker).deliveries
            assert delivery.state == "pending" and "another process" in str(delivery.error)
        assert [d.state for d in run(tracker).deliveries] == ["sent"]
        assert len(receiver.got) == 1


@pytest.mark.parametrize("frequency", sorted(INTERVAL_NS))
def test_a_basis_further_ahead_than_the_interval_counts_as_none(frequency: str) -> None:
    interval_ns = INTERVAL_NS[frequency]
    assert not is_due(frequency, basis_ns=interval_ns, now_ns=0)
    assert is_due(frequency, basis_ns=interval_ns + 1, now_ns=0)
    assert not is_due("none", basis_ns=YEAR_NS, now_ns=0)


def test_comments_deleted_by_a_clock_that_was_ahead_are_purged(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker)
        for ahead_ns in (8 * 24 * HOUR_NS, 6 * 24 * HOUR_NS):
            clock.now_ns = START_NS + ahead_ns
            tracker.delete_comment(tracker.comment(fingerprint_id("F1"), "gone").comment_id)
        clock.now_ns = START_NS
        assert tracker.purge() == 1
        clock.pass_by(14 * 24 * HOUR_NS)
        assert tracker.purge() == 1


def test_a_silence_of_a_clock_that_was_ahead_ends(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker)

        def silenced() -> bool:
            with tracker.reading() as connection:
                return ended_silences(connection, "default", clock()) == []

        # Hosts differ by minutes.
        clock.now_ns = START_NS + 5 * MINUTE_NS
        tracker.ignore(fingerprint_id("F1"), until_ns=START_NS + 24 * HOUR_NS)
        clock.now_ns = START_NS
        assert silenced()
        tracker.reopen(fingerprint_id("F1"))
        clock.now_ns = START_NS + 10 * YEAR_NS
        tracker.ignore(fingerprint_id("F1"), until_ns=clock() + 24 * HOUR_NS)
        assert silenced()
        clock.now_ns = START_NS
        assert not silenced()


def test_history_and_comments_are_in_the_order_of_writing(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker)
        for text in ("one", "two", "three"):
            clock.pass_by(-HOUR_NS)
            tracker.comment(fingerprint_id("F1"), text)
        assert [comment.body for comment in tracker.comments(fingerprint_id("F1"))] == ["one", "two", "three"]
        first = tracker.history(fingerprint_id("F1"), limit=2)
        rest = tracker.history(fingerprint_id("F1"), limit=2, after=first.cursor)
        found = [entry.activity_id for page in (first, rest) for entry in page.activities]
        assert found == sorted(found, reverse=True) and len(found) == 4


def test_issues_that_were_told_stay_told_when_they_merge(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    with with_webhook(tmp_path, clock) as tracker:
        see(tracker, "F1")
        run(tracker)
        see(tracker, "F2", at=200)
        run(tracker, force=True)
        tracker.merge(fingerprint_id("F1"), fingerprint_id("F2"))
        assert outcomes(run(tracker, force=True)) == ["nothing_new"]
        see(tracker, "F3", at=300)
        tracker.merge(fingerprint_id("F1"), fingerprint_id("F3"))
        run(tracker, force=True)
        assert receiver.got == [["F1"], ["F2"], ["F1"]]


# ---- stores of before ----------------------------------------------------------------------------------


def old_store(path: Path, issues: dict[str, tuple[int, int | None]]) -> None:
    """Make a store of the time when clocks decided: name -> when evidence was recorded, and when it was told."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, [step for step in load_migrations() if step.version <= 3])
        connection.execute(
            "INSERT INTO projects (project_id, name, created_ns, alert_frequency, webhook_url) "
            "VALUES ('p', 'default', 1, 'hourly', 'https://example.org/')"
        )
        connection.execute("INSERT INTO apps VALUES ('a', 'p', 'train')")
        for name, (activity_ns, notified_ns) in issues.items():
            connection.execute(
                "INSERT INTO issues (issue_id, project_id, app_id, is_dev, kind, status, title, severity, "
                "last_activity_ns, last_notified_ns, created_ns, updated_ns) "
                "VALUES (?, 'p', 'a', 0, 'alert', 'new', ?, 'warning', ?, ?, 1, 1)",
                [name, f"Alert: {name}", activity_ns, notified_ns],
            )


def test_what_was_told_before_the_upgrade_stays_told_and_what_was_not_does_not(
    tmp_path: Path, receiver: Receiver
) -> None:
    path, far = tmp_path / "tracker.db", START_NS + 10 * YEAR_NS
    old_store(
        path,
        {
            "told": (5, 6),
            "told at once": (7, 7),
            "told by a clock that was ahead": (8, far),
            "never told": (9, None),
            "again": (far + 1, far),
        },
    )
    clock = Clock()
    with Tracker(path, clock=clock) as tracker:
        run(tracker, force=True)
        assert receiver.got == [["again", "never told"]]
        assert outcomes(run(tracker, force=True)) == ["nothing_new"]


def test_a_message_that_waited_before_the_upgrade_tells_what_it_holds(
    tmp_path: Path, receiver: Receiver
) -> None:
    path = tmp_path / "tracker.db"
    old_store(path, {"old": (5, None), "grew since": (8, None)})
    payload = (
        '{"digest":{"project":"default","digest_ns":6,"new_count":2,"regressed_count":0,"recurring_count":0,'
        '"issues":[],"more_count":2,"recurring":[],"more_recurring_count":0},"issue_ids":["old","grew since"]}'
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO notices (notice_id, dedupe_key, project_id, channel, recipient, payload_json, state, "
            "next_attempt_ns, created_ns) "
            "VALUES ('n', 'k', 'p', 'webhook', 'https://example.org/', ?, 'pending', 6, 6)",
            [payload],
        )
    with Tracker(path, clock=Clock()) as tracker:
        assert [d.state for d in deliver(tracker, NotifySettings(), projects=None)] == ["sent"]
        run(tracker, force=True)
        assert receiver.got == [[], ["grew since"]]


# ---- all at once ---------------------------------------------------------------------------------------

HOSTS = st.integers(0, 1)
SPANS = st.one_of(
    st.integers(-20 * MINUTE_NS, 20 * MINUTE_NS),
    st.integers(-3 * 24 * HOUR_NS, 3 * 24 * HOUR_NS),
    st.sampled_from([-10 * YEAR_NS, 10 * YEAR_NS]),
)
STEPS = st.one_of(
    st.tuples(st.just("see"), HOSTS, st.integers(0, 3)),
    st.tuples(st.just("notify"), HOSTS, st.booleans()),
    st.tuples(st.just("set clock"), HOSTS, SPANS),
    st.tuples(st.just("wait"), HOSTS, st.integers(0, 3 * HOUR_NS)),
    st.tuples(st.just("server"), HOSTS, st.booleans()),
)


@settings(max_examples=few_or_many(20, 500), deadline=None)
@given(st.lists(STEPS, max_size=25), st.sampled_from(["hourly", "6_hourly", "daily"]))
def test_all_news_is_told_once_and_in_time_whatever_the_clocks(
    steps: list[tuple[str, int, int]], frequency: str
) -> None:
    world = {"now_ns": START_NS, "host": 0}
    offsets = [0, 0]
    receiver = Receiver()
    seen: dict[str, int] = {}
    told: dict[str, int] = {}

    def clock() -> int:
        return world["now_ns"] + offsets[world["host"]]

    def tell(tracker: Tracker, force: bool) -> None:
        notify(tracker, projects=None, settings=NotifySettings(), force=force)
        for counts in receiver.counts:
            for name, count in counts.items():
                assert told.get(name, 0) < count <= seen[name]
                told[name] = count
        receiver.counts.clear()

    def find(tracker: Tracker, name: str) -> None:
        seen[name] = seen.get(name, 0) + 1
        see(tracker, name, f"s{name}-{seen[name]}")

    with (
        patch.object(notifying, "post", receiver),
        Tracker(Path("/nowhere/tracker.db"), scratch=True, clock=clock) as tracker,
    ):
        with tracker.writing() as connection:
            ensure_project(connection, "default", START_NS)
            connection.execute(
                "UPDATE projects SET webhook_url = 'https://example.org/', alert_frequency = ?", [frequency]
            )
        for kind, host, value in steps:
            world["host"] = host
            if kind == "see":
                find(tracker, f"F{value}")
            elif kind == "notify":
                tell(tracker, bool(value))
            elif kind == "set clock":
                offsets[host] = value
            elif kind == "server":
                receiver.is_down = bool(value)
            else:
                world["now_ns"] += value
        offsets[:] = [0, 0]
        receiver.is_down = False
        find(tracker, "last")
        end_ns = world["now_ns"] + INTERVAL_NS[frequency] + 10 * MINUTE_NS
        while world["now_ns"] <= end_ns:
            tell(tracker, False)
            world["now_ns"] += 5 * MINUTE_NS
        assert told == seen


def project_id(tracker: Tracker) -> str:
    return str(rows(tracker, "SELECT project_id FROM projects")[0][0])
