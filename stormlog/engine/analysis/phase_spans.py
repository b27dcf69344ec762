"""Replays phases: SQL windows for well-nested threads, the stack machine for the others."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stormlog.engine.analysis.staging_database import StagingDatabase
    from stormlog.phases import PhaseSpan

__all__ = ["active_spans", "replay"]

_SPAN_TYPES = "INTEGER, VARCHAR, BIGINT, BIGINT, VARCHAR, VARCHAR, VARCHAR[], BIGINT, BIGINT, BIGINT, BOOLEAN"


def replay(database: StagingDatabase) -> None:
    """Make ``phase_spans`` answer for the groups of ``stage.replay_scope``."""
    database.materialise("stage.phase_boundaries")
    if not database.has_rows("stage.phase_boundaries") and not database.is_created("stage.phase_levels"):
        return
    database.materialise("stage.phase_levels")
    rows = database.execute(
        """
        SELECT
            l.source_id, l.session_id, l.rank, l.timestamp_ns, l.is_enter, l.path, l.scope_id, l.thread_id,
            l.thread_name, l.sequence, g.end_ns
        FROM stage.phase_levels AS l
        INNER JOIN stage.phase_group_ends AS g
            ON l.source_id = g.source_id AND l.session_id = g.session_id AND l.rank = g.rank
        WHERE NOT l.is_well_nested
        ORDER BY l.source_id, l.session_id, l.rank, l.timestamp_ns, l.sequence, l.scope_id, l.file_id, l.line_number
        """
    ).fetchall()
    spans: list[tuple[Any, ...]] = []
    for (source_id, _, _), group in groupby(rows, key=lambda row: row[:3]):
        spans += [(source_id, *span) for span in _replay_malformed(list(group))]
    database.fill("stage.replayed_spans", _SPAN_TYPES, spans)


def active_spans(database: StagingDatabase) -> dict[int, list[PhaseSpan]]:
    """Return the phases that were running at each hidden-memory finding, by finding number."""
    if not _has_boundaries(database):
        return {}
    database.replace(
        "stage.replay_scope",
        """
        SELECT DISTINCT g.source_id, g.session_id, e.sample_rank AS rank
        FROM stage.gap_findings AS g
        INNER JOIN stage.gap_evidence AS e ON g.finding_number = e.finding_number
        """,
    )
    replay(database)
    if not database.has_rows("stage.phase_boundaries"):
        return {}
    rows = database.execute(
        """
        SELECT
            g.finding_number, p.session_id, p.rank, p.thread_id, p.thread_name, p.scope_id, p.path, p.start_ns,
            p.end_ns, p.sequence, p.is_synthetic_end
        FROM stage.gap_findings AS g
        INNER JOIN stage.gap_evidence AS e ON g.finding_number = e.finding_number
        INNER JOIN phase_spans AS p
            ON g.source_id = p.source_id AND g.session_id = p.session_id AND e.sample_rank = p.rank
            AND g.timestamp_ns BETWEEN p.start_ns AND p.end_ns
        ORDER BY g.finding_number, p.start_ns, p.end_ns, p.sequence
        """
    ).fetchall()
    if not rows:
        return {}
    from stormlog.phases import PhaseSpan

    spans: dict[int, list[PhaseSpan]] = {}
    for number, session_id, rank, thread_id, thread_name, scope_id, path, *rest in rows:
        spans.setdefault(number, []).append(
            PhaseSpan(session_id, rank, thread_id, thread_name, scope_id, tuple(path), *rest)
        )
    return spans


def _has_boundaries(database: StagingDatabase) -> bool:
    """Return whether any phase was recorded: replaying none costs much more than this look at the types of events."""
    rows = database.execute(
        "SELECT DISTINCT event_type FROM raw.events WHERE event_type IN ('phase_enter', 'phase_exit')"
    )
    return bool(rows.fetchall())


def _replay_malformed(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    from stormlog.phases import PhaseBoundaryRecord, RankedBoundary, replay_boundaries

    boundaries = []
    for (
        _,
        session_id,
        rank,
        timestamp_ns,
        is_enter,
        path,
        scope_id,
        thread_id,
        thread_name,
        sequence,
        _,
    ) in rows:
        boundaries.append(
            RankedBoundary(
                rank,
                PhaseBoundaryRecord(
                    action="enter" if is_enter else "exit",
                    name=path[-1],
                    path=tuple(path),
                    depth=len(path),
                    scope_id=scope_id,
                    parent_scope_id=None,
                    thread_id=thread_id,
                    thread_name=thread_name,
                    sequence=sequence,
                    session_id=session_id,
                    timestamp_ns=timestamp_ns,
                    attributes={},
                ),
            )
        )
    return [
        (
            span.session_id,
            span.rank,
            span.thread_id,
            span.thread_name,
            span.scope_id,
            list(span.path),
            span.start_ns,
            span.end_ns,
            span.sequence,
            span.synthetic_end,
        )
        for span in replay_boundaries(boundaries, rows[0][-1])
    ]
