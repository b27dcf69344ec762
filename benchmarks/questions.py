"""Measures summaries, correlation, filtered events and SQL, beside a bare scan of the same files and stormlog 0.3.9.

``make bench-questions``, or ``python -m benchmarks.questions --events 100000 1000000 --with-reference``. A question is
asked of a store that has read nothing yet (cold, without a cache), in a process of its own right after a bare scan; and
once more of the store that is open then. stormlog 0.3.9 reads everything for its first question, whatever that is, and
then answers from memory: it is asked all questions in one process, and what reading took is added to each cold answer.
Processor seconds of all threads count; what was asked and answered is kept as JSON under ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import CHECKOUT, ENVIRONMENT, REFERENCE, RESULTS, generated
from benchmarks.measure import Sample, run_once
from benchmarks.references import reference_python
from stormlog.query import SUMMARY_GROUPS, SUMMARY_METRICS
from stormlog.telemetry.projection import record_id

__all__ = ["families", "measure", "places_in", "table", "verdicts"]

#: No event matches, so 0.3.9 reads everything and does nothing else.
READING = "events of no session"
#: A cold answer may take that many times the processor time of the scan.
COLD_SCANS = 2.0
STATEMENTS = (
    "SELECT event_type, count(*) FROM events GROUP BY event_type",
    "SELECT session_id, rank, max(device_used_bytes) FROM memory_readings GROUP BY session_id, rank",
    "SELECT host, metadata ->> '$.collector_health_status', count(*) FROM events GROUP BY ALL",
)
_SECOND_NS = 10**9


def families() -> list[list[str]]:
    """Return the questions, those together that are asked of one store; the first of them is asked cold."""
    return [
        ["summary session_count_by_status status"],
        ["summary interrupted_sessions_with_oom_bundles session"],
        *(
            [f"summary {metric} {group}" for group in SUMMARY_GROUPS]
            for metric in SUMMARY_METRICS
            if metric not in ("session_count_by_status", "interrupted_sessions_with_oom_bundles")
        ),
        ["correlate around a moment"],
        ["correlate around a record"],
        ["events with alerts"],
        ["events of a session and a minute"],
        ["events of unhealthy collectors"],
        ["events of a rank, first 100"],
        *([f"sql {statement}"] for statement in STATEMENTS),
    ]


def places_in(sink: Path) -> dict[str, Any]:
    """Return what the questions about a sink are about: the middle of its middle session."""
    manifest = json.loads((sink / "manifest.json").read_bytes())
    session = manifest["sessions"][len(manifest["sessions"]) // 2]
    session_id = session["session_id"]
    segments = [entry for entry in manifest["segments"] if entry["session_id"] == session_id]
    lines = (sink / segments[len(segments) // 2]["filename"]).read_bytes().splitlines()
    record = json.loads(lines[len(lines) // 2])
    moment = record["timestamp_ns"]
    window = {"window_ns": 5 * _SECOND_NS}
    return {
        "correlate": {
            "around a moment": {"session_id": session_id, "at_ns": moment, **window},
            "around a record": {"record_id": record_id(record), **window},
        },
        "events": {
            "with alerts": {"has_alert": True},
            "of a session and a minute": {
                "session_id": session_id,
                "time_start_ns": moment,
                "time_end_ns": moment + 60 * _SECOND_NS,
            },
            "of unhealthy collectors": {"collector_health_status": "unhealthy"},
            "of a rank, first 100": {"rank": session["rank"], "limit": 100},
            "of no session": {"session_id": "none"},
        },
    }


class _Probes:
    """Asks questions about one sink, each plan in a process of its own."""

    def __init__(self, sink: Path) -> None:
        self._sink = sink
        self._places = places_in(sink)

    def ask(
        self, python: str, questions: list[str], most_seconds: float | None = None
    ) -> tuple[Sample, list[dict[str, Any]]]:
        """Return the sample of the process and its answers, in the order of the questions."""
        plan = {"path": str(self._sink), "places": self._places, "questions": questions}
        script = str(Path(__file__).with_name("question_probes.py"))
        sample = run_once([python, script, json.dumps(plan)], ENVIRONMENT, "/", most_seconds=most_seconds)
        return sample, [json.loads(line) for line in sample.printed.splitlines()]

    def scan(self) -> dict[str, Any]:
        """Return what a bare scan took."""
        script = str(Path(__file__).with_name("probes.py"))
        sample = run_once([sys.executable, script, "scan", str(self._sink)], ENVIRONMENT, "/")
        found: dict[str, Any] = json.loads(sample.printed)
        return found


def measure(
    sink: Path,
    asked: list[list[str]],
    *,
    repeat: int = 1,
    reference: Path | None = None,
    most_seconds: float | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each question.

    Args:
        sink: Folder of a generated sink.
        asked: Questions as `families` returns them.
        repeat: Turns; medians count.
        reference: Interpreter that has stormlog 0.3.9; None leaves it out.
        most_seconds: How long 0.3.9 may take for all questions; those that it did not come to have none of its numbers.
    """
    probes = _Probes(sink)
    rows: dict[str, dict[str, Any]] = {name: {"question": name} for family in asked for name in family}
    for turn in range(repeat):
        for family in asked:
            _say(f"{sink.name}: turn {turn + 1} of {repeat}, {family[0]}")
            scan = probes.scan()
            # The first question once more: then it finds an open store.
            sample, (cold, *loaded) = probes.ask(sys.executable, [family[0], *family])
            row = rows[family[0]]
            for key, value in {
                "scan_seconds": scan["processor_seconds"],
                "cold_seconds": cold["processor_seconds"],
                "cold_wall_seconds": cold["seconds"],
                "scans": cold["processor_seconds"] / scan["processor_seconds"],
            }.items():
                row.setdefault(key, []).append(value)
            row["peak_bytes"] = max(sample.peak_bytes, row.get("peak_bytes", 0))
            for answer in loaded:
                row = rows[answer["question"]]
                row.setdefault("open_seconds", []).append(answer["processor_seconds"])
                row |= {"rows": answer["rows"], "digest": answer["digest"]}
    if reference is not None:
        _say(f"{sink.name}: stormlog 0.3.9")
        questions = [READING, *(name for name in rows if not name.startswith("sql "))]
        sample, answers = probes.ask(str(reference), questions, most_seconds)
        reading, *others = answers or [{"processor_seconds": None}]
        for answer in others:
            rows[answer["question"]] |= {
                "reference_cold_seconds": reading["processor_seconds"] + answer["processor_seconds"],
                "reference_open_seconds": answer["processor_seconds"],
                "reference_peak_bytes": sample.peak_bytes,
                "is_same": answer["digest"] == rows[answer["question"]]["digest"],
            }
    _say("")
    return [
        {key: median(value) if isinstance(value, list) else value for key, value in row.items()}
        for row in rows.values()
    ]


