"""Turns the sums of each session into hidden-memory findings and looks up what surrounds them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stormlog.engine.database.sql_files import view_query

if TYPE_CHECKING:
    from stormlog.engine.analysis.staging_database import StagingDatabase
    from stormlog.issues import GapFinding

__all__ = ["FindingStore", "stage_gaps"]

_FINDING_TYPES = (
    "BIGINT, INTEGER, VARCHAR, VARCHAR, VARCHAR, DOUBLE, VARCHAR, VARCHAR, VARCHAR, BIGINT, INTEGER, BIGINT"
)
_DETAIL_TYPES = "BIGINT, BIGINT, VARCHAR, VARCHAR, VARCHAR, VARCHAR, VARCHAR"

#: Which sample shows a finding best; drift is shown by the last one.
_MARK_OF = {"persistent_drift": "last"}

#: Where the path stands in a finding as `FindingStore` keeps it.
_PATH = 7

#: Number of a source, and a session of it.
_Session = tuple[int, str]


@dataclass
class FindingStore:
    """Findings of sessions by what they were made of, so that only sessions with new events are analysed.

    Attributes:
        known: (source path, session) -> signature of its pieces, and its findings as values of the columns
            of ``stage.gap_findings`` behind the session, with the path of the file instead of its number,
            and of ``stage.gap_details``.
    """

    known: dict[tuple[str, str], tuple[str, list[list[Any]]]] = field(default_factory=dict)


def stage_gaps(database: StagingDatabase, store: FindingStore) -> None:
    """Find hidden memory in every session that was read."""
    database.materialise("stage.gap_sessions")
    sessions = database.execute(
        """
        SELECT g.source_id, g.session_id, g.is_exact, o.source_path
        FROM stage.gap_sessions AS g
        INNER JOIN stage.loaded_sessions AS s ON g.source_id = s.source_id AND g.session_id = s.session_id
        INNER JOIN raw.sources AS o ON g.source_id = o.source_id
        ORDER BY g.source_id, s.session_order
        """
    ).fetchall()
    database.fill("stage.gap_findings", _FINDING_TYPES, [])
    database.fill("stage.gap_details", _DETAIL_TYPES, [])
    if not sessions:
        return
    signatures = _signatures(database)
    file_ids = {
        path: file_id for file_id, path in database.execute("SELECT file_id, path FROM raw.files").fetchall()
    }
    dirty = []
    for source_id, session_id, is_exact, source_path in sessions:
        known = store.known.get((source_path, session_id))
        # The same file may go by another path: a folder was renamed, and a link to it took its place.
        is_current = known is not None and known[0] == signatures[source_id, session_id]
        if known is None or not is_current or any(row[_PATH] not in file_ids for row in known[1]):
            dirty.append((source_id, session_id, is_exact))
    found = _analyse(database, dirty) if dirty else {}
    findings: list[tuple[Any, ...]] = []
    details: list[tuple[Any, ...]] = []
    current = {}
    for source_id, session_id, _, source_path in sessions:
        key = (source_path, session_id)
        if (source_id, session_id) in found:
            current[key] = (signatures[source_id, session_id], found[source_id, session_id])
        else:
            current[key] = store.known[key]
        for *finding, path, line_number, rank, collector, backend, phase, attribution, kind in current[key][
            1
        ]:
            number = len(findings)
            findings.append((number, source_id, session_id, *finding, file_ids[path], line_number))
            details.append((number, rank, collector, backend, phase, attribution, kind))
    store.known = current
    database.fill("stage.gap_findings", _FINDING_TYPES, findings)
    database.fill("stage.gap_details", _DETAIL_TYPES, details)


def _signatures(database: StagingDatabase) -> dict[_Session, str]:
    """Return what the findings of each session are a function of: its pieces, in the order of their files."""
    rows = database.execute(
        """
        SELECT p.source_id, s.session_id, p.file_id, s.piece_id, CAST(sum(s.event_count) AS BIGINT)
        FROM stage.session_parts AS s
        INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
        INNER JOIN stage.gap_sessions AS g ON p.source_id = g.source_id AND s.session_id = g.session_id
        GROUP BY p.source_id, s.session_id, p.file_id, s.piece_id
        ORDER BY p.source_id, s.session_id, p.file_id, s.piece_id
        """
    ).fetchall()
    signatures: dict[_Session, list[str]] = {}
    for source_id, session_id, _, piece_id, count in rows:
        signatures.setdefault((source_id, session_id), []).append(f"{piece_id}:{count}")
    return {session: " ".join(parts) for session, parts in signatures.items()}


def _analyse(
    database: StagingDatabase, sessions: list[tuple[int, str, bool]]
) -> dict[_Session, list[list[Any]]]:
    """Return the findings of some sessions as `FindingStore` keeps them."""
    database.fill("stage.gap_scope", "INTEGER, VARCHAR", [session[:2] for session in sessions])
    found = _findings_of_exact_sessions(database)
    for source_id, session_id, is_exact in sessions:
        if not is_exact:
            found[(source_id, session_id)] = _findings_of_wide_session(database, source_id, session_id)
    owners: list[_Session] = []
    rows: list[tuple[Any, ...]] = []
    for source_id, session_id, _ in sessions:
        for finding, file_id, line_number in found.get((source_id, session_id), ()):
            row = (
                finding.classification,
                finding.severity,
                finding.confidence,
                json.dumps(finding.confidence),
                json.dumps(finding.evidence),
                finding.description,
                finding.evidence_timestamp_ns,
            )
            rows.append((len(rows), source_id, session_id, *row, file_id, line_number))
            owners.append((source_id, session_id))
    result: dict[_Session, list[list[Any]]] = {session[:2]: [] for session in sessions}
    if rows:
        database.fill("stage.gap_findings", _FINDING_TYPES, rows)
        database.materialise("stage.gap_evidence")
        paths = dict(database.execute("SELECT file_id, path FROM raw.files").fetchall())
        for number, *detail in _details(database):
            *finding, file_id, line_number = rows[number][3:]
            result[owners[number]].append([*finding, paths[file_id], line_number, *detail])
    return result


def _findings_of_exact_sessions(
    database: StagingDatabase,
) -> dict[_Session, list[tuple[GapFinding, int, int]]]:
    from stormlog.issues import GapMoments
    from stormlog.issues.gaps import gap_findings, spike_cutoff

    database.materialise("stage.gap_moments")
    sums = database.execute(
        """
        SELECT
            m.source_id, m.session_id, m.sample_count, m.sum_x, m.sum_y, m.sum_xx, m.sum_xy, m.sum_yy,
            m.ratio_count, coalesce(m.ratio_sum, 0), g.last_ns, g.max_gap_bytes, g.max_gap_ratio,
            coalesce(g.max_fragmentation_ratio, 0)
        FROM stage.gap_moments AS m
        INNER JOIN stage.gap_sessions AS g ON m.source_id = g.source_id AND m.session_id = g.session_id
        """
    ).fetchall()
    if not sums:
        return {}
    cutoffs = []
    for source_id, session_id, n, _, sum_y, _, _, sum_yy, *_ in sums:
        cutoff = spike_cutoff(int(n), int(sum_y), int(sum_yy))
        if cutoff is not None and abs(cutoff) < 2**63:
            cutoffs.append((source_id, session_id, cutoff))
    database.fill("stage.gap_cutoffs", "INTEGER, VARCHAR, BIGINT", cutoffs)
    spikes = {
        (source_id, session_id): count
        for source_id, session_id, count in _rows_of(database, "stage.gap_spikes")
    }
    marks = {
        (source_id, session_id, mark): rest
        for source_id, session_id, mark, *rest in _rows_of(database, "stage.gap_marks")
    }
    found: dict[_Session, list[tuple[GapFinding, int, int]]] = {}
    for source_id, session_id, n, sum_x, sum_y, sum_xx, sum_xy, sum_yy, *rest in sums:
        ratio_count, ratio_sum, last_ns, max_gap, max_gap_ratio, max_ratio = rest
        of_session = {
            mark: marks.get((source_id, session_id, mark))
            for mark in ("first", "last", "transient_spike", "fragmentation_like")
        }
        first, last, largest = of_session["first"], of_session["last"], of_session["transient_spike"]
        assert first is not None and last is not None and largest is not None
        worst = of_session["fragmentation_like"]
        moments = GapMoments(
            n=int(n),
            sum_x=int(sum_x),
            sum_y=int(sum_y),
            sum_xx=int(sum_xx),
            sum_xy=int(sum_xy),
            sum_yy=int(sum_yy),
            first_gap=first[3],
            last_gap=last[3],
            last_timestamp_ns=last_ns,
            max_gap=max_gap,
            max_gap_timestamp_ns=largest[2],
            max_gap_ratio=max_gap_ratio,
            ratio_count=ratio_count,
            ratio_sum=int(ratio_sum),
            max_ratio=max_ratio,
            max_ratio_timestamp_ns=None if worst is None else worst[2],
        )
        located = []
        for finding in gap_findings(moments, spikes.get((source_id, session_id), 0)):
            place = of_session[_MARK_OF.get(finding.classification, finding.classification)]
            assert place is not None
            located.append((finding, place[0], place[1]))
        found[(source_id, session_id)] = located
    return found


def _rows_of(database: StagingDatabase, view: str) -> list[tuple[Any, ...]]:
    """Return all rows of a view that nothing else selects from: its SELECT runs without creating it."""
    return database.execute(f"SELECT * FROM ({view_query(view)})").fetchall()


def _findings_of_wide_session(
    database: StagingDatabase, source_id: int, session_id: str
) -> list[tuple[GapFinding, int, int]]:
    """Analyse one session whose sums might not fit 38 digits, with Python's unbounded integers."""
    from stormlog.issues import analyze_hidden_memory_gaps
    from stormlog.issues.samples import gap_samples

    rows = database.execute(
        """
        SELECT
            event_type, timestamp_ns, device_used_bytes, allocator_reserved_bytes, allocator_allocated_bytes,
            allocator_inactive_bytes, device_total_bytes, schema_version, is_fragmentation_known, file_id, line_number
        FROM raw.events
        WHERE source_id = $source_id AND session_id = $session_id
            AND telemetry.gap_bytes(
                event_type, device_total_bytes, device_used_bytes, allocator_reserved_bytes
            ) IS NOT NULL
        ORDER BY timestamp_ns, file_id, line_number
        """,
        {"source_id": source_id, "session_id": session_id},
    ).fetchall()
    events = [
        {
            "event_type": row[0],
            "timestamp_ns": row[1],
            "device_used_bytes": row[2],
            "allocator_reserved_bytes": row[3],
            "allocator_allocated_bytes": row[4],
            "allocator_inactive_bytes": row[5],
            "device_total_bytes": row[6],
            "schema_version": row[7],
            "metadata": {
                "memory_capabilities": {
                    "supports_allocator_inactive": row[8],
                    "supports_fragmentation_analysis": row[8],
                }
            },
        }
        for row in rows
    ]
    samples = gap_samples(events)
    # max() keeps the first of equals, as the analysis does. Other samples may have the same time.
    numbers = range(len(samples))
    shown_by = {
        "transient_spike": max(numbers, key=lambda number: samples[number].gap, default=0),
        "persistent_drift": len(samples) - 1,
        "fragmentation_like": max(
            numbers, key=lambda number: samples[number].fragmentation_ratio or 0.0, default=0
        ),
    }
    located = []
    for finding in analyze_hidden_memory_gaps(events):
        file_id, line_number = rows[shown_by[finding.classification]][-2:]
        located.append((finding, file_id, line_number))
    return located


