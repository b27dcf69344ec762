"""Puts evidence into a tracker as a scan would, without any files."""

from __future__ import annotations

import hashlib

from stormlog.tracking import Tracker
from stormlog.tracking.actors import Actor
from stormlog.tracking.database.activity import canonical_json
from stormlog.tracking.projects import ensure_project
from stormlog.tracking.recording.recorder import Recorded, put_incoming, record

SCAN = Actor("scan", "test", "test")


def see(
    tracker: Tracker,
    fingerprint: str = "F1",
    session: str = "s1",
    at: int | None = 10,
    *,
    version: str | None = None,
    app: str = "a",
    is_dev: bool = False,
    rank: int | None = 0,
    user: str | None = None,
    run: str | None = None,
    kind: str = "alert",
    severity: str = "warning",
    title: str | None = None,
    evidence: str | None = None,
    host: str | None = "node-a",
) -> Recorded:
    """Record one piece of evidence; what is the same twice is the same evidence.

    Args:
        at: Seconds since the Unix epoch.
    """
    timestamp_ns = None if at is None else at * 10**9
    said = canonical_json([fingerprint, session, at, rank, version])
    row = (
        0,
        fingerprint_id(fingerprint),
        app,
        int(is_dev),
        kind,
        1,
        canonical_json({"name": fingerprint}),
        severity,
        title or f"Alert: {fingerprint}",
        session,
        run or session,
        host,
        user,
        "cuda",
        version,
        rank,
        timestamp_ns,
        evidence or f"telemetry-{hashlib.sha256(said.encode()).hexdigest()[:32]}",
        "sink",
        "warning",
        f"/runs/{session}",
        None,
        "{}",
    )
    with tracker.store.writing() as connection:
        now_ns = tracker.clock()
        project = ensure_project(connection, tracker.project, now_ns)
        put_incoming(connection, [row])
        return record(connection, project=project, actor=SCAN, now_ns=now_ns)


def fingerprint_id(name: str) -> str:
    """Return the id that `see` gives a fingerprint."""
    return f"issue:{hashlib.sha256(name.encode()).hexdigest()[:24]}"
