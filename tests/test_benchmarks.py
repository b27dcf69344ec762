"""The benchmark's sinks are what a sink writer writes, and its goals are judged right."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

import stormlog.query
from benchmarks import capture_peers, capture_recordings, streaming
from benchmarks.capture_answers import answers
from benchmarks.generate import MIXES, session_records, write_sink
from benchmarks.goals import compare
from benchmarks.questions import families, measure, verdicts
from stormlog.telemetry import validate_telemetry_record


@pytest.mark.parametrize("mix", MIXES)
def test_generated_records_are_valid_and_the_same_again(mix: str) -> None:
    records = list(session_records(3, 300, mix))
    assert records == list(session_records(3, 300, mix))
    for record in records:
        validate_telemetry_record(record)
    times = [record["timestamp_ns"] for record in records]
    assert times == sorted(times)
    assert (records[0]["event_type"], records[-1]["event_type"]) == ("start", "stop")
    size = sum(len(json.dumps(record, sort_keys=True)) for record in records) / len(records)
    assert 900 < size < 1200


def test_generated_sink_is_complete_and_canonical(tmp_path: Path) -> None:
    size = write_sink(tmp_path / "sink", 250, session_events=100, segment_events=40, processes=1)
    segments = sorted((tmp_path / "sink").glob("segment-*.jsonl"))
    lines = [line for segment in segments for line in segment.read_text().splitlines()]
    assert size == sum(segment.stat().st_size for segment in segments)
    assert len(lines) == 250
    assert all(line == json.dumps(json.loads(line), sort_keys=True) for line in lines)
    store = stormlog.query.open([tmp_path / "sink"])
    assert [row.event_count for row in store.list_sessions()] == [50, 100, 100]
    assert len(store.query_events()) == 250
    assert not store.catalog.warnings


def test_noisy_sinks_have_few_issues_and_adversarial_ones_many(tmp_path: Path) -> None:
    issues = {}
    for mix in MIXES:
        write_sink(tmp_path / mix, 400, mix=mix, processes=1)
        issues[mix] = stormlog.query.open([tmp_path / mix]).list_issues()
    hits = {mix: sum(issue.hit_count for issue in found) for mix, found in issues.items()}
    assert hits["normal"] < 40
    assert hits["noisy"] == hits["adversarial"] == 398
    assert len(issues["noisy"]) < 60
    assert len(issues["adversarial"]) == 398


def test_goals_are_judged_from_the_measurements() -> None:
    def row(sink: str, probe: str, *turns: float) -> dict[str, object]:
        return {
            "sink": sink,
            "probe": probe,
            "seconds": sorted(turns)[len(turns) // 2],
            "turn_seconds": list(turns),
            "wall_seconds": turns[0],
        }

    rows = [
        row("normal-200", "scan", 0.01),
        row("normal-200", "issues", 0.05),
        row("normal-200", "command", 0.2),
        row("normal-1000000", "scan", 0.5, 5.0, 0.6),
        row("normal-1000000", "issues", 0.9, 9.0, 1.0),
        row("normal-1000000", "command", 1.1),
        row("normal-1000000", "reference", 45.0),
    ]
    verdicts = [line.split()[-1] for line in compare(rows)[1:]]
    assert verdicts == ["miss", "pass", "pass"]


def test_questions_are_asked_of_a_new_store_and_of_an_open_one(tmp_path: Path) -> None:
    write_sink(tmp_path / "sink", 90, session_events=30, processes=1)
    peaks = "summary peak_device_used_bytes"
    asked = [[f"{peaks} session", f"{peaks} rank"], ["correlate around a record"]]
    assert {name for family in asked for name in family} < {name for family in families() for name in family}
    # Stormlog itself stands in for the other one: it answers the same, and that shows.
    rows = measure(tmp_path / "sink", asked, reference=Path(sys.executable), most_seconds=600)
    by_session, by_rank, around = rows
    assert (by_session["rows"], by_rank["rows"]) == (3, 3) and around["rows"] > 0
    assert by_session["scans"] == by_session["cold_seconds"] / by_session["scan_seconds"] > 0
    assert "scans" not in by_rank and by_rank["open_seconds"] > 0 and by_session["peak_bytes"] > 1 << 20
    assert all(
        row["is_same"] and row["reference_cold_seconds"] > row["reference_open_seconds"] for row in rows
    )


def test_slow_and_different_answers_are_named() -> None:
    times = {"open_seconds": 0.1, "reference_open_seconds": 1.0, "is_same": True}
    quick = {"question": "quick", "scans": 1.5, "cold_seconds": 1.0, "reference_cold_seconds": 9.0, **times}
    slow = {**quick, "question": "slow", "scans": 2.5, "reference_cold_seconds": 0.5, "is_same": False}
    assert verdicts([quick, slow]) == [
        "cold in at most 2 scans: 1 of 2",
        "  miss: slow, 2.5 scans",
        "not slower than 0.3.9: 1 of 2",
        "  miss: slow, cold, 0.50 times as fast",
        "same answers as 0.3.9: 1 of 2",
        "  differs: slow",
    ]


def test_an_answer_that_streams_is_measured_to_its_end(tmp_path: Path) -> None:
    write_sink(tmp_path / "sink", 50, processes=1)
    printed = streaming.measure(tmp_path / "sink", "query events --jsonl")
    written = streaming.measure(tmp_path / "sink", "sql -o x.csv")
    assert printed.first_seconds is not None and 0 < printed.first_seconds <= printed.wall_seconds
    assert written.first_seconds is None
    for found in (printed, written):
        assert found.written_bytes > 50 * 100 and found.peak_bytes > 1 << 20 and found.processor_seconds > 0
    assert streaming.growth({10: 1, 100_000: 200, 1_000_000: 300}) == 1.5
    assert streaming.growth({10: 1, 1_000_000: 300}) is None


@pytest.mark.parametrize("with_engine", [False, True])
def test_what_an_answer_needs_is_imported_before_the_clock_starts(with_engine: bool) -> None:
    code = (
        "import sys; from benchmarks.probes import import_all\n"
        f"import_all(with_engine={with_engine})\n"
        "print('stormlog.query.store' in sys.modules, 'stormlog.engine.engine' in sys.modules, 'duckdb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:2] == ["True", str(with_engine)]
    assert done.stdout.split()[2] == "True" or not with_engine


def test_answers_of_versions_are_compared_but_for_intended_differences(tmp_path: Path) -> None:
    """Here this version stands for the others, with what they are known to do put into its answer."""
    found = json.loads(json.dumps(answers([str(capture_recordings.record("drift", tmp_path))])))
    assert (len(found["sessions"]), len(found["issues"])) == (1, 2)
    assert capture_peers.compare("0.3.9", found, found) == ([], [])

    other = copy.deepcopy(found)
    for event in other["events"]:
        event["schema_version"] = 4
        event["metadata"]["memory_capabilities"] = {"backend": "cuda"}
    drift, fragmentation = other["issues"]
    drift["details"]["description"] = "another wording"
    drift["details"]["evidence"]["slope_bytes_per_sec"] *= 1 + 1e-9
    other["issues"].remove(fragmentation)
    assert capture_peers.compare("0.4.3", found, other) == (list(capture_peers.INTENDED), [])
    named, others = capture_peers.compare("0.3.9", found, other)
    assert len(named) == 2
    assert len(others) == 2 * len(found["events"]) + 1

    for change, line in (
        (lambda: drift.update(hit_count=2), ".issues[0].hit_count: 1 here, 2 there"),
        (lambda: other["events"].pop(), f".events: {len(found['events'])} here, "),
        (lambda: other["sessions"][0].pop("host"), ".sessions[0].host is here only"),
        (lambda: other["sessions"][0].update(rank=0.0), ".sessions[0].rank: 0 here, 0.0 there"),
    ):
        change()
        assert any(
            found_line.startswith(line) for found_line in capture_peers.compare("0.4.3", found, other)[1]
        )
