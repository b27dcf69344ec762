# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.tracking.actors import (
    Actor as Actor,
    PERMISSIONS as PERMISSIONS,
    Permissions as Permissions,
)
from stormlog.tracking.database.store import (
    default_store_path as default_store_path,
)
from stormlog.tracking.digest import (
    NotifyReport as NotifyReport,
    NotifySettings as NotifySettings,
)
from stormlog.tracking.gate.models import (
    GateReport as GateReport,
)
from stormlog.tracking.projects import (
    VERSION_ORDERS as VERSION_ORDERS,
)
from stormlog.tracking.documents import (
    ChangeWarning as ChangeWarning,
    SkippedInput as SkippedInput,
)
from stormlog.tracking.models import (
    Activity as Activity,
    Change as Change,
    Comment as Comment,
    Evidence as Evidence,
    Fingerprint as Fingerprint,
    HistoryPage as HistoryPage,
    IssueDetail as IssueDetail,
    IssuePage as IssuePage,
    Occurrence as Occurrence,
    OccurrencePage as OccurrencePage,
    Project as Project,
    ScanReport as ScanReport,
    TrackedIssue as TrackedIssue,
    TrackedRule as TrackedRule,
    Undone as Undone,
)
from stormlog.tracking.reading.stats import (
    IssueStats as IssueStats,
    PeriodStats as PeriodStats,
)
from stormlog.tracking.scanning.restoring import (
    restore_store as restore_store,
)
from stormlog.tracking.reading.filters import (
    IssueConditions as IssueConditions,
)
from stormlog.tracking.tracker import (
    Tracker as Tracker,
)
