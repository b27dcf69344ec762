"""Which file names mean something to discovery.

The promise: all rules about names stand here and none opens a file.
"""

from __future__ import annotations

from stormlog.artifacts.models import SourceKind

__all__ = [
    "ENVELOPE_NAME",
    "ISSUES_NAME",
    "MANIFEST_NAME",
    "METADATA_NAME",
    "READ_IN_DIRECTORIES",
    "READ_WHEN_NAMED",
    "ROLLUPS_NAME",
    "SIDECAR_NAME",
    "UNFINISHED_BUNDLE_PREFIX",
    "WORKPLACE_PREFIX",
    "flat_kind",
    "is_candidate",
    "is_description",
    "is_known_name",
    "is_segment",
    "is_telemetry_name",
    "path_order",
    "segment_order",
    "without_workplaces",
]

MANIFEST_NAME = "manifest.json"
METADATA_NAME = "metadata.json"
SIDECAR_NAME = "stormlog_attachments.json"
ENVELOPE_NAME = "stormlog_run.json"
ISSUES_NAME = "issues.json"
ROLLUPS_NAME = "rollups.json"

#: Begins the names of directories beside a sink in which compaction works.
WORKPLACE_PREFIX = ".stormlog-compact-"
#: Begins the names of directories in which a bundle is written before it gets its name.
UNFINISHED_BUNDLE_PREFIX = ".stormlog-bundle-"

#: What discovery finds in a directory, and which files it reads when they are named, for people.
READ_IN_DIRECTORIES = (
    "sinks and bundles (manifest.json), *.jsonl, *.jsonl.gz, *.jsonl.zst, and *.json and *.csv with event, track or "
    "telemetry in their names"
)
READ_WHEN_NAMED = ".jsonl, .jsonl.gz, .jsonl.zst, .json or .csv"

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
    return is_description(name) or is_telemetry_name(name)


def is_description(name: str) -> bool:
    """Say whether a file of this name says something about telemetry wherever it lies."""
    return name in _ROLES


def is_telemetry_name(name: str) -> bool:
    """Say whether a file of this name counts as telemetry where it is met in a directory."""
    return is_candidate(name) or is_segment(name)


def without_workplaces(names: list[str]) -> list[str]:
    """Return the directories among siblings that are no half-made bundles and no left-over copies of a sink.

    An original that was moved aside (``.old``) stays while nothing stands in its place.
    """
    if not any(name.startswith((WORKPLACE_PREFIX, UNFINISHED_BUNDLE_PREFIX)) for name in names):
        return names
    return [name for name in names if not _is_workplace(name, names)]


def _is_workplace(name: str, siblings: list[str]) -> bool:
    if name.startswith(UNFINISHED_BUNDLE_PREFIX):
        return True
    if not name.startswith(WORKPLACE_PREFIX):
        return False
    kept, _, role = name.removeprefix(WORKPLACE_PREFIX).rpartition(".")
    return role in ("new", "trash") or (role == "old" and kept in siblings)


def path_order(path: str) -> str:
    """Return a sort key that compares paths component by component."""
    return path.replace("/", "\0")
