"""The phase of a moment, from the boundaries of one session and rank, in plain Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]


@dataclass
class Span:
    path: str
    depth: int
    thread_id: int
    scope_id: str
    sequence: int
    start_ns: int
    end_ns: int


def phase_spans(events: list[Event]) -> list[Span]:
    """Return the spans of a session; what was never left ends with its last event."""
    last_ns = max(event["timestamp_ns"] for event in events)
    stacks: dict[int, list[Span]] = {}
    spans = []
    for event in _boundaries(events):
        scope = event["metadata"]["phase_scope"]
        stack = stacks.setdefault(scope["thread_id"], [])
        if scope["action"] == "enter":
            path = " / ".join(scope["path"])
            span = Span(
                path,
                len(scope["path"]),
                scope["thread_id"],
                scope["scope_id"],
                scope["sequence"],
                event["timestamp_ns"],
                last_ns,
            )
            stack.append(span)
            spans.append(span)
        elif stack and stack[-1].scope_id == scope["scope_id"]:
            stack.pop().end_ns = event["timestamp_ns"]
    return spans


def phase_text(spans: list[Span], time_ns: int, origin_thread_id: int | None = None) -> str | None:
    """Return the phase of a moment as a text; both ends belong to a span.

    An origin thread with an open span decides. Else one thread is unique with its deepest span, and several
    are ambiguous: the span entered last is the likely one.
    """
    active = [span for span in spans if span.start_ns <= time_ns <= span.end_ns]
    if not active:
        return None
    own = [span for span in active if span.thread_id == origin_thread_id]
    if own:
        return max(own, key=lambda span: (span.sequence, span.scope_id)).path
    deepest: dict[int, list[Span]] = {}
    for span in active:
        of_thread = deepest.setdefault(span.thread_id, [])
        if of_thread and of_thread[0].depth < span.depth:
            of_thread.clear()
        if not of_thread or of_thread[0].depth == span.depth:
            of_thread.append(span)
    labels = {thread: sorted({span.path for span in spans}) for thread, spans in deepest.items()}
    every = sorted({path for paths in labels.values() for path in paths})
    if len(labels) == 1 and len(every) == 1:
        return every[0]
    if len(every) > 1:
        return f"(likely) {max(active, key=lambda span: (span.sequence, span.scope_id)).path}"
    return f"(ambiguous) {every[0]}"


def phases_left(events: list[Event], time_ns: int, within_ns: int = 100_000_000) -> list[str]:
    """Return the phases that were left within a time before a moment, in the order in which they were."""
    return [
        " / ".join(event["metadata"]["phase_scope"]["path"])
        for event in _boundaries(events)
        if event["event_type"] == "phase_exit" and time_ns - within_ns <= event["timestamp_ns"] <= time_ns
    ]


def paths_entered(events: list[Event]) -> Counter[str]:
    """Return how often every phase path was entered."""
    return Counter(
        " / ".join(event["metadata"]["phase_scope"]["path"])
        for event in events
        if event["event_type"] == "phase_enter"
    )


def _boundaries(events: list[Event]) -> list[Event]:
    found = [event for event in events if "phase_scope" in event["metadata"]]
    return sorted(
        found, key=lambda event: (event["timestamp_ns"], event["metadata"]["phase_scope"]["sequence"])
    )
