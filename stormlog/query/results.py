"""Builds Python objects from the rows of statements; the only module that knows their column order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stormlog.artifacts import OOMBundleRow
    from stormlog.issues import IssueEvidenceLink, StormlogIssue
    from stormlog.query.rows import EventRow, SessionRow
    from stormlog.telemetry import AnyTelemetryEvent

__all__ = ["event_row", "evidence_link", "issue", "oom_bundle_row", "session_row"]

_EVENT_FIELDS = (
    "schema_version",
    "session_id",
    "timestamp_ns",
    "event_type",
    "collector",
    "sampling_interval_ms",
    "pid",
    "host",
    "job_id",
    "rank",
    "local_rank",
    "world_size",
    "device_id",
    "allocator_allocated_bytes",
    "allocator_reserved_bytes",
    "allocator_active_bytes",
    "allocator_inactive_bytes",
    "allocator_change_bytes",
    "device_used_bytes",
    "device_free_bytes",
    "device_total_bytes",
    "context",
    "metadata",
)
_EVIDENCE_FIELDS = (
    "session_id",
    "timestamp_ns",
    "rank",
    "source_path",
    "source_kind",
    "event_type",
    "bundle_path",
    "metadata",
)


def session_row(row: Sequence[Any]) -> SessionRow:
    """Build a session from a row of ``list_sessions``."""
    from stormlog.query.rows import SessionRow

    return SessionRow(*row)


def oom_bundle_row(row: Sequence[Any]) -> OOMBundleRow:
    """Build a bundle from a row of ``list_oom_bundles``."""
    from stormlog.artifacts import OOMBundleRow

    return OOMBundleRow(*row)


def event_row(row: Sequence[Any]) -> EventRow:
    """Build an event from a row of ``query_events``."""
    from stormlog.query.rows import EventRow
    from stormlog.telemetry import TelemetryEventV3, TelemetryEventV4

    values = dict(zip(_EVENT_FIELDS, row, strict=False))
    values["metadata"] = json.loads(values["metadata"])
    # What was read was checked then: not again for every row that is shown.
    kind: type[AnyTelemetryEvent] = TelemetryEventV4 if values["schema_version"] == 4 else TelemetryEventV3
    event = kind.__new__(kind)
    event.__dict__.update(values)
    return EventRow(event, *row[len(_EVENT_FIELDS) :])


def evidence_link(row: Sequence[Any]) -> IssueEvidenceLink:
    """Build a piece of evidence from session_id, timestamp_ns, ..., metadata."""
    from stormlog.issues import IssueEvidenceLink

    # What was read was checked then.
    link = IssueEvidenceLink.__new__(IssueEvidenceLink)
    values = dict(zip(_EVIDENCE_FIELDS, row, strict=True))
    values["metadata"] = json.loads(values["metadata"])
    link.__dict__.update(values)
    return link


def issue(load_evidence: Callable[[str], Sequence[IssueEvidenceLink]], row: Sequence[Any]) -> StormlogIssue:
    """Build an issue from a row of ``list_issues``.

    Args:
        load_evidence: Reads all evidence of a fingerprint id; called when someone looks at it.
        row: The row.
    """
    from stormlog.issues import IssueFingerprint, LazyEvidence, StormlogIssue

    (
        fingerprint_id,
        kind,
        state,
        severity,
        title,
        dimensions,
        hit_count,
        first_seen_ns,
        last_seen_ns,
        affected_sessions,
        details,
        bundle_details,
        *representative,
    ) = row
    return StormlogIssue(
        fingerprint=IssueFingerprint.of_known(fingerprint_id, kind, json.loads(dimensions)),
        title=title,
        severity=severity,
        hit_count=hit_count,
        first_seen_ns=first_seen_ns,
        last_seen_ns=last_seen_ns,
        affected_sessions=affected_sessions or (),
        representative_evidence=evidence_link(representative),
        evidence=LazyEvidence(hit_count, partial(load_evidence, fingerprint_id)),
        state=state,
        details={**json.loads(bundle_details or "{}"), **json.loads(details)},
    )
