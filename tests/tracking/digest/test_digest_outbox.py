"""Digests on their way: what is queued, when issues count as told, and what is tried again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stormlog.errors import LifecycleError, PermissionDeniedError
from stormlog.tracking import Tracker
from stormlog.tracking.digest import NotifySettings, deliver, notify, queue_if_due
from tests.tracking.digest.digests import (
    HOUR_NS,
    MINUTE_NS,
    Clock,
    mail_settings,
    open_tracker,
    outcomes,
    recipients,
    rows,
    run,
    states,
)
from tests.tracking.digest.servers import free_port, mail_server
from tests.tracking.evidence import see


def test_a_digest_goes_out_once_and_again_when_something_happened(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker, mail_server() as inbox:
        settings = mail_settings(inbox.port)
        see(tracker)
        clock.pass_by(1)
        report = run(tracker, settings)
        assert (outcomes(report), states(report)) == (["queued"], {"one@example.org": "sent"})
        assert report.is_delivered
        assert rows(tracker, "SELECT last_notified_ns FROM issues") == [(clock(),)]

        assert outcomes(run(tracker, settings)) == ["not_due"]
        clock.pass_by(HOUR_NS)
        before = rows(tracker, "SELECT last_digest_ns FROM projects")
        assert outcomes(run(tracker, settings)) == ["nothing_new"]
        assert rows(tracker, "SELECT last_digest_ns FROM projects") == before

        # Evidence of an earlier time is news as well: what counts is when it was recorded.
        see(tracker, session="s2", at=1)
        clock.pass_by(1)
        assert outcomes(run(tracker, settings)) == ["queued"]
        assert len(inbox.mails) == 2


def test_none_is_off_and_coming_back_is_due_at_once(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock, alert_frequency="none") as tracker, mail_server() as inbox:
        settings = mail_settings(inbox.port)
        see(tracker)
        clock.pass_by(72 * HOUR_NS)
        assert outcomes(run(tracker, settings)) == ["off"]
        with tracker.writing() as connection:
            connection.execute("UPDATE projects SET alert_frequency = 'daily'")
        assert outcomes(run(tracker, settings)) == ["queued"]
        assert outcomes(run(tracker, settings)) == ["not_due"]
        assert len(inbox.mails) == 1


def test_force_does_not_wait_but_needs_news(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock, alert_frequency="none") as tracker, mail_server() as inbox:
        settings = mail_settings(inbox.port)
        see(tracker)
        assert outcomes(run(tracker, settings, force=True)) == ["queued"]
        assert outcomes(run(tracker, settings, force=True)) == ["nothing_new"]
        assert len(inbox.mails) == 1


def test_without_anybody_to_tell_nothing_is_queued_or_stamped(tmp_path: Path) -> None:
    with open_tracker(tmp_path, Clock(), recipients_json="[]") as tracker:
        see(tracker)
        report = run(tracker)
        assert (outcomes(report), report.queued_count, report.is_delivered) == (["no_recipients"], 0, True)
        assert rows(tracker, "SELECT last_notified_ns FROM issues") == [(None,)]
        assert rows(tracker, "SELECT last_digest_ns FROM projects") == [(None,)]


def test_without_a_mail_server_mails_wait(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker)
        [delivery] = run(tracker).deliveries
        assert (delivery.state, delivery.attempts) == ("pending", 0)
        assert delivery.error == "no mail server is named: set STORMLOG_SMTP_HOST"
        with mail_server() as inbox:
            assert states(run(tracker, mail_settings(inbox.port))) == {"one@example.org": "sent"}


def test_one_refused_recipient_does_not_hold_up_the_other(tmp_path: Path) -> None:
    clock = Clock()
    people = recipients("one@example.org", "two@example.org")
    with open_tracker(tmp_path, clock, recipients_json=people) as tracker, mail_server() as inbox:
        inbox.refused["two@example.org"] = "550 no such user"
        settings = mail_settings(inbox.port)
        see(tracker)
        report = run(tracker, settings)
        assert states(report) == {"one@example.org": "sent", "two@example.org": "failed"}
        assert report.deliveries[1].error == "the mail server says 550 no such user"
        assert not report.is_delivered
        clock.pass_by(10 * HOUR_NS)
        assert run(tracker, settings).deliveries == ()
        assert inbox.recipients == ["one@example.org"]
        assert rows(tracker, "SELECT last_notified_ns IS NULL FROM issues") == [(0,)]


def test_a_digest_that_nobody_took_is_told_again_by_the_next(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker, mail_server() as inbox:
        inbox.refused["one@example.org"] = "550 no"
        settings = mail_settings(inbox.port)
        see(tracker)
        assert states(run(tracker, settings)) == {"one@example.org": "failed"}
        assert rows(tracker, "SELECT last_notified_ns FROM issues") == [(None,)]
        del inbox.refused["one@example.org"]
        clock.pass_by(HOUR_NS)
        assert states(run(tracker, settings)) == {"one@example.org": "sent"}
        assert len(inbox.mails) == 1


def test_a_server_that_is_down_is_tried_again_later(tmp_path: Path) -> None:
    clock = Clock()
    port = free_port()
    settings = mail_settings(port)
    with open_tracker(tmp_path, clock, alert_frequency="daily") as tracker:
        see(tracker)
        report = run(tracker, settings)
        [delivery] = report.deliveries
        assert (delivery.state, delivery.attempts) == ("pending", 1)
        assert delivery.next_attempt_ns == clock() + MINUTE_NS
        assert "Connection refused" in str(delivery.error)
        assert rows(tracker, "SELECT last_notified_ns FROM issues") == [(None,)]
        with mail_server(port) as inbox:
            [waiting] = run(tracker, settings).deliveries
            assert (waiting.state, waiting.error) == ("pending", delivery.error)
            assert inbox.connections == 0
            queued_ns = clock()
            clock.pass_by(MINUTE_NS)
            assert states(run(tracker, settings)) == {"one@example.org": "sent"}
            assert run(tracker, settings).deliveries == ()
            assert len(inbox.mails) == 1
        # Told of what was known when it was put together, not when it arrived.
        assert rows(tracker, "SELECT last_notified_ns FROM issues") == [(queued_ns,)]


def test_attempts_grow_apart_and_end(tmp_path: Path) -> None:
    clock = Clock()
    settings = mail_settings(free_port())
    with open_tracker(tmp_path, clock, alert_frequency="daily") as tracker:
        see(tracker)
        delays = []
        for _ in range(5):
            [delivery] = run(tracker, settings).deliveries
            assert delivery.next_attempt_ns is not None
            delays.append((delivery.next_attempt_ns - clock()) // MINUTE_NS)
            clock.now_ns = delivery.next_attempt_ns - 1
            assert run(tracker, settings).deliveries[0].attempts == delivery.attempts
            clock.pass_by(1)
        assert delays == [1, 5, 15, 60, 240]
        [last] = run(tracker, settings).deliveries
        assert (last.state, last.attempts, last.next_attempt_ns) == ("failed", 6, None)
        assert run(tracker, settings).deliveries == ()


def test_a_server_that_is_down_is_asked_once_for_all_recipients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import smtplib

    asked = []

    def refuse(*arguments: object, **options: object) -> None:
        asked.append(arguments)
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(smtplib, "SMTP", refuse)
    people = recipients(*(f"p{number}@example.org" for number in range(5)))
    with open_tracker(tmp_path, Clock(), recipients_json=people) as tracker:
        see(tracker)
        assert set(states(run(tracker, mail_settings(1))).values()) == {"pending"}
        assert len(asked) == 1


def test_the_next_digest_takes_the_place_of_one_that_nobody_took(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker, "F1")
        run(tracker, mail_settings(free_port()))
        clock.pass_by(HOUR_NS)
        see(tracker, "F2")
        with mail_server() as inbox:
            assert states(run(tracker, mail_settings(inbox.port))) == {"one@example.org": "sent"}
            [mail] = inbox.mails
        assert mail["Subject"] == "[stormlog] 2 issues in default: 2 new, 0 regressed"
        assert rows(tracker, "SELECT state FROM notices ORDER BY created_ns") == [("superseded",), ("sent",)]


def test_what_somebody_took_is_still_tried_for_the_others(tmp_path: Path) -> None:
    clock = Clock()
    people = recipients("one@example.org", "two@example.org")
    with open_tracker(tmp_path, clock, recipients_json=people) as tracker, mail_server() as inbox:
        inbox.refused["two@example.org"] = "450 busy"
        settings = mail_settings(inbox.port)
        see(tracker, "F1")
        assert states(run(tracker, settings)) == {"one@example.org": "sent", "two@example.org": "pending"}
        clock.pass_by(HOUR_NS)
        see(tracker, "F2")
        inbox.refused.clear()
        assert [d.state for d in run(tracker, settings).deliveries] == ["sent"] * 3
        subjects = [(mail["To"], str(mail["Subject"]).split(":")[0]) for mail in inbox.mails]
        assert subjects == [
            ("one@example.org", "[stormlog] 1 issue in default"),
            ("two@example.org", "[stormlog] 1 issue in default"),
            ("one@example.org", "[stormlog] 1 issue in default"),
            ("two@example.org", "[stormlog] 1 issue in default"),
        ]


def test_evidence_between_queueing_and_delivery_is_told_next_time(tmp_path: Path) -> None:
    clock = Clock()
    port = free_port()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker)
        run(tracker, mail_settings(port))
        clock.pass_by(MINUTE_NS)
        see(tracker, session="s2")
        with mail_server(port) as inbox:
            run(tracker, mail_settings(port))
            clock.pass_by(HOUR_NS)
            run(tracker, mail_settings(port))
            assert len(inbox.mails) == 2


def test_a_crash_after_an_attempt_repeats_it_under_the_same_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stormlog.tracking.digest import notifying

    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker, mail_server() as inbox:
        settings = mail_settings(inbox.port)
        see(tracker)

        def crash(*arguments: object, **options: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(notifying, "mark", crash)
            with pytest.raises(KeyboardInterrupt):
                run(tracker, settings)
        assert [d.state for d in run(tracker, settings).deliveries] == ["pending"]
        clock.pass_by(MINUTE_NS)
        assert states(run(tracker, settings)) == {"one@example.org": "sent"}
        one, other = inbox.mails
        assert one["Message-ID"] == other["Message-ID"]


def test_attempts_that_end_in_crashes_end_as_well(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock, alert_frequency="daily") as tracker:
        see(tracker)
        run(tracker)
        with tracker.writing() as connection:
            connection.execute("UPDATE notices SET attempts = 6")
        run(tracker, mail_settings(free_port()))
        assert rows(tracker, "SELECT state, error FROM notices") == [("failed", "no answer")]


def test_two_processes_at_once_send_one_mail(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker, mail_server() as inbox:
        see(tracker)
        settings = mail_settings(inbox.port)

        def work() -> None:
            with Tracker(tmp_path / "tracker.db", clock=clock) as other:
                run(other, settings)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(inbox.mails) == 1


def test_others_can_write_while_a_server_is_talked_to(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker, mail_server() as inbox:
        take = inbox.handle_DATA
        seen = []

        async def handle_DATA(*arguments: object) -> str:
            with Tracker(tmp_path / "tracker.db", clock=clock) as other:
                seen.append(see(other, "F2"))
            return await take(*arguments)  # type: ignore[arg-type]

        inbox.handle_DATA = handle_DATA  # type: ignore[method-assign, assignment]
        see(tracker)
        assert states(run(tracker, mail_settings(inbox.port))) == {"one@example.org": "sent"}
        assert len(seen) == 1


def test_projects_are_apart(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker, mail_server() as inbox:
        settings = mail_settings(inbox.port)
        see(tracker)
        with Tracker(tmp_path / "tracker.db", project="vision", clock=clock) as other:
            see(other)
        report = notify(tracker, projects=["vision"], settings=settings, force=True)
        assert outcomes(report) == ["no_recipients"]
        report = run(tracker, settings)
        assert [(p.project, p.outcome) for p in report.projects] == [
            ("default", "queued"),
            ("vision", "not_due"),
        ]
        assert rows(
            tracker,
            "SELECT p.name, i.last_notified_ns IS NULL FROM issues AS i JOIN projects AS p USING (project_id)",
        ) == [("default", 0), ("vision", 1)]
        with pytest.raises(LifecycleError, match="no project 'nowhere'"):
            notify(tracker, projects=["nowhere"], settings=settings)


def test_commands_name_the_tracker_and_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    with Tracker(tmp_path / "it's.db", project="my vision", clock=clock) as tracker:
        see(tracker)
        with tracker.writing() as connection:
            connection.execute("UPDATE projects SET recipients_json = '[\"a@b.c\"]'")

        def command() -> str:
            [found] = notify(
                tracker, projects=None, settings=NotifySettings(), force=True, dry_run=True
            ).projects
            assert found.digest is not None
            return found.digest.issues[0].command.split(maxsplit=4)[4]

        where = str(tmp_path / "it's.db").replace("'", "'\"'\"'")
        assert command() == f"--db '{where}' --project 'my vision'"
        monkeypatch.setenv("STORMLOG_DB", str(tmp_path / "it's.db"))
        assert command() == "--project 'my vision'"


def test_an_empty_tracker_has_nothing_to_tell(tmp_path: Path) -> None:
    with Tracker(tmp_path / "tracker.db") as tracker:
        report = notify(tracker, projects=["default"], settings=NotifySettings())
        assert (report.projects, report.deliveries, report.is_delivered) == ([], (), True)


def test_scans_queue_and_then_deliver(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker, mail_server() as inbox:
        see(tracker)
        assert queue_if_due(tracker, scan_id="scan-1") == 1
        assert queue_if_due(tracker) == 0
        assert inbox.mails == []
        [delivery] = deliver(tracker, mail_settings(inbox.port), projects=[tracker.project])
        assert delivery.state == "sent"
        assert rows(tracker, "SELECT action, scan_id FROM activity WHERE issue_id IS NULL") == [
            ("queue_digest", "scan-1"),
            ("notify", None),
        ]


def test_reading_is_enough_for_a_dry_run_and_not_to_send(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker)
    with Tracker(tmp_path / "tracker.db", clock=clock, permissions=["issues:read"], read_only=True) as reader:
        report = notify(reader, projects=None, settings=NotifySettings(), dry_run=True)
        assert (outcomes(report), report.queued_count) == (["due"], 0)
    with Tracker(tmp_path / "tracker.db", clock=clock, permissions=["issues:read"]) as reader:
        with pytest.raises(PermissionDeniedError, match="issues:write"):
            run(reader)
        assert rows(reader, "SELECT * FROM notices") == []
