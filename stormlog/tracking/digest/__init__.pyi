# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.tracking.digest.content import (
    Digest as Digest,
    DigestIssue as DigestIssue,
    LatestRun as LatestRun,
)
from stormlog.tracking.digest.notifying import (
    NotifyReport as NotifyReport,
    ProjectDigest as ProjectDigest,
    deliver as deliver,
    notify as notify,
    queue_if_due as queue_if_due,
)
from stormlog.tracking.digest.outbox import (
    Delivery as Delivery,
)
from stormlog.tracking.digest.settings import (
    NotifySettings as NotifySettings,
    SmtpSettings as SmtpSettings,
)
from stormlog.tracking.digest.planning import (
    PlannedMessage as PlannedMessage,
)
