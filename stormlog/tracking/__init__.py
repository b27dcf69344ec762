"""Issues that live across runs: found by scans, triaged by people and agents, reported in digests.

    with stormlog.tracking.Tracker("tracker.db") as tracker:
        tracker.scan(["./runs"])
        for issue in tracker.list_issues(statuses=["new", "regressed"]).issues:
            print(issue.severity, issue.occurrence_count, issue.title)

Source: docs/tracking.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
