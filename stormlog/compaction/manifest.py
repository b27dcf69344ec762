"""Rewrites the manifest of a sink for its compacted copy.

Promise: only entries of segments that became Parquet change, and of those only the name, the size and what
is added: times and sessions. The ledger, counts and every key that Stormlog does not know stay.

Source: docs/compaction.md#manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stormlog.compaction.segments import WrittenSegment

__all__ = ["CompactedEntry", "write_manifest"]


@dataclass(frozen=True)
class CompactedEntry:
    """What the manifest says of a segment that became Parquet."""

    filename: str
    size_bytes: int
    written: WrittenSegment


def write_manifest(path: Path, payload: Mapping[str, Any], compacted: Mapping[str, CompactedEntry]) -> None:
    """Write a manifest as sinks do.

    Args:
        path: The file.
        payload: The manifest of the original.
        compacted: Name of a segment in the original -> what became of it.
    """
    segments = payload.get("segments")
    changed = dict(payload)
    if isinstance(segments, list):
        changed["segments"] = [_entry(item, compacted) for item in segments]
    path.write_text(json.dumps(changed, indent=2) + "\n", encoding="ascii")


def _entry(item: Any, compacted: Mapping[str, CompactedEntry]) -> Any:
    name = item.get("filename") if isinstance(item, dict) else None
    entry = compacted.get(name) if isinstance(name, str) else None
    if entry is None:
        return item
    sessions = entry.written.session_ids
    return {
        **item,
        "filename": entry.filename,
        "size_bytes": entry.size_bytes,
        "first_ns": entry.written.first_ns,
        "last_ns": entry.written.last_ns,
        "session_ids": None if sessions is None else list(sessions),
    }
