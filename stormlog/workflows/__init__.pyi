# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.workflows.commands import (
    triage_command as triage_command,
)
from stormlog.workflows.ignoring import (
    ignore_in_sidecar as ignore_in_sidecar,
    reopen_in_sidecar as reopen_in_sidecar,
    sidecar_path as sidecar_path,
)
from stormlog.workflows.documents import (
    IssuePageDocument as IssuePageDocument,
)
from stormlog.workflows.issue_lists import (
    ListedIssue as ListedIssue,
    list_issue_page as list_issue_page,
)
from stormlog.workflows.issues import (
    explain as explain,
    fingerprints_of_issue as fingerprints_of_issue,
    show_issue as show_issue,
)
from stormlog.workflows.recording import (
    SCAN_OUTCOMES as SCAN_OUTCOMES,
    GateSummary as GateSummary,
    NotifiedScan as NotifiedScan,
    append_summary as append_summary,
    gate_and_summarise as gate_and_summarise,
    has_outcome as has_outcome,
    latest_failure as latest_failure,
    notify_and_explain as notify_and_explain,
    scan_and_notify as scan_and_notify,
)
from stormlog.workflows.triage import (
    UNDONE as UNDONE,
    Action as Action,
    ActionDone as ActionDone,
    action_command as action_command,
    ignore_options as ignore_options,
    perform as perform,
)
from stormlog.workflows.triage_lists import (
    TriageList as TriageList,
    list_with_tracker as list_with_tracker,
    require_filter as require_filter,
    without_states as without_states,
)
from stormlog.workflows.surroundings import (
    NearEvent as NearEvent,
    NearEvents as NearEvents,
    events_around as events_around,
)
