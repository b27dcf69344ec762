"""Which file names mean something to discovery.

The promise: all rules about names stand here and none opens a file.
"""

from __future__ import annotations

from stormlog.query.catalog.models import SourceKind

__all__ = [
    "ENVELOPE_NAME",
    "MANIFEST_NAME",
    "METADATA_NAME",
    "SIDECAR_NAME",
    "flat_kind",
    "is_candidate",
    "is_known_name",
    "is_segment",
    "path_order",
    "segment_order",
]

MANIFEST_NAME = "manifest.json"
METADATA_NAME = "metadata.json"
SIDECAR_NAME = "stormlog_attachments.json"
ENVELOPE_NAME = "stormlog_run.json"

_ROLES = frozenset({MANIFEST_NAME, SIDECAR_NAME, ENVELOPE_NAME})
_LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
_DOCUMENTS = (".json", ".csv")
_CANDIDATES = _LINES + _DOCUMENTS
_CANDIDATE_WORDS = ("event", "track", "telemetry")
_SEGMENT_SUFFIXES = (".jsonl", ".parquet")
_KINDS: tuple[tuple[str, SourceKind], ...] = (
    *((suffix, "telemetry_jsonl") for suffix in _LINES),
    (".json", "telemetry_json"),
    (".csv", "telemetry_csv"),
)


def is_segment(name: str) -> bool:
    """Say whether an unlisted file of a sink is one of its segments."""
    return name.startswith("segment-") and name.endswith(_SEGMENT_SUFFIXES)


def segment_order(name: str) -> str:
    """Return the sort key of a segment: its name, whichever encoding it has."""
    return name[: -len(".parquet")] + ".jsonl" if name.endswith(".parquet") else name


def flat_kind(name: str) -> SourceKind | None:
    """Return what a file of this name holds, by its suffix in any case; ``None`` if not telemetry."""
    lowered = name.lower()
    for suffix, kind in _KINDS:
        if lowered.endswith(suffix) and lowered != suffix:
            return kind
    return None


def is_candidate(name: str) -> bool:
    """Say whether a file met in a directory counts as flat telemetry.

    Line files always do; documents only if their name says so. The suffix is case-sensitive here.
    """
    if not name.endswith(_CANDIDATES) or name in _CANDIDATES or name in _ROLES:
        return False
    if name.endswith(_LINES):
        return True
    lowered = name.lower()
    return any(word in lowered for word in _CANDIDATE_WORDS)


def is_known_name(name: str) -> bool:
    """Say whether skipping a file of this name could lose telemetry or its description."""
    return name in _ROLES or is_candidate(name) or is_segment(name)


def path_order(path: str) -> str:
    """Return a sort key that compares paths component by component."""
    return path.replace("/", "\0")
