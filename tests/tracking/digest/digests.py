"""A tracker with a clock that tests turn, and a project that wants digests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stormlog.tracking import Tracker
from stormlog.tracking.digest import NotifyReport, NotifySettings, SmtpSettings, notify
from stormlog.tracking.projects import ensure_project
from tests.tracking.evidence import fingerprint_id

HOUR_NS = 3600 * 10**9
MINUTE_NS = 60 * 10**9
START_NS = 1_767_225_600 * 10**9


class Clock:
    """Now, as it is told."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def pass_by(self, nanoseconds: int) -> None:
        self.now_ns += nanoseconds


def open_tracker(folder: Path, clock: Clock, **columns: Any) -> Tracker:
    """Return a tracker whose default project, made a week ago, has a recipient.

    Args:
        columns: Other columns of the project.
    """
    tracker = Tracker(folder / "tracker.db", clock=clock)
    values = {"recipients_json": '["one@example.org"]', "alert_frequency": "hourly", **columns}
    with tracker.writing() as connection:
        ensure_project(connection, tracker.project, clock() - 7 * 24 * HOUR_NS)
        names = ", ".join(f"{name} = :{name}" for name in values)
        connection.execute(f"UPDATE projects SET {names}", values)
    return tracker


def change(tracker: Tracker, fingerprint: str = "F1", **columns: Any) -> None:
    """Set columns of the issue of a fingerprint."""
    names = ", ".join(f"{name} = :{name}" for name in columns)
    with tracker.writing() as connection:
        connection.execute(
            f"UPDATE issues SET {names} WHERE issue_id IN "
            "(SELECT issue_id FROM issue_fingerprints WHERE fingerprint_id = :fingerprint_id)",
            {**columns, "fingerprint_id": fingerprint_id(fingerprint)},
        )


def rows(tracker: Tracker, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement finds."""
    with tracker.reading() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def mail_settings(port: int, **settings: Any) -> NotifySettings:
    """Return settings for a mail server on this machine, without TLS unless asked for."""
    values = {"tls": "none", "timeout_s": 5.0, **settings}
    return NotifySettings(SmtpSettings("127.0.0.1", "stormlog@example.org", port, **values))


def run(tracker: Tracker, settings: NotifySettings | None = None, *, force: bool = False) -> NotifyReport:
    """Notify about all projects."""
    return notify(tracker, projects=None, settings=settings or NotifySettings(), force=force)


def outcomes(report: NotifyReport) -> Sequence[str]:
    """Return what was decided about each project."""
    return [project.outcome for project in report.projects]


def states(report: NotifyReport) -> dict[str, str]:
    """Return recipient -> state."""
    return {delivery.recipient: delivery.state for delivery in report.deliveries}


def recipients(*addresses: str) -> str:
    return json.dumps(addresses)
