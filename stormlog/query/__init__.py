"""Questions about telemetry artifacts: open them, list issues, run SQL over documented views.

    with stormlog.query.open(["./live_sink", "./oom_dumps"]) as store:
        for issue in store.list_issues():
            print(issue.severity, issue.hit_count, issue.title)

Source: docs/concepts.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stormlog._lazy import lazy_names

if TYPE_CHECKING:
    from stormlog.artifacts.catalog import ArtifactCatalog
    from stormlog.artifacts.envelopes import CatalogRunEnvelope
    from stormlog.artifacts.models import (
        CatalogOOMBundle,
        CatalogSource,
        CatalogWarning,
        ExternalAttachment,
    )
    from stormlog.artifacts.oom_bundle_rows import OOMBundleRow
    from stormlog.query.adhoc import SqlResult
    from stormlog.query.filters import (
        AttachmentFilter,
        CorrelationFilter,
        EventFilter,
        IssueFilter,
        OOMBundleFilter,
        RunAttachmentFilter,
        RunFilter,
        SessionFilter,
    )
    from stormlog.query.rows import EventRow, Reject, SessionRow
    from stormlog.query.store import QueryStore
    from stormlog.query.store import open_store as open
    from stormlog.query.unmatched import UnmatchedFilter

__all__ = [
    "ArtifactCatalog",
    "AttachmentFilter",
    "CatalogOOMBundle",
    "CatalogRunEnvelope",
    "CatalogSource",
    "CatalogWarning",
    "CorrelationFilter",
    "EventFilter",
    "EventRow",
    "ExternalAttachment",
    "IssueFilter",
    "OOMBundleFilter",
    "OOMBundleRow",
    "QueryStore",
    "Reject",
    "RunAttachmentFilter",
    "RunFilter",
    "SessionFilter",
    "SessionRow",
    "SqlResult",
    "UnmatchedFilter",
    "open",
]

_MODULES = {
    "adhoc": ("SqlResult",),
    "catalog": (
        "ArtifactCatalog",
        "CatalogOOMBundle",
        "CatalogRunEnvelope",
        "CatalogSource",
        "CatalogWarning",
        "ExternalAttachment",
        "OOMBundleRow",
    ),
    "filters": (
        "AttachmentFilter",
        "CorrelationFilter",
        "EventFilter",
        "IssueFilter",
        "OOMBundleFilter",
        "RunAttachmentFilter",
        "RunFilter",
        "SessionFilter",
    ),
    "rows": ("EventRow", "Reject", "SessionRow"),
    "store": ("QueryStore", "open_store"),
    "unmatched": ("UnmatchedFilter",),
}

if not TYPE_CHECKING:
    _getattr, __dir__ = lazy_names(__name__, globals(), _MODULES)

    def __getattr__(name: str) -> object:
        return _getattr("open_store" if name == "open" else name)
