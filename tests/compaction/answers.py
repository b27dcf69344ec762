"""Everything that a store answers about a sink, in a form that two places of it can be compared in."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import stormlog.query

_RECORDS = """
SELECT * EXCLUDE (line_number) FROM projected_records ORDER BY timestamp_ns, session_id, segment_path, line_number
"""
#: What `answers` names.
ANSWERS = (
    "issues",
    "sessions",
    "events",
    "ooms",
    "records",
    "phases",
    "gaps",
    "attachments",
    "rejects",
    "warnings",
)
_LEGACY = re.compile(r"legacy-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def answers(path: Path, *, reads_once: bool = False) -> dict[str, Any]:
    """Return all answers with the path, names of segments and ids made of paths replaced.

    Args:
        path: The sink, or a folder of some.
        reads_once: Whether to ask for sessions first: then issues come of all records, not of an index.
    """
    with stormlog.query.open([path], threads=1 if reads_once else 2, cache=not reads_once) as store:
        if reads_once:
            store.list_sessions()
        found = {
            "issues": [issue.as_dict() for issue in store.list_issues()],
            "sessions": [row.as_dict() for row in store.list_sessions()],
            "events": [row.as_dict() for row in store.query_events()],
            "ooms": [row.as_dict() for row in store.list_oom_bundles()],
            "records": [list(row) for row in store.sql(_RECORDS).rows],
            "phases": [list(row) for row in store.sql("SELECT * FROM phase_spans ORDER BY ALL").rows],
            "gaps": [
                list(row)
                for row in store.sql("SELECT * EXCLUDE (line_number) FROM memory_gaps ORDER BY ALL").rows
            ],
            "attachments": [row.as_dict() for row in store.list_attachments()],
            "rejects": [
                (reject.path, reject.line_number, reject.reason, reject.message, reject.excerpt)
                for reject in store.rejects()
            ],
            "warnings": [(warning.path, warning.code) for warning in store.catalog.warnings],
        }
    text = (
        json.dumps(found, default=str)
        .replace(str(path), "<sink>")
        .replace(f"artifact:{path.name}", "artifact:<name>")
    )
    parsed: dict[str, Any] = json.loads(_LEGACY.sub("<legacy>", text.replace(".parquet", ".jsonl")))
    assert parsed.keys() == set(ANSWERS)
    return parsed


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compare answers one by one, so that a failure says which differs."""
    for name, answer in wanted.items():
        if name in ("sessions", "issues"):
            # Ids made of paths are sorted by, and differ from place to place.
            assert sorted(map(json.dumps, found[name])) == sorted(map(json.dumps, answer)), name
        else:
            assert found[name] == answer, name


def copy_of(sink: Path, target: Path) -> Path:
    """Copy a sink and return the copy."""
    shutil.copytree(sink, target)
    return target


def tree(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory and what it holds."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
