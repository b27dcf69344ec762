"""Mail, against a real server: what arrives, what is refused, and what happens in between."""

from __future__ import annotations

import re
import smtplib
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import SourceError
from stormlog.tracking.digest import NotifySettings, SmtpSettings
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.smtp import Mailer, mail_of
from tests.tracking.digest.servers import Inbox, free_port, mail_server, self_signed
from tests.tracking.digest.test_digest_content import DIGEST


def settings(port: int, **values: Any) -> SmtpSettings:
    return SmtpSettings(
        "127.0.0.1", "Stormlog <stormlog@example.org>", port, **{"tls": "none", "timeout_s": 5.0, **values}
    )


def send(inbox: Inbox | int, recipient: str = "one@example.org", **values: Any) -> None:
    port = inbox if isinstance(inbox, int) else inbox.port
    with Mailer(settings(port, **values)) as mailer:
        mailer.send(DIGEST, dedupe_key="0abc", recipient=recipient)


def failure(inbox: Inbox | int, recipient: str = "one@example.org", **values: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(inbox, recipient, **values)
    return caught.value


def test_a_mail_as_it_arrives() -> None:
    with mail_server() as inbox:
        send(inbox)
    [mail] = inbox.mails
    assert inbox.envelopes == [("stormlog@example.org", ["one@example.org"])]
    assert mail["From"] == "Stormlog <stormlog@example.org>"
    assert mail["To"] == "one@example.org"
    assert mail["Subject"] == "[stormlog] 1 issue in p: 1 new, 0 regressed"
    assert mail["Message-ID"] == "<0abc@example.org>"
    assert mail["List-Id"] == "<p.stormlog.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "Out of memory" in plain.get_content() and "Out of memory" in html.get_content()


def test_several_mails_share_a_connection() -> None:
    with mail_server() as inbox, Mailer(settings(inbox.port)) as mailer:
        for number in range(3):
            mailer.send(DIGEST, dedupe_key=str(number), recipient=f"p{number}@example.org")
        assert (inbox.connections, len(inbox.mails)) == (1, 3)


@pytest.mark.parametrize(("answer", "is_final"), [("550 no such user", True), ("450 come back", False)])
def test_a_refused_recipient(answer: str, is_final: bool) -> None:
    with mail_server() as inbox:
        inbox.refused["one@example.org"] = answer
        error = failure(inbox)
        assert (str(error), error.is_final) == (f"the mail server says {answer}", is_final)
        send(inbox, "two@example.org")
        assert inbox.recipients == ["two@example.org"]


@pytest.mark.parametrize(("answer", "is_final"), [("554 spam", True), ("451 later", False)])
def test_a_refused_message(answer: str, is_final: bool) -> None:
    with mail_server() as inbox:
        inbox.after_data = answer
        error = failure(inbox)
        assert (str(error), error.is_final) == (f"the mail server says {answer}", is_final)


def test_a_server_that_hangs_up_after_the_message_may_have_it() -> None:
    with mail_server() as inbox, Mailer(settings(inbox.port)) as mailer:
        inbox.after_data = ""
        with pytest.raises(DeliveryError, match="closed") as caught:
            mailer.send(DIGEST, dedupe_key="0abc", recipient="one@example.org")
        assert not caught.value.is_final
        inbox.after_data = None
        mailer.send(DIGEST, dedupe_key="0abc", recipient="one@example.org")
        assert {mail["Message-ID"] for mail in inbox.mails} == {"<0abc@example.org>"}
        assert (inbox.connections, len(inbox.mails)) == (2, 2)


def test_a_server_that_ends_the_conversation_is_called_again() -> None:
    with mail_server() as inbox, Mailer(settings(inbox.port)) as mailer:
        inbox.refused["one@example.org"] = "421 shutting down"
        with pytest.raises(DeliveryError, match="421 shutting down"):
            mailer.send(DIGEST, dedupe_key="1", recipient="one@example.org")
        mailer.send(DIGEST, dedupe_key="2", recipient="two@example.org")
        assert inbox.recipients == ["two@example.org"]


def test_a_server_that_is_down() -> None:
    port = free_port()
    error = failure(port)
    assert str(error).startswith(f"no connection to the mail server 127.0.0.1:{port}: ")
    assert not error.is_final


@pytest.mark.parametrize("recipient", ["", "nobody", "a@b, c@d", "a@b\r\nBcc: c@d", "a@b\n"])
def test_what_is_no_address_gets_no_mail(recipient: str) -> None:
    with mail_server() as inbox:
        error = failure(inbox, recipient)
        assert error.is_final and "is no mail address" in str(error)
        assert "\n" not in str(error)
        assert inbox.mails == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("certificate"))


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    with mail_server(certificate=certificate) as inbox:
        error = failure(inbox, tls="starttls")
        assert "self-signed certificate" in str(error) and not error.is_final
        assert inbox.mails == []


