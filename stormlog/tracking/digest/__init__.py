"""Digests: what is new in a project, by mail and webhook, as often as it wants to hear.

    settings = NotifySettings.from_environment()
    report = notify(tracker, projects=None, settings=settings)

Source: docs/notifications.md.
"""

from __future__ import annotations

from stormlog.tracking.digest.content import Digest, DigestIssue
from stormlog.tracking.digest.notifying import NotifyReport, ProjectDigest, deliver, notify, queue_if_due
from stormlog.tracking.digest.outbox import Delivery
from stormlog.tracking.digest.settings import NotifySettings, SmtpSettings

__all__ = [
    "Delivery",
    "Digest",
    "DigestIssue",
    "NotifyReport",
    "NotifySettings",
    "ProjectDigest",
    "SmtpSettings",
    "deliver",
    "notify",
    "queue_if_due",
]
