# %% [markdown]
# # A look at one run
# Cells for Jupyter, VS Code or Spyder; as a script the file runs from top to bottom.

# %%
from __future__ import annotations

import sys
from pathlib import Path

import stormlog.query
from stormlog.query import EventFilter, IssueFilter

paths = sys.argv[1:] or [Path(__file__).with_name("captures") / "run-envelope"]
store = stormlog.query.open(paths)

# %% [markdown]
# Who ran, and how did it end?

# %%
for session in store.list_sessions():
    print(session.session_id[:8], session.host, f"rank {session.rank}", session.status, session.event_count)

# %% [markdown]
# A view is a DuckDB relation: filter, aggregate and plot it. `.df()` gives a data frame where pandas is
# installed, `.arrow()` a table.

# %%
peaks = store.relation("events").aggregate(
    "session_id, max(device_used_bytes) // 1048576 AS peak_mib", "session_id"
)
print(peaks.order("peak_mib DESC, session_id"))

# %% [markdown]
# What led to the first out-of-memory failure? The events of that session up to it.

# %%
for issue in store.list_issues(IssueFilter(kind="oom"))[:1]:
    hit = issue.representative_evidence
    print(issue.title, issue.details["reason"])
    for row in store.query_events(EventFilter(session_id=hit.session_id, time_end_ns=hit.timestamp_ns))[-5:]:
        print(" ", row.event.timestamp, row.event.event_type, row.event.context)

# %%
store.close()
