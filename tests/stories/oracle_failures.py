"""Which event a rank failed at, in plain Python over the events of its session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.stories.records import SECOND, Recording

Event = dict[str, Any]


def failing_events(recordings: Sequence[Recording]) -> list[tuple[Recording, Event]]:
    """Return the event at which each rank failed, the first one first; an OOM that was survived only if alone."""
    failed = [(r, e) for r in recordings if (e := failing_event(r.events)) is not None]
    if not failed:
        failed = [(r, ooms[0]) for r in recordings if (ooms := [e for e in r.events if is_oom(e)])]
    return sorted(failed, key=lambda pair: pair[1]["timestamp_ns"])


def failing_event(events: list[Event]) -> Event | None:
    """Return the earliest OOM that was not survived, else the earliest error that was none."""
    ooms = [event for event in events if is_oom(event) and not is_survived(events, event)]
    errors = [event for event in events if event["event_type"] == "error" and not is_oom(event)]
    return next(iter([*ooms, *errors]), None)


def is_oom(event: Event) -> bool:
    metadata = event["metadata"]
    return event["event_type"] == "error" and ("oom_reason" in metadata or "oom_dump_path" in metadata)


def is_survived(events: list[Event], oom: Event) -> bool:
    """Tell whether a rank entered 5 more phases after an OOM, or wrote for a minute or more."""
    later = [event for event in events if event["timestamp_ns"] > oom["timestamp_ns"]]
    entered = sum(event["event_type"] == "phase_enter" for event in later)
    return entered >= 5 or any(event["timestamp_ns"] - oom["timestamp_ns"] >= 60 * SECOND for event in later)
