"""Messages on their way: queued in one transaction, sent outside of any, and marked right after the answer.

The promise: no issue is lost. It counts as told once the first recipient has accepted the message; until then
the next digest tells it again in place of this one.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from stormlog._readable_times import ReadableTime
from stormlog.tracking.actors import Actor
from stormlog.tracking.clocks import is_from_wrong_clock
from stormlog.tracking.database import activity
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.database.sequences import next_sequence
from stormlog.tracking.digest.content import Digest

__all__ = ["MOST_ATTEMPTS", "Delivery", "Notice", "claim", "enqueue", "is_due", "is_told", "mark", "waiting"]

_MINUTE_NS: Final = 60 * 10**9
#: Minutes after each attempt before the next one.
_DELAYS: Final = (1, 5, 15, 60, 240)
MOST_ATTEMPTS: Final = len(_DELAYS) + 1


@dataclass(frozen=True)
class Notice:
    """One message to one recipient.

    Attributes:
        recipient: A mail address, or the host of a webhook.
        webhook_url: The webhook that the project has now, as `stormlog.tracking.webhook_settings` reads it.
        digest_sequence: The write that queued the digest: it tells all activity before.
    """

    notice_id: str
    dedupe_key: str
    project_id: str
    project: str
    channel: str
    recipient: str
    attempts: int
    next_attempt_ns: int
    error: str | None
    webhook_url: str | None = field(repr=False)
    webhook_format: str
    digest_sequence: int
    digest: Digest
    issue_ids: Sequence[str]
    next_attempt = ReadableTime()


@dataclass(frozen=True)
class Delivery:
    """What became of a message.

    Attributes:
        channel: email or webhook.
        recipient: A mail address, or the host of a webhook.
        state: sent, pending (it is tried again at ``next_attempt_ns``) or failed.
        error: Why it did not arrive.
    """

    notice_id: str
    project: str
    channel: str
    recipient: str
    state: str
    attempts: int
    next_attempt_ns: int | None
    error: str | None
    next_attempt = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready."""
        return asdict(self)


def enqueue(
    connection: sqlite3.Connection,
    actor: Actor,
    project: sqlite3.Row,
    digest: Digest,
    issue_ids: Sequence[str],
    *,
    recipients: Iterable[tuple[str, str]],
    stamp_ns: int,
    scan_id: str | None,
) -> int:
    """Queue a digest in the transaction that collected it, and move the project's clock on.

    Earlier digests of the project that nobody accepted are superseded: this one has what they had.

    Args:
        recipients: Pairs of channel and recipient.
        stamp_ns: The time from which the next digest is counted.

    Returns:
        How many messages were queued.
    """
    project_id, now_ns = project["project_id"], digest.digest_ns
    sequence = next_sequence(connection, project_id)
    connection.execute(
        """
        UPDATE notices SET state = 'superseded'
        WHERE project_id = :project_id AND state = 'pending'
            AND digest_sequence NOT IN (
                SELECT digest_sequence FROM notices WHERE project_id = :project_id AND state = 'sent'
            )
        """,
        {"project_id": project_id},
    )
    payload = activity.canonical_json({"digest": digest.as_dict(), "issue_ids": list(issue_ids)})
    rows = [
        (
            new_id(),
            _dedupe_key(project_id, sequence, now_ns, *pair),
            project_id,
            *pair,
            payload,
            now_ns,
            now_ns,
            sequence,
        )
        for pair in recipients
    ]
    connection.executemany(
        """
        INSERT INTO notices (
            notice_id, dedupe_key, project_id, channel, recipient, payload_json, state, next_attempt_ns, created_ns,
            digest_sequence
        ) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)
        """,
        rows,
    )
    connection.execute("UPDATE projects SET last_digest_ns = ? WHERE project_id = ?", [stamp_ns, project_id])
    activity.log(
        connection,
        actor,
        "queue_digest",
        project_id=project_id,
        at_ns=now_ns,
        before={"last_digest_ns": project["last_digest_ns"]},
        after={"last_digest_ns": stamp_ns, "issue_count": len(issue_ids), "notice_count": len(rows)},
        scan_id=scan_id,
    )
    return len(rows)


def waiting(connection: sqlite3.Connection, project_ids: Sequence[str]) -> list[Notice]:
    """Return all messages of some projects that are pending, the oldest first."""
    rows = connection.execute(
        """
        SELECT n.*, p.name AS project, p.webhook_url, p.webhook_format
        FROM notices AS n
        INNER JOIN projects AS p ON p.project_id = n.project_id
        WHERE n.state = 'pending' AND n.project_id IN (SELECT value FROM json_each(?))
        ORDER BY n.rowid
        """,
        [json.dumps(list(project_ids))],
    )
    return [_notice(row) for row in rows]


