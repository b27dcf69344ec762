"""Measures scans into a tracker, beside a bare scan of the same files and a cold ``query issues`` in the same run.

``make bench-tracking``, or ``python -m benchmarks.tracking --events 1000000 --sessions 200 --mix normal``. Every
number is one process as a user starts it; the median of some turns is printed as a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.bench import CHECKOUT, RESULTS
from benchmarks.generate import GENERATOR_VERSION, MIXES, session_records, write_sink
from benchmarks.measure import run_once

BARE_SCAN = """
import sys, duckdb
files = sys.argv[1] + "/*.jsonl"
print(duckdb.sql(
    "SELECT count(*), sum(strlen(line)) FROM read_csv('" + files + "', columns={'line': 'VARCHAR'}, delim='\\x1f', "
    "quote='', escape='', header=false, auto_detect=false, max_line_size=16777216)"
).fetchall())
"""
PROBES = {
    "bare scan of the bytes": "reads every line as text",
    "query issues, no cache": "cold answer",
    "first scan": "no tracker, no cache",
    "unchanged rescan": "nothing changed",
    "rescan after an append": "one session got 100 events",
    "full rescan": "--full: every session is looked at again",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--mix", choices=MIXES, default="normal")
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    each = given.events // given.sessions
    sink = RESULTS / "data" / f"v{GENERATOR_VERSION}-{given.mix}-{given.events}-sessions-of-{each}"
    if not (sink / "manifest.json").exists():
        write_sink(sink, given.events, mix=given.mix, session_events=each)
    with tempfile.TemporaryDirectory(prefix="stormlog-bench-") as work:
        rows = measure(sink, Path(work), given.repeat, each)
    size = sum(path.stat().st_size for path in sink.glob("*.jsonl"))
    print(f"{given.events:,} events of {given.sessions} sessions, {size / 1e6:,.0f} MB, mix {given.mix}\n")
    print("| What | Seconds | Peak memory | |\n|---|--:|--:|---|")
    for name, (seconds, peak) in rows.items():
        print(f"| {name} | {seconds:.2f} | {peak / 1e6:,.0f} MB | {PROBES[name]} |")


def measure(sink: Path, work: Path, repeat: int, each: int) -> dict[str, tuple[float, int]]:
    """Return probe -> median of seconds, and of the peak memory in bytes."""
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in PROBES}
    # The sink grows: that happens to a copy, of links where a file stays as it is.
    for turn in range(repeat):
        copy = work / f"sink-{turn}"
        shutil.copytree(sink, copy, copy_function=os.link)
        database, cache = work / f"{turn}.db", work / f"cache-{turn}"
        base = [sys.executable, "-m", "stormlog"]
        scan = [*base, "scan", str(copy), "--db", str(database), "--cache-dir", str(cache), "--json", "-q"]
        commands = {
            "bare scan of the bytes": [sys.executable, "-c", BARE_SCAN, str(copy)],
            "query issues, no cache": [*base, "query", "issues", str(copy), "--no-cache", "-q", "--json"],
            "first scan": scan,
            "unchanged rescan": scan,
            "rescan after an append": scan,
            "full rescan": [*scan, "--full"],
        }
        for name, command in commands.items():
            if name == "rescan after an append":
                append(copy, each)
            sample = run_once(command, {}, str(CHECKOUT))
            taken[name].append((sample.wall_seconds, sample.peak_bytes))
            if "rescan" in name and name != "full rescan":
                report = json.loads(sample.printed)
                assert (report["lines_read"] == 0) == (name == "unchanged rescan"), report
        shutil.rmtree(copy)
    return {name: (median(s for s, _ in found), median(p for _, p in found)) for name, found in taken.items()}


def append(sink: Path, each: int) -> None:
    """Let the last session go on."""
    path = max(sink.glob("*.jsonl"))
    lines = path.read_bytes()
    path.unlink()
    index = json.loads(lines[: lines.index(b"\n")])["pid"] - 4000
    records = list(session_records(index, each + 100))[each - 1 : -1]
    more = b"".join(json.dumps(record, sort_keys=True).encode("ascii") + b"\n" for record in records)
    path.write_bytes(lines + more)


if __name__ == "__main__":
    main()
