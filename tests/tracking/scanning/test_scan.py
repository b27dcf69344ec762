"""Scans of files: what they record, what they leave alone, and what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import PermissionDeniedError, SourceError, StoreBusyError
from stormlog.tracking import TrackedIssue, Tracker
from stormlog.tracking.scanning.lock import scan_lock
from tests.captures import capture_path
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.telemetry.factories import record
from tests.tracking.people import StandingClock as Clock
from tests.tracking.shared_stores import one_store_of
from tests.tracking.tables import everything, tables

S = 10**9


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


def issues(tracker: Tracker) -> list[TrackedIssue]:
    return list(tracker.list_issues(limit=200).issues)


def one(tracker: Tracker) -> TrackedIssue:
    (issue,) = issues(tracker)
    return issue


def test_the_issues_are_those_of_the_query(tmp_path: Path, tracker: Tracker) -> None:
    path = capture_path("v4-cuda-sim")
    with one_store_of(path) as store:
        tracker.scan([path], settle_ns=0, min_severity="info")
        derived = {
            i.fingerprint_id: (i.kind, i.severity, i.title, i.first_seen_ns, i.last_seen_ns)
            for i in store.list_issues()
        }
    found = issues(tracker)
    assert {
        i.fingerprint_ids[0]: (i.kind, i.severity, i.title, i.first_seen_ns, i.last_seen_ns) for i in found
    } == derived
    assert len(derived) > 5


def test_scanning_again_changes_nothing(tracker: Tracker, clock: Clock) -> None:
    first = tracker.scan([capture_path("v4-cuda-sim")])
    assert first.issues_created > 0
    before = everything(tracker)
    clock.now_ns += S
    again = tracker.scan([capture_path("v4-cuda-sim")]).as_dict()
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


def test_looking_at_everything_again_changes_no_issue(tracker: Tracker) -> None:
    path = capture_path("v4-cuda-sim")
    with one_store_of(path):
        tracker.scan([path])
        before = everything(tracker)
        tracker.scan([path], full=True)
    after = everything(tracker)
    for table in ("issues", "issue_occurrences", "issue_evidence_keys", "issue_evidence", "activity"):
        assert after[table] == before[table]


def test_an_unfinished_line_is_pending(tmp_path: Path, tracker: Tracker) -> None:
    path = tmp_path / "events.jsonl"
    whole = [json.dumps(alert(at=at), sort_keys=True) + "\n" for at in (10, 20)]
    path.write_text(whole[0] + whole[1][:50])
    first = tracker.scan([path])
    assert (first.lines_read, first.lines_skipped, first.sources_pending) == (1, 0, 1)
    assert one(tracker).hit_count == 1
    path.write_text("".join(whole))
    second = tracker.scan([path])
    assert (second.lines_read, second.sources_pending, second.evidence_new) == (1, 0, 1)
    assert one(tracker).hit_count == 2


def test_a_shorter_file_in_its_place_adds_nothing_it_had(tmp_path: Path, tracker: Tracker) -> None:
    path = write_lines(tmp_path / "events.jsonl", [alert(at=at) for at in (10, 20, 30)])
    tracker.scan([path])
    write_lines(path, [alert(at=20), alert(at=40)])
    again = tracker.scan([path])
    assert (again.evidence_new, one(tracker).hit_count) == (1, 4)


def test_a_renamed_file_is_the_same_file(tmp_path: Path, tracker: Tracker) -> None:
    path = write_lines(tmp_path / "a.jsonl", [alert()])
    tracker.scan([tmp_path])
    path.rename(tmp_path / "b.jsonl")
    again = tracker.scan([tmp_path])
    assert (again.evidence_new, again.lines_read, again.sources_missing) == (0, 0, 0)
    assert [row[0] for row in tables(tracker)["files"]] == [str(tmp_path / "b.jsonl")]


def test_what_is_gone_is_missing_and_its_evidence_stays(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    path = write_lines(tmp_path / "b.jsonl", [alert("s2")])
    tracker.scan([tmp_path])
    path.unlink()
    assert tracker.scan([tmp_path]).sources_missing == 1
    assert one(tracker).occurrence_count == 2
    before = everything(tracker)
    assert tracker.scan([tmp_path]).sources_missing == 1
    assert everything(tracker) == before


def test_metadata_names_app_version_user_and_kind_of_run(tmp_path: Path, tracker: Tracker) -> None:
    said = {"app": "llm", "app_version": "2.1.0", "user": "kim", "environment": "CI"}
    write_lines(
        tmp_path / "a.jsonl", [alert(metadata=said, job_id="job-7", rank=2, local_rank=0, world_size=4)]
    )
    tracker.scan([tmp_path], app="other", code_version="9.9")
    issue = one(tracker)
    assert (issue.app, issue.is_dev, issue.last_seen_version, issue.unique_user_count) == (
        "llm",
        True,
        "2.1.0",
        1,
    )
    (occurrence,) = tracker.issue(issue.issue_id).occurrences
    assert (occurrence.run_id, occurrence.ranks, occurrence.environment) == ("job-7", (2,), "cuda") or (
        occurrence.run_id,
        list(occurrence.ranks),
        occurrence.environment,
    ) == ("job-7", [2], "cuda")


def test_a_start_speaks_for_the_events_of_its_session(tmp_path: Path, tracker: Tracker) -> None:
    start = alert(at=0, event="start", context=None, metadata={"app": "llm", "git_sha": "0a1b2c3d"})
    write_lines(tmp_path / "a.jsonl", [start, alert(at=10)])
    tracker.scan([tmp_path])
    assert (one(tracker).app, one(tracker).last_seen_version) == ("llm", "0a1b2c3d")


def test_samples_alone_say_what_their_finding_is_about(tmp_path: Path, tracker: Tracker) -> None:
    events = [event for event in busy_session("s1", 60) if event["event_type"] == "sample"]
    for event in events:
        event["metadata"] |= {"app": "llm", "app_version": "3.0", "is_dev": True}
    write_lines(tmp_path / "a.jsonl", events)
    tracker.scan([tmp_path], settle_ns=0)
    found = {(i.kind, i.app, i.is_dev, i.last_seen_version) for i in issues(tracker)}
    assert found == {("hidden_memory_anomaly", "llm", True, "3.0")}


def test_options_stand_in_for_what_telemetry_does_not_say(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    tracker.scan([tmp_path], app="llm", is_dev=True, code_version="1.0")
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


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), "\ud800", ["llm"], {"app": "llm"}, None])
def test_odd_values_of_bundles_say_nothing(tmp_path: Path, tracker: Tracker, odd: object) -> None:
    shutil.copytree(capture_path("run-envelope") / "oom_dumps", tmp_path / "dumps")
    for metadata in (tmp_path / "dumps").glob("*/metadata.json"):
        payload = json.loads(metadata.read_text())
        payload["custom_metadata"] = {"user": odd, "note": odd, "app": "llm", "app_version": "1.2"}
        metadata.write_text(json.dumps(payload))
    tracker.scan([tmp_path / "dumps"])
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


def test_findings_count_once_their_session_has_settled(
    tmp_path: Path, tracker: Tracker, clock: Clock
) -> None:
    events = busy_session("s1", 60)
    path = write_lines(tmp_path / "a.jsonl", events)
    os.utime(path, ns=(clock.now_ns, clock.now_ns))
    tracker.scan([tmp_path])
    assert "hidden_memory_anomaly" not in {issue.kind for issue in issues(tracker)}
    assert len(issues(tracker)) == 3

    before = everything(tracker)
    clock.now_ns += 599 * S
    assert tracker.scan([tmp_path]).sources_read == 0
    assert everything(tracker) == before

    clock.now_ns += S
    assert tracker.scan([tmp_path]).issues_created == 2
    assert "hidden_memory_anomaly" in {issue.kind for issue in issues(tracker)}


def test_a_session_that_stopped_has_settled(tmp_path: Path, tracker: Tracker, clock: Clock) -> None:
    events = [*busy_session("s1", 60), alert(at=61, event="stop", context=None)]
    path = write_lines(tmp_path / "a.jsonl", events)
    os.utime(path, ns=(clock.now_ns, clock.now_ns))
    tracker.scan([tmp_path])
    assert "hidden_memory_anomaly" in {issue.kind for issue in issues(tracker)}


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


def test_a_dry_run_reports_and_changes_nothing(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    before = everything(tracker)
    assert tracker.scan([tmp_path], dry_run=True).issues_created == 1
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


def test_one_scan_at_a_time(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    with scan_lock(tracker.store.path), pytest.raises(StoreBusyError, match=str(os.getpid())) as caught:
        tracker.scan([tmp_path])
    assert caught.value.details["process"] == os.getpid()
    assert issues(tracker) == []
    assert tracker.scan([tmp_path], wait_s=1).issues_created == 1


def test_waiting_for_another_scan(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
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
        tracker.scan([tmp_path])
    other.kill()
    other.wait()
    assert tracker.scan([tmp_path], wait_s=10).issues_created == 1


def test_a_reader_that_stays_open_does_not_stop_a_scan(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    with Tracker(tracker.store.path, read_only=True) as reader, reader.reading() as connection:
        assert connection.execute("SELECT count(*) FROM issues").fetchone()[0] == 0
        assert tracker.scan([tmp_path]).issues_created == 1
        assert connection.execute("SELECT count(*) FROM issues").fetchone()[0] == 0


def test_scanning_needs_the_permission_to_write(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    with Tracker(tmp_path / "t.db", permissions=["issues:read"]) as tracker:
        with pytest.raises(PermissionDeniedError, match="issues:write"):
            tracker.scan([tmp_path / "a.jsonl"])
        assert issues(tracker) == []


def test_nothing_to_read(tmp_path: Path, tracker: Tracker) -> None:
    with pytest.raises(SourceError):
        tracker.scan([tmp_path / "missing"])


def test_bad_lines_are_counted_and_hide_nothing(tmp_path: Path, tracker: Tracker) -> None:
    lines = [json.dumps(alert(at=at), sort_keys=True) for at in (10, 20)]
    (tmp_path / "a.jsonl").write_text(f"{lines[0]}\nnonsense\n{lines[1]}\n")
    report = tracker.scan([tmp_path])
    assert (report.lines_read, report.lines_skipped, one(tracker).hit_count) == (2, 1, 2)
    assert [warning["path"] for warning in report.warnings] == [str(tmp_path / "a.jsonl")]
    with pytest.raises(SourceError):
        tracker.scan([tmp_path], strict=True, full=True)


def test_many_hits_keep_exact_counts(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert(f"s{at % 7}", at) for at in range(3000)])
    report = tracker.scan([tmp_path])
    assert report.evidence_new == 3000
    issue = one(tracker)
    assert (issue.hit_count, issue.occurrence_count) == (3000, 7)
    with tracker.reading() as connection:
        assert connection.execute("SELECT count(*) FROM issue_evidence").fetchone()[0] == 7 * 20


def test_projects_are_apart(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    with one_store_of(tmp_path), Tracker(tracker.store.path, project="other") as other:
        tracker.scan([tmp_path])
        assert other.scan([tmp_path]).issues_created == 1
    assert len(issues(tracker)) == 1


def drifting(session: str, count: int = 60, rank: int = 0) -> list[dict[str, Any]]:
    """Return samples of a session with findings and no other evidence, that has stopped."""
    events = [e for e in busy_session(session, count, rank=rank) if e["event_type"] == "sample"]
    return [*events, alert(session, count + 1, event="stop", context=None, rank=rank, world_size=rank + 1)]


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


def test_a_silence_that_goes_on_leaves_no_trace_of_scans(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert()])
    tracker.scan([tmp_path])
    tracker.ignore(one(tracker).issue_id, until_count=5)
    before = everything(tracker)
    tracker.scan([tmp_path])
    assert everything(tracker) == before


def test_names_that_are_no_text(tmp_path: Path, tracker: Tracker) -> None:
    folder = tmp_path / os.fsdecode(b"runs-\xff")
    folder.mkdir()
    write_lines(folder / "a.jsonl", [alert()])
    assert tracker.scan([tmp_path]).issues_created == 1
    before = everything(tracker)
    assert tracker.scan([tmp_path]).sources_read == 0
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


def test_a_file_that_was_only_touched_adds_nothing(tmp_path: Path, tracker: Tracker) -> None:
    path = write_lines(tmp_path / "a.jsonl", [alert()])
    tracker.scan([tmp_path])
    os.utime(path)
    report = tracker.scan([tmp_path])
    assert (report.sources_read, report.lines_read, report.evidence_new) == (1, 0, 0)


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
