"""Lists the OOM bundles of a catalog in their documented order.

The promise: no file is read; what the catalog holds is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.artifacts.catalog import ArtifactCatalog

__all__ = ["OOMBundleRow", "list_oom_bundle_rows"]


@frozen_class
class OOMBundleRow:
    """One OOM bundle; ``session_status`` may come from the ledger that knows its session.

    Source: docs/concepts.md#artifacts.
    """

    bundle_path: str
    created_at_utc: str | None
    backend: str | None
    reason: str | None
    event_count: int | None
    session_id: str | None
    session_status: str | None
    exception_type: str | None
    exception_module: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def list_oom_bundle_rows(catalog: ArtifactCatalog) -> list[OOMBundleRow]:
    """Return all OOM bundles but copies of others, ordered by creation text, then by path.

    A bundle without a status has that of its session in the catalog, if it is known there.

    Source: docs/concepts.md#artifacts.
    """
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
