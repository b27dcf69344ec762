"""Lists OOM bundles and attachments of a catalog in their documented order.

The promise: no file is read; what the catalog holds is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stormlog.query.catalog.artifact_catalog import ArtifactCatalog
    from stormlog.query.catalog.models import ExternalAttachment
    from stormlog.query.filters import AttachmentFilter
    from stormlog.query.rows import OOMBundleRow

__all__ = ["list_attachments", "list_oom_bundle_rows"]


def list_oom_bundle_rows(catalog: ArtifactCatalog) -> list[OOMBundleRow]:
    """Return all OOM bundles but copies of others, ordered by creation text, then by path.

    A bundle without a status has that of its session in the catalog, if it is known there.

    Source: docs/concepts.md#artifacts.
    """
    from stormlog.query.rows import OOMBundleRow

    ledger = catalog.session_ledger() if catalog.oom_bundles else {}
    rows = [
        OOMBundleRow(
            bundle_path=str(bundle.bundle_path),
            created_at_utc=bundle.created_at_utc,
            backend=bundle.backend,
            reason=bundle.reason,
            event_count=bundle.event_count,
            session_id=bundle.session_id,
            session_status=bundle.session_status or ledger.get(bundle.session_id or ""),
            exception_type=bundle.exception_type,
            exception_module=bundle.exception_module,
        )
        for bundle in catalog.oom_bundles
        if str(bundle.bundle_path) not in catalog.copied_oom_bundles
    ]
    return sorted(rows, key=lambda row: (row.created_at_utc or "", row.bundle_path))


def list_attachments(
    catalog: ArtifactCatalog, filters: AttachmentFilter | None = None
) -> list[ExternalAttachment]:
    """Return the attachments that pass the filters, ordered by start (unknown as -1), title and sidecar.

    Source: docs/concepts.md#artifacts.
    """
    from stormlog.query.filters import AttachmentFilter

    filters = filters or AttachmentFilter()
    found = [
        attachment
        for attachment in catalog.attachments
        if _equals(filters.session_id, attachment.session_id)
        and _equals(filters.job_id, attachment.job_id)
        and _equals(filters.rank, attachment.rank)
        and _equals(filters.kind, attachment.kind)
    ]
    return sorted(
        found,
        key=lambda item: (-1 if item.start_ns is None else item.start_ns, item.title, item.sidecar_path),
    )


def _equals(wanted: object, value: object) -> bool:
    return wanted is None or wanted == value
