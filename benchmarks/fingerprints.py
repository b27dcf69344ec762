"""Compares two installations of Stormlog where almost every event is an issue of its own.

``python -m benchmarks.fingerprints OTHER_PYTHON`` measures this checkout beside the Stormlog of another interpreter,
for example of a checkout of an earlier commit with an environment of its own. Both take turns. Processor time counts:
`list` is ``list_issues()`` without a cache, `json` the whole command ``stormlog query issues PATH --json``. What the
command prints has to be equal.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.bench import generated

_LIST = """
import sys, time
import stormlog.query
store = stormlog.query.open(sys.argv[1], cache=False)
store.sql("SELECT 1")
started = time.process_time()
store.list_issues()
print(time.process_time() - started)
"""


def seconds_of_list(python: Path, sink: Path) -> float:
    """Return the processor seconds of ``list_issues()``."""
    command = [str(python), "-c", _LIST, str(sink)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout)


def seconds_of_json(python: Path, sink: Path) -> tuple[float, str]:
    """Return the processor seconds of the command, and a digest of what it printed."""
    command = [str(python), "-m", "stormlog", "query", "issues", str(sink), "--json", "--quiet", "--no-cache"]
    before = os.times()
    printed = subprocess.run(command, capture_output=True, check=True, cwd="/").stdout
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, hashlib.sha256(printed).hexdigest()


def main() -> None:
    """Measure both in turns and print medians and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other_python", type=Path, help="interpreter that imports the other Stormlog")
    parser.add_argument("--events", type=int, default=100_000, help="about as many issues")
    parser.add_argument("--repeat", type=int, default=3, help="turns; the median counts")
    options = parser.parse_args()
    _, sink = generated("adversarial", options.events)
    pythons = {"other": options.other_python.absolute(), "this": Path(sys.executable)}
    taken: dict[tuple[str, str], list[float]] = {}
    digests = set()
    for _ in range(options.repeat):
        for name, python in pythons.items():
            taken.setdefault(("list", name), []).append(seconds_of_list(python, sink))
            seconds, digest = seconds_of_json(python, sink)
            taken.setdefault(("json", name), []).append(seconds)
            digests.add(digest)
    for what in ("list", "json"):
        other, this = median(taken[what, "other"]), median(taken[what, "this"])
        print(f"{what}: {other:.2f} s, this {this:.2f} s of the processor: {this / other:.0%}")
    print("printed JSON is equal" if len(digests) == 1 else "printed JSON DIFFERS")


if __name__ == "__main__":
    main()
