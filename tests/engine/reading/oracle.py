"""Says in plain Python what reading a file of lines must give, one line after the other."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stormlog.engine.reading.odd_lines import MAX_DEPTH, is_deeper_than
from stormlog.telemetry.conversion import telemetry_event_from_record
from stormlog.telemetry.events import telemetry_event_to_dict
from stormlog.telemetry.schema import LONGEST_LINE_BYTES
from stormlog.telemetry.session import stable_legacy_session_id
from stormlog.telemetry.validation import record_fits_engine

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
FIELDS = [
    "schema_version",
    "session_id",
    "timestamp_ns",
    "event_type",
    "collector",
    "sampling_interval_ms",
    "pid",
    "host",
    "job_id",
    "rank",
    "local_rank",
    "world_size",
    "device_id",
    "allocator_allocated_bytes",
    "allocator_reserved_bytes",
    "allocator_active_bytes",
    "allocator_inactive_bytes",
    "allocator_change_bytes",
    "device_used_bytes",
    "device_free_bytes",
    "device_total_bytes",
    "context",
    "metadata",
]


@dataclass
class Outcome:
    """Line number -> canonical text of the event; numbers of the lines that are skipped."""

    events: dict[int, str] = field(default_factory=dict)
    rejects: dict[int, str] = field(default_factory=dict)


def expected(path: Path) -> Outcome:
    """Return what Python makes of each physical line."""
    outcome = Outcome()
    default_id = stable_legacy_session_id(path.resolve(), "sink")
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for number, raw in enumerate(lines, start=1):
        result = judged(raw, number, default_id)
        if isinstance(result, dict):
            outcome.events[number] = canonical(result)
        elif result is not None:
            outcome.rejects[number] = result
    return outcome


def judged(raw: bytes, number: int, default_id: str) -> dict[str, Any] | str | None:
    """Return the event of a line, the reason why it has none, or None for a blank line."""
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "invalid_utf8"
    if len(raw) > LONGEST_LINE_BYTES:
        return "line_too_long"
    if number == 1:
        line = line.removeprefix("\ufeff")
    if not line.strip():
        return None
    try:
        record = json.loads(line)
    except RecursionError:
        return "nested_too_deeply"
    except ValueError:
        return "malformed_json"
    if not isinstance(record, dict):
        return "not_an_object"
    if is_deeper_than(record, MAX_DEPTH):
        return "nested_too_deeply"
    try:
        event = telemetry_event_to_dict(telemetry_event_from_record(record, default_session_id=default_id))
    except ValueError as error:
        return str(error.code)  # type: ignore[attr-defined]
    return record_fits_engine(event) or event


def canonical(event: dict[str, Any]) -> str:
    """Return an event as text; halves of characters, which no database holds, become U+FFFD."""
    return LONE_SURROGATE.sub("\ufffd", json.dumps(event, sort_keys=True, ensure_ascii=False))


def actual(store: Any) -> Outcome:
    """Return what a store on one file holds, by line."""
    (outcome,) = actual_by_file(store).values() or [Outcome()]
    return outcome


def actual_by_file(store: Any) -> dict[str, Outcome]:
    """Return what a store holds, by file and line."""
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    rows = store.sql(f"SELECT {', '.join(FIELDS)}, segment_path, line_number FROM events").rows
    for *values, path, number in rows:
        event = dict(zip(FIELDS, values, strict=True))
        event["metadata"] = json.loads(event["metadata"])
        assert number not in outcomes[path].events, f"line {number} is there twice"
        outcomes[path].events[number] = canonical(event)
    for reject in store.rejects():
        rejects = outcomes[reject.path].rejects
        assert reject.line_number not in rejects, f"line {reject.line_number} is rejected twice"
        rejects[reject.line_number] = reject.reason
    return outcomes


def same_reason(ours: str, reason: str) -> bool:
    """Say whether a reject names the reason; a line that was cut short may be called torn."""
    return ours == reason or (reason == "malformed_json" and ours == "torn_line")


def assert_as_expected(path: Path, store: Any) -> Outcome:
    """Compare a store on one file with what each line must give."""
    found = actual(store)
    assert_file_as_expected(path, found)
    return found


def assert_file_as_expected(path: Path, found: Outcome) -> None:
    """Compare what was read of a file with what each of its lines must give."""
    wanted = expected(path)
    lines = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for number in sorted({*wanted.events, *wanted.rejects, *found.events, *found.rejects}):
        shown = f"line {number}: {lines[number - 1][:3000]!r}" if number <= len(lines) else f"line {number}"
        assert found.events.get(number) == wanted.events.get(number), (
            shown,
            wanted.rejects.get(number),
            found.rejects.get(number),
        )
        ours, reason = found.rejects.get(number), wanted.rejects.get(number)
        assert (ours is None) == (reason is None), (shown, ours, reason)
        assert ours is None or reason is None or same_reason(ours, reason), (shown, ours, reason)
