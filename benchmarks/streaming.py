"""Measures the memory of answers that stream: events as they are printed, and rows of SQL as they are written to files.

Run ``python -m benchmarks.streaming [--events 10000 100000 1000000]``. Each number is one process as a user starts it,
without a cache. What streams needs about as much memory for 1,000,000 events as for 100,000.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import ENVIRONMENT, generated

__all__ = ["WAYS", "Streamed", "growth", "measure"]

#: The greatest number of events may take that many times the memory of the smallest.
MOST_GROWTH = 1.25
#: Of so few events, most memory is that of the programs.
LEAST_EVENTS = 100_000
STATEMENT = (
    "SELECT timestamp_ns, session_id, rank, event_type, device_used_bytes, context, metadata FROM events"
)
#: Ways to ask -> arguments of ``stormlog`` before and after the path; ``OUT`` stands for a folder.
WAYS = {
    "query events --jsonl": (["query", "events"], ["--jsonl"]),
    "query events --csv": (["query", "events"], ["--csv"]),
    "query events --has-alert --jsonl": (["query", "events"], ["--has-alert", "--jsonl"]),
    "sql --jsonl": (["sql"], [STATEMENT, "--jsonl"]),
    **{
        f"sql -o x.{suffix}": (["sql"], [STATEMENT, "-o", f"OUT/x.{suffix}"])
        for suffix in ("jsonl", "csv", "parquet", "arrow")
    },
}


@dataclass(frozen=True)
class Streamed:
    """What one answer took.

    Attributes:
        first_seconds: Until the first byte was printed; None where nothing is printed.
        wall_seconds: Until the end.
        processor_seconds: Of all threads.
        peak_bytes: Most memory that the process held.
        written_bytes: Length of the answer.
    """

    first_seconds: float | None
    wall_seconds: float
    processor_seconds: float
    peak_bytes: int
    written_bytes: int


def measure(sink: Path, way: str) -> Streamed:
    """Return what one of `WAYS` takes.

    Raises:
        RuntimeError: the command failed.
    """
    before, after = WAYS[way]
    with tempfile.TemporaryDirectory(prefix="stormlog-bench-") as folder:
        arguments = [*before, str(sink), *(text.replace("OUT", folder) for text in after)]
        command = [sys.executable, "-m", "stormlog", *arguments, "--no-cache", "--quiet"]
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=folder, env={**os.environ, **ENVIRONMENT}
        )
        assert process.stdout is not None
        size = len(process.stdout.read(1))
        first = time.perf_counter() - started if size else None
        while block := process.stdout.read(1 << 20):
            size += len(block)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{way} ended with {process.returncode}")
        size += sum(file.stat().st_size for file in Path(folder).iterdir())
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Streamed(first, wall, usage.ru_utime + usage.ru_stime, peak, size)


def growth(peaks: dict[int, int]) -> float | None:
    """Return how many times the memory of the smaller number of events the greatest one takes.

    Args:
        peaks: Number of events -> most memory in bytes. Those below `LEAST_EVENTS` do not count; None where fewer than
            two others are there.
    """
    sizes = sorted(events for events in peaks if events >= LEAST_EVENTS)
    return None if len(sizes) < 2 else peaks[sizes[-1]] / peaks[sizes[0]]


def main() -> None:
    """Print a row for each number of events and way, and how memory grows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    given = parser.parse_args()
    print(
        "| Events | Answer | first row s | all rows s | processor s | peak MiB | MiB written |\n"
        "|--:|---|--:|--:|--:|--:|--:|"
    )
    peaks: dict[str, dict[int, int]] = {way: {} for way in given.ways}
    for events in given.events:
        _, sink = generated("normal", events)
        for way in given.ways:
            found = measure(sink, way)
            peaks[way][events] = found.peak_bytes
            first = "" if found.first_seconds is None else f"{found.first_seconds:.1f}"
            print(
                f"| {events:,} | `{way}` | {first} | {found.wall_seconds:.1f} | {found.processor_seconds:.1f} "
                f"| {found.peak_bytes / 2**20:.0f} | {found.written_bytes / 2**20:,.0f} |",
                flush=True,
            )
    print()
    for way, sizes in peaks.items():
        factor = growth(sizes)
        if factor is not None:
            verdict = "pass" if factor <= MOST_GROWTH else "miss"
            print(f"{way}: {factor:.2f} times the memory of the smaller number of events, {verdict}")


if __name__ == "__main__":
    main()
