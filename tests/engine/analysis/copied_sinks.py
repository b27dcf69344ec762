"""Sinks, the many ways in which a copy of one comes to lie beside it, and what stores answer about both."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pyarrow

import stormlog.query
from stormlog.compaction import compact_sink
from tests.query.sinks import SECOND, START_NS, busy_session, write_sink

Events = list[dict[str, Any]]


def events_of(session_id: str = "s", count: int = 70, start_ns: int = START_NS) -> Events:
    return busy_session(session_id, count, start_ns=start_ns)


def entry(session_id: str, start_ns: int = START_NS) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "status": "completed",
        "started_at_ns": start_ns,
        "ended_at_ns": start_ns + 100 * SECOND,
        "host": "h",
        "pid": 7,
        "source": "test",
    }


def make_sink(directory: Path, events: Events | None = None, **manifest: Any) -> Path:
    events = events_of() if events is None else events
    files = {"segment-000001.jsonl": events[:40], "segment-000002.jsonl": events[40:]}
    sessions = [entry(events[0]["session_id"], events[0]["timestamp_ns"])]
    return write_sink(directory, files, **{"sessions": sessions, **manifest})


def lines_of(sink: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(sink.glob("segment-*.jsonl")))


def answers(*paths: Path | str, **options: Any) -> dict[str, Any]:
    """Return all answers but the notes, without numbers of files and sources."""
    with stormlog.query.open(paths, **{"cache": False, **options}) as store:
        return answers_of(store)


def answers_of(store: stormlog.query.QueryStore) -> dict[str, Any]:
    return {
        "issues": [issue.as_dict() for issue in store.list_issues()],
        "gaps": store.sql("SELECT * EXCLUDE (source_id) FROM memory_gaps ORDER BY finding_number").rows,
        "rejects": [astuple(reject) for reject in store.rejects()],
        "sessions": [row.as_dict() for row in store.list_sessions()],
        "events": [row.as_dict() for row in store.query_events()],
        "rejects_of_events": [astuple(reject) for reject in store.rejects()],
    }


def notes_of(store: stormlog.query.QueryStore, folder: Path) -> list[tuple[str, str]]:
    root = f"{folder}{os.sep}"
    assert all(warning.is_note for warning in store.catalog.warnings)
    return [
        (warning.path.removeprefix(root), warning.code.replace(root, ""))
        for warning in store.catalog.warnings
    ]


def hits(*paths: Path, **options: Any) -> int:
    with stormlog.query.open(paths, **{"cache": False, **options}) as store:
        return hits_of(store)


def hits_of(store: stormlog.query.QueryStore) -> int:
    return sum(issue.hit_count for issue in store.list_issues())


def readings_of(store: stormlog.query.QueryStore) -> int:
    """Return how many events count: each of such a sink is a reading, and issues need no more to be read."""
    ((count,),) = store.sql("SELECT count(*) FROM memory_readings").rows
    return int(count)


def readings(*paths: Path, **options: Any) -> int:
    with stormlog.query.open(paths, **{"cache": False, **options}) as store:
        return readings_of(store)


def sessions(path: Path) -> list[dict[str, Any]]:
    with stormlog.query.open(path, cache=False) as store:
        return [row.as_dict() for row in store.list_sessions()]


# ---- layouts -----------------------------------------------------------------------------------------------


def compacted(sink: Path) -> None:
    compact_sink(sink, None)


def copied(sink: Path) -> None:
    shutil.copytree(sink, sink.parent / "zcopy" / sink.name)


def packed_segments(sink: Path) -> None:
    for path in sorted(sink.glob("segment-*.jsonl")):
        target = sink.parent / f"{path.name}.gz"
        target.write_bytes(gzip.compress(path.read_bytes()))


def one_file(sink: Path) -> None:
    (sink.parent / "whole.jsonl").write_bytes(lines_of(sink))


def one_packed_file(sink: Path) -> None:
    content = pyarrow.compress(lines_of(sink), "zstd", asbytes=True)
    (sink.parent / "whole.jsonl.zst").write_bytes(content)


def document(sink: Path) -> None:
    events = [json.loads(line) for line in lines_of(sink).splitlines()]
    (sink.parent / "tracking.json").write_text(json.dumps(events, indent=2))


def table(sink: Path) -> None:
    events = [json.loads(line) for line in lines_of(sink).splitlines()]
    with (sink.parent / "track.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(events[0]))
        writer.writeheader()
        for event in events:
            writer.writerow({**event, "metadata": json.dumps(event["metadata"])})


def beginning(sink: Path) -> None:
    (sink.parent / "early.jsonl").write_bytes(b"".join(lines_of(sink).splitlines(keepends=True)[:50]))


def hard_links(sink: Path) -> None:
    (sink.parent / "links").mkdir()
    for path in sink.glob("segment-*.jsonl"):
        os.link(path, sink.parent / "links" / path.name)


def other_spelling(sink: Path) -> None:
    lines = [json.loads(line) for line in lines_of(sink).splitlines()]
    text = "".join(json.dumps(dict(reversed(line.items())), separators=(",", ":")) + "\r\n" for line in lines)
    (sink.parent / "respelled.jsonl").write_text(text, newline="")


def bundle(sink: Path) -> None:
    """A diagnose bundle that holds the sink and an export of it."""
    folder = sink.parent / "stormlog-diagnose-1"
    shutil.copytree(sink, folder / "telemetry")
    shutil.copy(sink.parent / "tracking.json", folder) if (sink.parent / "tracking.json").exists() else None
    document(folder / "telemetry")
    manifest = {
        "command_line": "diagnose",
        "files": ["telemetry/manifest.json", "tracking.json"],
        "risk_detected": False,
        "session_id": None,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


LAYOUTS: dict[str, Callable[[Path], None]] = {
    layout.__name__: layout
    for layout in (
        *(
            compacted,
            copied,
            packed_segments,
            one_file,
            one_packed_file,
            document,
            table,
            beginning,
            hard_links,
        ),
        *(other_spelling, bundle),
    )
}
