"""What is attached to runs, and the segments of sinks, as rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stormlog.artifacts.files import join_path

if TYPE_CHECKING:
    from stormlog.artifacts.catalog import ArtifactCatalog
    from stormlog.artifacts.envelopes import CatalogRunAttachment, CatalogRunEnvelope
    from stormlog.artifacts.models import ExternalAttachment

__all__ = ["attachment_rows"]


def attachment_rows(catalog: ArtifactCatalog) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table that is about attachments: those of sidecars, of envelopes, and segments."""
    return {
        "raw.attachments": [_sidecar_row(number, item) for number, item in enumerate(catalog.attachments)],
        "raw.envelope_attachments": [
            _envelope_row(envelope, item)
            for envelope in catalog.run_envelopes
            for item in envelope.attachments
        ],
        "raw.sink_segments": [
            (
                number,
                segment.filename,
                join_path(str(source.path), segment.filename),
                segment.session_id,
                segment.event_count,
                segment.size_bytes,
                segment.closed,
            )
            for number, source in enumerate(catalog.sources)
            if source.source_kind == "sink" and source.manifest is not None
            for segment in source.manifest.segments
        ],
        "raw.rollup_paths": [
            (number, source.rollups_path)
            for number, source in enumerate(catalog.sources)
            if source.rollups_path is not None
        ],
    }


def _sidecar_row(number: int, item: ExternalAttachment) -> tuple[Any, ...]:
    # Few catalogs have any, and all would wait for the import.
    from stormlog.issues import utc_text_to_ns

    return (
        number,
        item.title,
        item.kind,
        item.attachment_id,
        item.url,
        item.path,
        item.run_id,
        item.session_id,
        item.job_id,
        item.rank,
        item.start_ns,
        item.end_ns,
        item.created_at_utc,
        item.updated_at_utc,
        item.storage,
        item.source_namespace,
        item.source_ref,
        json.dumps(dict(item.metadata)),
        item.sidecar_path,
        utc_text_to_ns(item.created_at_utc) if item.created_at_utc else None,
    )


def _envelope_row(envelope: CatalogRunEnvelope, item: CatalogRunAttachment) -> tuple[Any, ...]:
    return (
        item.run_id or envelope.run_id,
        item.title,
        item.kind,
        item.storage,
        item.attachment_id,
        item.url,
        item.path,
        item.session_id,
        item.job_id or envelope.job_id,
        item.rank,
        item.local_rank,
        item.world_size,
        item.start_ns,
        item.end_ns,
        item.url or item.path or str(envelope.path),
        item.source_namespace or envelope.source_namespace,
        item.source_ref or envelope.source_ref,
        json.dumps(dict(item.metadata)),
    )
