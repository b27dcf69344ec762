# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog._printable_text import (
    printable as printable,
)
from stormlog.presenting.diff_rows import (
    ComparisonRow as ComparisonRow,
    comparison_rows as comparison_rows,
    issue_change_rows as issue_change_rows,
    issue_changes_title as issue_changes_title,
    peak_change_rows as peak_change_rows,
    run_fact_rows as run_fact_rows,
)
from stormlog.presenting.issue_history import (
    activity_sentence as activity_sentence,
)
from stormlog.presenting.issue_markdown import (
    issue_page_markdown as issue_page_markdown,
)
from stormlog.presenting.issue_page import (
    ShownIssue as ShownIssue,
)
from stormlog.presenting.issue_text import (
    issue_screen as issue_screen,
)
from stormlog.presenting.live_text import (
    live_screen as live_screen,
)
from stormlog.presenting.memory_strips import (
    memory_strips as memory_strips,
)
from stormlog.presenting.moments import (
    Moments as Moments,
    moments_in as moments_in,
)
from stormlog.presenting.quantities import (
    counted as counted,
    human_bytes as human_bytes,
    human_count as human_count,
    human_time as human_time,
)
from stormlog.presenting.texts import (
    cell_width as cell_width,
    listed as listed,
    short_ranges as short_ranges,
    wrapped as wrapped,
)
from stormlog.presenting.why_brief import (
    brief as brief,
)
from stormlog.presenting.why_markdown import (
    markdown as markdown,
)
from stormlog.presenting.why_sentences import (
    other_runs_note as other_runs_note,
)
from stormlog.presenting.why_text import (
    Line as Line,
    screen as screen,
)
