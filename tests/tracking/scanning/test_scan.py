"""Scans of files: what they record, what they leave alone, and what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import PermissionDeniedError, SourceError, StoreBusyError
from stormlog.query import QueryStore
from stormlog.tracking import TrackedIssue, Tracker
from stormlog.tracking.scanning.lock import scan_lock
from tests.captures import capture_path
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.telemetry.factories import record
from tests.tracking.people import StandingClock as Clock
from tests.tracking.people import with_tables
from tests.tracking.shared_stores import one_store_of
from tests.tracking.tables import everything, tables

S = 10**9
CAPTURE = capture_path("v4-cuda-sim")

#: Values in the metadata of bundles that name nobody.
ODD: list[object] = [float("nan"), float("inf"), "\ud800", ["llm"], {"app": "llm"}, None]


def alert(
    session: str = "s1", at: int = 10, *, event: str = "warning", context: str = "High usage", **fields: Any
) -> dict[str, Any]:
    metadata = {"backend": "cuda", **fields.pop("metadata", {})}
    return record(
        session_id=session,
        timestamp_ns=START_NS + at * S,
        event_type=event,
        context=context,
        metadata=metadata,
        **fields,
    )


def issues(tracker: Tracker, app: str | None = None) -> list[TrackedIssue]:
    """Return the issues, or those of one program."""
    return [i for i in tracker.list_issues(limit=200).issues if app in (None, i.app)]


def one(tracker: Tracker) -> TrackedIssue:
    (issue,) = issues(tracker)
    return issue


@pytest.fixture(scope="module")
def capture() -> Iterator[QueryStore]:
    """A capture that is opened once."""
    with one_store_of(CAPTURE) as store:
        yield store


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a single alert. It stays as it is, and is opened once."""
    folder = tmp_path_factory.mktemp("alone")
    write_lines(folder / "a.jsonl", [alert()])
    with one_store_of(folder):
        yield folder


def test_the_issues_are_those_of_the_query(tracker: Tracker, capture: QueryStore) -> None:
    tracker.scan([CAPTURE], settle_ns=0, min_severity="info")
    derived = {
        i.fingerprint_id: (i.kind, i.severity, i.title, i.first_seen_ns, i.last_seen_ns)
        for i in capture.list_issues()
    }
    found = issues(tracker)
    assert {
        i.fingerprint_ids[0]: (i.kind, i.severity, i.title, i.first_seen_ns, i.last_seen_ns) for i in found
    } == derived
    assert len(derived) > 5


@pytest.mark.usefixtures("capture")
def test_scanning_again_changes_nothing(tracker: Tracker, clock: Clock) -> None:
    first = tracker.scan([CAPTURE])
    assert first.issues_created > 0
    before = everything(tracker)
    clock.now_ns += S
    again = tracker.scan([CAPTURE]).as_dict()
    unchanged = (
        "sources_read",
        "lines_read",
        "lines_skipped",
        "sessions_scanned",
        "evidence_new",
        "issues_created",
    )
    unchanged += ("issues_regressed", "occurrences_created", "occurrences_updated", "notices_queued")
    assert {name: again[name] for name in unchanged} == dict.fromkeys(unchanged, 0)
    assert everything(tracker) == before


@pytest.mark.usefixtures("capture")
def test_looking_at_everything_again_changes_no_issue(tracker: Tracker) -> None:
    tracker.scan([CAPTURE])
    before = everything(tracker)
    tracker.scan([CAPTURE], full=True)
    after = everything(tracker)
    for table in ("issues", "issue_occurrences", "issue_evidence_keys", "issue_evidence", "activity"):
        assert after[table] == before[table]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    """A scan of programs that speak for themselves, whatever its options say, each in a way of its own."""
    folder = tmp_path_factory.mktemp("spoken")
    said = {"app": "by metadata", "app_version": "2.1.0", "user": "kim", "environment": "CI"}
    write_lines(
        folder / "metadata.jsonl",
        [alert("s1", metadata=said, job_id="job-7", rank=2, local_rank=0, world_size=4)],
    )
    said = {"app": "by a start", "git_sha": "0a1b2c3d"}
    start = alert("s2", at=0, event="start", context=None, metadata=said)
    write_lines(folder / "start.jsonl", [start, alert("s2", at=10)])
    samples = [event for event in busy_session("s3", 60) if event["event_type"] == "sample"]
    for event in samples:
        event["metadata"] |= {"app": "by samples", "app_version": "3.0", "is_dev": True}
    write_lines(folder / "samples.jsonl", samples)
    for number, odd in enumerate(ODD):
        shutil.copytree(capture_path("run-envelope") / "oom_dumps", folder / f"dumps{number}")
        for path in (folder / f"dumps{number}").glob("*/metadata.json"):
            said = {"user": odd, "note": odd, "app": f"by bundle {number}", "app_version": "1.2"}
            path.write_text(json.dumps(json.loads(path.read_text()) | {"custom_metadata": said}))
    with Tracker(with_tables(folder / "tracker.db"), clock=Clock()) as tracker:
        tracker.scan([folder], settle_ns=0, app="other", code_version="9.9")
        yield tracker


