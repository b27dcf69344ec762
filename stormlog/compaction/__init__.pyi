# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.compaction.compact import (
    compact_sink as compact_sink,
)
from stormlog.compaction.models import (
    CompactionReport as CompactionReport,
    SegmentReport as SegmentReport,
)
