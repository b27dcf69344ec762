# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.tracking.gate.gate import (
    baseline_of_file as baseline_of_file,
    baseline_of_tracker as baseline_of_tracker,
    evaluate as evaluate,
)
from stormlog.tracking.gate.models import (
    Baseline as Baseline,
    GateReport as GateReport,
)
from stormlog.tracking.gate.summary import (
    markdown_summary as markdown_summary,
)