def is_told(connection: sqlite3.Connection, notice: Notice) -> bool:
    """Tell whether another recipient has accepted the digest of a message."""
    return bool(
        connection.execute(
            "SELECT EXISTS (SELECT 1 FROM notices WHERE project_id = ? AND state = 'sent' AND digest_sequence = ?)",
            [notice.project_id, notice.digest_sequence],
        ).fetchone()[0]
    )


def is_due(notice: Notice, *, now_ns: int) -> bool:
    """Tell whether a message may be tried now: at once the first time, and then after a delay.

    An attempt that is planned further ahead than its delay was planned by a clock that was ahead.
    """
    if notice.attempts == 0 or notice.next_attempt_ns <= now_ns:
        return True
    return is_from_wrong_clock(notice.next_attempt_ns, now_ns=now_ns, interval_ns=_delay_ns(notice.attempts))


def claim(connection: sqlite3.Connection, notice: Notice, *, now_ns: int) -> Notice | None:
    """Count an attempt before it is made.

    The next one is planned at once, so that nobody else makes the same attempt and a crash leaves it to be made
    again.

    Returns:
        The message as it is now; None if somebody else took it, or it was tried often enough.
    """
    if notice.attempts >= MOST_ATTEMPTS:
        # Whoever made the last attempt did not live to tell.
        connection.execute(
            "UPDATE notices SET state = 'failed', error = coalesce(error, 'no answer') "
            "WHERE notice_id = ? AND state = 'pending' AND attempts = ?",
            [notice.notice_id, notice.attempts],
        )
        return None
    next_ns = now_ns + _delay_ns(notice.attempts + 1)
    changed = connection.execute(
        """
        UPDATE notices SET attempts = attempts + 1, next_attempt_ns = ?
        WHERE notice_id = ? AND state = 'pending' AND attempts = ? AND next_attempt_ns = ?
        """,
        [next_ns, notice.notice_id, notice.attempts, notice.next_attempt_ns],
    )
    if changed.rowcount != 1:
        return None
    return replace(notice, attempts=notice.attempts + 1, next_attempt_ns=next_ns)


def mark(
    connection: sqlite3.Connection,
    actor: Actor,
    notice: Notice,
    *,
    now_ns: int,
    error: str | None = None,
    is_final: bool = False,
) -> str:
    """Write down the answer to an attempt; the first message of a digest that arrives tells its issues.

    Args:
        notice: As `claim` returned it.
        error: Why it did not arrive; None if it did.
        is_final: Whether trying again is no use.

    Returns:
        The state of the message.
    """
    if error is not None:
        state = "failed" if is_final or notice.attempts >= MOST_ATTEMPTS else "pending"
        connection.execute(
            "UPDATE notices SET state = CASE state WHEN 'pending' THEN ? ELSE state END, error = ? "
            "WHERE notice_id = ?",
            [state, error, notice.notice_id],
        )
        return state
    connection.execute(
        "UPDATE notices SET state = 'sent', error = NULL, sent_ns = ? WHERE notice_id = ?",
        [now_ns, notice.notice_id],
    )
    told_ns = notice.digest.digest_ns
    # An earlier digest may arrive after a later one.
    told = connection.execute(
        """
        UPDATE issues SET last_notified_ns = :told_ns, notified_sequence = :sequence
        WHERE issue_id IN (SELECT value FROM json_each(:issue_ids)) AND notified_sequence < :sequence
        """,
        {
            "told_ns": told_ns,
            "sequence": notice.digest_sequence,
            "issue_ids": json.dumps(list(notice.issue_ids)),
        },
    ).rowcount
    if told:
        activity.log(
            connection,
            actor,
            "notify",
            project_id=notice.project_id,
            at_ns=now_ns,
            after={"last_notified_ns": told_ns, "issue_count": told, "channel": notice.channel},
        )
    return "sent"


def _delay_ns(attempts: int) -> int:
    return _DELAYS[min(attempts, len(_DELAYS)) - 1] * _MINUTE_NS


def _dedupe_key(project_id: str, sequence: int, digest_ns: int, channel: str, recipient: str) -> str:
    # With the time: a store that is restored from a copy numbers its writes again.
    said = activity.canonical_json([project_id, sequence, digest_ns, channel, recipient])
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:32]


def _notice(row: sqlite3.Row) -> Notice:
    payload = json.loads(row["payload_json"])
    return Notice(
        notice_id=row["notice_id"],
        dedupe_key=row["dedupe_key"],
        project_id=row["project_id"],
        project=row["project"],
        channel=row["channel"],
        recipient=row["recipient"],
        attempts=row["attempts"],
        next_attempt_ns=row["next_attempt_ns"],
        error=row["error"],
        webhook_url=row["webhook_url"],
        webhook_format=row["webhook_format"],
        digest_sequence=row["digest_sequence"],
        digest=Digest.from_dict(payload["digest"]),
        issue_ids=payload["issue_ids"],
    )
