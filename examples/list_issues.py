"""Which failures recur, and what happened in the worst of them?

Run ``python examples/list_issues.py [PATH...]``; without a path the shipped captures are read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import stormlog.query

CAPTURES = Path(__file__).with_name("captures")


def main(paths: list[str | Path]) -> None:
    """Print one line an issue, then all the evidence of the first one."""
    with stormlog.query.open(paths) as store:
        issues = store.list_issues()
        for issue in issues:
            print(f"{issue.severity:<9}{issue.hit_count:>6} x {issue.kind:<22} {issue.title}")
        if not issues:
            print("no issues")
            return
        worst = issues[0]
        print(f"\n{worst.title}, sessions {', '.join(worst.affected_sessions)}")
        # Evidence is read when it is looked at: the list above did not wait for it.
        for link in worst.evidence:
            print(f"  {link.timestamp_ns}  rank {link.rank}  {link.source_path}")


if __name__ == "__main__":
    main([*sys.argv[1:]] or [CAPTURES])
