"""Measures how long questions take, beside a bare scan of the same files in the same run.

``make bench``, or ``python -m benchmarks.bench --events 10000 1000000 --with-reference``. Every probe is
a process of its own and the probes take turns, so that a busy moment of the machine hits all of them.
Medians are printed and everything is kept as JSON under ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.generate import GENERATOR_VERSION, MIXES
from benchmarks.goals import compare
from benchmarks.measure import Sample, run_once
from benchmarks.references import RESULTS, reference_python

CHECKOUT = Path(__file__).resolve().parents[1]
REFERENCE = "0.3.9"
TINY_EVENTS = 200
# The reference takes most of a minute for a million events: there, once has to do.
REFERENCE_REPEAT_LIMIT = 200_000
# What is measured is the answer from raw files.
ENVIRONMENT = {"STORMLOG_CACHE": "off"}


class Bench:
    """Collects the samples of one run.

    Args:
        repeat: Turns of every probe.
        reference: Interpreter that has stormlog 0.3.9, or None to leave it out.
    """

    def __init__(self, repeat: int, reference: Path | None) -> None:
        self.repeat = repeat
        self.reference = reference
        self.rows: list[dict[str, Any]] = []
        self.answers: dict[tuple[str, str], Any] = {}

    def measure(self, label: str, sink: Path) -> None:
        """Measure all probes on one sink."""
        samples: dict[str, list[Sample]] = {}
        commands = self._commands(sink)
        for turn in range(self.repeat):
            for probe, command in commands.items():
                if probe == "reference" and turn > 0 and self._events(label) > REFERENCE_REPEAT_LIMIT:
                    continue
                print(f"\r{label}: turn {turn + 1} of {self.repeat}, {probe:<12}", end="", file=sys.stderr)
                samples.setdefault(probe, []).append(run_once(command, ENVIRONMENT, "/"))
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
        for probe, taken in samples.items():
            self._add(label, probe, taken)
        self.note_sizes(label, sink)

    def _add(self, label: str, probe: str, taken: list[Sample]) -> None:
        row: dict[str, Any] = {
            "sink": label,
            "probe": probe,
            "turns": len(taken),
            "wall_seconds": median(sample.wall_seconds for sample in taken),
            "peak_bytes": max(sample.peak_bytes for sample in taken),
        }
        if not probe.startswith("command"):
            printed = [json.loads(sample.printed) for sample in taken]
            row["turn_seconds"] = [item["seconds"] for item in printed]
            row["seconds"] = median(row["turn_seconds"])
            row["issues"] = printed[0].get("issues")
            self.answers[label, probe] = printed[0].get("answer")
        self.rows.append(row)

    def _commands(self, sink: Path) -> dict[str, list[str]]:
        """Return the probes in the order of a turn: each finds the index as the one before left it."""
        probes = [sys.executable, str(Path(__file__).with_name("probes.py"))]
        cache = str(RESULTS / "cache" / sink.name)
        command = [str(Path(sys.executable).with_name("stormlog")), "query", "issues", str(sink), "--quiet"]
        commands = {
            "scan": [*probes, "scan", str(sink)],
            "issues": [*probes, "issues", str(sink)],
            "command": [*command, "--no-cache"],
            "build": [*probes, "build", str(sink), cache],
            "warm": [*probes, "warm", str(sink), cache],
            "command-warm": [*command, "--cache-dir", cache],
            "append": [*probes, "append", str(sink), cache],
        }
        if self.reference is not None:
            commands["reference"] = [str(self.reference), str(probes[1]), "issues", str(sink)]
        return commands

    def measure_limited(self, label: str, sink: Path) -> None:
        """Measure once how much memory a limit of 512 MB really means."""
        probes = str(Path(__file__).with_name("probes.py"))
        cache = str(RESULTS / "cache" / f"{sink.name}-limited")
        print(f"{label}: limited", file=sys.stderr)
        command = [sys.executable, probes, "limited", str(sink), cache]
        self._add(label, "limited", [run_once(command, ENVIRONMENT, "/")])

    def note_sizes(self, label: str, sink: Path) -> None:
        """Note the size of the telemetry and of its index."""
        cache = RESULTS / "cache" / sink.name
        kept = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
        read = sum(file.stat().st_size for file in sink.glob("segment-*.jsonl"))
        self.rows.append({"sink": label, "probe": "sizes", "index_bytes": kept, "telemetry_bytes": read})

    @staticmethod
    def _events(label: str) -> int:
        return int(label.split("-")[1])


def generated(mix: str, events: int, segment_events: int = 10_000) -> tuple[str, Path]:
    """Return label and folder of a sink, which is written if it is not there yet."""
    label = f"{mix}-{events}" if segment_events == 10_000 else f"{mix}-{events}-segments-of-{segment_events}"
    folder = RESULTS / "data" / f"v{GENERATOR_VERSION}-{label}"
    if not (folder / "manifest.json").is_file():
        # Another process: what this one holds would count as peak memory of the probes it starts.
        command = [sys.executable, "-m", "benchmarks.generate", str(folder), str(events), "--mix", mix]
        command += ["--segment-events", str(segment_events)]
        subprocess.run(command, cwd=CHECKOUT, check=True, stdout=sys.stderr)
    return label, folder


def table(rows: list[dict[str, Any]]) -> str:
    """Return the measurements as text: milliseconds and MiB."""
    headings = ("turns", "answer ms", "process ms", "peak MiB", "issues")
    widths = (5, 11, 11, 9, 7)
    named = " ".join(f"{name:>{width}}" for name, width in zip(headings, widths, strict=True))
    lines = [f"{'sink':<36} {'probe':<12} {named}"]
    for row in rows:
        if row["probe"] == "sizes":
            continue
        answer = f"{row['seconds'] * 1e3:.1f}" if "seconds" in row else "-"
        issues = "-" if row.get("issues") is None else str(row["issues"])
        lines.append(
            f"{row['sink']:<36} {row['probe']:<12} {row['turns']:>5} {answer:>11} "
            f"{row['wall_seconds'] * 1e3:>11.1f} {row['peak_bytes'] / 2**20:>9.1f} {issues:>7}"
        )
    return "\n".join(lines)


def same_answers(answers: dict[tuple[str, str], Any]) -> list[str]:
    """Return a line for each sink that the reference was asked about."""
    lines = []
    for (label, probe), answer in answers.items():
        if probe == "reference":
            same = answer == answers[label, "issues"]
            lines.append(
                f"{label}: fingerprints and hit counts {'equal' if same else 'DIFFER from'} the reference's"
            )
    return lines


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--mix", choices=MIXES, nargs="+", default=["normal"])
    parser.add_argument("--repeat", type=int, default=5, help="turns of every probe; the median counts")
    parser.add_argument("--with-reference", action="store_true", help="measure stormlog 0.3.9 too")
    parser.add_argument("--limited", action="store_true", help="the largest size under 512 MB of memory")
    parser.add_argument(
        "--small-segments", action="store_true", help="also a million events in segments of 100"
    )
    given = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.repeat, reference_python(REFERENCE) if given.with_reference else None)
    bench.measure(*generated("normal", TINY_EVENTS))
    for mix in given.mix:
        for events in given.events:
            bench.measure(*generated(mix, events))
    if given.limited:
        bench.measure_limited(*generated("normal", max(given.events)))
    if given.small_segments:
        bench.reference = None
        bench.measure(*generated("normal", 1_000_000, 100))
    verdicts = compare(bench.rows)
    print(table(bench.rows))
    print("\n".join(["", *verdicts, *same_answers(bench.answers)]))
    record = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rows": bench.rows,
        "goals": verdicts,
    }
    path = RESULTS / time.strftime("bench-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(record, indent=2), encoding="utf-8")
    print(f"\nkept in {path.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
