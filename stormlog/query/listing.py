"""Lists the attachments of a catalog in their documented order.

The promise: no file is read; what the catalog holds is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stormlog.artifacts import ArtifactCatalog, ExternalAttachment
    from stormlog.query.filters import AttachmentFilter

__all__ = ["list_attachments"]


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
    return wanted is None or (value in wanted if isinstance(wanted, tuple) else wanted == value)
