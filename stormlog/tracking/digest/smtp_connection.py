"""Connects to a mail server over connections that can be shut, and reads answers of limited length only."""

from __future__ import annotations

import smtplib
import ssl
from typing import Any

from stormlog.tracking.digest.deadline import MOST_ANSWER_BYTES, SPARE_S, Connections
from stormlog.tracking.digest.settings import SmtpSettings

__all__ = ["connect"]


def connect(settings: SmtpSettings, connections: Connections) -> smtplib.SMTP:
    """Connect, start TLS and log in.

    Args:
        settings: Which server, and how.
        connections: Gets the connection.

    Raises:
        OSError, ValueError, smtplib.SMTPException: the server cannot be reached or refuses.
    """
    context, step_s = ssl.create_default_context(), settings.timeout_s + SPARE_S
    # Without a host nothing is connected yet.
    server = (
        smtplib.SMTP_SSL(timeout=step_s, context=context)
        if settings.tls == "implicit"
        else smtplib.SMTP(timeout=step_s)
    )
    try:
        opened = connections.connect(settings.host, settings.effective_port, step_s)
        server.sock = (
            context.wrap_socket(opened, server_hostname=settings.host)
            if settings.tls == "implicit"
            else opened
        )
        # The name that the certificate has to be for.
        server._host = settings.host  # type: ignore[attr-defined]
        _limit_answers(server)
        code, text = server.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        if settings.tls == "starttls":
            server.starttls(context=context)
            _limit_answers(server)
        if settings.user is not None and settings.password is not None:
            server.login(settings.user, settings.password)
    except BaseException:
        server.close()
        raise
    return server


def _limit_answers(server: smtplib.SMTP) -> None:
    assert server.sock is not None
    server.file = _LimitedFile(server.sock.makefile("rb"))


class _LimitedFile:
    """What a mail server says: an answer may have any number of lines, but not go on for ever."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = MOST_ANSWER_BYTES

    def readline(self, size: int = -1) -> bytes:
        line: bytes = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"one answer has more than {MOST_ANSWER_BYTES:,} bytes")
        if line[3:4] != b"-":
            # The last line of an answer.
            self._left = MOST_ANSWER_BYTES
        return line

    def close(self) -> None:
        self._file.close()
