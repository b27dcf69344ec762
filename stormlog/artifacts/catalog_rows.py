"""What the catalog knows as rows: sources, the sessions of their ledgers, bundles and run envelopes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stormlog.artifacts.oom_bundle_rows import list_oom_bundle_rows

if TYPE_CHECKING:
    from stormlog.artifacts.catalog import ArtifactCatalog
    from stormlog.artifacts.envelopes import CatalogRunEnvelope
    from stormlog.artifacts.models import CatalogSource

__all__ = ["catalog_rows", "lists_its_ledger"]


def lists_its_ledger(source: CatalogSource) -> bool:
    """Return whether a source's sessions are those of its ledger, whatever its events say."""
    return source.session is not None or (
        source.source_kind == "sink" and source.manifest is not None and bool(source.manifest.sessions)
    )


def catalog_rows(catalog: ArtifactCatalog) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table that is filled from the catalog."""
    sources: list[tuple[Any, ...]] = [
        (
            number,
            str(s.path),
            s.source_kind,
            None if s.manifest_path is None else str(s.manifest_path),
            # The directory "." has no name of its own.
            s.path.name or str(s.path.resolve()),
        )
        for number, s in enumerate(catalog.sources)
    ]
    ledger = [row for number, source in enumerate(catalog.sources) for row in _ledger_rows(number, source)]
    bundles = _bundle_rows(catalog) if catalog.oom_bundles else []
    return {
        "raw.sources": sources,
        "raw.ledger_sessions": ledger,
        "raw.oom_bundles": bundles,
        "raw.run_envelopes": [_envelope_row(number, e) for number, e in enumerate(catalog.run_envelopes)],
        "raw.envelope_sessions": [
            (envelope.run_id, session.session_id)
            for envelope in catalog.run_envelopes
            for session in envelope.sessions
        ],
    }


def _envelope_row(number: int, envelope: CatalogRunEnvelope) -> tuple[Any, ...]:
    return (
        number,
        envelope.run_id,
        envelope.title,
        envelope.description,
        envelope.job_id,
        envelope.started_at_ns,
        envelope.ended_at_ns,
        str(envelope.path),
        envelope.source_namespace,
        envelope.source_ref,
        list(envelope.tags),
        json.dumps(dict(envelope.metadata)),
    )


def _ledger_rows(number: int, source: CatalogSource) -> list[tuple[Any, ...]]:
    is_listed = lists_its_ledger(source)
    rows: list[tuple[Any, ...]] = []
    if source.session is not None:
        summaries, segments = [source.session], []
    elif source.manifest is not None:
        summaries, segments = source.manifest.sessions, source.manifest.segments
    else:
        return rows
    counts: dict[str | None, list[int]] = {}
    for segment in segments:
        counts.setdefault(segment.session_id, []).append(segment.event_count)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for position, s in enumerate(summaries):
        first.setdefault(s.session_id, position)
        last[s.session_id] = position
    for position, s in enumerate(summaries):
        of_session = counts.get(s.session_id, [])
        rows.append(
            (
                number,
                s.session_id,
                s.status,
                s.started_at_ns,
                s.ended_at_ns,
                s.host,
                s.pid,
                s.job_id if isinstance(s.job_id, str) and s.job_id else None,
                s.rank,
                s.local_rank,
                s.world_size,
                s.source,
                position,
                1 if source.session is not None else len(of_session),
                None if source.session is not None else sum(of_session),
                is_listed,
                position == first[s.session_id],
                position == last[s.session_id],
            )
        )
    return rows


def _bundle_rows(catalog: ArtifactCatalog) -> list[tuple[Any, ...]]:
    from stormlog.issues import utc_text_to_ns
    from stormlog.issues.oom_messages import free_bytes, requested_bytes
    from stormlog.issues.timestamps import utc_text_to_microseconds

    bundles = {str(bundle.bundle_path): bundle for bundle in catalog.oom_bundles}
    return [
        (
            position,
            row.bundle_path,
            row.created_at_utc,
            utc_text_to_ns(row.created_at_utc) if row.created_at_utc else None,
            utc_text_to_microseconds(row.created_at_utc),
            row.backend,
            row.reason,
            row.event_count,
            row.session_id,
            row.session_status,
            row.exception_type,
            row.exception_module,
            bundle.exception_message,
            bundle.context,
            bundle.job_id,
            bundle.rank,
            bundle.host,
            bundle.world_size,
            requested_bytes(bundle.exception_message),
            free_bytes(bundle.exception_message),
            json.dumps(bundle.as_dict()),
            None if bundle.allocator_snapshot_path is None else str(bundle.allocator_snapshot_path),
        )
        for position, row in enumerate(list_oom_bundle_rows(catalog))
        for bundle in [bundles[row.bundle_path]]
    ]
