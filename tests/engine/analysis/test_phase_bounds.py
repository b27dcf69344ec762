"""Phases: every rule of a boundary, every tie between boundaries and both ends of a span, in SQL as in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import stormlog.query
from stormlog.phases import PhaseReplayIndex
from tests.query.sinks import START_NS, write_lines
from tests.telemetry.factories import record


def boundary(at: int, kind: str, scope: str = "a", sequence: int = 0, /, **changes: Any) -> dict[str, Any]:
    """Return the event of a boundary; changes are those of its scope, a field set to ... is left out."""
    said = {
        "action": kind,
        "name": scope,
        "path": [scope],
        "scope_id": scope,
        "parent_scope_id": None,
        "thread_id": 1,
        "thread_name": "main",
        "sequence": sequence,
        **changes,
    }
    said = {field: value for field, value in said.items() if value is not ...}
    return record(timestamp_ns=START_NS + at, event_type=f"phase_{kind}", metadata={"phase_scope": said})


def both(**changes: Any) -> list[dict[str, Any]]:
    return [boundary(0, "enter", **changes), boundary(10, "exit", sequence=1, **changes)]


def other(**changes: Any) -> list[dict[str, Any]]:
    return [boundary(0, "enter"), boundary(10, "exit", sequence=1, **changes)]


#: Name, events, and the spans that they make: scope, thread name, start, end, whether it was never closed.
Span = tuple[str, str, int, int, bool]
WHOLE: list[Span] = [("a", "main", 0, 10, False)]
CASES: list[tuple[str, list[dict[str, Any]], list[Span]]] = [
    ("plain", both(), WHOLE),
    ("no parent field", both(parent_scope_id=...), WHOLE),
    ("parent of text", both(parent_scope_id="p"), WHOLE),
    ("parent of no text", both(parent_scope_id=""), WHOLE),
    *((f"parent {value!r}", both(parent_scope_id=value), []) for value in (5, True, False, [], {}, 1.5)),
    *((f"name {value!r}", both(name=value), []) for value in (..., None, "", " ", "\x1c", 5)),
    ("name with blanks", both(name=" a "), WHOLE),
    *((f"path {value!r}", both(path=value), []) for value in (..., None, [], [""], [5], "a", {}, [None, ""])),
    *((f"path {value!r}", both(path=value), WHOLE) for value in (["a", ""], [5, "a"], [" "], ['a"b', "c"])),
    *((f"scope {value!r}", both(scope_id=value), []) for value in (..., None, 5, [])),
    ("scope of no text", both(scope_id=""), [("", "main", 0, 10, False)]),
    *((f"thread {value!r}", both(thread_id=value), []) for value in (..., None, "1", 1.0, [])),
    *((f"thread {value!r}", both(thread_id=value), WHOLE) for value in (True, False, -1, 2**40)),
    *((f"thread name {value!r}", both(thread_name=value), []) for value in (..., None, 5)),
    ("thread of no name", both(thread_name=""), [("a", "", 0, 10, False)]),
    *((f"sequence {value!r}", [boundary(0, "enter", sequence=value)], []) for value in (..., None, "1", 1.0)),
    ("sequence true", [boundary(0, "enter", sequence=True)], [("a", "main", 0, 0, True)]),
    *(
        (f"action {value!r}", [boundary(0, "enter", action=value)], [])
        for value in (..., None, "exit", "Enter", 5)
    ),
    # What closes a span.
    ("renamed thread", other(thread_name="worker"), [("a", "worker", 0, 10, False)]),
    ("exit of another scope", other(scope_id="b"), [("a", "main", 0, 10, True)]),
    ("exit on another thread", other(thread_id=2), [("a", "main", 0, 10, True)]),
    ("exit of another path", other(path=["z"], name="z"), WHOLE),
    ("exit alone", [boundary(5, "exit")], []),
    ("never closed", [boundary(0, "enter"), record(timestamp_ns=START_NS + 7)], [("a", "main", 0, 7, True)]),
    (
        "closed from the inside out",
        [
            boundary(0, "enter", "a", 0),
            boundary(1, "enter", "b", 1),
            boundary(2, "exit", "b", 2),
            boundary(3, "exit", "a", 3),
        ],
        [("a", "main", 0, 3, False), ("b", "main", 1, 2, False)],
    ),
    (
        "closed from the outside in",
        [
            boundary(0, "enter", "a", 0),
            boundary(1, "enter", "b", 1),
            boundary(2, "exit", "a", 2),
            boundary(3, "exit", "b", 3),
        ],
        [("a", "main", 0, 3, True), ("b", "main", 1, 3, False)],
    ),
    # Ties: time, then sequence, then scope, then the place in the file.
    (
        "one time, the sequence decides",
        [boundary(5, "exit", "a", 2), boundary(5, "enter", "a", 1)],
        [("a", "main", 5, 5, False)],
    ),
    (
        "one time, the sequence decides otherwise",
        [boundary(5, "enter", "a", 2), boundary(5, "exit", "a", 1)],
        [("a", "main", 5, 5, True)],
    ),
    (
        "one time and sequence, the scope decides",
        [boundary(5, "enter", "b"), boundary(5, "enter", "a"), boundary(6, "exit", "b", 1)],
        [("a", "main", 5, 6, True), ("b", "main", 5, 6, False)],
    ),
    # In the order of the lines both would be closed.
    (
        "one time and sequence, the scope decides against the lines",
        [
            boundary(5, "enter", "b"),
            boundary(5, "enter", "a"),
            boundary(6, "exit", "a", 1),
            boundary(7, "exit", "b", 2),
        ],
        [("a", "main", 5, 7, True), ("b", "main", 5, 7, False)],
    ),
    (
        "one time, the sequence decides against scopes and lines",
        [
            boundary(5, "enter", "a", 1),
            boundary(5, "enter", "b", 0),
            boundary(6, "exit", "b", 2),
            boundary(7, "exit", "a", 3),
        ],
        [("a", "main", 5, 7, False), ("b", "main", 5, 7, True)],
    ),
    (
        "one time, sequence and scope, the line decides",
        [boundary(5, "enter", "a"), boundary(5, "exit", "a")],
        [("a", "main", 5, 5, False)],
    ),
    (
        "one time, sequence and scope, the line decides otherwise",
        [boundary(5, "exit", "a"), boundary(5, "enter", "a")],
        [("a", "main", 5, 5, True)],
    ),
]


def named(name: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "session_id": name} for event in events]


def test_spans_in_python() -> None:
    for name, events, wanted in CASES:
        spans = PhaseReplayIndex.from_events(named(name, events)).spans_for(session_id=name)
        assert (
            sorted(
                (s.scope_id, s.thread_name, s.start_ns - START_NS, s.end_ns - START_NS, s.synthetic_end)
                for s in spans
            )
            == wanted
        ), name


def test_spans_in_sql(tmp_path: Path) -> None:
    found: dict[str, list[Span]] = {name: [] for name, _, _ in CASES}
    for number, (name, events, _) in enumerate(CASES):
        write_lines(tmp_path / f"{number}.jsonl", named(name, events))

    with stormlog.query.open([tmp_path], cache=False) as store:
        rows = store.sql(
            "SELECT session_id, scope_id, thread_name, start_ns, end_ns, is_synthetic_end FROM phase_spans "
            "ORDER BY scope_id"
        ).rows

    for session, scope, thread, start, end, is_open in rows:
        found[session].append((scope, thread, start - START_NS, end - START_NS, is_open))
    assert found == {name: wanted for name, _, wanted in CASES}


#: When a finding happens, and its phase: the span lasts from 100 to 200.
MOMENTS = {99: None, 100: "train", 101: "train", 199: "train", 200: "train", 201: None}


def drift_until(at: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        record(
            timestamp_ns=START_NS + at - 4 + number,
            device_used_bytes=1000 * (number + 1),
            device_total_bytes=20_000,
            allocator_reserved_bytes=0,
            allocator_allocated_bytes=0,
            **changes,
        )
        for number in range(5)
    ]


def test_both_ends_belong_to_a_phase(tmp_path: Path) -> None:
    for at in MOMENTS:
        events = [
            boundary(100, "enter", "train"),
            boundary(200, "exit", "train", 1),
            *drift_until(at),
        ]
        write_lines(tmp_path / f"{at}.jsonl", named(str(at), events))
        index = PhaseReplayIndex.from_events(named(str(at), events))
        active = index.active_spans(timestamp_ns=START_NS + at, session_id=str(at))
        assert [span.scope_id for span in active] == [MOMENTS[at]] * (MOMENTS[at] is not None)

    with stormlog.query.open([tmp_path], cache=False) as store:
        phases = dict(store.sql("SELECT session_id, phase FROM memory_gaps").rows)

    assert phases == {str(at): phase for at, phase in MOMENTS.items()}


#: What a sample says of its origin, and the phase of a finding that it shows: a runs on thread 1, b on thread 2.
ORIGINS: list[tuple[dict[str, Any], str]] = [
    ({}, "(likely) b"),
    ({"origin_thread_id": 1}, "a"),
    ({"origin_thread_id": 2}, "b"),
    ({"origin_thread_id": 3}, "(likely) b"),
    ({"origin_thread_id": "1"}, "(likely) b"),
    ({"origin_phase_scope_id": "a"}, "a"),
    ({"origin_phase_scope_id": "c"}, "(likely) b"),
    ({"origin_phase_scope_id": ""}, "(likely) b"),
    ({"origin_phase_scope_id": "a", "origin_thread_id": 2}, "a"),
    ({"origin_phase_scope_id": "c", "origin_thread_id": 1}, "a"),
]


def test_an_origin_names_the_phase(tmp_path: Path) -> None:
    for number, (metadata, _) in enumerate(ORIGINS):
        events = [
            boundary(0, "enter", "a", 0, thread_id=1),
            boundary(1, "enter", "b", 1, thread_id=2),
            *drift_until(10, metadata=metadata),
        ]
        write_lines(tmp_path / f"{number}.jsonl", named(str(number), events))

    with stormlog.query.open([tmp_path], cache=False) as store:
        phases = dict(store.sql("SELECT session_id, phase FROM memory_gaps").rows)

    assert phases == {str(number): phase for number, (_, phase) in enumerate(ORIGINS)}


def test_spans_that_tie_completely_are_in_the_order_in_which_their_threads_began() -> None:
    events = [
        boundary(0, "enter", "a", 0, thread_id=1),
        boundary(1, "exit", "a", 1, thread_id=1),
        boundary(5, "enter", "b", 2, thread_id=2),
        # All phases of the first thread had ended: it begins anew.
        boundary(5, "enter", "c", 3, thread_id=1),
        record(timestamp_ns=START_NS + 9),
    ]
    spans = PhaseReplayIndex.from_events(named("s", events)).spans_for(session_id="s")
    assert [span.scope_id for span in spans] == ["a", "b", "c"]