def test_metadata_names_app_version_user_and_kind_of_run(spoken: Tracker) -> None:
    (issue,) = issues(spoken, "by metadata")
    assert (issue.is_dev, issue.last_seen_version, issue.unique_user_count) == (True, "2.1.0", 1)
    (occurrence,) = spoken.issue(issue.issue_id).occurrences
    assert (occurrence.run_id, list(occurrence.ranks), occurrence.environment) == ("job-7", [2], "cuda")


def test_a_start_speaks_for_the_events_of_its_session(spoken: Tracker) -> None:
    (issue,) = issues(spoken, "by a start")
    assert issue.last_seen_version == "0a1b2c3d"


def test_samples_alone_say_what_their_finding_is_about(spoken: Tracker) -> None:
    found = {(i.kind, i.is_dev, i.last_seen_version) for i in issues(spoken, "by samples")}
    assert found == {("hidden_memory_anomaly", True, "3.0")}


@pytest.mark.parametrize("number", range(len(ODD)), ids=map(ascii, ODD))
def test_odd_values_of_bundles_say_nothing(spoken: Tracker, number: int) -> None:
    found = issues(spoken, f"by bundle {number}")
    assert {(issue.kind, issue.last_seen_version) for issue in found} == {("oom", "1.2")}


def test_nothing_else_is_said(spoken: Tracker) -> None:
    apps = {"by metadata", "by a start", "by samples", *(f"by bundle {number}" for number in range(len(ODD)))}
    assert {issue.app for issue in issues(spoken)} == apps


def test_options_stand_in_for_what_telemetry_does_not_say(alone: Path, tracker: Tracker) -> None:
    tracker.scan([alone], app="llm", is_dev=True, code_version="1.0")
    issue = one(tracker)
    assert (issue.app, issue.is_dev, issue.first_seen_version) == ("llm", True, "1.0")


def test_bundles_speak_for_themselves(tmp_path: Path, tracker: Tracker) -> None:
    source = capture_path("run-envelope") / "oom_dumps"
    shutil.copytree(source, tmp_path / "dumps")
    for metadata in (tmp_path / "dumps").glob("*/metadata.json"):
        payload = json.loads(metadata.read_text())
        payload["custom_metadata"] = {"app": "llm", "app_version": "1.2"}
        metadata.write_text(json.dumps(payload))
    tracker.scan([tmp_path / "dumps"])
    shutil.copytree(tmp_path / "dumps", tmp_path / "elsewhere")
    again = tracker.scan([tmp_path / "elsewhere"])
    assert again.evidence_new == 0
    found = issues(tracker)
    assert {(issue.kind, issue.app, issue.last_seen_version) for issue in found} == {("oom", "llm", "1.2")}


def test_alerts_count_from_a_severity_up(tmp_path: Path, tracker: Tracker) -> None:
    events = [
        alert(at=at, event=event, context=event, metadata={"severity": word})
        for at, (event, word) in enumerate(
            [("warning", "info"), ("warning", "warning"), ("critical", "critical"), ("warning", "odd")]
        )
    ]
    write_lines(tmp_path / "a.jsonl", events)
    with one_store_of(tmp_path):
        tracker.scan([tmp_path])
        assert sorted(issue.severity for issue in issues(tracker)) == ["critical", "odd", "warning"]
        tracker.scan([tmp_path], min_severity="info")
    assert sorted(issue.severity for issue in issues(tracker)) == ["critical", "info", "odd", "warning"]


