"""Issues that live across runs: found by scans, triaged by people and agents, reported in digests.

    with stormlog.tracking.Tracker("tracker.db") as tracker:
        tracker.scan(["./runs"])
        for issue in tracker.list_issues(statuses=["new", "regressed"]).issues:
            print(issue.severity, issue.occurrence_count, issue.title)

Source: docs/tracking.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stormlog._lazy import lazy_names

if TYPE_CHECKING:
    from stormlog.tracking.actors import PERMISSIONS, Actor, Permissions
    from stormlog.tracking.database.store import default_store_path
    from stormlog.tracking.digest import NotifyReport, NotifySettings
    from stormlog.tracking.gate.gate import GateReport
    from stormlog.tracking.models import (
        Activity,
        Change,
        Comment,
        Evidence,
        Fingerprint,
        HistoryPage,
        IssueDetail,
        IssuePage,
        Occurrence,
        OccurrencePage,
        Project,
        ScanReport,
        TrackedIssue,
    )
    from stormlog.tracking.tracker import Tracker

__all__ = [
    "PERMISSIONS",
    "Activity",
    "Actor",
    "Change",
    "Comment",
    "Evidence",
    "Fingerprint",
    "GateReport",
    "HistoryPage",
    "IssueDetail",
    "IssuePage",
    "NotifyReport",
    "NotifySettings",
    "Occurrence",
    "OccurrencePage",
    "Permissions",
    "Project",
    "ScanReport",
    "TrackedIssue",
    "Tracker",
    "default_store_path",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    globals(),
    {
        "actors": ("PERMISSIONS", "Actor", "Permissions"),
        "digest": ("NotifyReport", "NotifySettings"),
        "gate.gate": ("GateReport",),
        "models": (
            "Activity",
            "Change",
            "Comment",
            "Evidence",
            "Fingerprint",
            "HistoryPage",
            "IssueDetail",
            "IssuePage",
            "Occurrence",
            "OccurrencePage",
            "Project",
            "ScanReport",
            "TrackedIssue",
        ),
        "database.store": ("default_store_path",),
        "tracker": ("Tracker",),
    },
)
