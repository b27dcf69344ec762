"""Evidence names the files where they lie, from wherever they were scanned, and follows them when they are moved."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.scanning.options import ScanOptions
from stormlog.tracking.scanning.scan import scan
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.tracking.sessionless import write_bundle


def write_job(folder: Path) -> None:
    """Write a sink of two segments, a file and a bundle."""
    events = busy_session("s1", 40)
    write_sink(folder / "sink", {"segment-000001.jsonl": events[:15], "segment-000002.jsonl": events[15:]})
    write_lines(folder / "events.jsonl", busy_session("s2", 20))
    write_bundle(folder / "oom_dump_1", session_id="s3")


def places(tracker: Tracker, folder: Path) -> dict[str, set[str]]:
    """Return what evidence in the tracker's project names below a folder, by the kind of source."""
    found: dict[str, set[str]] = {}
    with tracker.store.reading() as connection:
        rows = connection.execute(
            """
            SELECT e.source_kind, e.source_path, e.bundle_path
            FROM issue_evidence AS e
            INNER JOIN issue_occurrences AS o ON o.occurrence_id = e.occurrence_id
            INNER JOIN issues AS i ON i.issue_id = o.issue_id
            INNER JOIN projects AS p ON p.project_id = i.project_id
            WHERE p.name = ?
            """,
            [tracker.project],
        ).fetchall()
    for kind, path, bundle_path in rows:
        found.setdefault(kind, set()).add(str(Path(path).relative_to(folder)))
        if kind == "oom_bundle":
            assert bundle_path == path
    return found


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("", "job"),
        ("", "./job/../job"),
        ("", "link"),
        ("job", "."),
        ("job/sink", "."),
        ("job/sink/sub", ".."),
        ("job/oom_dump_1", "."),
        ("job/oom_dump_1/sub", "../"),
    ],
)
def test_evidence_names_true_paths(
    folder: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    write_job(work / "job")
    for name in ("sink", "oom_dump_1"):
        (work / "job" / name / "sub").mkdir()
    (work / "link").symlink_to("job")
    monkeypatch.chdir(work / folder)
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([path], settle_ns=0)
        found = places(tracker, work)
        of_kinds = {
            # The file in which the session begins.
            "sink": {"job/sink/segment-000001.jsonl"},
            "telemetry_jsonl": {"job/events.jsonl"},
            "oom_bundle": {"job/oom_dump_1"},
        }
        wanted = "sink" if "sink" in folder else "oom_bundle" if "oom" in folder else None
        assert found == {kind: of for kind, of in of_kinds.items() if wanted in (None, kind)}
        of_issues = [tracker.sources(issue.issue_id).with_evidence for issue in tracker.list_issues().issues]
        names = {"sink": "sink", "telemetry_jsonl": "events.jsonl", "oom_bundle": "oom_dump_1"}
        assert {path for paths in of_issues for path in paths} == {
            str(work / "job" / names[kind]) for kind in found
        }


@pytest.mark.parametrize("name", ["a", "z"])
def test_evidence_follows_what_is_moved(name: str, tmp_path: Path) -> None:
    """Whether the new path comes before or after the old one."""
    root = tmp_path / "runs"
    write_job(root / "m")
    with Tracker(tmp_path / "tracker.db") as tracker, Tracker(tmp_path / "tracker.db", project="b") as other:
        for each in (tracker, other):
            each.scan([root], settle_ns=0)
        before = places(tracker, root / "m")
        assert len(before) == 3
        (root / "m").rename(root / name)
        tracker.scan([root], settle_ns=0)
        assert places(tracker, root / name) == before
        # The scans of another project have not seen it yet.
        assert places(other, root / "m") == before
        for issue in tracker.list_issues().issues:
            assert all(Path(path).exists() for path in tracker.sources(issue.issue_id).with_evidence)


def test_what_is_equal_in_two_sources_tells_no_move(tmp_path: Path) -> None:
    """A bundle that was deleted is not the next one of its session, nor a sink another one with the same manifest."""
    root = tmp_path / "runs"
    events = {name: busy_session(name, 40) for name in ("s1", "s2", "s3")}
    write_bundle(root / "oom_dump_1", session_id="s")
    write_sink(root / "a", {"segment-000001.jsonl": events["s1"]})
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([root], settle_ns=0)
        shutil.rmtree(root / "a")
        write_sink(root / "c", {"segment-000001.jsonl": events["s3"]})
        (root / "oom_dump_1").rename(root / "oom_dump_2")
        manifest = root / "oom_dump_2" / "manifest.json"
        manifest.write_text(manifest.read_text().replace("2023-11-20", "2023-11-21"))
        tracker.scan([root], settle_ns=0)
        found = places(tracker, root)
        assert found["oom_bundle"] == {"oom_dump_1", "oom_dump_2"}
        assert found["sink"] == {"a/segment-000001.jsonl", "c/segment-000001.jsonl"}
        with tracker.store.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT session_id, source_path FROM finding_sources"
            ).fetchall()
        assert {session: Path(path).name for session, path in rows} == {"s1": "a", "s3": "c"}


