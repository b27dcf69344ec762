"""A message has one deadline: servers that say a little now and then are not waited for longer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stormlog.tracking.digest import NotifySettings, SmtpSettings
from stormlog.tracking.digest.deadline import MOST_ANSWER_BYTES, Connections, run_until
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.smtp import Mailer
from stormlog.tracking.digest.webhook import post
from tests.apps.cli.runner import stormlog
from tests.tracking.digest.digests import Clock, open_tracker
from tests.tracking.digest.servers import self_signed
from tests.tracking.digest.slow_servers import Peer, slow_server
from tests.tracking.digest.test_digest_content import DIGEST
from tests.tracking.evidence import see

TIMEOUT_S = 0.3
#: A server that is waited for as long as it likes takes 20 seconds and more.
HANG_S = 10.0


@pytest.fixture(autouse=True)
def no_hang() -> object:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < HANG_S


def post_to(url: str) -> None:
    post(DIGEST, url, dedupe_key="0abc", as_format="json", secret=None, timeout_s=TIMEOUT_S)


def drip_status(peer: Peer) -> None:
    peer.drip()


def drip_header(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nX: ")
    peer.drip()


def drip_headers_after_continue(peer: Peer) -> None:
    while True:
        peer.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


def drip_redirect_text(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 307 Go\r\nLocation: /new\r\n\r\n")
    peer.drip()


def redirect_again_and_again(peer: Peer) -> None:
    peer.hear()
    time.sleep(0.1)
    peer.say(b"HTTP/1.1 307 Go\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n" % time.monotonic_ns())


def say_nothing(peer: Peer) -> None:
    peer.wait()


@pytest.mark.parametrize(
    "serve",
    [
        drip_status,
        drip_header,
        drip_headers_after_continue,
        drip_redirect_text,
        redirect_again_and_again,
        say_nothing,
    ],
)
def test_a_slow_webhook_is_given_up(serve: Callable[[Peer], None]) -> None:
    with slow_server(serve) as port:
        with pytest.raises(DeliveryError, match=r"no answer within 0\.3 s") as caught:
            post_to(f"http://127.0.0.1:{port}/")
        assert not caught.value.is_final


def test_a_slow_tls_handshake_is_given_up() -> None:
    def serve(peer: Peer) -> None:
        peer.hear()
        # The header of a record that never ends.
        peer.say(b"\x16\x03\x03\x40\x00")
        peer.drip()

    with (
        slow_server(serve) as port,
        pytest.raises(DeliveryError, match="no answer within"),
    ):
        post_to(f"https://127.0.0.1:{port}/")


def test_a_server_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from stormlog.tracking.digest import webhook

    monkeypatch.setattr(webhook, "as_json", lambda digest: {"long": "x" * (32 << 20)})
    with slow_server(say_nothing) as port, pytest.raises(DeliveryError, match="no answer within"):
        post_to(f"http://127.0.0.1:{port}/")


def test_a_name_that_nobody_looks_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    reached = []

    def look_up(*arguments: object, **options: object) -> object:
        is_over.wait(HANG_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with slow_server(lambda peer: reached.append(peer.hear())) as port, monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        with pytest.raises(DeliveryError, match="no answer within"):
            post_to("http://hooks.example.org/")
        is_over.set()
        for thread in threading.enumerate():
            if thread.name == "stormlog-delivery":
                thread.join(HANG_S)
    # What was given up is not sent later on: it would arrive twice.
    assert [said for said in reached if said] == []


def test_a_status_is_an_answer_whatever_follows() -> None:
    def serve(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        peer.drip()

    with slow_server(serve) as port:
        post_to(f"http://127.0.0.1:{port}/")


def test_a_redirect_with_an_endless_text_is_not_read_to_its_end() -> None:
    def serve(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 307 Go\r\nLocation: /new\r\n\r\n")
        for _ in range(100):
            peer.say(b"x" * MOST_ANSWER_BYTES)

    with slow_server(serve) as port, pytest.raises(DeliveryError, match=r"too long a text|no answer"):
        post_to(f"http://127.0.0.1:{port}/")


# ---- mail ----------------------------------------------------------------------------------------------


class Mail:
    """A mail server that is slow at one point of the conversation.

    Args:
        slow_at: Word of the client that is answered byte by byte; ``banner`` for before the first one.
    """

    def __init__(self, slow_at: str) -> None:
        self._slow_at = slow_at
        self.mails: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        self._answer(peer, "banner", b"220 here\r\n")
        while True:
            word = peer.hear_line().split()[0].upper().decode()
            if word == "DATA":
                peer.say(b"354 go on\r\n")
                if self._slow_at == "text":
                    peer.wait()
                self.mails.append(peer.hear_line(b"\r\n.\r\n"))
                self._answer(peer, "DATA", b"250 ok\r\n")
            else:
                self._answer(peer, word, b"250 ok\r\n")

    def _answer(self, peer: Peer, word: str, text: bytes) -> None:
        if word == self._slow_at:
            peer.say(text[:3] + b"-")
            peer.drip()
        peer.say(text)


def mailer(port: int, **options: Any) -> Mailer:
    return Mailer(
        SmtpSettings(
            "127.0.0.1",
            "s@example.org",
            port,
            **{"tls": "none", "timeout_s": TIMEOUT_S, **options},
        )
    )


@pytest.mark.parametrize("slow_at", ["banner", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_slow_mail_server_is_given_up(slow_at: str) -> None:
    with slow_server(Mail(slow_at)) as port, mailer(port) as sender:
        with pytest.raises(DeliveryError, match=r"no answer within 0\.3 s") as caught:
            sender.send(DIGEST, dedupe_key="1", recipient="one@example.org")
        assert not caught.value.is_final


def test_a_slow_goodbye_does_not_make_a_mail_late() -> None:
    serve = Mail("QUIT")
    with slow_server(serve) as port, mailer(port, timeout_s=1.0) as sender:
        sender.send(DIGEST, dedupe_key="1", recipient="one@example.org")
    assert len(serve.mails) == 1


def test_a_slow_answer_to_starttls_is_given_up() -> None:
    def serve(peer: Peer) -> None:
        peer.say(b"220 here\r\n")
        peer.hear_line()
        peer.say(b"250-here\r\n250 STARTTLS\r\n")
        peer.hear_line()
        peer.say(b"220 go\r\n")
        peer.hear()
        peer.say(b"\x16\x03\x03\x40\x00")
        peer.drip()

    with (
        slow_server(serve) as port,
        mailer(port, tls="starttls") as sender,
        pytest.raises(DeliveryError, match="no answer within"),
    ):
        sender.send(DIGEST, dedupe_key="1", recipient="one@example.org")


def test_an_answer_without_end_is_not_read_on() -> None:
    def serve(peer: Peer) -> None:
        for _ in range(100_000):
            peer.say(b"220-" + b"x" * 1000 + b"\r\n")

    with slow_server(serve) as port, mailer(port) as sender, pytest.raises(DeliveryError):
        sender.send(DIGEST, dedupe_key="1", recipient="one@example.org")


def test_each_message_has_a_deadline_of_its_own() -> None:
    served = []

    def serve(peer: Peer) -> None:
        served.append(peer)
        Mail("DATA" if len(served) == 1 else "nowhere")(peer)

    with slow_server(serve) as port, mailer(port, timeout_s=1.0) as sender:
        with pytest.raises(DeliveryError):
            sender.send(DIGEST, dedupe_key="1", recipient="one@example.org")
        sender.send(DIGEST, dedupe_key="2", recipient="two@example.org")
        assert len(served) == 2


# ---- what holds for both -------------------------------------------------------------------------------


def test_what_ends_because_it_was_given_up_is_no_answer() -> None:
    def work() -> str:
        time.sleep(0.1)
        return "done"

    with pytest.raises(DeliveryError, match="no answer within 0 s"):
        run_until(time.monotonic(), work, Connections(), timeout_s=0.0)
    assert run_until(time.monotonic() + HANG_S, work, Connections(), timeout_s=HANG_S) == "done"


def test_nothing_connects_after_the_deadline() -> None:
    connections = Connections()
    connections.shut()
    with slow_server(say_nothing) as port, pytest.raises(TimeoutError):
        connections.connect("127.0.0.1", port, 1.0)


def test_the_deadline_is_an_option_and_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NotifySettings.from_environment({"STORMLOG_NOTIFY_TIMEOUT": "2.5"}).webhook_timeout_s == 2.5
    found = NotifySettings.from_environment(
        {"STORMLOG_SMTP_HOST": "h", "STORMLOG_SMTP_FROM": "a@b"}, timeout_s=3.0
    )
    assert found.smtp is not None and found.smtp.timeout_s == found.webhook_timeout_s == 3.0
    for text in ("soon", "0", "-1", "nan", "inf"):
        with pytest.raises(ValueError, match="STORMLOG_NOTIFY_TIMEOUT"):
            NotifySettings.from_environment({"STORMLOG_NOTIFY_TIMEOUT": text})
    with slow_server(drip_header) as port:
        url = f"http://127.0.0.1:{port}/"
        with open_tracker(tmp_path, Clock(), recipients_json="[]", webhook_url=url) as tracker:
            see(tracker)
        outcome = stormlog("notify", "--db", tmp_path / "tracker.db", "--timeout", "200ms")
    assert outcome.status == 8
    assert "pending: timed out: no answer within 0.2 s; tried again after" in outcome.stderr
    assert stormlog("notify", "--db", tmp_path / "tracker.db", "--timeout", "0s").status == 2


def test_certificates_are_checked_against_the_name_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.tracking.digest.servers import mail_server

    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with mail_server(certificate=certificate) as inbox:
        # It is for 127.0.0.1.
        with (
            Mailer(SmtpSettings("localhost", "s@example.org", inbox.port)) as sender,
            pytest.raises(DeliveryError, match=r"[Hh]ostname|certificate"),
        ):
            sender.send(DIGEST, dedupe_key="1", recipient="one@example.org")
        assert inbox.mails == []
