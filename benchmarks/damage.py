"""Measures what a damaged line costs, beside a good one.

``python -m benchmarks.damage`` writes a file of good lines and, for every kind of damage, the same file with every line
damaged in that way (``--every 2``: every second line). Processor time of ``list_issues()`` counts, without a cache and
without what an empty file costs. With ``--python OTHER`` the Stormlog of another interpreter is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.generate import session_records

_LIST = """
import sys, time
import stormlog.query
store = stormlog.query.open(sys.argv[1], cache=False)
store.sql("SELECT 1")
started = time.process_time()
store.list_issues()
print(time.process_time() - started)
"""


def _put(name: str, value: Any) -> Callable[[bytes], bytes]:
    def damaged(line: bytes) -> bytes:
        return json.dumps({**json.loads(line), name: value}, sort_keys=True).encode()

    return damaged


def _without(name: str) -> Callable[[bytes], bytes]:
    def damaged(line: bytes) -> bytes:
        record = json.loads(line)
        del record[name]
        return json.dumps(record, sort_keys=True).encode()

    return damaged


def _with_host_text(text: bytes) -> Callable[[bytes], bytes]:
    return lambda line: line.replace(b'"host": "', b'"host": "' + text, 1)


#: Kind of damage -> what it makes of a line.
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "text for a number": _put("device_used_bytes", "3"),
    "fraction": _put("allocator_reserved_bytes", 4.5),
    "true for a number": _put("rank", True),
    "beyond 64 bits": _put("allocator_active_bytes", 2**63),
    "negative": _put("allocator_reserved_bytes", -5),
    "used above total": _put("device_used_bytes", 10**15),
    "rank too high": _put("rank", 99),
    "version 9": _put("schema_version", 9),
    "number for a text": _put("host", 5),
    "blank text": _put("host", "  "),
    "metadata is a list": _put("metadata", []),
    "missing key": _without("host"),
    "unknown key": _put("unknown", 1),
    "key twice": lambda line: b'{"pid": 3, ' + line[1:],
    "cut in the middle": lambda line: line[:500],
    "no JSON": lambda _: b"hello",
    "trailing comma": lambda line: line[:-1] + b", }",
    "two records": lambda line: line + b" " + line,
    "a JSON list": lambda _: b"[1, 2]",
    "NUL": _with_host_text(b"\0"),
    "not UTF-8": _with_host_text(b"\xff"),
    "lone CR": lambda line: line.replace(b", ", b",\r ", 1),
    "byte-order mark": lambda line: b"\xef\xbb\xbf" + line,
    "nested deep": lambda line: line.replace(
        b'"metadata": {', b'"metadata": {"d": ' + b"[" * 600 + b"]" * 600 + b", "
    ),
    "blank": lambda _: b"  ",
    "good, CRLF": lambda line: line + b"\r",
    "good, no spaces": lambda line: json.dumps(json.loads(line), separators=(",", ":")).encode(),
    "good, other key order": lambda line: json.dumps(dict(reversed(json.loads(line).items()))).encode(),
    "good, text in UTF-8": lambda line: json.dumps(
        {**json.loads(line), "context": "h\u00e9llo"}, sort_keys=True, ensure_ascii=False
    ).encode(),
    "good, escapes": _with_host_text(rb"\u00e9"),
    "good, half a surrogate pair": _with_host_text(rb"\ud800"),
    "good, NaN in metadata": lambda line: line.replace(b'"metadata": {', b'"metadata": {"x": NaN, '),
    "good, version 2": lambda line: json.dumps(
        {k: v for k, v in {**json.loads(line), "schema_version": 2}.items() if k != "session_id"},
        sort_keys=True,
    ).encode(),
}


def seconds(python: str, folder: Path, lines: list[bytes], repeat: int) -> float:
    """Return the processor seconds that Stormlog needs for a file of some lines."""
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    command = [python, "-c", _LIST, str(path)]
    taken = [
        float(subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout)
        for _ in range(repeat)
    ]
    path.unlink()
    return median(taken)


def main() -> None:
    """Measure every kind and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=40_000)
    parser.add_argument("--every", type=int, default=1, help="damage every so many-th line")
    parser.add_argument("--repeat", type=int, default=1, help="turns; the median counts")
    parser.add_argument("--kinds", nargs="+", choices=DAMAGE, default=list(DAMAGE), metavar="KIND")
    parser.add_argument("--python", default=sys.executable, help="interpreter that imports Stormlog")
    options = parser.parse_args()
    good = [json.dumps(record, sort_keys=True).encode() for record in session_records(0, options.lines)]
    damaged_lines = len(good[:: options.every])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nothing = seconds(options.python, folder, good[:1], options.repeat)
        whole = seconds(options.python, folder, good, options.repeat) - nothing
        per_good = whole / len(good)
        print("| Kind of line | \u00b5s a line | times a good line |\n|---|--:|--:|")
        print(f"| good | {per_good * 1e6:.1f} | 1.0 |")
        for kind in options.kinds:
            damage = DAMAGE[kind]
            lines = [
                damage(line) if number % options.every == 0 else line for number, line in enumerate(good)
            ]
            spent = seconds(options.python, folder, lines, options.repeat) - nothing
            each = (spent - per_good * (len(good) - damaged_lines)) / damaged_lines
            print(f"| {kind} | {each * 1e6:.1f} | {each / per_good:.1f} |", flush=True)


if __name__ == "__main__":
    main()
