"""Tells people what is new: queues the digests that are due, and sends what is queued.

The promise: no write transaction is open while a server is talked to, and a server that does not answer is a
line in the report, not an exception.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, NotRequired, TypedDict

from stormlog._readable_times import ReadableTime
from stormlog.tracking.actors import WRITE
from stormlog.tracking.database.store import default_store_path
from stormlog.tracking.digest.content import MOST_OF_WHY, Digest, LatestRun, collect, latest_run, one_line
from stormlog.tracking.digest.due import basis_ns, due_ns, is_ahead, is_due, stamp_ns
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.lock import delivery_lock
from stormlog.tracking.digest.outbox import Delivery, Notice, claim, enqueue, is_told, mark, waiting
from stormlog.tracking.digest.outbox import is_due as is_attempt_due
from stormlog.tracking.digest.planning import NO_MAIL_SERVER, PlannedMessage, planned
from stormlog.tracking.digest.settings import NotifySettings
from stormlog.tracking.digest.smtp import Mailer
from stormlog.tracking.digest.webhook import post
from stormlog.tracking.projects import DEFAULT_PROJECT, project_of, project_row
from stormlog.tracking.session import TrackerSession
from stormlog.tracking.webhook_settings import webhook_address

__all__ = ["Explain", "NotifyReport", "ProjectDigest", "command_options", "deliver", "notify", "queue_if_due"]

#: The run that had an issue of a digest last -> why it failed, on one line; None if nobody knows.
Explain = Callable[[LatestRun], str | None]


@dataclass(frozen=True)
class ProjectDigest:
    """What was decided about a project.

    Attributes:
        outcome: ``queued``; ``due`` (in a dry run); or why there is no digest: ``off``, ``not_due``,
            ``no_recipients`` or ``nothing_new``.
        due_ns: When the next digest may go out; None if the project wants none.
        notice_count: Messages queued.
        digest: What it holds; None if there is none.
    """

    project: str
    alert_frequency: str
    outcome: str
    due_ns: int | None
    notice_count: int
    digest: Digest | None
    due = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready."""
        return asdict(self)


class NotifyDocument(TypedDict):
    """What `NotifyReport.as_dict` returns.

    Attributes:
        is_dry_run: Whether nothing was queued or sent.
        queued_count: Messages that were queued.
        sent_count: Messages that arrived.
        pending_count: Messages that are tried again.
        failed_count: Messages that are not tried again.
        projects: What was decided about each project.
        messages: In a dry run only: the messages that would be sent.
    """

    is_dry_run: bool
    queued_count: int
    sent_count: int
    pending_count: int
    failed_count: int
    projects: list[Annotated[dict[str, Any], ProjectDigest]]
    deliveries: list[Annotated[dict[str, Any], Delivery]]
    messages: NotRequired[list[Annotated[dict[str, Any], PlannedMessage]]]


@dataclass(frozen=True)
class NotifyReport:
    """What was queued and what became of it.

    Attributes:
        deliveries: Messages that were tried now, and those that still wait from before.
        messages: In a dry run, the messages that would be sent.
    """

    is_dry_run: bool
    projects: Sequence[ProjectDigest]
    deliveries: Sequence[Delivery]
    messages: Sequence[PlannedMessage] = ()

    @property
    def queued_count(self) -> int:
        """How many messages were queued."""
        return sum(project.notice_count for project in self.projects)

    def count(self, state: str) -> int:
        """Return how many messages are sent, pending or failed."""
        return sum(delivery.state == state for delivery in self.deliveries)

    @property
    def is_delivered(self) -> bool:
        """Whether nothing waits and nothing failed."""
        return all(delivery.state == "sent" for delivery in self.deliveries)

    def as_dict(self) -> NotifyDocument:
        """Return everything, JSON-ready; the keys do not change.

        Source: docs/notifications.md#answer.
        """
        document: NotifyDocument = {
            "is_dry_run": self.is_dry_run,
            "queued_count": self.queued_count,
            "sent_count": self.count("sent"),
            "pending_count": self.count("pending"),
            "failed_count": self.count("failed"),
            "projects": [project.as_dict() for project in self.projects],
            "deliveries": [delivery.as_dict() for delivery in self.deliveries],
        }
        if self.is_dry_run:
            document["messages"] = [message.as_dict() for message in self.messages]
        return document


