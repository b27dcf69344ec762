"""What a phase is made of: boundaries as they were recorded, spans between them, and what was attributed to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Final, NamedTuple

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class

PHASE_ENTER_EVENT: Final = "phase_enter"
PHASE_EXIT_EVENT: Final = "phase_exit"
PHASE_SCOPE_METADATA_KEY: Final = "phase_scope"
PHASE_SCOPE_ATTRIBUTES_KEY: Final = "attributes"

PATH_SEPARATOR: Final = " / "


@frozen_class
class PhaseBoundaryRecord:
    """One recorded enter or exit, as found in an event."""

    action: str
    name: str
    path: tuple[str, ...]
    depth: int
    scope_id: str
    parent_scope_id: str | None
    thread_id: int
    thread_name: str
    sequence: int
    session_id: str
    timestamp_ns: int
    attributes: dict[str, Any]
    timestamp = ReadableTime()


@frozen_class
class PhaseSpan:
    """The time during which a phase was open; both ends belong to it.

    ``synthetic_end`` says that no exit was found: the span ends with its session and rank.
    """

    session_id: str
    rank: int
    thread_id: int
    thread_name: str
    scope_id: str
    path: tuple[str, ...]
    start_ns: int
    end_ns: int
    sequence: int
    synthetic_end: bool = False
    start = ReadableTime()
    end = ReadableTime()

    @property
    def depth(self) -> int:
        """Number of names in the path."""
        return len(self.path)


class RankedBoundary(NamedTuple):
    """A boundary and the rank of the event that carried it."""

    rank: int
    boundary: PhaseBoundaryRecord


@frozen_class
class PhaseSummary:
    """The likeliest path of an ambiguous attribution and where it comes from."""

    phase_path: str
    source: str


@frozen_class
class PhaseAttribution:
    """Which phase an instant belongs to.

    Attributes:
        phase_resolution: ``unique`` or ``ambiguous``.
        phase_source: ``exact``, ``thread_local`` or ``heuristic``; ``None`` when ambiguous.
        phase_path: Path label when unique.
        phase_paths: All candidate labels.
        scope_id: Scope of the phase when unique.
        thread_id: Thread of the phase when unique.
        thread_name: Name of that thread.
        phase_summary: The likeliest label of an ambiguous attribution.
    """

    phase_resolution: str
    phase_source: str | None = None
    phase_path: str | None = None
    phase_paths: list[str] = field(default_factory=list)
    scope_id: str | None = None
    thread_id: int | None = None
    thread_name: str | None = None
    phase_summary: PhaseSummary | None = None


def format_phase_path(path: Sequence[str]) -> str:
    """Join the non-empty names of a path, outermost first."""
    return PATH_SEPARATOR.join(part for part in path if part)
