"""Small cases that lie beside each other below one folder and are read by one store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.apps.cli.samples import write_lines


def write_apart(folder: Path, *records: dict[str, Any]) -> None:
    """Write a case into a folder of its own; its sessions, jobs, apps and issues get the name of the folder as well."""
    folder.mkdir(exist_ok=True)
    write_lines(folder / "events.jsonl", *(_apart(folder.name, record) for record in records))


def _apart(name: str, record: dict[str, Any]) -> dict[str, Any]:
    metadata = dict(record["metadata"])
    for key in ("app", "oom_reason"):
        if metadata.get(key) is not None:
            metadata[key] = f"{metadata[key]} {name}"
    changed = {"metadata": metadata}
    for key in ("session_id", "job_id"):
        if record[key] is not None:
            changed[key] = f"{name} {record[key]}"
    if record["event_type"] == "warning":
        changed["context"] = f"{record['context']} {name}"
    return record | changed
