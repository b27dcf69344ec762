"""What would be sent, to whom and how, without sending it.

The promise: a message is shown as it would go out, and of the address of a webhook no more than the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stormlog._webhook_addresses import shown_address
from stormlog.tracking.digest.content import Digest
from stormlog.tracking.digest.rendering import as_json, as_slack, as_text, subject
from stormlog.tracking.digest.settings import NotifySettings
from stormlog.tracking.webhook_settings import webhook_address

__all__ = ["NO_MAIL_SERVER", "PlannedMessage", "planned"]

NO_MAIL_SERVER = "no mail server is named: set STORMLOG_SMTP_HOST"


@dataclass(frozen=True)
class PlannedMessage:
    """One message that would be sent.

    Attributes:
        channel: email or webhook.
        recipient: A mail address; the scheme and host of a webhook, or the variable or file that holds its address.
        route: The mail server with port and encryption, or the host and the format of a webhook; None if there is
            none yet.
        problem: Why it could not go out now; None if it could.
        payload: Subject and text of a mail, or what is posted.
        is_waiting: Whether it was queued before and waits to be sent.
    """

    project: str
    channel: str
    recipient: str
    route: str | None
    problem: str | None
    payload: Mapping[str, Any]
    is_waiting: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready."""
        return asdict(self)


def planned(
    digest: Digest,
    channel: str,
    recipient: str,
    *,
    webhook_url: str | None,
    webhook_format: str,
    settings: NotifySettings,
    is_waiting: bool = False,
) -> PlannedMessage:
    """Return the message of a digest to one recipient, as it would go out now.

    Args:
        recipient: As it is shown.
        webhook_url: Setting of the project, as `stormlog.tracking.webhook_settings` reads it.
        webhook_format: ``json`` or ``slack``.
    """
    route: str | None = None
    problem: str | None = None
    payload: Mapping[str, Any]
    if channel == "email":
        payload = {"subject": subject(digest), "text": as_text(digest)}
        smtp = settings.smtp
        if smtp is None:
            problem = NO_MAIL_SERVER
        else:
            route = f"{smtp.host}:{smtp.effective_port} ({smtp.tls}), from {smtp.sender}"
    else:
        payload = as_slack(digest) if webhook_format == "slack" else as_json(digest)
        try:
            if webhook_url is None:
                problem = "the project has no webhook any more"
            else:
                signed = "" if settings.webhook_secret is None else ", signed"
                route = f"{shown_address(webhook_address(webhook_url))} ({webhook_format}{signed})"
        except ValueError as error:
            problem = str(error)
    return PlannedMessage(digest.project, channel, recipient, route, problem, payload, is_waiting)
