"""Small artifacts on disk and short views of a catalog."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stormlog.artifacts import ArtifactCatalog, CatalogSource


def write_json(path: Path, payload: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(payload), encoding="utf-8")
    return path


def session(session_id: str, status: str = "completed") -> dict[str, Any]:
    return {
        "session_id": session_id,
        "status": status,
        "started_at_ns": 1,
        "ended_at_ns": 2,
        "host": "h",
        "pid": 7,
        "source": "test",
    }


def make_sink(
    directory: Path,
    files: Sequence[str] = ("segment-000001.jsonl",),
    *,
    listed: Sequence[str] | None = None,
    sessions: Sequence[str] = (),
    event_count: int = 0,
) -> Path:
    """Create a sink with empty segment files; the manifest lists them, and says how many events each has."""
    names = files if listed is None else listed
    write_json(
        directory / "manifest.json",
        {
            "schema_version": 2,
            "format": "stormlog.append_only_telemetry_sink",
            "sessions": [session(session_id) for session_id in sessions],
            "segments": [{"filename": name, "event_count": event_count} for name in names],
        },
    )
    for name in files:
        (directory / name).touch()
    return directory


def make_oom_bundle(directory: Path, **manifest: Any) -> Path:
    """Create an OOM bundle with events that nobody should read."""
    defaults = {"bundle_name": directory.name, "reason": "r", "backend": "cuda", "event_count": 1}
    write_json(directory / "manifest.json", defaults | manifest)
    write_json(directory / "metadata.json", {"exception_type": "E", "exception_module": "m"})
    write_json(directory / "events.json", [])
    return directory


def source_names(catalog: ArtifactCatalog, root: Path) -> list[str]:
    return [os.path.relpath(source.path, root) for source in catalog.sources]


def event_names(source: CatalogSource) -> list[str]:
    return [path.name for path in source.event_paths]


def codes(catalog: ArtifactCatalog, root: Path) -> list[tuple[str, str]]:
    return [(os.path.relpath(warning.path, root), warning.code) for warning in catalog.warnings]