def notify(
    tracker: TrackerSession,
    *,
    projects: Sequence[str] | None,
    settings: NotifySettings,
    force: bool = False,
    dry_run: bool = False,
    explain: Explain | None = None,
) -> NotifyReport:
    """Queue the digests that are due and send everything that waits.

    Args:
        projects: Names of projects; None for all.
        settings: How messages are sent.
        force: Whether to take every digest for due.
        dry_run: Whether to say what would be sent only; nothing is stored then.
        explain: Says why the latest run failed.

    Raises:
        LifecycleError: there is no such project.
        PermissionDeniedError: ``issues:write`` is missing (``issues:read`` in a dry run).

    Source: docs/notifications.md.
    """
    found = _queue(tracker, projects, force=force, dry_run=dry_run, explain=explain)
    if dry_run:
        return NotifyReport(dry_run, found, (), _messages(tracker, found, settings))
    return NotifyReport(dry_run, found, deliver(tracker, settings, projects=projects))


def queue_if_due(
    tracker: TrackerSession, *, scan_id: str | None = None, explain: Explain | None = None
) -> int:
    """Queue the digest of the tracker's project if it is due.

    Args:
        scan_id: The scan that asks, for the activity log.
        explain: Says why the latest run failed.

    Returns:
        How many messages were queued; `deliver` sends them.

    Raises:
        PermissionDeniedError: ``issues:write`` is missing.
    """
    found = _queue(tracker, [tracker.project], scan_id=scan_id, explain=explain)
    return sum(project.notice_count for project in found)


def deliver(
    tracker: TrackerSession, settings: NotifySettings, *, projects: Sequence[str] | None
) -> Sequence[Delivery]:
    """Send every message whose time has come.

    Args:
        projects: Names of projects; None for all.

    Returns:
        Those that were tried, and those that wait.

    Raises:
        LifecycleError: there is no such project.
        PermissionDeniedError: ``issues:write`` is missing.
    """
    tracker.permissions.require(WRITE)
    if not _waiting(tracker, projects):
        return ()
    with delivery_lock(tracker.store.path) as is_mine:
        notices = _waiting(tracker, projects)
        if not is_mine:
            why = "another process sends the messages of this tracker just now"
            return [_delivery(notice, "pending", why) for notice in notices]
        deliveries = []
        with nullcontext() if settings.smtp is None else Mailer(settings.smtp) as mailer:
            for notice in notices:
                delivery = _attempt(tracker, notice, mailer, settings)
                if delivery is not None:
                    deliveries.append(delivery)
    return deliveries


def _waiting(tracker: TrackerSession, projects: Sequence[str] | None) -> list[Notice]:
    with tracker.reading() as connection:
        return waiting(connection, [row["project_id"] for row in _rows(connection, projects)])


def _rows(connection: sqlite3.Connection, names: Sequence[str] | None) -> list[sqlite3.Row]:
    if names is None:
        return connection.execute("SELECT * FROM projects ORDER BY name").fetchall()
    rows = []
    for name in dict.fromkeys(names):
        # The project of those who name none need not exist yet.
        if (
            name != DEFAULT_PROJECT
            or connection.execute("SELECT 1 FROM projects WHERE name = ?", [name]).fetchone()
        ):
            rows.append(project_row(connection, name))
    return rows