def test_a_server_without_tls_gets_nothing_if_tls_is_asked_for() -> None:
    with mail_server() as inbox:
        assert "STARTTLS" in str(failure(inbox, tls="starttls"))
        assert not failure(inbox, tls="implicit").is_final
        assert inbox.mails == []


def test_logging_in_over_tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    options = {"auth_required": True, "require_starttls": True}
    with mail_server(certificate=certificate, **options) as inbox:
        send(inbox, tls="starttls", user="me", password="right")
        assert inbox.logins == [(b"me", b"right")]
        error = failure(inbox, tls="starttls", user="me", password="wrong")
        assert str(error).startswith("the mail server refuses the login: 535 ")
        # It is the settings that are wrong, not the message.
        assert not error.is_final
        assert failure(inbox, tls="none").is_final
        assert len(inbox.mails) == 1


def test_a_refused_login_is_not_tried_for_every_recipient() -> None:
    with (
        mail_server(auth_require_tls=False) as inbox,
        Mailer(settings(inbox.port, user="me", password="wrong")) as mailer,
    ):
        for _ in range(3):
            with pytest.raises(DeliveryError, match="refuses the login"):
                mailer.send(DIGEST, dedupe_key="1", recipient="one@example.org")
        assert inbox.connections == 1


def test_implicit_tls_checks_the_certificate_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    import ssl

    contexts = []

    def connect(*arguments: Any, **options: Any) -> None:
        contexts.append(options["context"])
        raise smtplib.SMTPConnectError(421, "no")

    monkeypatch.setattr(smtplib, "SMTP_SSL", connect)
    failure(1, tls="implicit")
    assert contexts[0].verify_mode is ssl.CERT_REQUIRED and contexts[0].check_hostname


def test_ids_are_plain_whatever_the_names() -> None:
    from dataclasses import replace

    mail = mail_of(
        replace(DIGEST, project="Ünï <x>\r\n"),
        dedupe_key="a>\r\nb",
        sender="me@exämple.org",
        recipient="a@b.c",
    )
    for header in ("Message-ID", "List-Id"):
        assert re.fullmatch(r"<[a-z0-9.-]+(@[a-z0-9.-]+)?>", str(mail[header]))


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    assert NotifySettings.from_environment({}) == NotifySettings()
    assert NotifySettings.from_environment({"STORMLOG_SMTP_FROM": "a@b"}).smtp is None

    secret = tmp_path / "password"
    secret.write_text("from the file\n")
    variables = {
        "STORMLOG_SMTP_HOST": "mail",
        "STORMLOG_SMTP_USER": "me@b",
        "STORMLOG_SMTP_PASSWORD_FILE": str(secret),
        "STORMLOG_WEBHOOK_SECRET": "s",
    }
    found = NotifySettings.from_environment(variables)
    assert found.smtp == SmtpSettings("mail", "me@b", None, "starttls", "me@b", "from the file")
    assert (found.smtp.effective_port, found.smtp.timeout_s, found.webhook_secret) == (587, 10.0, "s")
    assert "from the file" not in repr(found) and "'s'" not in repr(found)

    more = {
        **variables,
        "STORMLOG_SMTP_PASSWORD": "direct",
        "STORMLOG_SMTP_PORT": "2525",
        "STORMLOG_SMTP_FROM": "x@y",
    }
    found = NotifySettings.from_environment(more, tls="implicit", host="other")
    assert found.smtp == SmtpSettings("other", "x@y", 2525, "implicit", "me@b", "direct")
    assert SmtpSettings("h", "a@b", tls="implicit").effective_port == 465
    assert SmtpSettings("h", "a@b", tls="none").effective_port == 25


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "STORMLOG_SMTP_FROM"),
        ({"FROM": "nobody"}, "'nobody' is no address to send from"),
        ({"FROM": "a@b\nBcc: c@d"}, "is no address to send from"),
        ({"FROM": "a@b", "PORT": "smtp"}, "STORMLOG_SMTP_PORT is 'smtp'"),
        ({"FROM": "a@b", "PORT": "0"}, "from 1 to 65535"),
        ({"FROM": "a@b", "TLS": "yes"}, "unknown TLS mode 'yes'"),
        ({"FROM": "a@b", "USER": "me"}, "no password for the mail server"),
        ({"FROM": "a@b", "USER": "me", "PASSWORD": "p", "TLS": "none"}, "does not go to mail without TLS"),
    ],
)
def test_wrong_settings_say_what_to_do(variables: dict[str, str], message: str) -> None:
    named = {f"STORMLOG_SMTP_{name}": value for name, value in variables.items()}
    with pytest.raises(ValueError, match=re.escape(message)):
        NotifySettings.from_environment({"STORMLOG_SMTP_HOST": "mail", **named})


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    variables = {
        "STORMLOG_SMTP_HOST": "mail",
        "STORMLOG_SMTP_USER": "me@b",
        "STORMLOG_SMTP_PASSWORD_FILE": str(tmp_path / "none"),
    }
    with pytest.raises(SourceError, match="cannot read the password"):
        NotifySettings.from_environment(variables)