def test_evidence_follows_a_log_that_is_rotated(tmp_path: Path) -> None:
    """Another file has the old name then, whichever name comes first."""
    root = tmp_path / "runs"
    root.mkdir()
    write_lines(root / "m.jsonl", busy_session("s1", 20))
    with Tracker(tmp_path / "tracker.db") as tracker:
        for number, name in enumerate(("z", "a")):
            tracker.scan([root], settle_ns=0)
            (root / "m.jsonl").rename(root / f"{name}.jsonl")
            write_lines(root / "m.jsonl", busy_session(f"n{number}", 20, start_ns=START_NS + number + 10**12))
        tracker.scan([root], settle_ns=0)
        with tracker.store.reading() as connection:
            rows = connection.execute(
                """
                SELECT DISTINCT o.session_id, e.source_path
                FROM issue_evidence AS e INNER JOIN issue_occurrences AS o ON o.occurrence_id = e.occurrence_id
                """
            ).fetchall()
    assert {(session, Path(path).stem) for session, path in rows} == {("s1", "z"), ("n0", "a"), ("n1", "m")}


def test_a_scan_that_was_stopped_after_a_move_knows_where_all_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stormlog.tracking.scanning.scan._BATCH_SIZE", 1)
    root, moved = tmp_path / "runs", tmp_path / "moved"
    for name in ("b", "c"):
        write_sink(root / name, {"segment-000001.jsonl": busy_session(name, 40)})
    answers = iter([False, True])
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([root], settle_ns=0)
        root.rename(moved)
        scan(tracker, [moved], ScanOptions(settle_ns=0), should_stop=lambda: next(answers))
        tracker.scan([moved], settle_ns=0)
        issues = tracker.list_issues().issues
        assert issues
        for issue in issues:
            sources = tracker.sources(issue.issue_id)
            assert {*sources.with_evidence, *sources.others} == {str(moved / name) for name in ("b", "c")}


def test_names_and_texts_with_odd_bytes_stop_no_scan(tmp_path: Path) -> None:
    """Two folders whose names look the same when they are text: nothing is known of one of them by mistake."""
    for byte in (b"\xfe", b"\xff"):
        folder = Path(os.fsdecode(os.fsencode(tmp_path / "runs") + b"-" + byte))
        samples = [
            line | {"host": byte.hex()}
            for line in busy_session(f"s{byte.hex()}", 60)
            if line["event_type"] == "sample"
        ]
        write_bundle(folder / "oom_dump_1", session_id=f"d{byte.hex()}")
        write_lines(folder / "events.jsonl", samples)
    manifest = folder / "oom_dump_1" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"session_status": "a\ud800"}))
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([tmp_path], settle_ns=0)
        assert {issue.kind for issue in tracker.list_issues().issues} == {"oom", "hidden_memory_anomaly"}
        with tracker.store.reading() as connection:
            rows = connection.execute("SELECT session_id, host FROM issue_occurrences").fetchall()
    assert {(session, host) for session, host in rows if host is not None} <= {("sfe", "fe"), ("sff", "ff")}
