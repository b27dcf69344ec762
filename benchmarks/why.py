"""Shows what ``stormlog why`` costs beside ``stormlog query issues``, cold and warm, in one run.

Run ``python -m benchmarks.why DIRECTORY [--events 1000000] [--repeat 3]``: data is generated in the directory once. The
commands take turns. Cold is without a cache; warm is the second question of the same cache. Processor seconds count.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.generate import write_sink

__all__ = ["processor_seconds"]

_COMMANDS = {
    "list_issues": ["query", "issues"],
    "why": ["why"],
}


def processor_seconds(arguments: list[str], cache: str) -> float:
    """Return the processor seconds of a command.

    Args:
        arguments: Of ``stormlog``.
        cache: Its cache directory, or ``off``.
    """
    before = os.times()
    environment = {**os.environ, "STORMLOG_CACHE": cache}
    command = [sys.executable, "-m", "stormlog", *arguments, "--json", "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Measure in turns and print medians and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, help="where data is generated")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns; the median counts")
    options = parser.parse_args()
    sink = options.directory / f"events-{options.events}"
    if not sink.exists():
        write_sink(sink, options.events)
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.repeat):
        for name, command in _COMMANDS.items():
            taken.setdefault((name, "cold"), []).append(processor_seconds([*command, str(sink)], "off"))
            with tempfile.TemporaryDirectory() as cache:
                processor_seconds([*command, str(sink)], cache)
                taken.setdefault((name, "warm"), []).append(processor_seconds([*command, str(sink)], cache))
    for kind in ("cold", "warm"):
        issues, why = median(taken["list_issues", kind]), median(taken["why", kind])
        print(
            f"{kind}: list_issues {issues:.2f} s, why {why:.2f} s of the processor: {why / issues:.2f} times"
        )


if __name__ == "__main__":
    main()
