"""Measures how the cost of an answer grows: with events, sessions, segments, evidence and fingerprints.

``python -m benchmarks.growth`` prints a table in Markdown; with ``--plot FILE.svg`` it draws the first and the
last columns (needs matplotlib). Each number is the median of a few processes, each with the files in the page cache.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.bench import CHECKOUT, ENVIRONMENT, RESULTS
from benchmarks.generate import GENERATOR_VERSION
from benchmarks.measure import run_once

__all__ = ["CASES", "Case"]

PROBES = ("scan", "issues", "build", "warm", "append")


class Case(NamedTuple):
    """A sink to measure, and what it varies."""

    varies: str
    mix: str
    events: int
    session_events: int = 25_000
    segment_events: int = 10_000

    @property
    def folder(self) -> Path:
        """Where the sink is."""
        name = f"v{GENERATOR_VERSION}-{self.mix}-{self.events}"
        if (self.session_events, self.segment_events) != (25_000, 10_000):
            name += f"-sessions-of-{self.session_events}-segments-of-{self.segment_events}"
        return RESULTS / "data" / name


CASES = (
    Case("events", "normal", 10_000),
    Case("events", "normal", 100_000),
    Case("events", "normal", 1_000_000),
    Case("events", "normal", 10_000_000),
    Case("sessions", "normal", 200_000, 25_000),
    Case("sessions", "normal", 200_000, 2_000),
    Case("sessions", "normal", 200_000, 200),
    Case("segments", "normal", 200_000, 25_000, 10_000),
    Case("segments", "normal", 200_000, 25_000, 1_000),
    Case("segments", "normal", 200_000, 25_000, 100),
    Case("evidence", "normal", 100_000),
    Case("evidence", "noisy", 100_000),
    Case("fingerprints", "adversarial", 1_000),
    Case("fingerprints", "adversarial", 10_000),
    Case("fingerprints", "adversarial", 100_000),
)


def measure(case: Case, repeat: int) -> dict[str, Any]:
    """Return medians in seconds, peaks in MiB and the number of issues."""
    folder = case.folder
    if not (folder / "manifest.json").is_file():
        command = [sys.executable, "-m", "benchmarks.generate", str(folder), str(case.events)]
        command += ["--mix", case.mix, "--session-events", str(case.session_events)]
        command += ["--segment-events", str(case.segment_events)]
        subprocess.run(command, cwd=CHECKOUT, check=True, stdout=sys.stderr)
    probes = str(Path(__file__).with_name("probes.py"))
    cache = str(RESULTS / "cache" / folder.name)
    row: dict[str, Any] = {"case": case._asdict()}
    taken: dict[str, list[float]] = {}
    for _ in range(repeat if case.events < 5_000_000 else 1):
        for probe in PROBES:
            arguments = [str(folder)] if probe in ("scan", "issues") else [str(folder), cache]
            print(f"\r{folder.name}: {probe:<8}", end="", file=sys.stderr)
            sample = run_once([sys.executable, probes, probe, *arguments], ENVIRONMENT, "/")
            said = json.loads(sample.printed)
            taken.setdefault(probe, []).append(said["seconds"])
            row["issues"] = said.get("issues", row.get("issues"))
            row[f"{probe}_peak_mib"] = sample.peak_bytes / 2**20
    print("\r" + " " * 70 + "\r", end="", file=sys.stderr)
    row.update({f"{probe}_s": median(seconds) for probe, seconds in taken.items()})
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Return the measurements as a Markdown table; a sink has the same number in every row it stands in."""
    lines = [
        "| Grows | Mix | Events | Sessions | Segments | Issues | scan s | cold s | with index s | warm ms "
        "| appended ms | peak MiB, cold |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        case = Case(**row["case"])
        sessions = -(-case.events // case.session_events)
        segments = sessions * -(-min(case.events, case.session_events) // case.segment_events)
        lines.append(
            f"| {case.varies} | {case.mix} | {case.events:,} | {sessions:,} | {segments:,} | {row['issues']:,} "
            f"| {row['scan_s']:.2f} | {row['issues_s']:.2f} | {row['build_s']:.2f} | {row['warm_s'] * 1e3:.0f} "
            f"| {row['append_s'] * 1e3:.0f} | {row['issues_peak_mib']:.0f} |"
        )
    return "\n".join(lines)


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw seconds over events, both in powers of ten."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    points = [row for row in rows if row["case"]["varies"] == "events"]
    events = [row["case"]["events"] for row in points]
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for key, label in (
        ("issues_s", "cold"),
        ("build_s", "cold, with index"),
        ("scan_s", "bare scan"),
        ("append_s", "1,000 events appended"),
        ("warm_s", "unchanged"),
    ):
        axes.loglog(events, [row[key] for row in points], marker="o", label=label)
    axes.set_xlabel("events")
    axes.set_ylabel("seconds")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most-events", type=int, default=1_000_000, help="leave out larger sinks")
    parser.add_argument("--repeat", type=int, default=3, help="turns of every probe; the median counts")
    parser.add_argument("--plot", type=Path, help="draw the growth with events into this file")
    given = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    measured: dict[Path, dict[str, Any]] = {}
    rows = []
    for case in CASES:
        if case.events <= given.most_events:
            if case.folder not in measured:
                measured[case.folder] = measure(case, given.repeat)
            rows.append({**measured[case.folder], "case": case._asdict()})
    print(table(rows))
    (RESULTS / "growth.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
    if given.plot is not None:
        plot(rows, given.plot)


if __name__ == "__main__":
    main()
