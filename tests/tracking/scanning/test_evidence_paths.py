"""Evidence names the files where they lie, from wherever they were scanned, and follows them when they are moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from tests.query.sinks import busy_session, write_lines, write_sink
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


@pytest.mark.parametrize("path", ["job", ".", "./job/../job", "link"])
def test_evidence_names_true_paths(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    write_job(work / "job")
    (work / "link").symlink_to("job")
    monkeypatch.chdir(work)
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([path], settle_ns=0)
        found = places(tracker, work)
        assert found == {
            # The file in which the session begins.
            "sink": {"job/sink/segment-000001.jsonl"},
            "telemetry_jsonl": {"job/events.jsonl"},
            "oom_bundle": {"job/oom_dump_1"},
        }
        of_issues = [tracker.sources(issue.issue_id).with_evidence for issue in tracker.list_issues().issues]
        sources = {path for paths in of_issues for path in paths}
        assert sources == {str(work / "job" / name) for name in ("sink", "events.jsonl", "oom_dump_1")}


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
