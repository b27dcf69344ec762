"""Questions in SQL: every answer of Stormlog is a view, and views can be joined.

Run ``python examples/sql_over_views.py [PATH...]``; without a path the shipped captures are read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import stormlog.query

CAPTURES = Path(__file__).with_name("captures")

HITS_BY_HOST = """
    SELECT sessions.host, issue_evidence.kind, count(*) AS hits
    FROM issue_evidence
    JOIN (SELECT DISTINCT session_id, host FROM sessions) AS sessions USING (session_id)
    GROUP BY ALL
    ORDER BY hits DESC, host, kind
"""
SLOWEST_PHASES = """
    SELECT phase_path, count(*) AS times, max(end_ns - start_ns) // 1000000 AS longest_ms
    FROM phase_spans
    GROUP BY phase_path
    ORDER BY longest_ms DESC, phase_path
    LIMIT $limit
"""


def main(paths: list[str | Path]) -> None:
    """Print two small tables."""
    with stormlog.query.open(paths) as store:
        for title, answer in (
            ("Evidence by host", store.sql(HITS_BY_HOST)),
            ("Longest phases", store.sql(SLOWEST_PHASES, {"limit": 5})),
        ):
            print(title)
            for row in [answer.columns, *answer.rows]:
                print("  " + "  ".join(f"{value!s:<28}" for value in row).rstrip())


if __name__ == "__main__":
    main([*sys.argv[1:]] or [CAPTURES])
