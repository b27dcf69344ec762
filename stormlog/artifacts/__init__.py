"""Finds sinks, bundles, sidecars and flat telemetry under the paths a caller opens.

Standard library only, and no telemetry file is opened: a catalog of thousands of segments is
built in milliseconds.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.artifacts.catalog import ArtifactCatalog
    from stormlog.artifacts.envelopes import (
        CatalogRunAttachment,
        CatalogRunEnvelope,
        CatalogRunSessionRef,
    )
    from stormlog.artifacts.models import (
        CatalogOOMBundle,
        CatalogSource,
        CatalogWarning,
        ExternalAttachment,
        PathList,
        SourceKind,
    )
    from stormlog.artifacts.oom_bundle_rows import OOMBundleRow, list_oom_bundle_rows

__all__ = [
    "ArtifactCatalog",
    "CatalogOOMBundle",
    "CatalogRunAttachment",
    "CatalogRunEnvelope",
    "CatalogRunSessionRef",
    "CatalogSource",
    "CatalogWarning",
    "ExternalAttachment",
    "OOMBundleRow",
    "PathList",
    "SourceKind",
    "list_oom_bundle_rows",
]

_MODULES = {
    "catalog": ("ArtifactCatalog",),
    "envelopes": (
        "CatalogRunAttachment",
        "CatalogRunEnvelope",
        "CatalogRunSessionRef",
    ),
    "models": (
        "CatalogOOMBundle",
        "CatalogSource",
        "CatalogWarning",
        "ExternalAttachment",
        "PathList",
        "SourceKind",
    ),
    "oom_bundle_rows": ("OOMBundleRow", "list_oom_bundle_rows"),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
