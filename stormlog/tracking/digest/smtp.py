"""Sends digests by mail.

The promise: one message per recipient, over a connection whose certificate was checked and within one deadline; a
server that cannot be reached is asked once, not once per recipient.
"""

from __future__ import annotations

import re
import smtplib
import time
from base64 import b64encode
from collections.abc import Callable
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from types import TracebackType
from typing import TypeVar

from stormlog.tracking.digest.content import Digest, one_line
from stormlog.tracking.digest.deadline import Connections, run_until
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.rendering import as_html, as_text, subject
from stormlog.tracking.digest.settings import SmtpSettings
from stormlog.tracking.digest.smtp_connection import connect

__all__ = ["Mailer", "mail_of"]

Result = TypeVar("Result")

_MOST_LABEL = 60


def mail_of(digest: Digest, *, dedupe_key: str, sender: str, recipient: str) -> EmailMessage:
    """Return the mail to one recipient.

    Args:
        dedupe_key: Makes the Message-ID, so that a mail sent twice is recognised as one.

    Raises:
        DeliveryError: an address is none; trying again is no use.
    """
    domain = _label(sender.rpartition("@")[2], "localhost", "[^a-z0-9.-]+")
    mail = EmailMessage(policy=SMTP)
    try:
        if not recipient.isprintable():
            raise ValueError("it is more than one line")
        mail["From"] = sender
        mail["To"] = recipient
        if len(mail["To"].addresses) != 1 or not mail["To"].addresses[0].domain:
            raise ValueError("not one address with a host")
    except (ValueError, IndexError, AttributeError) as error:
        raise DeliveryError(f"{one_line(recipient)!r} is no mail address: {error}", is_final=True) from error
    # Programs that read mail would take this for encoded text.
    line = subject(digest).replace("=?", "= ?")
    if line.isascii():
        mail["Subject"] = line
    else:
        # Python 3.11 loses blanks between words that it encodes one by one, so the whole line is encoded here.
        mail.set_raw("Subject", Header(line, "utf-8", header_name="Subject").encode())
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{_label(dedupe_key, 'digest', '[^a-z0-9]+')}@{domain}>"
    mail["List-Id"] = f"<{_label(digest.project, 'project', '[^a-z0-9]+')}.stormlog.{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(as_text(digest))
    mail.add_alternative(as_html(digest), subtype="html")
    return mail


def _label(text: str, default: str, unwanted: str) -> str:
    return re.sub(unwanted, "-", text.lower())[:_MOST_LABEL].strip("-.") or default


class Mailer:
    """A connection to a mail server, opened when the first mail goes out.

    Args:
        settings: Which server, and how.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None
        self._connections = Connections()
        self._until_s = 0.0
        self._trouble: str | None = None

    def __enter__(self) -> Mailer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server = self._server
        try:
            if server is not None:
                # Saying goodbye belongs to the last message.
                self._run(server.quit)
        except (DeliveryError, smtplib.SMTPException, OSError):
            pass
        finally:
            self._close()

    def send(self, digest: Digest, *, dedupe_key: str, recipient: str) -> None:
        """Send a digest to one recipient; connecting, if need be, and sending have one deadline.

        Raises:
            DeliveryError: it did not arrive.
        """
        sender = self._settings.sender
        mail = mail_of(digest, dedupe_key=dedupe_key, sender=sender, recipient=recipient)
        self._until_s = time.monotonic() + self._settings.timeout_s
        server = self._connected()
        try:
            self._run(lambda: server.send_message(mail, sender, [recipient]))
        except smtplib.SMTPRecipientsRefused as error:
            [(code, text)] = error.recipients.values()
            raise _refusal(code, text) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except DeliveryError:
            self._close()
            raise
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            # Nobody knows how far it got.
            self._close()
            raise DeliveryError(_said(error)) from error
        finally:
            # The server may have ended the conversation as well; the next mail starts afresh.
            if server.sock is None:
                self._close()

    def _run(self, work: Callable[[], Result]) -> Result:
        return run_until(self._until_s, work, self._connections, timeout_s=self._settings.timeout_s)

    def _close(self) -> None:
        self._server = None
        self._connections.shut()
        self._connections = Connections()

    def _connected(self) -> smtplib.SMTP:
        if self._trouble is not None:
            raise DeliveryError(self._trouble)
        if self._server is not None:
            return self._server
        settings, connections = self._settings, self._connections
        try:
            self._server = self._run(lambda: connect(settings, connections))
        except smtplib.SMTPAuthenticationError as error:
            self._trouble = f"the mail server refuses the login: {self._without_password(error)}"
        except (DeliveryError, smtplib.SMTPException, OSError, ValueError) as error:
            where = f"{settings.host}:{settings.effective_port}"
            self._trouble = f"no connection to the mail server {where}: {_said(error)}"
        if self._server is None:
            self._close()
            raise DeliveryError(self._trouble or "")
        return self._server

    def _without_password(self, error: smtplib.SMTPAuthenticationError) -> str:
        """Return what the server says about a login, which may quote what it was sent."""
        said = _answer(error.smtp_code, error.smtp_error)
        user, password = self._settings.user or "", self._settings.password or ""
        for secret in (
            password,
            *(b64encode(text.encode()).decode("ascii") for text in (password, f"\0{user}\0{password}")),
        ):
            said = said.replace(secret, "...") if secret else said
        return said


def _refusal(code: int, text: bytes | str) -> DeliveryError:
    return DeliveryError(f"the mail server says {_answer(code, text)}", is_final=500 <= code < 600)


def _answer(code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {one_line(said, 200)}"


def _said(error: Exception) -> str:
    return one_line(str(error), 200) or type(error).__name__
