"""Webhooks, against a real server: what is posted, where it may go, and which answers are final."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from stormlog.tracking.digest import NotifySettings
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.rendering import as_json
from stormlog.tracking.digest.webhook import post, shown_address
from tests.tracking.digest.digests import Clock, open_tracker, rows, run
from tests.tracking.digest.servers import Posts, free_port, web_server
from tests.tracking.digest.test_digest_content import DIGEST
from tests.tracking.evidence import see


@pytest.fixture
def posts() -> Iterator[Posts]:
    with web_server() as found:
        yield found


def send(url: str, **options: Any) -> None:
    values = {"dedupe_key": "0abc", "as_format": "json", "secret": None, "timeout_s": 5.0, **options}
    post(DIGEST, url, **values)


def failure(url: str, **options: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(url, **options)
    return caught.value


def redirect(status: int, location: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def test_the_digest_is_posted_as_json(posts: Posts) -> None:
    send(f"{posts.url}/hook?a=1")
    [(path, headers, body)] = posts.requests
    assert path == "/hook?a=1"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Stormlog-Delivery"] == "0abc"
    assert "X-Stormlog-Signature" not in headers
    assert json.loads(body) == json.loads(json.dumps(as_json(DIGEST)))
    assert list(json.loads(body)) == [
        "type",
        "subject",
        "issue_count",
        "project",
        "digest_ns",
        "new_count",
        "regressed_count",
        "recurring_count",
        "issues",
        "more_count",
        "recurring",
        "more_recurring_count",
    ]


def test_a_secret_signs_the_body(posts: Posts) -> None:
    send(posts.url, secret="geheim")
    [(_, headers, body)] = posts.requests
    assert (
        headers["X-Stormlog-Signature"] == "sha256=" + hmac.new(b"geheim", body, hashlib.sha256).hexdigest()
    )


def test_slack_gets_text(posts: Posts) -> None:
    send(posts.url, as_format="slack")
    [(_, _, body)] = posts.requests
    assert json.loads(body) == {
        "text": "*[stormlog] 1 issue in p: 1 new, 0 regressed*\n"
        "• new (warning): Out of memory: train, 1 run, 3 occurrences, 0 users\n"
        "    stormlog issues show 0190"
    }


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(500, False), (503, False), (408, False), (429, False), (400, True), (404, True), (410, True)],
)
def test_answers_that_are_no_success(posts: Posts, status: int, is_final: bool) -> None:
    posts.answers["/hook"] = status
    error = failure(f"{posts.url}/hook")
    assert str(error).startswith(f"the webhook says {status} ")
    assert error.is_final is is_final


def test_a_slow_server_is_not_waited_for(posts: Posts) -> None:
    done = threading.Event()

    def say_nothing(handler: BaseHTTPRequestHandler) -> None:
        done.wait(10)

    posts.answers["/"] = say_nothing
    error = failure(f"{posts.url}/", timeout_s=0.2)
    done.set()
    assert "timed out" in str(error) and not error.is_final


def test_a_server_that_is_down_or_hangs_up(posts: Posts) -> None:
    error = failure(f"http://127.0.0.1:{free_port()}/")
    assert "cannot be reached" in str(error) and not error.is_final
    posts.answers["/"] = lambda handler: handler.connection.close()
    assert not failure(f"{posts.url}/").is_final


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_same_host_takes_everything_along(posts: Posts, status: int) -> None:
    posts.answers["/old"] = redirect(status, "/new")
    send(f"{posts.url}/old", secret="geheim")
    (_, before, body), (path, after, same_body) = posts.requests
    assert (path, same_body) == ("/new", body)
    for name in ("X-Stormlog-Signature", "X-Stormlog-Delivery", "Content-Type", "Host", "Content-Length"):
        assert after[name] == before[name]


def test_a_redirect_that_drops_the_body_is_not_followed(posts: Posts) -> None:
    posts.answers["/old"] = redirect(303, "/new")
    assert failure(f"{posts.url}/old").is_final
    assert len(posts.requests) == 1


def test_a_redirect_to_another_place_is_not_followed(posts: Posts) -> None:
    with web_server() as other:
        # The same address, another port: that is another server.
        for location in (
            f"{other.url}/new",
            "http://localhost:1/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/x",
        ):
            posts.answers["/old"] = redirect(307, location)
            error = failure(f"{posts.url}/old")
            assert error.is_final and str(error).startswith("the webhook says 307 ")
        assert other.requests == []


def test_a_redirect_in_circles_ends(posts: Posts) -> None:
    posts.answers["/"] = redirect(307, "/")
    assert failure(f"{posts.url}/").is_final


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "data:,x", "hook"])
def test_only_web_addresses_are_posted_to(url: str) -> None:
    error = failure(url)
    assert error.is_final and "is no web address" in str(error)


def test_addresses_are_shown_without_their_secret() -> None:
    assert (
        shown_address("https://user:pw@hooks.example.org:8443/T0/B0/secret?x")
        == "https://hooks.example.org:8443/..."
    )


def test_a_project_with_a_webhook(tmp_path: Path, posts: Posts) -> None:
    clock = Clock()
    columns = {"recipients_json": "[]", "webhook_url": f"{posts.url}/T0/secret", "webhook_format": "slack"}
    with open_tracker(tmp_path, clock, **columns) as tracker:
        see(tracker)
        report = run(tracker, NotifySettings(webhook_secret="geheim"))
        [delivery] = report.deliveries
        assert (delivery.state, delivery.channel, delivery.recipient) == (
            "sent",
            "webhook",
            f"{posts.url}/...",
        )
        assert "secret" not in json.dumps(report.as_dict())
        [(path, headers, body)] = posts.requests
        assert path == "/T0/secret"
        assert list(json.loads(body)) == ["text"]
        assert headers["X-Stormlog-Signature"].startswith("sha256=")
        [(key,)] = rows(tracker, "SELECT dedupe_key FROM notices")
        assert headers["X-Stormlog-Delivery"] == key
        assert rows(tracker, "SELECT last_notified_ns FROM issues") == [(clock(),)]
