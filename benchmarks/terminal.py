"""Measures the terminal application with many issues, beside ``list_issues()``, in one run.

``python -m benchmarks.terminal --issues 100000``. Processor time of one process: reading is over before it is measured,
and the application is driven by its keys, without a terminal. Every number is the median of some turns.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import stormlog.query
from benchmarks.bench import RESULTS
from benchmarks.generate import GENERATOR_VERSION, write_sink
from stormlog.apps.tui.app import StormlogApp
from stormlog.apps.tui.board import Board
from stormlog.apps.tui.issues_view import IssuesView
from stormlog.query import IssueFilter, QueryStore

SIZE = (120, 40)
#: Longer than the cursor has to rest before a detail is read.
REST_S = 0.3
#: Events of the generated sink for each issue that is wanted.
EVENTS_PER_ISSUE = 1.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issues", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    events = int(given.issues * EVENTS_PER_ISSUE)
    sink = RESULTS / "data" / f"v{GENERATOR_VERSION}-adversarial-{events}"
    if not (sink / "manifest.json").exists():
        write_sink(sink, events, mix="adversarial")
    taken: dict[str, list[float]] = {}
    count = 0
    for _ in range(given.repeat):
        # Each turn begins with the files read and nothing answered.
        with stormlog.query.open(sink, cache=False) as store:
            store.sql("SELECT (SELECT count(*) FROM issue_counts), (SELECT count(*) FROM issue_trend)")
            note(taken, "list_issues(), all", lambda: store.list_issues(IssueFilter(limit=10**6)))
            note(taken, "list_issues(), a page of 100", lambda: store.list_issues(IssueFilter(limit=100)))
            note(
                taken,
                "list_issues(), one kind",
                lambda: store.list_issues(IssueFilter(kind="alert", limit=10**6)),
            )
            count = store.count_rows(IssueFilter())
            asyncio.run(drive(store, sink, taken))
    print(f"{count:,} issues, {SIZE[0]}x{SIZE[1]}\n")
    print("| What | Processor time (s) |\n|---|--:|")
    for name, seconds in taken.items():
        print(f"| {name} | {median(seconds):.3f} |")


def note(taken: dict[str, list[float]], name: str, ask: Callable[[], object]) -> None:
    """Take the processor time of a call."""
    before = time.process_time()
    ask()
    taken.setdefault(name, []).append(time.process_time() - before)


async def drive(store: QueryStore, sink: Path, taken: dict[str, list[float]]) -> None:
    """Take the processor time of what a user does."""
    app = StormlogApp(Board(store, [str(sink)]), interval_s=3600)

    async def step(name: str, act: Callable[[], Awaitable[object]]) -> None:
        before = time.process_time()
        await act()
        await pilot.pause()
        while any(app.background._running.values()):
            await asyncio.sleep(0.005)
        await pilot.pause()
        taken.setdefault(name, []).append(time.process_time() - before)

    before = time.process_time()
    async with app.run_test(size=SIZE) as pilot:
        while any(app.background._running.values()):
            await asyncio.sleep(0.005)
        await pilot.pause()
        taken.setdefault("open, until the first rows are there", []).append(time.process_time() - before)
        view = app.query_one(IssuesView)
        await step("the detail of the first issue", lambda: asyncio.sleep(REST_S))

        async def filtered() -> None:
            view.filter_by("--kind alert")

        await step("one row down", lambda: pilot.press("j"))
        await step("a page down, rows that were read", lambda: pilot.press("pagedown"))
        await step("to the last row, a page that was not", lambda: pilot.press("G"))
        await step("the detail of its issue", lambda: asyncio.sleep(REST_S))
        await step("filter by kind", filtered)
        await pilot.press("q")


if __name__ == "__main__":
    main()
