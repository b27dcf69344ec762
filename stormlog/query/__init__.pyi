# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog._times import (
    parse_duration as parse_duration,
    parse_time as parse_time,
)
from stormlog.artifacts.catalog import (
    ArtifactCatalog as ArtifactCatalog,
)
from stormlog.artifacts.envelopes import (
    CatalogRunEnvelope as CatalogRunEnvelope,
)
from stormlog.artifacts.models import (
    CatalogOOMBundle as CatalogOOMBundle,
    CatalogSource as CatalogSource,
    CatalogWarning as CatalogWarning,
    ExternalAttachment as ExternalAttachment,
)
from stormlog.artifacts.oom_bundle_rows import (
    OOMBundleRow as OOMBundleRow,
)
from stormlog.query.documents import (
    CorrelationAnchor as CorrelationAnchor,
)
from stormlog.query.adhoc import (
    SqlResult as SqlResult,
)
from stormlog.query.arrivals import (
    Arrivals as Arrivals,
    EventFollower as EventFollower,
    MissingEvents as MissingEvents,
)
from stormlog.query.counts import (
    IssueCounts as IssueCounts,
)
from stormlog.query.filters import (
    CORRELATION_KINDS as CORRELATION_KINDS,
    AttachmentFilter as AttachmentFilter,
    CorrelationFilter as CorrelationFilter,
    EventFilter as EventFilter,
    IssueFilter as IssueFilter,
    OOMBundleFilter as OOMBundleFilter,
    RunAttachmentFilter as RunAttachmentFilter,
    RunFilter as RunFilter,
    SessionFilter as SessionFilter,
)
from stormlog.query.issue_tables import (
    IssueTable as IssueTable,
    IssuePageFacts as IssuePageFacts,
    IssueRow as IssueRow,
)
from stormlog.query.live import (
    RunFollower as RunFollower,
)
from stormlog.query.live_rows import (
    LiveFailure as LiveFailure,
    LiveLook as LiveLook,
    LiveRank as LiveRank,
    LiveRun as LiveRun,
    LiveState as LiveState,
    LiveWarning as LiveWarning,
)
from stormlog.query.row_lists import (
    IssueList as IssueList,
    RowList as RowList,
)
from stormlog.query.rows import (
    EventRow as EventRow,
    Reject as Reject,
    SkippedLines as SkippedLines,
    SessionRow as SessionRow,
)
from stormlog.query.run_rows import (
    AttachmentStorage as AttachmentStorage,
    CorrelationEvidence as CorrelationEvidence,
    CorrelationResult as CorrelationResult,
    DerivedFieldsRow as DerivedFieldsRow,
    RollupWindowRow as RollupWindowRow,
    RunAttachmentRow as RunAttachmentRow,
    RunRow as RunRow,
    SummaryRow as SummaryRow,
    TimelineMarker as TimelineMarker,
)
from stormlog.query.run_statements import (
    SUMMARY_GROUPS as SUMMARY_GROUPS,
    SUMMARY_METRICS as SUMMARY_METRICS,
)
from stormlog.query.store import (
    QueryStore as QueryStore,
    open as open,
)
from stormlog.query.unmatched import (
    UnmatchedFilter as UnmatchedFilter,
)
