"""Scans at the very moment, at the very end of a file, and where several records could speak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.tracking import TrackedIssue, Tracker
from tests.query.sinks import START_NS, busy_session, write_lines
from tests.telemetry.factories import record
from tests.tracking.tables import tables

S = 10**9


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    with Tracker(tmp_path / "tracker.db", clock=lambda: 2_000_000_000 * S) as opened:
        yield opened


def event(
    at: int, kind: str = "warning", context: str | None = "Disk is low", **fields: Any
) -> dict[str, Any]:
    metadata = {"backend": "cuda", **fields.pop("metadata", {})}
    return record(
        **{
            "session_id": "s",
            "timestamp_ns": START_NS + at * S,
            "event_type": kind,
            "context": context,
            "metadata": metadata,
            **fields,
        }
    )


def scanned(
    tracker: Tracker, path: Path, *events: dict[str, Any] | str, **options: Any
) -> list[TrackedIssue]:
    lines = [one if isinstance(one, str) else json.dumps(one, sort_keys=True) for one in events]
    path.write_text(
        "\n".join(lines) + ("" if lines[-1].isspace() or not lines[-1] else "\n"), encoding="utf-8"
    )
    tracker.scan([path], cache=False, **options)
    return list(tracker.list_issues(limit=200).issues)


@pytest.mark.parametrize(("since_ns", "count"), [(START_NS - 1, 1), (START_NS, 1), (START_NS + 1, 0)])
def test_a_hit_at_the_very_moment_counts(tmp_path: Path, tracker: Tracker, since_ns: int, count: int) -> None:
    assert len(scanned(tracker, tmp_path / "e.jsonl", event(0), since_ns=since_ns)) == count


@pytest.mark.parametrize("end", ["   ", "\t", "\u3000", "", " \r"])
def test_blanks_at_the_end_are_no_unfinished_line(tmp_path: Path, tracker: Tracker, end: str) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes((json.dumps(event(0)) + "\n" + end).encode())

    report = tracker.scan([path], cache=False)

    assert (report.lines_read, report.lines_skipped, report.sources_pending) == (1, 0, 0)


@pytest.mark.parametrize(("end", "pending"), [("{", 1), ("{}", 0), (json.dumps(event(1)), 0), ('{"a": ', 1)])
def test_a_last_line_is_pending_while_it_is_no_json(
    tmp_path: Path, tracker: Tracker, end: str, pending: int
) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text(json.dumps(event(0)) + "\n" + end)

    assert tracker.scan([path], cache=False).sources_pending == pending


@pytest.mark.parametrize("shapes_pay_bytes", [0, 2**60], ids=["with-shapes", "without-shapes"])
def test_the_start_speaks_for_its_session(
    tmp_path: Path, tracker: Tracker, monkeypatch: pytest.MonkeyPatch, shapes_pay_bytes: int
) -> None:
    from stormlog.engine.reading import line_files

    monkeypatch.setattr(line_files, "SHAPES_PAY_BYTES", shapes_pay_bytes)
    started = {"user": "ada", "app": "llm", "code_version": "7"}
    events = [
        # Earlier than the start, and of another user.
        event(0, "collector_degraded", None, metadata={"user": "kim", "collector_health_status": "degraded"}),
        event(1, "start", None, metadata=started),
        event(2, "start", None, metadata={"user": "zoe", "app": "other"}),
        event(3),
    ]
    # With the start in their midst, so that its line has a shape where lines have shapes.
    samples = [event(10 + number, "sample", None, metadata=started) for number in range(50)]

    found = scanned(tracker, tmp_path / "e.jsonl", *events, *samples)

    alert = next(issue for issue in found if issue.kind == "alert")
    assert (alert.app, alert.last_seen_version) == ("llm", "7")
    assert {row[4] for row in tables(tracker)["occurrences"]} == {"ada"}


@pytest.mark.parametrize("swapped", [False, True])
def test_a_finding_has_the_version_of_the_latest_hit(tmp_path: Path, tracker: Tracker, swapped: bool) -> None:
    versions = ["1.0", "2.0"]
    samples = [row for row in busy_session("s", 60) if row["event_type"] == "sample"]
    hits = [
        event(1000 + number, metadata={"code_version": version}) for number, version in enumerate(versions)
    ]
    if swapped:
        # Their places in the file say nothing.
        hits.reverse()
    # The first record of a session speaks for what says nothing itself; here it says nothing either.
    samples.insert(0, event(-1, "start", None))

    found = scanned(tracker, tmp_path / "e.jsonl", *samples, *hits, settle_ns=0)

    assert {issue.last_seen_version for issue in found if issue.kind == "hidden_memory_anomaly"} == {"2.0"}


#: Words that metadata says of an environment, and whether that is development.
ENVIRONMENTS = {
    **dict.fromkeys(("dev", "development", "debug", "local", "test", "ci"), True),
    **dict.fromkeys((" Dev ", "LOCAL", "Ci"), True),
    **dict.fromkeys(("prod", "production", "staging", "devel", "locale", ""), False),
}


def test_which_environments_are_development(tmp_path: Path, tracker: Tracker) -> None:
    events = [
        event(
            number,
            context=f"Word {'x' * (number + 1)}",
            session_id=f"s{number}",
            metadata={"environment": word},
        )
        for number, word in enumerate(ENVIRONMENTS)
    ]
    write_lines(tmp_path / "e.jsonl", events)
    tracker.scan([tmp_path / "e.jsonl"], cache=False)

    found = {len(issue.title.split()[-1]): issue.is_dev for issue in tracker.list_issues(limit=200).issues}

    assert found == {number + 1: is_dev for number, is_dev in enumerate(ENVIRONMENTS.values())}


@pytest.mark.parametrize(
    ("severity", "counted"),
    [
        ("critical", {"critical": 1, "warning": 0, "info": 0, "loud": 1}),
        ("warning", {"critical": 1, "warning": 1, "info": 0, "loud": 1}),
        ("info", {"critical": 1, "warning": 1, "info": 1, "loud": 1}),
    ],
)
def test_the_least_severity_that_counts(
    tmp_path: Path, tracker: Tracker, severity: str, counted: dict[str, int]
) -> None:
    events = [event(number, metadata={"severity": word}) for number, word in enumerate(counted)]

    found = scanned(tracker, tmp_path / "e.jsonl", *events, min_severity=severity)

    assert sorted(issue.severity for issue in found) == sorted(
        word for word, there in counted.items() if there
    )
