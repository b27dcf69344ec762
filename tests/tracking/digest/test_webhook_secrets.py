"""Nothing shows more of a webhook's address than its host, and the address can be kept elsewhere."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from stormlog._webhook_addresses import shown_address, shown_webhook
from stormlog.tracking import Tracker
from stormlog.tracking.database.migrations import load_migrations, migrate
from stormlog.tracking.digest import NotifySettings
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.webhook import post
from tests.apps.cli.runner import stormlog
from tests.tracking.digest.digests import HOUR_NS, Clock, open_tracker, rows, run
from tests.tracking.digest.servers import web_server
from tests.tracking.digest.test_digest_content import DIGEST
from tests.tracking.evidence import see
from tests.tracking.people import refused

SECRETS = ("hunter2secret", "T0KENT0KEN", "queryt0ken", "fragment0")
ADDRESS = "https://me:hunter2secret@hooks.example.org:8443/services/T0KENT0KEN?key=queryt0ken#fragment0"
SHOWN = "https://hooks.example.org:8443/..."


def is_silent(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (ADDRESS, SHOWN),
        ("http://127.0.0.1:1/T0KENT0KEN", "http://127.0.0.1:1/..."),
        ("https://[::1]:8080/T0KENT0KEN", "https://[::1]:8080/..."),
        ("https://a@b@hooks.example.org/", "https://hooks.example.org/..."),
        ("https://hooks.example.org?queryt0ken", "https://hooks.example.org/..."),
        ("https://hooks.example.org#fragment0", "https://hooks.example.org/..."),
        ("HTTPS://Hooks.Example.Org/T0KENT0KEN", "https://hooks.example.org/..."),
        ("https://häkchen.example.org/T0KENT0KEN", "https://häkchen.example.org/..."),
        ("https://hooks.example.org:T0KENT0KEN/", "..."),
        ("https://[T0KENT0KEN/", "..."),
    ],
)
def test_an_address_is_shown_as_its_host(address: str, shown: str) -> None:
    assert shown_address(address) == shown


def test_names_of_variables_and_files_are_shown() -> None:
    assert shown_webhook("env:HOOK") == "env:HOOK"
    assert shown_webhook("file:/run/secrets/hook") == "file:/run/secrets/hook"


@pytest.mark.parametrize("allow", [[], ["--allow", "issues:read"], ["--as-agent", "bot"]], ids=str)
def test_no_answer_shows_an_address(tmp_path: Path, allow: list[str]) -> None:
    db = ["--db", str(tmp_path / "tracker.db")]
    made = stormlog("projects", "create", "p", "--webhook", ADDRESS, *db)
    changed = stormlog("projects", "set", "p", "--webhook", f"{ADDRESS}2", *db, "--json")
    said = made.stdout + made.stderr + changed.stdout + changed.stderr
    assert SHOWN in made.stdout and json.loads(changed.stdout)["webhook_url"] == SHOWN
    for words in (
        ["projects", "list"],
        *(["projects", "list", f"--{name}"] for name in ("json", "jsonl", "csv", "markdown")),
    ):
        outcome = stormlog(*words, *db, *allow)
        assert outcome.status == 0 and "hooks.example.org" in outcome.stdout
        said += outcome.stdout + outcome.stderr
    for words in (["db", "status", *db], ["db", "check", *db], ["doctor"]):
        outcome = stormlog(*words)
        said += outcome.stdout + outcome.stderr
    for statement in (
        "SELECT * FROM tracking.projects",
        "SELECT webhook_url FROM tracking.projects",
        "SELECT * FROM tracking.activity",
        "SELECT * FROM tracking.notices",
    ):
        outcome = stormlog(
            "query", "issues", tmp_path, "--tracker", tmp_path / "tracker.db", "--project", "p", "-q",
            "--sql", statement, "--json",
        )  # fmt: skip
        said += outcome.stdout + outcome.stderr
    with Tracker(tmp_path / "tracker.db") as tracker:
        said += repr(tracker.projects())
        said += str(rows(tracker, "SELECT before_json, after_json FROM activity"))
    assert is_silent(said)


def test_what_is_kept_of_a_message_holds_no_address(tmp_path: Path) -> None:
    with web_server() as posts:
        address = posts.url.replace("//", "//me:hunter2secret@") + "/T0KENT0KEN?key=queryt0ken"
        posts.answers["/T0KENT0KEN?key=queryt0ken"] = 500
        with open_tracker(tmp_path, Clock(), recipients_json="[]", webhook_url=address) as tracker:
            see(tracker)
            report = run(tracker)
            assert report.deliveries[0].recipient == f"{posts.url}/..."
            kept = [str(rows(tracker, f"SELECT * FROM {table}")) for table in ("notices", "activity")]
        assert is_silent(json.dumps(report.as_dict()) + repr(report) + "".join(kept))


@pytest.mark.parametrize(
    "address",
    [
        "ftp://me:hunter2secret@example.org/T0KENT0KEN",
        "https://example.org/T0KENT0KEN\nx",
        "https://example.org:T0KENT0KEN/",
        "https://[T0KENT0KEN/",
        "T0KENT0KEN",
        "htps://example.org/T0KENT0KEN",
        "https://example.org/T0KENT0KEN and more",
        "https://example.org:0/T0KENT0KEN",
    ],
)
def test_a_refused_address_is_not_quoted(tmp_path: Path, address: str) -> None:
    for words in (["create", "p"], ["create", "p", "--json"]):
        outcome = stormlog("projects", *words, "--webhook", address, "--db", tmp_path / "tracker.db")
        assert outcome.status == 2
        assert "no address of a webhook" in outcome.stderr and is_silent(outcome.stderr)


def failure(url: str) -> str:
    with pytest.raises(DeliveryError) as caught:
        post(DIGEST, url, dedupe_key="k", as_format="json", secret=None, timeout_s=5.0)
    error: BaseException | None = caught.value
    said = ""
    while error is not None:
        said += repr(error)
        error = error.__cause__
    return said


def answer(status: int, reason: str, location: str | None = None) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status, reason)
        if location is not None:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return send


def test_errors_of_servers_and_libraries_hold_no_address() -> None:
    with web_server() as posts:
        path = "/T0KENT0KEN?key=queryt0ken"
        for answered in (
            answer(404, "no T0KENT0KEN here: /T0KENT0KEN?key=queryt0ken"),
            answer(307, "Go", "https://elsewhere.example.org/T0KENT0KEN"),
            answer(307, "Go", "gopher://elsewhere.example.org/T0KENT0KEN"),
            answer(307, "Go", f"{posts.url.replace('//', '//me:hunter2secret@')}/T0KENT0KEN"),
            answer(307, "Go", "http://[T0KENT0KEN"),
            lambda handler: handler.wfile.write(b"T0KENT0KEN queryt0ken\r\n"),
            lambda handler: handler.wfile.write(b"HTTP/1.1 T0KENT0KEN queryt0ken\r\n\r\n"),
        ):
            posts.answers[path] = answered
            assert is_silent(failure(f"{posts.url}{path}"))
    for url in (
        "http://me:hunter2secret@127.0.0.1:1/T0KENT0KEN",
        "http://hooks.invalid/T0KENT0KEN?key=queryt0ken",
        "http://127.0.0.1:1/T0KENT0KEN\x01",
        "http://127.0.0.1:99999/T0KENT0KEN",
        "http://a..b/T0KENT0KEN",
        "ftp://me:hunter2secret@127.0.0.1/T0KENT0KEN",
    ):
        assert is_silent(failure(url))


def test_a_user_in_the_address_logs_in() -> None:
    with web_server() as posts:
        url = posts.url.replace("//", "//me:p%40ss@") + "/höök?a=ü"
        post(DIGEST, url, dedupe_key="k", as_format="json", secret=None, timeout_s=5.0)
        [(path, headers, _)] = posts.requests
    assert headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert path == "/h%C3%B6%C3%B6k?a=%C3%BC"


# ---- addresses that are kept elsewhere -----------------------------------------------------------------


def test_an_address_in_a_file_or_variable_is_read_when_a_message_goes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    file = tmp_path / "hook"
    monkeypatch.chdir(tmp_path)
    with web_server() as posts, open_tracker(tmp_path, clock, recipients_json="[]") as tracker:
        file.write_text(f"{posts.url}/T0KENT0KEN\n")
        assert tracker.set_project("default", webhook_url="file:hook").webhook_url == f"file:{file}"
        see(tracker, "F1")
        file.write_text(f"{posts.url}/another\n")
        [delivery] = run(tracker).deliveries
        assert (delivery.state, delivery.recipient) == ("sent", f"file:{file}")
        monkeypatch.setenv("HOOK", f"{posts.url}/T0KENT0KEN")
        assert tracker.set_project("default", webhook_url="env:HOOK").webhook_url == "env:HOOK"
        clock.pass_by(HOUR_NS)
        see(tracker, "F2")
        assert [d.state for d in run(tracker, NotifySettings()).deliveries] == ["sent"]
        assert [path for path, _, _ in posts.requests] == ["/another", "/T0KENT0KEN"]
    for part in tmp_path.glob("tracker.db*"):
        assert b"T0KENT0KEN" not in part.read_bytes()


def test_an_address_that_is_gone_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    with web_server() as posts, open_tracker(tmp_path, clock, recipients_json="[]") as tracker:
        monkeypatch.setenv("HOOK", posts.url)
        tracker.set_project("default", webhook_url="env:HOOK")
        see(tracker)
        monkeypatch.delenv("HOOK")
        [delivery] = run(tracker).deliveries
        assert delivery.state == "pending" and "HOOK" in str(delivery.error)
        monkeypatch.setenv("HOOK", posts.url)
        clock.pass_by(HOUR_NS)
        assert [d.state for d in run(tracker).deliveries] == ["sent"]


def test_a_message_of_a_project_without_a_webhook_has_failed(tmp_path: Path) -> None:
    with open_tracker(tmp_path, Clock(), recipients_json="[]", webhook_url="http://127.0.0.1:1/") as tracker:
        see(tracker)
        run(tracker)
        tracker.set_project("default", webhook_url=None)
        tracker.clock.pass_by(HOUR_NS // 2)  # type: ignore[attr-defined]
        [delivery] = run(tracker).deliveries
        assert (delivery.state, delivery.error) == ("failed", "the project has no webhook any more")


def test_a_variable_or_file_without_an_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    monkeypatch.setenv("BAD", "T0KENT0KEN")
    for name, content in (("bad", b"T0KENT0KEN"), ("binary", b"\xff\xfe"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.create_project("p")
        settings: list[tuple[Any, str]] = [
            ("env:HOOK", "HOOK"),
            ("env:BAD", "BAD"),
            ("env:", "no variable"),
            ("file:", "no variable"),
            *((f"file:{tmp_path / name}", name) for name in ("bad", "binary", "empty", "none", "pipe")),
            (f"file:{tmp_path}", "not a plain file"),
            ("file:/dev/zero", "not a plain file"),
        ]
        for setting, word in settings:
            with pytest.raises(ValueError) as caught:
                tracker.set_project("p", webhook_url=setting)
            assert word in str(caught.value) and is_silent(str(caught.value))
        assert tracker.projects()[0].webhook_url is None
        with refused("not_found"):
            tracker.set_project("q", webhook_url="https://example.org")


# ---- stores of before ----------------------------------------------------------------------------------


def test_addresses_in_the_history_of_an_older_store_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    addresses = [
        ADDRESS, "http://127.0.0.1:1/T0KENT0KEN", "https://[::1]:8080/T0KENT0KEN", "https://a@b@Example.org?queryt0ken",
        "https://example.org#fragment0", "https://example.org",
    ]  # fmt: skip
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, [step for step in load_migrations() if step.version <= 3])
        connection.execute(
            "INSERT INTO projects (project_id, name, created_ns, webhook_url) VALUES ('p', 'p', 1, ?)",
            [ADDRESS],
        )
        for number, address in enumerate(addresses):
            connection.execute(
                "INSERT INTO activity (project_id, at_ns, actor_type, actor_id, action, before_json, after_json) "
                "VALUES ('p', 1, 'user', 'kim', 'set_project', ?, ?)",
                [
                    json.dumps({"webhook_url": None}),
                    json.dumps({"alert_frequency": "none", "webhook_url": address}),
                ],
            )
            connection.execute(
                "INSERT INTO activity (project_id, at_ns, actor_type, actor_id, action, before_json, after_json) "
                "VALUES ('p', 1, 'user', 'kim', 'set_project', ?, ?)",
                [json.dumps({"webhook_url": address}), json.dumps({"webhook_url": None})],
            )
            connection.execute(
                "INSERT INTO notices (notice_id, dedupe_key, project_id, channel, recipient, payload_json, state, "
                "next_attempt_ns, created_ns) VALUES (?, ?, 'p', 'webhook', ?, '{}', 'sent', 1, 1)",
                [number, number, address],
            )
    with Tracker(path) as tracker:
        changes = rows(tracker, "SELECT before_json, after_json FROM activity ORDER BY activity_id")
        recipients = rows(tracker, "SELECT recipient FROM notices ORDER BY rowid")
        [(kept,)] = rows(tracker, "SELECT webhook_url FROM projects")
    expected = [shown_address(address) for address in addresses]
    assert [recipient for (recipient,) in recipients] == expected
    assert [json.loads(after)["webhook_url"] for _, after in changes[::2]] == expected
    assert [json.loads(before)["webhook_url"] for before, _ in changes[1::2]] == expected
    assert json.loads(changes[0][1])["alert_frequency"] == "none"
    assert json.loads(changes[0][0]) == {"webhook_url": None}
    # Messages go on going there.
    assert kept == ADDRESS
