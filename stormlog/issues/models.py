"""Issues and the fingerprints that make them the same issue tomorrow.

Promise: a fingerprint id depends on the kind and the dimensions alone; it is stable across runs,
machines and versions of Stormlog with the same schema version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class
from stormlog.issues.evidence import IssueEvidenceLink
from stormlog.issues.kinds import ISSUE_KINDS, IssueKind
from stormlog.issues.normalize import freeze_dimensions, json_safe_dimensions, normalize_dimensions
from stormlog.issues.state import IssueState, normalize_issue_state

if TYPE_CHECKING:
    from stormlog.issues.documents import FingerprintDocument, IssueDocument

ISSUE_FINGERPRINT_SCHEMA_VERSION: Final = 1

_ID_PREFIX: Final = "issue:"
_ID_DIGITS: Final = 24

#: Returns a value as compact ASCII JSON with sorted keys.
canonical_json: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@frozen_class
class IssueFingerprint:
    """What makes two hits the same issue: a kind and normalised, read-only dimensions.

    Args:
        kind: One of `ISSUE_KINDS`.
        dimensions: Normalised by `normalize_dimensions` on construction.
        schema_version: Version of the rules that chose the dimensions, at least 1.

    Raises:
        ValueError: unknown kind, version below 1, or a blank dimension key.

    Source: docs/concepts.md#fingerprints.
    """

    kind: IssueKind
    dimensions: Mapping[str, Any]
    schema_version: int = ISSUE_FINGERPRINT_SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.kind not in ISSUE_KINDS:
            raise ValueError(f"unsupported issue kind {self.kind!r}: choose from {', '.join(ISSUE_KINDS)}")
        if self.schema_version < 1:
            raise ValueError(f"schema_version must be >= 1, got {self.schema_version}")
        frozen = freeze_dimensions(normalize_dimensions(self.dimensions))
        object.__setattr__(self, "dimensions", frozen)

    @classmethod
    def of_known(
        cls, fingerprint_id: str, kind: IssueKind, dimensions: Mapping[str, Any]
    ) -> IssueFingerprint:
        """Return a fingerprint that was made before: its dimensions are normalised, its id is known.

        Args:
            fingerprint_id: The id that these dimensions have.
            kind: The kind.
            dimensions: Normalised dimensions.
        """
        known = cls.__new__(cls)
        known.__dict__.update(
            kind=kind,
            dimensions=freeze_dimensions(dimensions),
            schema_version=ISSUE_FINGERPRINT_SCHEMA_VERSION,
            fingerprint_id=fingerprint_id,
        )
        return known

    @cached_property
    def fingerprint_id(self) -> str:
        """``issue:`` and the first 24 hex digits of the SHA-256 of `canonical_text`."""
        import hashlib  # Late: an answer without issues hashes nothing.

        digest = hashlib.sha256(self.canonical_text().encode("utf-8")).hexdigest()
        return _ID_PREFIX + digest[:_ID_DIGITS]

    def canonical_text(self) -> str:
        """Return the text that is hashed: compact ASCII JSON with sorted keys."""
        return canonical_json(
            {
                "dimensions": json_safe_dimensions(self.dimensions),
                "kind": self.kind,
                "schema_version": self.schema_version,
            }
        )

    def as_dict(self) -> FingerprintDocument:
        """Return version, id, kind and dimensions, JSON-ready."""
        return {
            "schema_version": self.schema_version,
            "fingerprint_id": self.fingerprint_id,
            "kind": self.kind,
            "dimensions": json_safe_dimensions(self.dimensions),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only mappings cannot be copied or pickled; their contents can.
        return IssueFingerprint, (self.kind, json_safe_dimensions(self.dimensions), self.schema_version)


@frozen_class
class StormlogIssue:
    """All hits of one fingerprint.

    Args:
        fingerprint: What the hits have in common.
        title: One line for people.
        severity: Most severe word among the hits.
        hit_count: Number of hits, at least 1.
        first_seen_ns: Earliest known time in nanoseconds since the Unix epoch.
        last_seen_ns: Latest known time, likewise.
        affected_sessions: Kept sorted, without duplicates and empty ids.
        representative_evidence: The first hit.
        evidence: All hits. Lists become tuples; any other sequence is kept as it is and not read.
        state: Normalised on construction.
        details: Facts that depend on the kind.

    Raises:
        ValueError: hit count below 1, or unknown state.

    Source: docs/concepts.md#issues.
    """

    fingerprint: IssueFingerprint
    title: str
    severity: str
    hit_count: int
    first_seen_ns: int | None
    last_seen_ns: int | None
    affected_sessions: Sequence[str]
    representative_evidence: IssueEvidenceLink
    evidence: Sequence[IssueEvidenceLink]
    state: IssueState = "open"
    details: Mapping[str, Any] = field(default_factory=dict)
    first_seen = ReadableTime()
    last_seen = ReadableTime()

    @classmethod
    def of_row(
        cls, row: Sequence[Any], build: Callable[[Sequence[Any]], StormlogIssue], state: IssueState
    ) -> StormlogIssue:
        """Return an issue whose fields are worked out when someone looks at one; of a long list few ever are.

        Args:
            row: What is known of the issue.
            build: Makes the issue of the row.
            state: Its state, as `normalize_issue_state` returns it.
        """
        issue = cls.__new__(cls)
        # Not by way of __dict__: objects without one are half as large.
        object.__setattr__(issue, "_row", row)
        object.__setattr__(issue, "_build", build)
        # The class has a value for it, the default, which would be found before `build` is called.
        object.__setattr__(issue, "state", state)
        return issue

    if not TYPE_CHECKING:  # It would make every misspelt field a known one.

        def __getattr__(self, name: str) -> Any:
            # Python asks for what the object does not hold: a field of an issue of a row.
            values = self.__dict__
            row, build = values.get("_row"), values.get("_build")
            if build is not None:
                for field_name, value in build(row).__dict__.items():
                    # Of several threads that build it, the first one wins.
                    values.setdefault(field_name, value)
                values.pop("_build", None)
                values.pop("_row", None)
            if name in values:
                return values[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        # Copies in other processes have no store to ask.
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __post_init__(self) -> None:
        if self.hit_count < 1:
            raise ValueError(f"hit_count must be >= 1, got {self.hit_count}")
        sessions = tuple(sorted({session for session in self.affected_sessions if session}))
        object.__setattr__(self, "affected_sessions", sessions)
        if isinstance(self.evidence, (list, tuple)) or not isinstance(self.evidence, Sequence):
            object.__setattr__(self, "evidence", tuple(self.evidence))
        object.__setattr__(self, "state", normalize_issue_state(self.state))

    @property
    def fingerprint_id(self) -> str:
        """Id of the fingerprint."""
        return self.fingerprint.fingerprint_id

    @property
    def kind(self) -> IssueKind:
        """Kind of the fingerprint."""
        return self.fingerprint.kind

    def __repr__(self) -> str:
        from stormlog._short_repr import hits, repr_of_titled  # Late: commands print no objects.

        words = (self.fingerprint_id, self.state, self.severity, self.kind, hits(self.hit_count))
        return repr_of_titled(self, words, self.title)

    def _repr_html_(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands have no notebook.

        return shown_by("issue_html", self)

    def as_dict(self) -> IssueDocument:
        """Return the issue with all its evidence, JSON-ready as far as metadata and details are."""
        return {
            "fingerprint_id": self.fingerprint_id,
            "fingerprint": self.fingerprint.as_dict(),
            "kind": self.kind,
            "state": self.state,
            "severity": self.severity,
            "title": self.title,
            "hit_count": self.hit_count,
            "first_seen_ns": self.first_seen_ns,
            "last_seen_ns": self.last_seen_ns,
            "affected_sessions": list(self.affected_sessions),
            "representative_evidence": self.representative_evidence.as_dict(),
            "evidence": [link.as_dict() for link in self.evidence],
            "details": dict(self.details),
        }
