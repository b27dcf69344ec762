"""Answers about telemetry, as JSON: ``python benchmarks/capture_answers.py PATH...``.

Other versions of Stormlog run this file as a script with their own interpreters, so nothing may be imported but the
standard library and names that all of them have.
"""

from __future__ import annotations

import json
import sys
from typing import Any

__all__ = ["answers"]


def answers(paths: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return sessions, events, bundles and issues, each as a list of rows."""
    import stormlog.query

    store = stormlog.query.open(paths)
    return {
        "sessions": [row.as_dict() for row in store.list_sessions()],
        "events": [row.as_dict() for row in store.query_events()],
        "bundles": [row.as_dict() for row in store.list_oom_bundles()],
        "issues": [issue.as_dict() for issue in store.list_issues()],
    }


if __name__ == "__main__":
    print(json.dumps(answers(sys.argv[1:])))