def _say(text: str) -> None:
    print(f"\r{text:<100}", end="" if text else "\r", file=sys.stderr, flush=True)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table in Markdown; seconds are those of the processor."""
    lines = [
        "| Question | Rows | Times the scan | Cold s | 0.3.9 cold s | Times faster | Open store s | 0.3.9 s "
        "| Times faster | Peak MiB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        cells = [
            row["question"].removeprefix("sql "),
            f"{row['rows']:,}",
            _number(row.get("scans"), 1),
            _number(row.get("cold_seconds"), 2),
            _number(row.get("reference_cold_seconds"), 1),
            _number(_faster(row, "cold"), 1),
            _number(row["open_seconds"], 3),
            _number(row.get("reference_open_seconds"), 3),
            _number(_faster(row, "open"), 1),
            _number(None if "peak_bytes" not in row else row["peak_bytes"] / 2**20, 0),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _faster(row: dict[str, Any], kind: str) -> float | None:
    ours, theirs = row.get(f"{kind}_seconds"), row.get(f"reference_{kind}_seconds")
    return None if ours is None or theirs is None else theirs / ours


def verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """Return which questions miss a goal, and which answers differ from those of 0.3.9."""
    cold = [row for row in rows if "scans" in row]
    slow = [row for row in cold if row["scans"] > COLD_SCANS]
    compared = [row for row in rows if "reference_open_seconds" in row]
    slower = [
        (row["question"], kind, ratio)
        for row in compared
        for kind in ("cold", "open")
        if (ratio := _faster(row, kind)) is not None and ratio < 1
    ]
    different = [row["question"] for row in compared if not row["is_same"]]
    lines = [f"cold in at most {COLD_SCANS:g} scans: {len(cold) - len(slow)} of {len(cold)}"]
    lines += [f"  miss: {row['question']}, {row['scans']:.1f} scans" for row in slow]
    if compared:
        slower_count = len({name for name, _, _ in slower})
        lines.append(f"not slower than 0.3.9: {len(compared) - slower_count} of {len(compared)}")
        lines += [
            f"  miss: {name}, {'cold' if kind == 'cold' else 'open store'}, {ratio:.2f} times as fast"
            for name, kind, ratio in slower
        ]
        lines.append(f"same answers as 0.3.9: {len(compared) - len(different)} of {len(compared)}")
        lines += [f"  differs: {name}" for name in different]
    return lines


def main() -> None:
    """Measure in turns, print a table for each number of events, and keep everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--only", default="", help="only questions with this text in their names")
    parser.add_argument("--repeat", type=int, default=3, help="turns; the median counts")
    parser.add_argument("--with-reference", action="store_true", help="measure stormlog 0.3.9 too, once")
    parser.add_argument("--reference-limit", type=float, default=3_600, help="seconds that 0.3.9 may take")
    given = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    reference = reference_python(REFERENCE) if given.with_reference else None
    asked = [[name for name in family if given.only in name] for family in families()]
    kept = []
    for events in given.events:
        _, sink = generated("normal", events)
        rows = measure(
            sink,
            [family for family in asked if family],
            repeat=given.repeat,
            reference=reference,
            most_seconds=given.reference_limit,
        )
        print(f"\n{events:,} events\n\n{table(rows)}\n")
        print("\n".join(verdicts(rows)), flush=True)
        kept.append({"events": events, "rows": rows})
    record = {"python": platform.python_version(), "cores": os.cpu_count(), "sinks": kept}
    path = RESULTS / time.strftime("questions-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(record, indent=2), encoding="utf-8")
    print(f"\nkept in {path.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
