"""``stormlog notify``: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from tests.apps.cli.runner import stormlog
from tests.tracking.digest.digests import Clock, open_tracker, rows
from tests.tracking.digest.servers import free_port, mail_server
from tests.tracking.evidence import see


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HOST", "PORT", "TLS", "USER", "FROM", "PASSWORD", "PASSWORD_FILE"):
        monkeypatch.delenv(f"STORMLOG_SMTP_{name}", raising=False)
    yield


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A tracker with an issue that nobody was told of, and a digest that is due."""
    with open_tracker(tmp_path, Clock()) as tracker:
        see(tracker)
    return tmp_path / "tracker.db"


def notify(db: Path, *arguments: str) -> list[str]:
    return ["notify", "--db", str(db), "--smtp-tls", "none", "--from", "s@example.org", *arguments]


def test_delivered(db: Path) -> None:
    with mail_server() as inbox:
        server = ["--smtp-host", "127.0.0.1", "--smtp-port", str(inbox.port)]
        outcome = stormlog(*notify(db, *server))
        assert (outcome.status, outcome.stderr) == (0, "")
        assert outcome.stdout.splitlines() == [
            "1 message queued: [stormlog] 1 issue in default: 1 new, 0 regressed",
            "email to one@example.org: sent",
        ]
        outcome = stormlog(*notify(db, *server))
        assert (outcome.status, outcome.stderr) == (0, "")
        assert outcome.stdout.startswith("Project default: not due before ")
        assert stormlog(*notify(db, *server, "--force")).stdout == "Project default: nothing new\n"
        assert len(inbox.mails) == 1


def test_not_delivered(db: Path) -> None:
    port = str(free_port())
    outcome = stormlog(*notify(db, "--smtp-host", "127.0.0.1", "--smtp-port", port))
    assert outcome.status == 8
    assert outcome.stdout == "1 message queued: [stormlog] 1 issue in default: 1 new, 0 regressed\n"
    [line] = outcome.stderr.splitlines()
    assert line.startswith(
        "Warning: email to one@example.org: pending: no connection to the mail server 127.0.0.1:"
    )
    assert "; tried again after 2" in line


def test_without_a_mail_server(db: Path) -> None:
    outcome = stormlog("notify", "--db", db)
    assert outcome.status == 8
    assert outcome.stderr == (
        "Warning: email to one@example.org: pending: no mail server is named: set STORMLOG_SMTP_HOST\n"
    )


