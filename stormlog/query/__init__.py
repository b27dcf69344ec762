"""Questions about telemetry artifacts: open them, list issues, run SQL over documented views.

    with stormlog.query.open(["./live_sink", "./oom_dumps"]) as store:
        for issue in store.list_issues():
            print(issue.severity, issue.hit_count, issue.title)

Source: docs/concepts.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