def test_since_leaves_out_what_is_older(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert(at=10), alert(at=30)])
    tracker.scan([tmp_path], since_ns=START_NS + 20 * S)
    assert one(tracker).first_seen_ns == START_NS + 30 * S


def test_findings_count_once_their_session_has_stopped_or_settled(
    tmp_path: Path, tracker: Tracker, clock: Clock
) -> None:
    write_lines(tmp_path / "a.jsonl", busy_session("s1", 60))
    stopped = [*busy_session("s2", 60), alert("s2", at=61, event="stop", context=None)]
    for event in stopped:
        event["metadata"]["app"] = "stopped"
    write_lines(tmp_path / "b.jsonl", stopped)
    for path in tmp_path.glob("*.jsonl"):
        os.utime(path, ns=(clock.now_ns, clock.now_ns))
    tracker.scan([tmp_path])
    assert "hidden_memory_anomaly" in {issue.kind for issue in issues(tracker, "stopped")}
    assert "hidden_memory_anomaly" not in {issue.kind for issue in issues(tracker, "default")}
    assert len(issues(tracker, "default")) == 3

    before = everything(tracker)
    clock.now_ns += 599 * S
    assert tracker.scan([tmp_path]).sources_read == 0
    assert everything(tracker) == before

    clock.now_ns += S
    assert tracker.scan([tmp_path]).issues_created == 2
    assert "hidden_memory_anomaly" in {issue.kind for issue in issues(tracker, "default")}


def test_a_finding_that_becomes_another_is_tracked_as_that(tmp_path: Path, tracker: Tracker) -> None:
    """While it is short the session shows something else than in the end."""
    events = busy_session("s1", 400)
    seen = []
    path = tmp_path / "a.jsonl"
    for count in (40, 120, 400):
        write_lines(path, events[:count])
        tracker.scan([tmp_path], settle_ns=0)
        seen.append({i.title for i in issues(tracker) if i.kind == "hidden_memory_anomaly"})
    with Tracker(tmp_path / "once.db") as once:
        once.scan([tmp_path / "a.jsonl"], settle_ns=0)
        assert tables(once)["issues"] == tables(tracker)["issues"]


def test_a_dry_run_reports_and_changes_nothing(alone: Path, tracker: Tracker) -> None:
    before = everything(tracker)
    assert tracker.scan([alone], dry_run=True).issues_created == 1
    assert everything(tracker) == before


def test_silences_end(tmp_path: Path, tracker: Tracker, clock: Clock) -> None:
    path = tmp_path / "a.jsonl"
    write_lines(path, [alert("s1")])
    tracker.scan([tmp_path])
    issue_id = one(tracker).issue_id
    tracker.ignore(issue_id, until_count=2)
    write_lines(path, [alert("s1"), alert("s2")])
    tracker.scan([tmp_path])
    assert one(tracker).status == "silenced"
    write_lines(path, [alert("s1"), alert("s2"), alert("s3")])
    tracker.scan([tmp_path])
    assert (one(tracker).status, one(tracker).ignore_until) == ("new", None)

    tracker.ignore(issue_id, until_ns=clock.now_ns + 10 * S)
    tracker.scan([tmp_path])
    assert one(tracker).status == "silenced"
    clock.now_ns += 10 * S
    tracker.scan([tmp_path])
    assert one(tracker).status == "new"


def test_one_scan_at_a_time(alone: Path, tracker: Tracker) -> None:
    with scan_lock(tracker.store.path), pytest.raises(StoreBusyError, match=str(os.getpid())) as caught:
        tracker.scan([alone])
    assert caught.value.details["process"] == os.getpid()
    assert issues(tracker) == []
    assert tracker.scan([alone], wait_s=1).issues_created == 1


