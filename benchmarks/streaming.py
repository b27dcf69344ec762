"""Shows what ``stormlog query events`` costs before its first row, and how much memory it holds.

Run ``python -m benchmarks.streaming DIRECTORY [--events 100000 1000000]``: data is generated in the directory once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.generate import write_sink

__all__ = ["measure"]


def measure(sink: Path, format_name: str) -> tuple[float, float, int]:
    """Return the seconds to the first byte and to the last one, and the peak memory in bytes."""
    command = [
        sys.executable,
        "-m",
        "stormlog",
        "query",
        "events",
        str(sink),
        f"--{format_name}",
        "--no-cache",
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)
    first = time.perf_counter() - started
    while process.stdout.read(1 << 20):
        pass
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"it ended with {process.returncode}")
    return first, time.perf_counter() - started, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print a row for each number of events and format."""
    parser = argparse.ArgumentParser(description="Measure how events stream.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--formats", nargs="+", default=["csv", "jsonl"])
    given = parser.parse_args()
    print("| Events | Format | first row s | all rows s | peak MiB |\n|--:|---|--:|--:|--:|")
    for events in given.events:
        sink = given.directory / f"events-{events}"
        if not (sink / "manifest.json").exists():
            write_sink(sink, events)
        for format_name in given.formats:
            first, total, peak = measure(sink, format_name)
            print(
                f"| {events:,} | {format_name} | {first:.1f} | {total:.1f} | {peak / 2**20:.0f} |", flush=True
            )


if __name__ == "__main__":
    main()
