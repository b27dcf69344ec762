# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.exporting.files import (
    export_files as export_files,
)
from stormlog.exporting.models import (
    ExportedView as ExportedView,
    ExportReport as ExportReport,
    ExportSource as ExportSource,
)
from stormlog.exporting.openmetrics import (
    FailureCount as FailureCount,
    IssueLabelCount as IssueLabelCount,
    MetricCounts as MetricCounts,
    ScanCount as ScanCount,
    TrackedIssueCount as TrackedIssueCount,
    openmetrics_text as openmetrics_text,
)
from stormlog.exporting.selection import (
    chosen_views as chosen_views,
    views_to_prepare as views_to_prepare,
)
from stormlog.exporting.targets import (
    FORMATS as FORMATS,
    Target as Target,
    require_target as require_target,
    target_of as target_of,
)
from stormlog.exporting.text_files import (
    write_text_file as write_text_file,
)