def test_waiting_for_another_scan(alone: Path, tracker: Tracker) -> None:
    program = (
        "import sys; from pathlib import Path; from stormlog.tracking.scanning.lock import scan_lock\n"
        "with scan_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tracker.store.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(StoreBusyError):
        tracker.scan([alone])
    other.kill()
    other.wait()
    assert tracker.scan([alone], wait_s=10).issues_created == 1


def test_a_reader_that_stays_open_does_not_stop_a_scan(alone: Path, tracker: Tracker) -> None:
    with Tracker(tracker.store.path, read_only=True) as reader, reader.reading() as connection:
        assert connection.execute("SELECT count(*) FROM issues").fetchone()[0] == 0
        assert tracker.scan([alone]).issues_created == 1
        assert connection.execute("SELECT count(*) FROM issues").fetchone()[0] == 0


def test_scanning_needs_the_permission_to_write(tmp_path: Path, alone: Path) -> None:
    with Tracker(tmp_path / "t.db", permissions=["issues:read"]) as tracker:
        with pytest.raises(PermissionDeniedError, match="issues:write"):
            tracker.scan([alone])
        assert issues(tracker) == []


def test_nothing_to_read(tmp_path: Path, tracker: Tracker) -> None:
    with pytest.raises(SourceError):
        tracker.scan([tmp_path / "missing"])


def test_many_hits_keep_exact_counts(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert(f"s{at % 7}", at) for at in range(3000)])
    report = tracker.scan([tmp_path])
    assert report.evidence_new == 3000
    issue = one(tracker)
    assert (issue.hit_count, issue.occurrence_count) == (3000, 7)
    with tracker.reading() as connection:
        assert connection.execute("SELECT count(*) FROM issue_evidence").fetchone()[0] == 7 * 20


def test_projects_are_apart(alone: Path, tracker: Tracker) -> None:
    with Tracker(tracker.store.path, project="other") as other:
        tracker.scan([alone])
        assert other.scan([alone]).issues_created == 1
    assert len(issues(tracker)) == 1


def drifting(session: str, count: int = 60, rank: int = 0) -> list[dict[str, Any]]:
    """Return a session with findings and no other evidence, that has stopped.

    It has a start: where no record describes a session, each scan opens another store to find a sample that does.
    """
    samples = [e for e in busy_session(session, count, rank=rank) if e["event_type"] == "sample"]
    start, stop = (
        alert(session, at, event=event, context=None, rank=rank, world_size=rank + 1)
        for at, event in ((-1, "start"), (count + 1, "stop"))
    )
    return [start, *samples, stop]


def findings(tracker: Tracker) -> list[tuple[str, int]]:
    return sorted((i.title, i.hit_count) for i in issues(tracker) if i.kind == "hidden_memory_anomaly")


