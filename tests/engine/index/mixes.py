"""Generated artifacts that hold some of everything, small enough to be read many times."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.generate import MIXES, session_records
from tests.engine.reading.mutations import mutated
from tests.query.sinks import START_NS, busy_session, write_sink
from tests.telemetry.factories import record

__all__ = ["append", "lines_of_everything", "mixed_lines", "write_everything"]

Events = list[dict[str, Any]]


def line_of(event: dict[str, Any], **options: Any) -> bytes:
    return json.dumps(event, sort_keys=True, **options).encode() + b"\n"


def append(path: Path, data: bytes | Events) -> None:
    """Add bytes or events at the end of a file."""
    with path.open("ab") as stream:
        stream.write(data if isinstance(data, bytes) else b"".join(map(line_of, data)))


def hidden_session(session_id: str, count: int, largest: int, *, first_ns: int = START_NS) -> Events:
    """Return a session whose gap grows up to ``largest`` bytes."""
    return [
        record(
            session_id=session_id,
            timestamp_ns=first_ns + number * 10**9,
            allocator_reserved_bytes=0,
            allocator_allocated_bytes=0,
            device_used_bytes=largest * (number + 1) // count,
            device_total_bytes=largest + 1,
            rank=number % 2,
            world_size=2,
        )
        for number in range(count)
    ]


def odd_phases(session_id: str, rng: random.Random) -> Events:
    """Return boundaries of phases, some of which are missing, doubled or out of order."""
    events = []
    for number in range(60):
        depth = rng.randrange(1, 4)
        path = [f"p{level}" for level in range(depth)]
        action = rng.choice(("enter", "exit"))
        scope = {
            "action": action,
            "attributes": {},
            "depth": depth,
            "name": path[-1],
            "parent_scope_id": None if depth == 1 else f"{session_id}:{depth - 1}",
            "path": path,
            "scope_id": f"{session_id}:{rng.randrange(12)}",
            "sequence": number,
            "thread_id": rng.choice((1, 2)),
            "thread_name": "MainThread",
        }
        if rng.random() < 0.1:
            del scope[rng.choice(sorted(scope))]
        events.append(
            record(
                session_id=session_id,
                timestamp_ns=START_NS + rng.randrange(40) * 10**9,
                event_type=f"phase_{action}",
                context=f"Phase {action}",
                metadata={"backend": "cuda", "phase_scope": scope},
            )
        )
    return events


def absurd_events(session_id: str) -> Events:
    """Return a session that lasts from 1970 until today, with a gap that fits no sum."""
    events = busy_session(session_id, 40)
    events[3]["timestamp_ns"] = 0
    events[7].update(device_used_bytes=2**62, device_total_bytes=2**62 + 5)
    events[9].update(allocator_reserved_bytes=1, allocator_allocated_bytes=2**61)
    return events


def mixed_lines(seed: int, count: int = 120) -> list[bytes]:
    """Return lines of all versions, many of them damaged; sessions are those of the seed."""
    rng = random.Random(seed)
    lines = [mutated(rng) + rng.choice((b"\n", b"\n", b"\n", b"\r\n")) for _ in range(count)]
    for name in (b"l", b" u"):
        lines = [line.replace(b'"%b"' % name, b'"%b%d"' % (name, seed)) for line in lines]
    return lines


def lines_of_everything(seed: int) -> list[bytes]:
    """Return lines of several sessions in the order of a careless writer."""
    rng = random.Random(seed)
    sessions = [list(session_records(number, 70, mix)) for number, mix in enumerate(MIXES)]
    sessions.append(hidden_session("hidden", 40, 2**40))
    # As long as today is from 1970, in nanoseconds: squares of it do not fit a column.
    sessions.append(hidden_session("wide", 12, 2**62))
    sessions.append(absurd_events("absurd"))
    sessions.append(odd_phases("phases", rng) + busy_session("phases", 40, rank=0))
    events = [(number, event) for session in sessions for number, event in enumerate(session)]
    events.sort(key=lambda pair: (pair[0] // 10, rng.random()))
    lines = [line_of(event, ensure_ascii=rng.random() < 0.5) for _, event in events]
    for line in mixed_lines(seed, 40):
        lines.insert(rng.randrange(len(lines)), line.replace(b"\r", b""))
    return lines


def write_everything(folder: Path, seed: int = 1) -> Path:
    """Write a sink, flat files and documents that hold some of everything; sessions are spread over files."""
    lines = lines_of_everything(seed)
    names = [f"segment-{number:06d}.jsonl" for number in range(1, 4)]
    size = len(lines) // len(names) + 1
    sink = write_sink(folder / "sink", {name: [] for name in names})
    for number, name in enumerate(names):
        (sink / name).write_bytes(b"".join(lines[number * size : (number + 1) * size]))
    # The same sessions in a second source, the last line without an end. The first events of a session are in the sink
    # only: sessions that begin alike are read twice to be compared, which tests/engine/analysis/test_copies.py does.
    (folder / "more.jsonl").write_bytes(b"".join(_later_lines(lines)[::3])[:-1])
    (folder / "lines.jsonl").write_bytes(b"".join(mixed_lines(seed + 1)))
    (folder / "x-telemetry.json").write_text(json.dumps(busy_session("document", 30)))
    return folder


def _later_lines(lines: list[bytes]) -> list[bytes]:
    """Return the lines without the first few of each session."""
    counts: Counter[bytes] = Counter()
    later = []
    for line in lines:
        name = re.search(rb'"session_id": ("[^"]*")', line)
        if name is not None:
            counts[name[1]] += 1
            if counts[name[1]] > 5:
                later.append(line)
    return later