def _queue(
    tracker: TrackerSession,
    projects: Sequence[str] | None,
    *,
    force: bool = False,
    dry_run: bool = False,
    scan_id: str | None = None,
    explain: Explain | None = None,
) -> list[ProjectDigest]:
    if not dry_run:
        _correct_bases(tracker, projects)
    found: list[ProjectDigest] = []
    runs: list[LatestRun | None] = []
    with tracker.reading() as connection:
        # Most of the time nothing is due, and then there is no need to wait for those who write.
        for row in _rows(connection, projects):
            project, issue_ids = _examine(tracker, connection, row, force=force)
            found.append(project)
            runs.append(latest_run(connection, row["project_id"], issue_ids))
    # Files are read outside of any transaction.
    reasons = [
        explain(run) if explain is not None and run is not None and project.digest is not None else None
        for project, run in zip(found, runs, strict=True)
    ]
    if dry_run:
        return [_with_reason(project, why) for project, why in zip(found, reasons, strict=True)]
    return [
        _queue_one(tracker, each.project, force=force, scan_id=scan_id, why=why)
        if each.outcome == "due"
        else each
        for each, why in zip(found, reasons, strict=True)
    ]


def _with_reason(project: ProjectDigest, why: str | None) -> ProjectDigest:
    if project.digest is None or why is None:
        return project
    return replace(project, digest=replace(project.digest, why=one_line(why, MOST_OF_WHY)))


def _queue_one(
    tracker: TrackerSession, name: str, *, force: bool, scan_id: str | None, why: str | None
) -> ProjectDigest:
    with tracker.writing() as connection:
        row = project_row(connection, name)
        found, issue_ids = _examine(tracker, connection, row, force=force)
        found = _with_reason(found, why)
        if found.digest is None:
            # Somebody else was faster.
            return found
        now_ns = found.digest.digest_ns
        stamp = stamp_ns(found.alert_frequency, basis_ns=_basis_ns(row, now_ns), now_ns=now_ns)
        count = enqueue(
            connection,
            tracker.actor,
            row,
            found.digest,
            issue_ids,
            recipients=_recipients(row),
            stamp_ns=stamp,
            scan_id=scan_id,
        )
    return ProjectDigest(
        project=name,
        alert_frequency=found.alert_frequency,
        outcome="queued",
        due_ns=due_ns(found.alert_frequency, basis_ns=stamp),
        notice_count=count,
        digest=found.digest,
    )


def _examine(
    tracker: TrackerSession, connection: sqlite3.Connection, row: sqlite3.Row, *, force: bool
) -> tuple[ProjectDigest, Sequence[str]]:
    """Decide about a project; with a digest come the ids of the issues that it tells about."""
    frequency, now_ns = row["alert_frequency"], tracker.clock()
    counted_ns = _basis_ns(row, now_ns)
    content = None
    if not force and frequency == "none":
        outcome = "off"
    elif not force and not is_due(frequency, basis_ns=counted_ns, now_ns=now_ns):
        outcome = "not_due"
    elif not _recipients(row):
        outcome = "no_recipients"
    else:
        content = collect(connection, row, digest_ns=now_ns, options=command_options(tracker, row["name"]))
        outcome = "nothing_new" if content is None else "due"
    digest, issue_ids = (None, []) if content is None else content
    next_ns = due_ns(frequency, basis_ns=counted_ns)
    return ProjectDigest(row["name"], frequency, outcome, next_ns, 0, digest), issue_ids


def _messages(
    tracker: TrackerSession, found: Sequence[ProjectDigest], settings: NotifySettings
) -> list[PlannedMessage]:
    """Return what waits from before, and the messages of the digests that are due."""
    digests = {project.project: project.digest for project in found}
    messages = []
    with tracker.reading() as connection:
        for row in _rows(connection, list(digests)):
            digest = digests[row["name"]]
            how = {
                "webhook_url": row["webhook_url"],
                "webhook_format": row["webhook_format"],
                "settings": settings,
            }
            for notice in waiting(connection, [row["project_id"]]):
                # A new digest takes the place of one that nobody has accepted.
                if digest is None or is_told(connection, notice):
                    messages.append(
                        planned(notice.digest, notice.channel, notice.recipient, **how, is_waiting=True)
                    )
            if digest is not None:
                messages += [planned(digest, *pair, **how) for pair in _recipients(row)]
    return messages