def test_a_part_of_a_copy_takes_no_finding_away(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", drifting("s1"))
    tracker.scan([tmp_path / "a.jsonl"])
    before = findings(tracker)
    assert before
    write_lines(tmp_path / "b.jsonl", drifting("s1")[:25])
    tracker.scan([tmp_path / "b.jsonl"], settle_ns=0)
    assert set(before) <= set(findings(tracker))


def test_ranks_that_share_a_session_are_counted_in_any_order(tmp_path: Path) -> None:
    for rank in range(2):
        write_sink(
            tmp_path / "runs" / f"rank{rank}", {"segment-000001.jsonl": drifting("s1", 60 + 20 * rank, rank)}
        )
    runs = {name: tmp_path / "runs" / name for name in (".", "rank0", "rank1")}
    results = []
    with one_store_of(runs["."]), one_store_of(runs["rank0"]), one_store_of(runs["rank1"]):
        for order in (["."], ["rank0", "rank1"], ["rank1", "rank0", "."]):
            with Tracker(tmp_path / f"{len(results)}.db") as tracker:
                for name in order:
                    tracker.scan([runs[name]])
                found = tables(tracker)
                results.append(
                    {name: found[name] for name in ("issues", "occurrences", "evidence_keys", "evidence")}
                )
                before = everything(tracker)["issues"]
                tracker.scan([runs["."]], full=True)
                assert everything(tracker)["issues"] == before
    assert results[0] == results[1] == results[2]
    assert {row[7] for row in results[0]["occurrences"]} == {"[0,1]"}


def test_sessions_that_no_kept_record_describes_are_read_again_together(
    tmp_path: Path, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan of a thousand of them opens no thousand stores."""
    for number in range(4):
        write_lines(
            tmp_path / f"{number}.jsonl",
            [dict(line, job_id=f"job-{number}") for line in drifting(f"s{number}")[1:]],
        )
    # Both begin with the same file.
    for name, end in (("a", 500), ("b", 501)):
        stop = alert("twice", end, event="stop", context=None)
        segments = {"segment-000001.jsonl": drifting("twice")[1:-1], "segment-000002.jsonl": [stop]}
        write_sink(
            tmp_path / name,
            {key: [dict(line, job_id="job-twice") for line in lines] for key, lines in segments.items()},
        )
    opened: list[list[str]] = []
    open_store = stormlog.query.open

    def open_and_note(paths: Any, **options: Any) -> QueryStore:
        opened.append([os.path.relpath(path, tmp_path) for path in paths])
        return open_store(paths, **options)

    monkeypatch.setattr(stormlog.query, "open", open_and_note)
    tracker.scan([tmp_path])
    runs = {row[1]: row[2] for row in tables(tracker)["occurrences"]}
    assert runs == {f"s{number}": f"job-{number}" for number in range(4)} | {"twice": "job-twice"}
    assert len(opened) == 2, opened


def test_a_later_since_takes_nothing_away(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [*drifting("s1"), alert(at=3)])
    with one_store_of(tmp_path):
        tracker.scan([tmp_path])
        before = tables(tracker)["issues"]
        tracker.scan([tmp_path], since_ns=START_NS + 10**6 * S, full=True)
    assert tables(tracker)["issues"] == before


def test_what_a_lost_part_showed_stays(tmp_path: Path, tracker: Tracker) -> None:
    """A file that was cut, and a segment that retention removed."""
    path = write_lines(tmp_path / "a.jsonl", drifting("s1"))
    events = drifting("s2")
    sink = write_sink(
        tmp_path / "sink", {"segment-000001.jsonl": events[:40], "segment-000002.jsonl": events[40:]}
    )
    tracker.scan([tmp_path])
    before = findings(tracker)
    write_lines(path, drifting("s1")[:20])
    (sink / "segment-000001.jsonl").unlink()
    tracker.scan([tmp_path], settle_ns=0)
    with (sink / "segment-000002.jsonl").open("a") as stream:
        stream.write(json.dumps(alert("s2", 500), sort_keys=True) + "\n")
    write_lines(path, drifting("s1")[:25])
    tracker.scan([tmp_path], settle_ns=0)
    assert set(before) <= set(findings(tracker))


def test_a_shorter_settle_counts_at_once(tmp_path: Path, tracker: Tracker, clock: Clock) -> None:
    path = write_lines(tmp_path / "a.jsonl", drifting("s1")[:-1])
    os.utime(path, ns=(clock.now_ns, clock.now_ns))
    with one_store_of(tmp_path):
        tracker.scan([tmp_path])
        assert findings(tracker) == []
        tracker.scan([tmp_path], settle_ns=0)
    assert findings(tracker)


def test_a_silence_that_goes_on_leaves_no_trace_of_scans(alone: Path, tracker: Tracker) -> None:
    tracker.scan([alone])
    tracker.ignore(one(tracker).issue_id, until_count=5)
    before = everything(tracker)
    tracker.scan([alone])
    assert everything(tracker) == before


def test_another_name_of_the_same_file_moves_nothing(tmp_path: Path, tracker: Tracker) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
    path = write_lines(tmp_path / "x" / "a.jsonl", [alert()])
    os.link(path, tmp_path / "y" / "a.jsonl")
    tracker.scan([tmp_path / "x"])
    tracker.scan([tmp_path / "y"])
    assert tracker.scan([tmp_path / "x"]).sources_read == 0
    assert tracker.scan([tmp_path / "y"]).sources_read == 0


def test_who_ran_a_session_is_known_of_all_its_issues(tmp_path: Path, tracker: Tracker) -> None:
    events = [alert(context="alpha"), alert(at=20, context="beta", metadata={"user": "ada"})]
    write_lines(tmp_path / "a.jsonl", events)
    with one_store_of(tmp_path):
        tracker.scan([tmp_path])
        before = tables(tracker)
        assert {issue.unique_user_count for issue in issues(tracker)} == {1}
        alpha, beta = issues(tracker)
        tracker.merge(alpha.issue_id, beta.issue_id)
        tracker.unmerge(beta.issue_id)
        tracker.scan([tmp_path], full=True)
    assert tables(tracker) == before
