"""Finds sinks, bundles, sidecars and flat telemetry under the paths a caller opens.

Standard library only, and no telemetry file is opened: a catalog of thousands of segments is
built in milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stormlog.query.catalog.artifact_catalog import ArtifactCatalog
from stormlog.query.catalog.models import (
    CatalogOOMBundle,
    CatalogSource,
    CatalogWarning,
    ExternalAttachment,
    PathList,
    SourceKind,
)

if TYPE_CHECKING:
    from stormlog.query.catalog.envelopes import (
        CatalogRunAttachment,
        CatalogRunEnvelope,
        CatalogRunSessionRef,
    )
    from stormlog.query.catalog.listing import list_attachments, list_oom_bundle_rows

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

# Found on first use: an ordinary answer needs few of them, and classes take a while to build.
_LATER = {
    "CatalogRunAttachment": "envelopes",
    "CatalogRunEnvelope": "envelopes",
    "CatalogRunSessionRef": "envelopes",
    "list_attachments": "listing",
    "list_oom_bundle_rows": "listing",
}


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
