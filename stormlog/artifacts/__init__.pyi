# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.artifacts.catalog import (
    ArtifactCatalog as ArtifactCatalog,
)
from stormlog.artifacts.envelopes import (
    CatalogRunAttachment as CatalogRunAttachment,
    CatalogRunEnvelope as CatalogRunEnvelope,
    CatalogRunSessionRef as CatalogRunSessionRef,
)
from stormlog.artifacts.models import (
    CatalogOOMBundle as CatalogOOMBundle,
    CatalogSource as CatalogSource,
    CatalogWarning as CatalogWarning,
    ExternalAttachment as ExternalAttachment,
    PathList as PathList,
    SourceKind as SourceKind,
)
from stormlog.artifacts.oom_bundle_rows import (
    OOMBundleRow as OOMBundleRow,
    list_oom_bundle_rows as list_oom_bundle_rows,
)
