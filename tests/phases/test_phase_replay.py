"""Replay rebuilds spans from whatever was recorded, in whatever order it is read."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.phases import (
    PhaseReplayIndex,
    PhaseSpan,
    RankedBoundary,
    is_phase_boundary_event,
    parse_phase_boundary,
    phase_attribution_to_payload,
    replay_boundaries,
    resolve_phase_for_event,
)
from tests.vectors.harness import Case, load_cases


def as_object(event: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**event)


def span_dict(span: PhaseSpan) -> dict[str, Any]:
    return {**asdict(span), "path": list(span.path), "depth": span.depth}


@pytest.mark.parametrize("wrap", [dict, as_object], ids=["mappings", "objects"])
@pytest.mark.parametrize("case", load_cases("phase_replay"), ids=str)
def test_replay_cases(case: Case, wrap: Any) -> None:
    events = [wrap(event) for event in case.input["events"]]
    index = PhaseReplayIndex.from_events(events)
    spans = [
        [span_dict(span) for span in index.spans_for(**arguments)] for arguments in case.input["spans_for"]
    ]
    assert spans == case.expected["spans_for"]

    answers: list[Any] = []
    for query in case.input["queries"]:
        arguments = {key: value for key, value in query.items() if key != "call"}
        if query["call"] == "active":
            answers.append([span_dict(span) for span in index.active_spans(**arguments)])
        elif query["call"] == "resolve":
            answers.append(phase_attribution_to_payload(index.resolve(**arguments)))
        else:
            event = wrap(arguments["event"])
            attribution = index.resolve_for_event(event)
            assert attribution == resolve_phase_for_event(index, event)
            answers.append(phase_attribution_to_payload(attribution))
    assert answers == case.expected["queries"]

    if "is_boundary" in case.expected:
        assert is_phase_boundary_event(events[0]) is case.expected["is_boundary"]
        parsed = parse_phase_boundary(events[0])
        shown = None if parsed is None else {**asdict(parsed), "path": list(parsed.path)}
        assert shown == case.expected["parsed_first_event"]


def boundary_event(
    action: str,
    scope: str,
    path: tuple[str, ...],
    at: int,
    *,
    sequence: int,
    thread: int = 1,
    rank: int = 0,
) -> dict[str, Any]:
    return {
        "event_type": f"phase_{action}",
        "session_id": "s",
        "rank": rank,
        "timestamp_ns": at,
        "metadata": {
            "phase_scope": {
                "action": action,
                "name": path[-1],
                "path": list(path),
                "depth": len(path),
                "scope_id": scope,
                "parent_scope_id": None,
                "thread_id": thread,
                "thread_name": f"T{thread}",
                "sequence": sequence,
            }
        },
    }


Tree = list[Any]  # each item is the list of children of one phase
trees = st.recursive(st.just([]), lambda children: st.lists(children, max_size=4), max_leaves=12)


class Recording:
    """Walks trees as a job would, and notes both the events and the spans they should become."""

    def __init__(self, ticks: list[int]) -> None:
        self.events: list[dict[str, Any]] = []
        self.spans: set[tuple[int, int, tuple[str, ...], int, int]] = set()
        self._now = 0
        self._sequence = 0
        self._ticks = ticks

    def _advance(self) -> int:
        self._sequence += 1
        self._now += self._ticks[self._sequence % len(self._ticks)]
        return self._now

    def walk(self, tree: Tree, *, thread: int, rank: int, path: tuple[str, ...] = ()) -> None:
        for number, children in enumerate(tree):
            own = (*path, f"p{number}")
            start = self._advance()
            scope = f"s:{self._sequence}"
            where: dict[str, Any] = {"thread": thread, "rank": rank}
            self.events.append(boundary_event("enter", scope, own, start, sequence=self._sequence, **where))
            self.walk(children, path=own, **where)
            end = self._advance()
            self.events.append(boundary_event("exit", scope, own, end, sequence=self._sequence, **where))
            self.spans.add((thread, rank, own, start, end))


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    recording = Recording(draw(st.lists(st.integers(0, 3), min_size=1, max_size=5)))
    for _ in range(draw(st.integers(1, 3))):
        recording.walk(draw(trees), thread=draw(st.integers(1, 3)), rank=draw(st.integers(0, 1)))
    return recording


@given(recordings(), st.randoms(use_true_random=False))
def test_nested_phases_become_exactly_their_tree(recording: Recording, random: Any) -> None:
    events = list(recording.events)
    random.shuffle(events)
    spans = PhaseReplayIndex.from_events(events).spans_for(session_id="s")
    found = {(span.thread_id, span.rank, span.path, span.start_ns, span.end_ns) for span in spans}
    assert found == recording.spans
    assert not any(span.synthetic_end for span in spans)


@given(recordings(), st.data(), st.randoms(use_true_random=False))
def test_replay_of_damaged_recordings_does_not_depend_on_input_order(
    recording: Recording, data: st.DataObject, random: Any
) -> None:
    kept = [event for event in recording.events if data.draw(st.integers(0, 3)) > 0]
    shuffled = list(kept)
    random.shuffle(shuffled)
    index, other = PhaseReplayIndex.from_events(kept), PhaseReplayIndex.from_events(shuffled)
    assert index.spans_for(session_id="s") == other.spans_for(session_id="s")
    for at in range(12):
        active = index.active_spans(timestamp_ns=at, session_id="s")
        every = index.spans_for(session_id="s")
        assert active == [span for span in every if span.start_ns <= at <= span.end_ns]


def test_one_group_can_be_replayed_alone() -> None:
    events = [
        boundary_event("enter", "s:1", ("a",), 10, sequence=1),
        boundary_event("enter", "s:2", ("a", "b"), 12, sequence=2),
        boundary_event("exit", "s:1", ("a",), 20, sequence=3),
    ]
    boundaries = [parse_phase_boundary(event) for event in reversed(events)]
    spans = replay_boundaries([RankedBoundary(0, item) for item in boundaries if item], group_end_ns=30)
    assert [(span.path, span.start_ns, span.end_ns, span.synthetic_end) for span in spans] == [
        (("a",), 10, 30, True),
        (("a", "b"), 12, 30, True),
    ]


def test_groups_with_a_closed_phase_come_before_groups_without() -> None:
    events = [
        boundary_event("enter", "s:1", ("a",), 10, sequence=1, rank=0),
        boundary_event("enter", "s:2", ("b",), 10, sequence=2, rank=1),
        boundary_event("exit", "s:2", ("b",), 11, sequence=3, rank=1),
    ]
    spans = PhaseReplayIndex.from_events(events).spans_for(session_id="s")
    assert [span.rank for span in spans] == [1, 0]


def test_threads_of_spans_that_tie_keep_the_order_in_which_they_appeared() -> None:
    events = [
        boundary_event("exit", "s:0", ("x",), 1, sequence=1, thread=2),
        boundary_event("enter", "s:1", ("a",), 5, sequence=2, thread=1),
        boundary_event("enter", "s:2", ("b",), 5, sequence=3, thread=2),
    ]
    spans = PhaseReplayIndex.from_events(events).spans_for(session_id="s")
    assert [span.thread_id for span in spans] == [2, 1]