def test_for_programs(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as inbox:
        monkeypatch.setenv("STORMLOG_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("STORMLOG_SMTP_PORT", str(inbox.port))
        monkeypatch.setenv("STORMLOG_SMTP_TLS", "none")
        monkeypatch.setenv("STORMLOG_SMTP_FROM", "s@example.org")
        outcome = stormlog("notify", "--db", db, "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    answer = json.loads(outcome.stdout)
    assert sorted(answer) == [
        "deliveries",
        "failed_count",
        "is_dry_run",
        "pending_count",
        "projects",
        "queued_count",
        "sent_count",
    ]
    assert (answer["queued_count"], answer["sent_count"], answer["failed_count"]) == (1, 1, 0)
    [project] = answer["projects"]
    assert sorted(project) == ["alert_frequency", "digest", "due_ns", "notice_count", "outcome", "project"]
    assert project["outcome"] == "queued"
    assert project["digest"]["issues"][0]["title"] == "Alert: F1"
    [delivery] = answer["deliveries"]
    assert sorted(delivery) == [
        "attempts",
        "channel",
        "error",
        "next_attempt_ns",
        "notice_id",
        "project",
        "recipient",
        "state",
    ]


def test_a_dry_run_prints_the_digest_and_stores_nothing(db: Path) -> None:
    before = db.read_bytes()
    outcome = stormlog("notify", "--db", db, "--dry-run")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith(
        "[stormlog] 1 issue in default: 1 new, 0 regressed\n\nnew (warning): Alert: F1\n"
    )
    answer = json.loads(stormlog("notify", "--db", db, "--dry-run", "--json").stdout)
    assert (answer["is_dry_run"], answer["projects"][0]["outcome"]) == (True, "due")
    assert db.read_bytes() == before
    assert stormlog("notify", "--db", db, "--dry-run", "--allow", "issues:read").status == 0


def test_a_dry_run_says_to_whom_and_how_and_shows_what_is_posted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "https://user:secret@hooks.example.org/services/T0/TOKEN")
    monkeypatch.setenv("STORMLOG_WEBHOOK_SECRET", "signing-key")
    with open_tracker(tmp_path, Clock(), webhook_url="env:HOOK", webhook_format="slack") as tracker:
        see(tracker, title="Alert: <b>")
    db = tmp_path / "tracker.db"
    outcome = stormlog(*notify(db, "--smtp-host", "mail.example.org", "--dry-run"))
    assert (outcome.status, outcome.stderr) == (0, "")
    mail, webhook = outcome.stdout.split("\nWould be sent: ")[1:]
    assert mail == "email to one@example.org through mail.example.org:25 (none), from s@example.org\n"
    first, _, posted = webhook.partition("\n")
    assert first == "webhook to env:HOOK: posts to https://hooks.example.org/... (slack, signed)"
    assert "&lt;b&gt;" in json.loads(posted)["text"]
    assert not any(secret in outcome.stdout for secret in ("secret", "TOKEN", "signing-key"))
    answer = json.loads(stormlog("notify", "--db", db, "--dry-run", "--json").stdout)
    mail, webhook = answer["messages"]
    assert (mail["channel"], mail["recipient"], mail["route"]) == ("email", "one@example.org", None)
    assert "STORMLOG_SMTP_HOST" in mail["problem"]
    assert mail["payload"]["subject"] == "[stormlog] 1 issue in default: 1 new, 0 regressed"
    assert webhook["payload"] == json.loads(posted)


def test_a_dry_run_says_what_waits_and_what_is_missing(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stormlog("notify", "--db", db).status == 8
    text = stormlog("notify", "--db", db, "--dry-run").stdout
    assert "Waits to be sent: email to one@example.org; not now: no mail server is named" in text
    assert "Alert: F1" in text
    # A new digest takes the place of the one that waits.
    with Tracker(db) as tracker:
        see(tracker, "F2")
        tracker.set_project("default", webhook_url="https://hooks.example.org/x")
    text = stormlog("notify", "--db", db, "--dry-run", "--force").stdout
    assert "Waits" not in text
    assert "webhook to https://hooks.example.org/...: posts to https://hooks.example.org/... (json)" in text


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"alert_frequency": "none"}, "Project default: its digests are off\n"),
        (
            {"recipients_json": "[]"},
            "Project default: it has neither recipients nor a webhook; see 'stormlog projects set --help'\n",
        ),
    ],
)
def test_why_there_is_no_digest(tmp_path: Path, columns: dict[str, str], expected: str) -> None:
    with open_tracker(tmp_path, Clock(), **columns) as tracker:
        see(tracker)
    outcome = stormlog("notify", "--db", tmp_path / "tracker.db", "--all-projects")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, expected, "")


def test_refusals(db: Path) -> None:
    outcome = stormlog("notify", "--db", db, "--project", "nowhere", "--json")
    assert outcome.status == 4
    assert json.loads(outcome.stderr)["error"]["code"] == "not_found"
    outcome = stormlog("notify", "--db", db, "--allow", "issues:read", "--json")
    assert outcome.status == 5
    assert json.loads(outcome.stderr)["error"]["details"] == {"permission": "issues:write"}
    assert stormlog("notify", "--db", db, "--smtp-host", "mail").status == 2
    assert stormlog("notify", "--db", db, "--smtp-port", "0").status == 2
    assert stormlog("notify", "--db", db.parent / "none.db", "--dry-run").status == 3
    with open_tracker(db.parent, Clock()) as tracker:
        assert rows(tracker, "SELECT * FROM notices") == []


def test_an_empty_tracker_is_fine(tmp_path: Path) -> None:
    Tracker(tmp_path / "tracker.db").close()
    outcome = stormlog("notify", "--db", tmp_path / "tracker.db")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "", "")
