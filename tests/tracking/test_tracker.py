"""The tracker is one object for everything that the command line does."""

from __future__ import annotations

from pathlib import Path

import stormlog.tracking
from stormlog.tracking import NotifySettings, Tracker
from tests.query.sinks import busy_session, write_lines
from tests.tracking.shared_stores import one_store_of


def test_a_life_of_issues(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", busy_session("s1", 40))
    with one_store_of(path), Tracker(tmp_path / "tracker.db") as tracker:
        assert tracker.gate([path]).failed
        assert tracker.scan([path], code_version="1.0", settle_ns=0).issues_created > 0
        assert not tracker.gate([path]).failed
        tracker.resolve(where="kind = 'oom'", version="1.1")
        regressed = tracker.gate([path], code_version="1.2").of("regressed")
        assert [issue.kind for issue in regressed] == ["oom"]

        exported = tracker.export_states(tmp_path / "issues.json")
        assert len(exported.states) == len(tracker.list_issues().issues)
        with Tracker(tmp_path / "other.db") as other:
            other.import_states(tmp_path / "issues.json")
            assert other.export_states(counts=False).states == tracker.export_states(counts=False).states

        tracker.set_project("default", recipients=["a@example.org"])
        report = tracker.notify(NotifySettings(), force=True, dry_run=True)
        assert [project.outcome for project in report.projects] == ["due"]


def test_public_names_can_be_imported() -> None:
    for name in stormlog.tracking.__all__:
        assert getattr(stormlog.tracking, name) is not None
