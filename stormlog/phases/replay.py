"""Rebuilds phase spans from recorded boundaries, however incomplete the recording is.

Promise: the result depends on what was recorded, not on the order in which events are handed in.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from stormlog.phases.attribution import attribute_active_spans
from stormlog.phases.event_fields import event_field, event_instant, event_rank
from stormlog.phases.models import (
    PHASE_ENTER_EVENT,
    PHASE_EXIT_EVENT,
    PHASE_SCOPE_ATTRIBUTES_KEY,
    PHASE_SCOPE_METADATA_KEY,
    PhaseAttribution,
    PhaseBoundaryRecord,
    PhaseSpan,
    RankedBoundary,
)

_ACTIONS = {PHASE_ENTER_EVENT: "enter", PHASE_EXIT_EVENT: "exit"}


def parse_phase_boundary(event: Any) -> PhaseBoundaryRecord | None:
    """Return the boundary that an event carries, or ``None`` where it carries no complete one.

    Args:
        event: An object or a mapping; its types are not trusted.
    """
    event_type = event_field(event, "event_type")
    action = _ACTIONS.get(event_type) if isinstance(event_type, str) else None
    instant = event_instant(event)
    metadata = event_field(event, "metadata")
    if action is None or instant is None or not isinstance(metadata, Mapping):
        return None
    scope = metadata.get(PHASE_SCOPE_METADATA_KEY)
    if not isinstance(scope, Mapping) or scope.get("action") != action:
        return None

    name, scope_id, thread_name = scope.get("name"), scope.get("scope_id"), scope.get("thread_name")
    if not (isinstance(name, str) and isinstance(scope_id, str) and isinstance(thread_name, str)):
        return None
    sequence, thread_id = scope.get("sequence"), scope.get("thread_id")
    if not (isinstance(sequence, int) and isinstance(thread_id, int)):
        return None
    parent, parts = scope.get("parent_scope_id"), scope.get("path")
    if not (parent is None or isinstance(parent, str)) or not isinstance(parts, list):
        return None
    path = tuple(part for part in parts if isinstance(part, str) and part)
    if not name.strip() or not path:
        return None

    attributes = scope.get(PHASE_SCOPE_ATTRIBUTES_KEY)
    return PhaseBoundaryRecord(
        action=action,
        name=name.strip(),
        path=path,
        depth=len(path),
        scope_id=scope_id,
        parent_scope_id=parent,
        thread_id=thread_id,
        thread_name=thread_name,
        sequence=sequence,
        session_id=instant[0],
        timestamp_ns=instant[1],
        attributes=dict(attributes) if isinstance(attributes, Mapping) else {},
    )


def is_phase_boundary_event(event: Any) -> bool:
    """Return whether an event carries a complete phase boundary."""
    return parse_phase_boundary(event) is not None


def replay_boundaries(boundaries: Iterable[RankedBoundary], group_end_ns: int) -> list[PhaseSpan]:
    """Match enters with exits, for the boundaries of one session and rank.

    An exit closes the innermost open phase of its thread or nothing at all: an exit of any other
    scope is dropped. What stays open ends at ``group_end_ns``.

    Args:
        boundaries: Boundaries of one session and one rank, in any order.
        group_end_ns: Latest time of any event of that session and rank.

    Returns:
        Spans by start, then end; complete ties in the order in which they were closed.

    Source: docs/concepts.md#phases.
    """
    ordered = sorted(boundaries, key=_boundary_order)
    spans: list[PhaseSpan] = []
    # Insertion order decides between spans that tie completely: any boundary gives its thread a
    # place, and a thread whose phases have all ended gives it up.
    stacks: dict[int, list[RankedBoundary]] = {}
    for ranked in ordered:
        boundary = ranked.boundary
        stack = stacks.setdefault(boundary.thread_id, [])
        if boundary.action == "enter":
            stack.append(ranked)
            continue
        if not stack or stack[-1].boundary.scope_id != boundary.scope_id:
            continue
        spans.append(_span(stack.pop(), boundary.timestamp_ns, thread_name=boundary.thread_name))
        if not stack:
            del stacks[boundary.thread_id]
    for stack in stacks.values():
        spans.extend(_span(opened, group_end_ns, synthetic_end=True) for opened in stack)
    return sorted(spans, key=_span_order)


def _boundary_order(ranked: RankedBoundary) -> tuple[int, int, str]:
    boundary = ranked.boundary
    return boundary.timestamp_ns, boundary.sequence, boundary.scope_id


def _span_order(span: PhaseSpan) -> tuple[int, int]:
    return span.start_ns, span.end_ns


def _span(
    opened: RankedBoundary, end_ns: int, *, thread_name: str | None = None, synthetic_end: bool = False
) -> PhaseSpan:
    boundary = opened.boundary
    return PhaseSpan(
        session_id=boundary.session_id,
        rank=opened.rank,
        thread_id=boundary.thread_id,
        thread_name=boundary.thread_name if thread_name is None else thread_name,
        scope_id=boundary.scope_id,
        path=boundary.path,
        start_ns=boundary.timestamp_ns,
        end_ns=end_ns,
        sequence=boundary.sequence,
        synthetic_end=synthetic_end,
    )


class _Group:
    """Spans of one session and rank, searchable by instant."""

    def __init__(self, spans: Iterable[PhaseSpan]) -> None:
        self.spans = sorted(spans, key=_span_order)
        self._starts = [span.start_ns for span in self.spans]
        self._latest_ends = list(accumulate((span.end_ns for span in self.spans), max))

    def active(self, timestamp_ns: int) -> list[PhaseSpan]:
        # Before `first` everything has ended, from `last` on nothing has started.
        first = bisect_left(self._latest_ends, timestamp_ns)
        last = bisect_right(self._starts, timestamp_ns)
        return [span for span in self.spans[first:last] if span.end_ns >= timestamp_ns]


class PhaseReplayIndex:
    """Answers which phases were open at an instant.

    Args:
        intervals_by_group: Spans per ``(session_id, rank)``, in any order.
    """

    def __init__(self, intervals_by_group: Mapping[tuple[str, int], Sequence[PhaseSpan]]) -> None:
        self._groups = {key: _Group(spans) for key, spans in intervals_by_group.items()}

    @classmethod
    def from_events(cls, events: Iterable[Any]) -> PhaseReplayIndex:
        """Replay the boundaries among the events of any number of sessions and ranks.

        Args:
            events: Objects or mappings of all types, in any order: the latest event of a session and
                rank, whatever it is, ends the phases that were never closed.
        """
        ends: dict[tuple[str, int], int] = {}
        boundaries: dict[tuple[str, int], list[RankedBoundary]] = {}
        for event in events:
            instant = event_instant(event)
            rank = event_rank(event)
            if instant is None or rank is None:
                continue
            key = (instant[0], rank)
            end_ns = ends.get(key)
            ends[key] = instant[1] if end_ns is None else max(end_ns, instant[1])
            boundary = parse_phase_boundary(event)
            if boundary is not None:
                boundaries.setdefault(key, []).append(RankedBoundary(rank, boundary))
        replayed = {key: replay_boundaries(boundaries[key], ends[key]) for key in sorted(boundaries)}
        # Groups in which something was closed come first: their first span was known earlier.
        order = sorted(replayed, key=lambda key: all(span.synthetic_end for span in replayed[key]))
        return cls({key: replayed[key] for key in order if replayed[key]})

    def spans_for(self, *, session_id: str, rank: int | None = None) -> list[PhaseSpan]:
        """Return the spans of a session, or of one of its ranks; by start, then end, within a rank."""
        return [span for group in self._matching(session_id, rank) for span in group.spans]

    def active_spans(self, *, timestamp_ns: int, session_id: str, rank: int | None = None) -> list[PhaseSpan]:
        """Return the spans that contain an instant, both ends inclusive, ordered as `spans_for`."""
        return [span for group in self._matching(session_id, rank) for span in group.active(timestamp_ns)]

    def resolve(
        self,
        *,
        timestamp_ns: int,
        session_id: str | None,
        rank: int | None = None,
        origin_thread_id: int | None = None,
        origin_phase_scope_id: str | None = None,
    ) -> PhaseAttribution | None:
        """Attribute an instant of a session; without a rank, all its ranks are mixed."""
        if session_id is None:
            return None
        return attribute_active_spans(
            self.active_spans(timestamp_ns=timestamp_ns, session_id=session_id, rank=rank),
            origin_thread_id=origin_thread_id,
            origin_phase_scope_id=origin_phase_scope_id,
        )

    def resolve_for_event(self, event: Any) -> PhaseAttribution | None:
        """Attribute an event, by its time, session, rank and origins."""
        return resolve_phase_for_event(self, event)

    def _matching(self, session_id: str, rank: int | None) -> list[_Group]:
        if rank is not None:
            group = self._groups.get((session_id, rank))
            return [] if group is None else [group]
        return [group for key, group in self._groups.items() if key[0] == session_id]


def resolve_phase_for_event(index: PhaseReplayIndex, event: Any) -> PhaseAttribution | None:
    """Attribute an event, by its time, session, rank and origins.

    The origin thread and scope are fields of the event or, failing that, of its metadata.

    Returns:
        The attribution, or ``None`` where the event has no usable session, time or rank, or no
        phase was open then.
    """
    instant = event_instant(event)
    rank = event_rank(event)
    if instant is None or rank is None:
        return None
    session_id, timestamp_ns = instant
    metadata = event_field(event, "metadata")
    sources = (event, metadata) if isinstance(metadata, Mapping) else (event,)
    thread_ids = (event_field(source, "origin_thread_id") for source in sources)
    scope_ids = (event_field(source, "origin_phase_scope_id") for source in sources)
    return index.resolve(
        timestamp_ns=timestamp_ns,
        session_id=session_id,
        rank=rank,
        origin_thread_id=next((value for value in thread_ids if isinstance(value, int)), None),
        origin_phase_scope_id=next((value for value in scope_ids if isinstance(value, str) and value), None),
    )
