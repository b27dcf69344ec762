"""Scans at the very moment, at the very end of a file, and where several records could speak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.tracking import ScanReport, Tracker
from tests.query.sinks import START_NS, busy_session, write_lines
from tests.telemetry.factories import record
from tests.tracking.people import with_tables
from tests.tracking.shared_stores import one_store_of
from tests.tracking.tables import tables

S = 10**9


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    with Tracker(with_tables(tmp_path / "tracker.db"), clock=lambda: 2_000_000_000 * S) as opened:
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


def severities(path: Path, database: Path, **options: Any) -> list[str]:
    """Return the severities of the issues that a new tracker has after a scan."""
    with Tracker(with_tables(database)) as tracker:
        tracker.scan([path], **options)
        return sorted(issue.severity for issue in tracker.list_issues(limit=200).issues)


#: Words of alerts that come one after the other.
SEVERITIES = ("critical", "warning", "info", "loud")


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file with an alert of each severity. It stays as it is, and is opened once."""
    events = [event(number, metadata={"severity": word}) for number, word in enumerate(SEVERITIES)]
    path = write_lines(tmp_path_factory.mktemp("alerts") / "e.jsonl", events)
    with one_store_of(path):
        yield path


@pytest.mark.parametrize(("after_ns", "is_there"), [(-1, True), (0, True), (1, False)])
def test_a_hit_at_the_very_moment_counts(alerts: Path, tmp_path: Path, after_ns: int, is_there: bool) -> None:
    """That of the warning; the one before it is too early, and the others come later."""
    found = severities(alerts, tmp_path / "tracker.db", since_ns=START_NS + S + after_ns)
    assert found == (["loud", "warning"] if is_there else ["loud"])


@pytest.mark.parametrize(
    ("severity", "counted"),
    [
        ("critical", ["critical", "loud"]),
        ("warning", ["critical", "loud", "warning"]),
        ("info", ["critical", "info", "loud", "warning"]),
    ],
)
def test_the_least_severity_that_counts(
    alerts: Path, tmp_path: Path, severity: str, counted: list[str]
) -> None:
    assert severities(alerts, tmp_path / "tracker.db", min_severity=severity) == counted


#: What follows the last whole line of a file -> lines, lines that were skipped, and whether the last one is pending.
BLANKS = ["   ", "\t", "\u3000", "", " \r"]
ENDS: dict[str, tuple[int, int, int]] = {
    **dict.fromkeys(BLANKS, (1, 0, 0)),
    "{": (1, 0, 1),
    '{"a": ': (1, 0, 1),
    "{}": (1, 1, 0),
    json.dumps(event(1)): (2, 0, 0),
}


@pytest.fixture(scope="module")
def ended(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ScanReport, dict[str, tuple[int, int, int]]]]:
    """What a scan reports of files with all these ends, and end -> what it recorded of its file."""
    folder = tmp_path_factory.mktemp("ended")
    (folder / "runs").mkdir()
    for number, end in enumerate(ENDS):
        line = json.dumps(event(0, session_id=f"s{number}")) + "\n"
        (folder / "runs" / f"{number}.jsonl").write_bytes((line + end).encode())
    with Tracker(with_tables(folder / "tracker.db")) as tracker:
        report = tracker.scan([folder / "runs"], cache=False)
        rows = tables(tracker)["files"]
    yield report, {[*ENDS][int(Path(row[0]).stem)]: (row[6], row[7], row[8]) for row in rows}


@pytest.mark.parametrize("end", ENDS)
def test_a_last_line_is_pending_while_it_is_no_json_and_not_blank(
    ended: tuple[ScanReport, dict[str, tuple[int, int, int]]], end: str
) -> None:
    assert ended[1][end] == ENDS[end]


def test_lines_and_pending_files_are_reported(
    ended: tuple[ScanReport, dict[str, tuple[int, int, int]]],
) -> None:
    report = ended[0]
    sums = tuple(map(sum, zip(*ENDS.values(), strict=True)))
    assert (report.lines_read, report.lines_skipped, report.sources_pending) == sums


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

    path = write_lines(tmp_path / "e.jsonl", [*events, *samples])
    tracker.scan([path], cache=False)

    alert = next(issue for issue in tracker.list_issues(limit=200).issues if issue.kind == "alert")
    assert (alert.app, alert.last_seen_version) == ("llm", "7")
    assert {row[4] for row in tables(tracker)["occurrences"]} == {"ada"}


def test_a_finding_has_the_version_of_the_latest_hit(tmp_path: Path, tracker: Tracker) -> None:
    """The places of the hits in the file say nothing."""
    for app in ("in order", "swapped"):
        samples = [row for row in busy_session(f"s {app}", 60) if row["event_type"] == "sample"]
        hits = [
            event(1000 + number, session_id=f"s {app}", metadata={"code_version": version})
            for number, version in enumerate(["1.0", "2.0"])
        ]
        if app == "swapped":
            hits.reverse()
        # The first record of a session speaks for what says nothing itself; here it says nothing of versions either.
        start = event(-1, "start", None, session_id=f"s {app}", metadata={"app": app})
        write_lines(tmp_path / f"{app}.jsonl", [start, *samples, *hits])
    tracker.scan([tmp_path], settle_ns=0)

    findings = [i for i in tracker.list_issues(limit=200).issues if i.kind == "hidden_memory_anomaly"]
    assert {(issue.app, issue.last_seen_version) for issue in findings} == {
        ("in order", "2.0"),
        ("swapped", "2.0"),
    }


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