def _basis_ns(row: sqlite3.Row, now_ns: int) -> int:
    return basis_ns(
        row["alert_frequency"],
        last_digest_ns=row["last_digest_ns"],
        created_ns=row["created_ns"],
        now_ns=now_ns,
    )


def _correct_bases(tracker: TrackerSession, projects: Sequence[str] | None) -> None:
    """Count the next digests from now where the last ones were queued by a clock that was somewhat ahead."""

    def ahead(connection: sqlite3.Connection) -> list[tuple[int, str]]:
        now_ns = tracker.clock()
        return [
            (now_ns, row["project_id"])
            for row in _rows(connection, projects)
            if is_ahead(row["alert_frequency"], basis_ns=_basis_ns(row, now_ns), now_ns=now_ns)
        ]

    with tracker.reading() as connection:
        if not ahead(connection):
            return
    with tracker.writing() as connection:
        connection.executemany(
            "UPDATE projects SET last_digest_ns = ? WHERE project_id = ?", ahead(connection)
        )


def _recipients(row: sqlite3.Row) -> list[tuple[str, str]]:
    project = project_of(row)
    pairs = [("email", address) for address in dict.fromkeys(project.recipients)]
    return pairs if project.webhook_url is None else [*pairs, ("webhook", project.webhook_url)]


def command_options(tracker: TrackerSession, project: str) -> str:
    """Return the options that a command needs to find a project in this tracker, with a blank before each.

    Those are left out without which it finds both.
    """
    options = []
    if tracker.store.path != default_store_path():
        options += ["--db", str(tracker.store.path.absolute())]
    if project != DEFAULT_PROJECT:
        options += ["--project", project]
    # Paths need not be text.
    return "".join(f" {shlex.quote(word)}" for word in options).encode("utf-8", "replace").decode("utf-8")


def _attempt(
    tracker: TrackerSession, notice: Notice, mailer: Mailer | None, settings: NotifySettings
) -> Delivery | None:
    """Try to send one message; None if somebody else does."""
    if notice.channel == "email" and mailer is None:
        return _delivery(notice, "pending", NO_MAIL_SERVER)
    if not is_attempt_due(notice, now_ns=tracker.clock()):
        return _delivery(notice, "pending", notice.error)
    with tracker.writing() as connection:
        claimed = claim(connection, notice, now_ns=tracker.clock())
    if claimed is None:
        return None
    error, is_final = None, False
    try:
        _send(claimed, mailer, settings)
    except DeliveryError as failure:
        error, is_final = str(failure), failure.is_final
    with tracker.writing() as connection:
        state = mark(
            connection, tracker.actor, claimed, now_ns=tracker.clock(), error=error, is_final=is_final
        )
    return _delivery(claimed, state, error)


def _send(notice: Notice, mailer: Mailer | None, settings: NotifySettings) -> None:
    if notice.channel == "webhook":
        post(
            notice.digest,
            _address_of(notice),
            dedupe_key=notice.dedupe_key,
            as_format=notice.webhook_format,
            secret=settings.webhook_secret,
            timeout_s=settings.webhook_timeout_s,
        )
    elif mailer is not None:
        mailer.send(notice.digest, dedupe_key=notice.dedupe_key, recipient=notice.recipient)


def _address_of(notice: Notice) -> str:
    if notice.webhook_url is None:
        raise DeliveryError("the project has no webhook any more", is_final=True)
    try:
        return webhook_address(notice.webhook_url)
    except ValueError as error:
        raise DeliveryError(str(error)) from error


def _delivery(notice: Notice, state: str, error: str | None) -> Delivery:
    return Delivery(
        notice_id=notice.notice_id,
        project=notice.project,
        channel=notice.channel,
        recipient=notice.recipient,
        state=state,
        attempts=notice.attempts,
        next_attempt_ns=notice.next_attempt_ns if state == "pending" else None,
        error=error,
    )