def _details(database: StagingDatabase) -> list[tuple[Any, ...]]:
    """Return what ``stage.gap_details`` holds: the surroundings of each finding and its phase, in order."""
    from stormlog.engine.analysis.phase_spans import active_spans
    from stormlog.issues import normalize_text_dimension
    from stormlog.phases import (
        attribute_active_spans,
        phase_attribution_to_payload,
        summarize_phase_attribution,
    )

    spans = active_spans(database)
    rows = []
    for (
        number,
        collector,
        event_type,
        rank,
        backend,
        _,
        origin_thread,
        origin_scope,
    ) in database.execute("SELECT * FROM stage.gap_evidence ORDER BY finding_number").fetchall():
        thread_id = None if origin_thread is None else json.loads(origin_thread)
        scope_id = None if origin_scope is None else json.loads(origin_scope)
        attribution = attribute_active_spans(
            spans.get(number, []),
            origin_thread_id=thread_id
            if isinstance(thread_id, int) and not isinstance(thread_id, bool)
            else None,
            origin_phase_scope_id=scope_id if isinstance(scope_id, str) and scope_id else None,
        )
        rows.append(
            (
                number,
                rank,
                collector,
                normalize_text_dimension(None if backend is None else json.loads(backend)),
                summarize_phase_attribution(attribution),
                None if attribution is None else json.dumps(phase_attribution_to_payload(attribution)),
                event_type,
            )
        )
    return rows
