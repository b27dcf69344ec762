"""Plain error texts as evidence: what no kind of derived issue covers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stormlog.tracking.checks import require_integer, require_text
from stormlog.tracking.database.activity import canonical_json
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.models import TrackedIssue
from stormlog.tracking.recording.text_rule import TEXT_RULE_VERSION, error_fingerprint_id, normalize_message

if TYPE_CHECKING:
    from stormlog.tracking.session import TrackerSession

__all__ = ["record_error"]


def record_error(
    tracker: TrackerSession,
    message: str,
    *,
    module: str | None = None,
    discriminator: str | None = None,
    session_id: str | None = None,
    run_id: str | None = None,
    app: str = "default",
    is_dev: bool = False,
    code_version: str | None = None,
    severity: str = "error",
    timestamp_ns: int | None = None,
    rank: int | None = None,
    host: str | None = None,
    user: str | None = None,
    environment: str | None = None,
    evidence_id: str | None = None,
) -> TrackedIssue:
    """Record that a program reported an error.

    Args:
        tracker: Where.
        message: The text; texts that differ in numbers, ids and quoted parts are the same issue.
        module: Part of the program that reported it; other modules have other issues.
        discriminator: What else tells failures apart, such as the type of an exception.
        session_id: Session of the program; without one every call is a session of its own.
        run_id: Job of the session.
        app: Training program.
        is_dev: Whether it is development.
        code_version: Version of the code.
        severity: critical, error, warning, info or any other word.
        timestamp_ns: When it happened, nanoseconds since the Unix epoch; now by default.
        rank: Global rank.
        host: Machine.
        user: Who ran it.
        environment: Kind of device.
        evidence_id: What makes it the same piece of evidence when it is recorded again; by default session,
            text and time.

    Returns:
        The issue as it is now.

    Raises:
        ValueError: a blank app or severity, or a rank or time that no 64 bits hold.
        PermissionDeniedError: ``issues:write`` is missing.
    """
    from stormlog.tracking.projects import ensure_project
    from stormlog.tracking.reading.lookup import tracked_issue
    from stormlog.tracking.recording.recorder import put_incoming, record

    app, severity = require_text(app, "app"), require_text(severity, "severity")
    if timestamp_ns is not None:
        require_integer(timestamp_ns, "time in nanoseconds")
    if rank is not None:
        require_integer(rank, "rank")
    now_ns = tracker.clock()
    time_ns = now_ns if timestamp_ns is None else timestamp_ns
    fingerprint_id = error_fingerprint_id(message, module, discriminator)
    session = session_id or f"error:{new_id()}"
    if evidence_id is None:
        said = canonical_json([session, module, message, discriminator, time_ns, rank])
        evidence_id = f"text-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:32]}"
    dimensions = {"message": normalize_message(message), "module": module or ""}
    if discriminator is not None:
        dimensions["discriminator"] = normalize_message(discriminator)
    title = message.encode("utf-8", "replace").decode()
    metadata = {"message": title, "module": module}
    row = (
        0,
        fingerprint_id,
        app,
        int(is_dev),
        "error",
        TEXT_RULE_VERSION,
        canonical_json(dimensions),
        severity,
        title or "(no text)",
        session,
        run_id,
        host,
        user,
        environment,
        code_version,
        rank,
        time_ns,
        evidence_id,
        "text",
        "error",
        None,
        None,
        canonical_json(metadata),
    )
    with tracker.writing() as connection:
        project = ensure_project(connection, tracker.project, now_ns)
        put_incoming(connection, [row])
        record(connection, project=project, actor=tracker.actor, now_ns=now_ns)
        issue_id = connection.execute("SELECT issue_id FROM temp.routed").fetchone()[0]
        return tracked_issue(connection, issue_id)
