"""Sinks of many small segments, of which a question about a session or some time needs few."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.engine.reading.test_parquet_columns import good_row, segment
from tests.query.sinks import SECOND, START_NS, busy_session, write_lines, write_sink

__all__ = ["Rows", "as_events", "lines", "mixed_sink", "rejected", "rows_of", "sink_of", "span"]

Rows = list[dict[str, Any]]


def rows_of(session_id: str | None, start: int, count: int = 4, **overrides: Any) -> Rows:
    return [
        good_row(**{"session_id": session_id, "timestamp_ns": START_NS + number * SECOND, **overrides})
        for number in range(start, start + count)
    ]


def rejected(rows: Rows) -> Rows:
    return [{**row, "device_used_bytes": 5, "device_total_bytes": 4} for row in rows]


def entry(session_id: str, status: str = "interrupted") -> dict[str, Any]:
    return {
        "session_id": session_id,
        "status": status,
        "started_at_ns": START_NS,
        "ended_at_ns": None,
        "host": "h",
        "pid": 1,
        "source": "test",
    }


def sink_of(
    directory: Path, files: list[Rows | pa.Table], sessions: tuple[str, ...] = (), **options: Any
) -> Path:
    """Write a sink; rows become Parquet segments, as they are, events with a ``_lines`` key lines."""
    names = []
    directory.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files, 1):
        if isinstance(file, list) and file and "_lines" in file[0]:
            names.append(f"segment-{number:06d}.jsonl")
            write_lines(directory / names[-1], as_events(file))
        else:
            names.append(f"segment-{number:06d}.parquet")
            table = segment(file) if isinstance(file, list) else file
            pq.write_table(table, directory / names[-1], compression="zstd", **options)
    listed = [{"filename": name, "closed": True, "session_id": "default"} for name in names]
    return write_sink(directory, {}, segments=listed, sessions=[entry(name) for name in sessions])


def as_events(rows: Rows) -> Rows:
    return [
        {
            **{name: value for name, value in row.items() if name not in ("record", "_lines")},
            "metadata": json.loads(row["metadata"]),
        }
        for row in rows
    ]


def lines(rows: Rows) -> Rows:
    return [{**row, "_lines": True} for row in rows]


def mixed_sink(directory: Path) -> Path:
    files: list[Rows | pa.Table] = [
        [*rows_of(f"s{number}", number * 10), *rejected(rows_of(f"s{number}", number * 10 + 5, 1))]
        for number in range(10)
    ]
    events = [
        {**row, "metadata": json.dumps(row["metadata"]), "record": None} for row in busy_session("busy", 60)
    ]
    return sink_of(directory, [*files, events])


def span(first: int, last: int) -> dict[str, int]:
    return {"time_start_ns": START_NS + first * SECOND, "time_end_ns": START_NS + last * SECOND}
