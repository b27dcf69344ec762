"""Finds sinks, bundles, sidecars and flat telemetry under the paths a caller opens.

Standard library only, and no telemetry file is opened: a catalog of thousands of segments is
built in milliseconds.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.query.catalog.artifact_catalog import (
        ArtifactCatalog,
    )
    from stormlog.query.catalog.envelopes import (
        CatalogRunAttachment,
        CatalogRunEnvelope,
        CatalogRunSessionRef,
    )
    from stormlog.query.catalog.listing import (
        list_attachments,
        list_oom_bundle_rows,
    )
    from stormlog.query.catalog.models import (
        CatalogOOMBundle,
        CatalogSource,
        CatalogWarning,
        ExternalAttachment,
        PathList,
        SourceKind,
    )

__all__ = [
    "ArtifactCatalog",
    "CatalogOOMBundle",
    "CatalogRunAttachment",
    "CatalogRunEnvelope",
    "CatalogRunSessionRef",
    "CatalogSource",
    "CatalogWarning",
    "ExternalAttachment",
    "PathList",
    "SourceKind",
    "list_attachments",
    "list_oom_bundle_rows",
]

_MODULES = {
    "artifact_catalog": ("ArtifactCatalog",),
    "envelopes": (
        "CatalogRunAttachment",
        "CatalogRunEnvelope",
        "CatalogRunSessionRef",
    ),
    "listing": (
        "list_attachments",
        "list_oom_bundle_rows",
    ),
    "models": (
        "CatalogOOMBundle",
        "CatalogSource",
        "CatalogWarning",
        "ExternalAttachment",
        "PathList",
        "SourceKind",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
