"""The failures of an attempt in their order, and the first one in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stormlog.explaining.asking import Ask
from stormlog.explaining.models import FirstFailure
from stormlog.explaining.phases import PhaseAt
from stormlog.issues.oom_messages import free_bytes, requested_bytes

__all__ = ["Failure", "first_failure", "list_failures"]

_SECOND_NS = 10**9


class Failure(NamedTuple):
    """A row of `sql/queries/why_failures.sql`."""

    rank: int | None
    session_id: str
    timestamp_ns: int | None
    time_source: str
    kind: str
    survived: bool
    device_id: int | None
    context: str | None
    fingerprint_id: str | None
    exception_type: str | None
    exception_message: str | None
    requested_bytes: int | None
    free_bytes: int | None
    bundle_path: str | None
    allocator_snapshot_path: str | None
    segment_path: str | None
    line_number: int | None
    origin_thread_json: str | None
    origin_scope_json: str | None


def list_failures(ask: Ask, parameters: Mapping[str, Any]) -> list[Failure]:
    """Return the failures of an attempt, the first one first."""
    return [Failure(*row) for row in ask("why_failures", parameters)]


def first_failure(
    failures: Sequence[Failure],
    hosts: Mapping[int | None, str | None],
    clock_spread_ns: int | None,
    phases: Mapping[tuple[str, int], PhaseAt],
) -> FirstFailure | None:
    """Return the first failure, with how certain it is that it was the first.

    Args:
        failures: All of the attempt, in their order.
        hosts: Rank -> machine.
        clock_spread_ns: How far the clocks of the machines seem to be apart.
        phases: (session, rank) -> phase at the failure.
    """
    if not failures:
        return None
    first, later = failures[0], failures[1:]
    rivals = _rivals(first, later)
    is_by_bundle = first.time_source == "bundle"
    phase = (
        PhaseAt(None, ())
        if first.rank is None
        else phases.get((first.session_id, first.rank), PhaseAt(None, ()))
    )
    if rivals:
        phase = PhaseAt(None, ())
    message = first.exception_message
    text = message if message is not None else first.context
    return FirstFailure(
        rank=None if rivals else first.rank,
        host=None if rivals else hosts.get(first.rank),
        device_id=first.device_id,
        session_id=None if rivals else first.session_id,
        timestamp_ns=first.timestamp_ns,
        time_source=first.time_source,
        lead_ns=None if rivals else _lead_ns(first, later),
        certain=not rivals and not is_by_bundle and _is_certain(first, later, hosts, clock_spread_ns),
        kind=first.kind,
        survived=first.survived,
        fingerprint_id=first.fingerprint_id,
        phase=phase.phase,
        phase_left=phase.left,
        exception_type=first.exception_type,
        exception_message=message,
        requested_bytes=requested_bytes(text) if first.requested_bytes is None else first.requested_bytes,
        free_bytes=free_bytes(text) if first.free_bytes is None else first.free_bytes,
        source_path=first.bundle_path if is_by_bundle else first.segment_path,
        line_number=first.line_number,
        candidates=tuple(sorted({f.rank for f in (first, *rivals) if f.rank is not None})) if rivals else (),
        context=first.context,
        allocator_snapshot_path=first.allocator_snapshot_path,
    )


def _rivals(first: Failure, later: Sequence[Failure]) -> list[Failure]:
    """Return the failures that may have come first as well: bundles of the same second."""
    if first.time_source != "bundle" or first.timestamp_ns is None:
        return []
    second = first.timestamp_ns // _SECOND_NS
    return [
        f
        for f in later
        if f.rank != first.rank and f.timestamp_ns is not None and f.timestamp_ns // _SECOND_NS == second
    ]


def _lead_ns(first: Failure, later: Sequence[Failure]) -> int | None:
    times = [
        f.timestamp_ns for f in later if f.time_source == first.time_source and f.timestamp_ns is not None
    ]
    return min(times) - first.timestamp_ns if times and first.timestamp_ns is not None else None


def _is_certain(
    first: Failure, later: Sequence[Failure], hosts: Mapping[int | None, str | None], spread_ns: int | None
) -> bool:
    """Return whether no rank of another host failed so near in time that clocks may hide the order."""
    if first.timestamp_ns is None:
        return False
    earliest_ns = first.timestamp_ns - max(_SECOND_NS, spread_ns or 0)
    latest_ns = first.timestamp_ns + max(_SECOND_NS, spread_ns or 0)
    host = hosts.get(first.rank)
    for failure in later:
        if failure.timestamp_ns is None or hosts.get(failure.rank) == host:
            continue
        # A bundle was written at any time of its second.
        until_ns = failure.timestamp_ns + (_SECOND_NS if failure.time_source == "bundle" else 0)
        if failure.timestamp_ns <= latest_ns and until_ns >= earliest_ns:
            return False
    return True
