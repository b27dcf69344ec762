"""How digests leave this machine: servers and secrets, taken from the environment.

The promise: nothing is sent to a server that nobody named, and secrets are neither options nor printed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stormlog.errors import SourceError

__all__ = ["TLS_MODES", "NotifySettings", "SmtpSettings"]

TLS_MODES: Final = ("none", "starttls", "implicit")

_PORTS: Final = {"none": 25, "starttls": 587, "implicit": 465}
#: How long a message may take, and how long it may be allowed to.
_TIMEOUT_S: Final = 10.0
_MOST_TIMEOUT_S: Final = 3600
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class SmtpSettings:
    """A mail server.

    Args:
        host: Its name.
        sender: Address that mails are from.
        port: None for 587 (starttls), 465 (implicit) or 25 (none).
        tls: ``starttls``, ``implicit`` or ``none``.
        user: Name to log in with; None to send without logging in.
        password: For the user.
        timeout_s: How long a message may take, from looking up the server to its last answer.

    Raises:
        ValueError: a value is wrong, or a password would travel for all to read.
    """

    host: str
    sender: str
    port: int | None = None
    tls: str = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = _TIMEOUT_S

    def __post_init__(self) -> None:
        if self.tls not in TLS_MODES:
            raise ValueError(f"unknown TLS mode {self.tls!r}: choose from {', '.join(TLS_MODES)}")
        if "@" not in self.sender or not self.sender.isprintable():
            raise ValueError(
                f"{self.sender!r} is no address to send from: set STORMLOG_SMTP_FROM to name@host"
            )
        if self.user is not None and self.password is None:
            raise ValueError(
                "no password for the mail server: set STORMLOG_SMTP_PASSWORD, or STORMLOG_SMTP_PASSWORD_FILE to a "
                "file with it"
            )
        if self.user is not None and self.tls == "none" and self.host not in _LOOPBACK:
            raise ValueError(
                f"a password does not go to {self.host} without TLS: set STORMLOG_SMTP_TLS to starttls or implicit"
            )

    @property
    def effective_port(self) -> int:
        """The port to connect to."""
        return _PORTS[self.tls] if self.port is None else self.port


@dataclass(frozen=True)
class NotifySettings:
    """How digests are sent.

    Args:
        smtp: The mail server; None if there is none, and mails wait.
        webhook_secret: Signs what webhooks get.
        webhook_timeout_s: How long a post may take, from looking up the host to its answer.
    """

    smtp: SmtpSettings | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_timeout_s: float = _TIMEOUT_S

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        tls: str | None = None,
        user: str | None = None,
        sender: str | None = None,
        timeout_s: float | None = None,
    ) -> NotifySettings:
        """Read ``STORMLOG_SMTP_HOST``, ``_PORT``, ``_TLS``, ``_USER``, ``_FROM``, ``_PASSWORD`` and
        ``_PASSWORD_FILE``, ``STORMLOG_WEBHOOK_SECRET`` and ``STORMLOG_NOTIFY_TIMEOUT``; what is given here wins.

        Args:
            environment: Variables; by default those of this process.
            timeout_s: How long each message may take.

        Raises:
            SourceError: the file with the password cannot be read.
            ValueError: a value is wrong.

        Source: docs/notifications.md#environment-variables.
        """
        variables = os.environ if environment is None else environment

        def named(name: str) -> str | None:
            return variables.get(f"STORMLOG_SMTP_{name}") or None

        secret = variables.get("STORMLOG_WEBHOOK_SECRET") or None
        if timeout_s is None:
            timeout_s = _timeout_s(variables.get("STORMLOG_NOTIFY_TIMEOUT"))
        host = host or named("HOST")
        if host is None:
            return cls(webhook_secret=secret, webhook_timeout_s=_positive(timeout_s))
        user = user or named("USER")
        smtp = SmtpSettings(
            host=host,
            sender=sender or named("FROM") or user or "",
            port=_port(named("PORT")) if port is None else port,
            tls=tls or named("TLS") or "starttls",
            user=user,
            password=None if user is None else named("PASSWORD") or _from_file(named("PASSWORD_FILE")),
            timeout_s=_positive(timeout_s),
        )
        return cls(smtp=smtp, webhook_secret=secret, webhook_timeout_s=timeout_s)


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"STORMLOG_SMTP_PORT is {text!r}: give a number from 1 to 65535")
    return int(text)


def _timeout_s(text: str | None) -> float:
    if not text:
        return _TIMEOUT_S
    try:
        return _positive(float(text))
    except ValueError:
        raise ValueError(f"STORMLOG_NOTIFY_TIMEOUT is {text!r}: give seconds, such as 10") from None


def _positive(seconds: float) -> float:
    if not 0 < seconds <= _MOST_TIMEOUT_S:
        raise ValueError(
            f"a message may take more than 0 and at most {_MOST_TIMEOUT_S} seconds, not {seconds:g}"
        )
    return seconds


def _from_file(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read the password of the mail server: {error}", path=path) from error
