"""Mappings that are printed as JSON of issues.

They are apart so that no command makes these classes to answer: that takes longer than some answers. What
`stormlog.specification` makes of a class goes by the annotations that name them.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from stormlog.issues.evidence import IssueEvidenceLink
from stormlog.issues.models import IssueFingerprint

__all__ = ["FingerprintDocument", "IssueDocument", "IssueFactsDocument"]


class FingerprintDocument(TypedDict):
    """What `IssueFingerprint.as_dict` returns.

    Attributes:
        fingerprint_id: ``issue:`` and 24 digits of the hash of all others.
        kind: oom, collector_degradation, alert or hidden_memory_anomaly.
    """

    schema_version: int
    fingerprint_id: str
    kind: str
    dimensions: dict[str, Any]


class IssueFactsDocument(TypedDict):
    """An issue without the list of all its evidence, which only ever grows.

    Attributes:
        fingerprint_id: Id of the fingerprint.
        kind: oom, collector_degradation, alert or hidden_memory_anomaly.
        state: open, resolved, ignored or regressed.
        title: One line for people.
        severity: Most severe word among the hits.
        hit_count: Number of hits, at least 1.
        first_seen_ns: Earliest known time, since the Unix epoch.
        last_seen_ns: Latest known time, likewise.
        affected_sessions: Sessions with hits, sorted.
        representative_evidence: The first hit.
        details: Facts that depend on the kind.
    """

    fingerprint_id: str
    fingerprint: Annotated[FingerprintDocument, IssueFingerprint]
    kind: str
    state: str
    severity: str
    title: str
    hit_count: int
    first_seen_ns: int | None
    last_seen_ns: int | None
    affected_sessions: list[str]
    representative_evidence: Annotated[dict[str, Any], IssueEvidenceLink]
    details: dict[str, Any]


class IssueDocument(IssueFactsDocument):
    """What `StormlogIssue.as_dict` returns.

    Attributes:
        fingerprint_id: Id of the fingerprint.
        kind: oom, collector_degradation, alert or hidden_memory_anomaly.
        state: open, resolved, ignored or regressed.
        evidence: All hits.
    """

    evidence: list[Annotated[dict[str, Any], IssueEvidenceLink]]
