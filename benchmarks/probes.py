"""What is measured, one probe a process: ``python -m benchmarks.probes NAME PATH`` prints JSON.

The reference runs the probe ``issues`` too, with its own interpreter and this file as a script, so
nothing but the standard library may be imported at the top.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

# The columns that issues are made of.
ISSUE_COLUMNS = {
    "allocator_allocated_bytes": "BIGINT",
    "allocator_reserved_bytes": "BIGINT",
    "collector": "VARCHAR",
    "context": "VARCHAR",
    "device_id": "BIGINT",
    "device_total_bytes": "BIGINT",
    "device_used_bytes": "BIGINT",
    "event_type": "VARCHAR",
    "metadata": "JSON",
    "rank": "BIGINT",
    "session_id": "VARCHAR",
    "timestamp_ns": "BIGINT",
}


def scan(path: str) -> dict[str, Any]:
    """Read the issue columns of all segments and count their values: no answer can be faster."""
    import duckdb

    files = sorted(str(file) for file in Path(path).glob("segment-*.jsonl"))
    declared = ", ".join(f"{name}: '{kind}'" for name, kind in ISSUE_COLUMNS.items())
    counts = ", ".join(f"count({name})" for name in ISSUE_COLUMNS)
    statement = f"""
        SELECT {counts} FROM read_json(
            $files, format = 'newline_delimited', records = true, ignore_errors = true,
            columns = {{{declared}}}
        )"""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        started = time.perf_counter()
        counted = connection.execute(statement, {"files": files}).fetchall()[0]
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "events": max(counted)}


def issues(path: str) -> dict[str, Any]:
    """Open a sink and list its issues; imports are not counted."""
    import stormlog.query

    started = time.perf_counter()
    store = stormlog.query.open([path])
    found = store.list_issues()
    seconds = time.perf_counter() - started
    answer = sorted((issue.fingerprint_id, issue.hit_count) for issue in found)
    return {"seconds": seconds, "issues": len(answer), "answer": answer}


PROBES = {"scan": scan, "issues": issues}


def main() -> None:
    """Run one probe and print what it found."""
    name, path = sys.argv[1:]
    print(json.dumps(PROBES[name](path)))


if __name__ == "__main__":
    main()
