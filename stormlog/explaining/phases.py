"""The phase of a rank at a moment, and what it had just left."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from stormlog.explaining.asking import Ask
from stormlog.phases import (
    PhaseSpan,
    attribute_active_spans,
    format_phase_path,
    summarize_phase_attribution,
)

__all__ = ["Moment", "PhaseAt", "phases_at"]


class Moment(NamedTuple):
    """A moment of a session and rank.

    Attributes:
        origin_thread_json: JSON text of the thread that its event names; None without one.
        origin_scope_json: Likewise of the phase scope.
    """

    session_id: str
    rank: int
    time_ns: int
    origin_thread_json: str | None = None
    origin_scope_json: str | None = None


class PhaseAt(NamedTuple):
    """A phase as one line, None when unknown, and the phases left just before, the last one first."""

    phase: str | None
    left: tuple[str, ...]


def phases_at(ask: Ask, moments: Iterable[Moment]) -> dict[tuple[str, int], PhaseAt]:
    """Return (session, rank) -> phase, for at most one moment of each."""
    wanted = {(moment.session_id, moment.rank): moment for moment in moments}
    if not wanted:
        return {}
    rows = ask(
        "why_phases",
        {
            "session_ids": [session_id for session_id, _ in wanted],
            "ranks": [rank for _, rank in wanted],
            "times_ns": [moment.time_ns for moment in wanted.values()],
        },
    )
    active: dict[tuple[str, int], list[PhaseSpan]] = {}
    left: dict[tuple[str, int], list[PhaseSpan]] = {}
    for session_id, rank, thread_id, thread_name, scope_id, path, *times, is_left in rows:
        span = PhaseSpan(session_id, rank, thread_id, thread_name, scope_id, tuple(path), *times)
        (left if is_left else active).setdefault((session_id, rank), []).append(span)
    return {key: _phase_at(active.get(key, []), left.get(key, []), moment) for key, moment in wanted.items()}


def _phase_at(active: list[PhaseSpan], left: list[PhaseSpan], moment: Moment) -> PhaseAt:
    thread_id = None if moment.origin_thread_json is None else json.loads(moment.origin_thread_json)
    if isinstance(thread_id, bool) or not isinstance(thread_id, int):
        thread_id = None
    scope_id = None if moment.origin_scope_json is None else json.loads(moment.origin_scope_json)
    attribution = attribute_active_spans(
        active,
        origin_thread_id=thread_id,
        origin_phase_scope_id=scope_id if isinstance(scope_id, str) and scope_id else None,
    )
    if attribution is not None and attribution.thread_id is not None:
        thread_id = attribution.thread_id
    of_thread = [span for span in left if thread_id is None or span.thread_id == thread_id]
    paths = [
        format_phase_path(span.path) for span in sorted(of_thread, key=lambda s: (-s.end_ns, -s.sequence))
    ]
    return PhaseAt(summarize_phase_attribution(attribution), tuple(dict.fromkeys(paths)))
