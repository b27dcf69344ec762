# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.reporting.collecting import (
    MOST_ISSUES as MOST_ISSUES,
    MOST_PICTURES as MOST_PICTURES,
    collect_report as collect_report,
)
from stormlog.reporting.documents import (
    EnvelopeDocument as EnvelopeDocument,
)
from stormlog.reporting.envelope import (
    report_envelope as report_envelope,
)
from stormlog.reporting.markdown import (
    report_markdown as report_markdown,
)
from stormlog.reporting.models import (
    Report as Report,
)
from stormlog.reporting.page import (
    report_page as report_page,
)
from stormlog.reporting.pictures import (
    report_picture as report_picture,
    run_picture as run_picture,
)
from stormlog.reporting.writing import (
    check_target as check_target,
    write_report as write_report,
)
