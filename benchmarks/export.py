"""Shows what ``stormlog export`` costs beside a bare ``COPY`` of DuckDB of the same files, in one run.

Run ``python -m benchmarks.export DIRECTORY [--events 1000000] [--repeat 3]``: data is generated in the directory once.
The commands take turns. ``COPY`` reads all columns of the lines, checks none of them, and writes one Parquet file or
one table; an export of the view ``events`` is what comes nearest to it. Processor seconds count, of whole processes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.generate import write_sink

__all__ = ["COPIES", "EXPORTS", "run_once"]

#: Columns of a line, as a sink writes it.
_COLUMNS = {
    **dict.fromkeys(("collector", "context", "event_type", "host", "job_id", "session_id"), "VARCHAR"),
    **dict.fromkeys(
        (
            *("allocator_active_bytes", "allocator_allocated_bytes", "allocator_change_bytes"),
            *("allocator_inactive_bytes", "allocator_reserved_bytes", "device_free_bytes", "device_id"),
            *("device_total_bytes", "device_used_bytes", "local_rank", "pid", "rank", "sampling_interval_ms"),
            *("schema_version", "timestamp_ns", "world_size"),
        ),
        "BIGINT",
    ),
    "metadata": "JSON",
}
_READ = "SELECT * FROM read_json({files}, format = 'newline_delimited', records = true, columns = {columns})"
_RUN = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(sys.argv[2])"

#: Name -> file, and what the bare statement does.
COPIES = {
    "copy to parquet": ("copied.parquet", ":memory:", "COPY ({read}) TO '{target}' (COMPRESSION zstd)"),
    "copy to duckdb": ("copied.duckdb", "{target}", "CREATE TABLE events AS {read}"),
}
#: Name -> target, its options, and the copy that it is compared with.
EXPORTS = {
    "events to parquet": ("events/", ["--views", "events"], "copy to parquet"),
    "events to duckdb": ("events.duckdb", ["--views", "events"], "copy to duckdb"),
    "events to sqlite": ("events.sqlite", ["--views", "events"], "copy to duckdb"),
    "all views to parquet": ("all/", [], "copy to parquet"),
    "all views to duckdb": ("all.duckdb", [], "copy to duckdb"),
}


def run_once(command: list[str], target: Path) -> tuple[float, int, int]:
    """Run a command that writes something, and remove what it wrote.

    Args:
        command: Program and arguments.
        target: The file or the directory that it makes.

    Returns:
        Processor seconds, peak memory in bytes, and the bytes that were written.

    Raises:
        RuntimeError: it failed.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**os.environ, "STORMLOG_CACHE": "off"}
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    files = [path for path in target.rglob("*") if path.is_file()] if target.is_dir() else [target]
    size = sum(path.stat().st_size for path in files)
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return usage.ru_utime + usage.ru_stime, peak, size


def main() -> None:
    """Measure in turns and print medians and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, help="where data is generated, and exports are written")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns; the median counts")
    parser.add_argument("--memory-limit", metavar="SIZE", help="of the exports")
    options = parser.parse_args()
    sink = options.directory / f"events-{options.events}"
    if not (sink / "manifest.json").exists():
        write_sink(sink, options.events)
    files = [str(path) for path in sorted(sink.glob("segment-*.jsonl"))]
    read = _READ.format(files=files, columns=_COLUMNS)
    taken: dict[str, list[tuple[float, int, int]]] = {}
    for _ in range(options.repeat):
        for name, (file, database, text) in COPIES.items():
            target = options.directory / file
            words = [database.format(target=target), text.format(read=read, target=target)]
            taken.setdefault(name, []).append(run_once([sys.executable, "-c", _RUN, *words], target))
        for name, (file, given, _) in EXPORTS.items():
            limit = [] if options.memory_limit is None else ["--memory-limit", options.memory_limit]
            words = ["export", str(sink), f"{options.directory}/{file}", *given, *limit, "--quiet"]
            command = [sys.executable, "-m", "stormlog", *words]
            taken.setdefault(name, []).append(run_once(command, options.directory / file.rstrip("/")))
    print("| | processor s | times the copy | peak MiB | MiB written |\n|---|--:|--:|--:|--:|")
    for name, samples in taken.items():
        seconds, peak, size = (median(values) for values in zip(*samples, strict=True))
        copy = EXPORTS[name][2] if name in EXPORTS else name
        ratio = median(s[0] / c[0] for s, c in zip(samples, taken[copy], strict=True))
        print(f"| {name} | {seconds:.1f} | {ratio:.2f} | {peak / 2**20:.0f} | {size / 2**20:.0f} |")


if __name__ == "__main__":
    main()
