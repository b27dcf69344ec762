"""What is measured, one probe a process: ``python -m benchmarks.probes NAME PATH`` prints JSON.

The reference runs the probe ``issues`` too, with its own interpreter and this file as a script, so
nothing but the standard library may be imported at the top.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The columns that issues are made of.
ISSUE_COLUMNS = {
    "allocator_allocated_bytes": "BIGINT",
    "allocator_reserved_bytes": "BIGINT",
    "collector": "VARCHAR",
    "context": "VARCHAR",
    "device_id": "BIGINT",
    "device_total_bytes": "BIGINT",
    "device_used_bytes": "BIGINT",
    "event_type": "VARCHAR",
    "metadata": "JSON",
    "rank": "BIGINT",
    "session_id": "VARCHAR",
    "timestamp_ns": "BIGINT",
}


def scan(path: str) -> dict[str, Any]:
    """Read the issue columns of all segments and count their values: no answer can be faster."""
    import duckdb

    files = sorted(str(file) for file in Path(path).glob("segment-*.jsonl"))
    declared = ", ".join(f"{name}: '{kind}'" for name, kind in ISSUE_COLUMNS.items())
    counts = ", ".join(f"count({name})" for name in ISSUE_COLUMNS)
    statement = f"""
        SELECT {counts} FROM read_json(
            $files, format = 'newline_delimited', records = true, ignore_errors = true,
            columns = {{{declared}}}
        )"""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        started, worked = time.perf_counter(), time.process_time()
        counted = connection.execute(statement, {"files": files}).fetchall()[0]
        seconds, processor_seconds = time.perf_counter() - started, time.process_time() - worked
    return {"seconds": seconds, "processor_seconds": processor_seconds, "events": max(counted)}


def issues(path: str, cache: str = "off", *, with_engine: bool = True) -> dict[str, Any]:
    """Open a sink and list its issues; imports are not counted.

    Args:
        path: The sink.
        cache: Where the index is; ``off`` for none (and for the reference, which has none).
        with_engine: Whether the database is imported beforehand.
    """
    import stormlog.query

    import_all(with_engine=with_engine)
    options: dict[str, Any] = {} if cache == "off" else {"cache": cache}
    started = time.perf_counter()
    store = stormlog.query.open([path], **options)
    found = store.list_issues()
    seconds = time.perf_counter() - started
    answer = sorted((issue.fingerprint_id, issue.hit_count) for issue in found)
    return {"seconds": seconds, "issues": len(answer), "answer": answer}


def import_all(*, with_engine: bool, others: Sequence[str] = ()) -> None:
    """Import what an answer needs, before the clock starts; the reference imports it all at once.

    Args:
        with_engine: Whether the database is imported too.
        others: More modules of Stormlog.
    """
    from importlib import import_module
    from importlib.util import find_spec

    modules = [
        "artifacts.catalog",
        "artifacts.catalog_rows",
        "artifacts.oom_bundle_rows",
        "engine.index.kept_answers",
        "query.evidence",
        "query.results",
        "query.store",
        "issues.models",
        *others,
    ]
    if with_engine:
        modules += ["engine.engine", "engine.analysis.phase_spans", "issues.gaps", "phases.attribution"]
    for module in modules:
        try:
            import_module(f"stormlog.{module}")
        except ImportError:
            if find_spec("stormlog.engine") is not None:
                raise
            # The reference has other modules.
            return
    if with_engine:
        import_module("duckdb")


def build(path: str, cache: str) -> dict[str, Any]:
    """The same as `issues`, after whatever is kept was removed."""
    import shutil

    shutil.rmtree(cache, ignore_errors=True)
    return issues(path, cache)


def warm(path: str, cache: str) -> dict[str, Any]:
    """The same as `issues`, where the answer is kept and no database is needed."""
    return issues(path, cache, with_engine=False)


def limited(path: str, cache: str) -> dict[str, Any]:
    """The same as `build`, with little memory."""
    import shutil

    import stormlog.query

    shutil.rmtree(cache, ignore_errors=True)
    started = time.perf_counter()
    found = stormlog.query.open([path], cache=cache, memory_limit="512MB").list_issues()
    return {"seconds": time.perf_counter() - started, "issues": len(found)}


def append(path: str, cache: str) -> dict[str, Any]:
    """Append 1,000 events to the last segment and ask again; then take them back."""
    import os
    import re

    import stormlog.query

    segment = max(Path(path).glob("segment-*.jsonl"))
    size = segment.stat().st_size
    with segment.open("rb") as stream:
        stream.seek(max(0, size - 3_000_000))
        # A phase that is entered twice is damage; all other lines can follow once more.
        lines = [line for line in stream.read().split(b"\n")[1:-1] if b"phase_scope" not in line][-1000:]
    # The same session goes on: later times, everything else as it was.
    later = [
        re.sub(rb'("timestamp_ns": )(\d+)', lambda m: m[1] + str(int(m[2]) + 10**12).encode(), x)
        for x in lines
    ]
    with stormlog.query.open([path], cache=cache) as store:
        store.list_issues()
    try:
        with segment.open("ab") as stream:
            stream.write(b"\n".join(later) + b"\n")
        started = time.perf_counter()
        with stormlog.query.open([path], cache=cache) as store:
            found = store.list_issues()
            seconds = time.perf_counter() - started
    finally:
        os.truncate(segment, size)
    return {"seconds": seconds, "issues": len(found)}


PROBES = {
    "scan": scan,
    "issues": issues,
    "build": build,
    "warm": warm,
    "limited": limited,
    "append": append,
}


def main() -> None:
    """Run one probe and print what it found."""
    name, *arguments = sys.argv[1:]
    print(json.dumps(PROBES[name](*arguments)))


if __name__ == "__main__":
    main()
