"""The words of filters choose the same issues in a tracker as in the telemetry that it scanned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import UnknownIdError
from stormlog.query import IssueFilter, QueryStore
from stormlog.query import open as open_store
from stormlog.tracking import Tracker
from tests.apps.cli.samples import event, write_lines
from tests.artifacts.factories import make_oom_bundle

#: Session -> its job, and the backend that tells its issue from the others.
SESSIONS = {"a": ("job:x", "cuda"), "b": ("x", "mps"), "c": ("session:d", "xpu"), "d": (None, "tpu")}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs")
    for session, (job, backend) in SESSIONS.items():
        facts = {"backend": backend, "oom_reason": backend}
        failure = event(
            session_id=session, job_id=job, event_type="error", context="{'code': 7}", metadata=facts
        )
        write_lines(directory / f"{session}.jsonl", failure)
    make_oom_bundle(
        directory / "oom_dump_1", created_at_utc="2026-11-20T21:00:00Z", backend="rocm", reason="hip"
    )
    return directory


@pytest.fixture(scope="module")
def store(runs: Path) -> QueryStore:
    return open_store(runs, cache=False)


@pytest.fixture(scope="module")
def scanned(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    tracker = Tracker(tmp_path_factory.mktemp("tracker") / "tracker.db")
    tracker.scan([runs], cache=False)
    return tracker


@pytest.mark.parametrize(
    ("filters", "backends"),
    [
        ({}, "cuda mps rocm tpu xpu"),
        ({"run": "x"}, "mps"),
        # A job may be called as a run is: the id counts more.
        ({"run": "job:x"}, "mps"),
        ({"run": "job:job:x"}, "cuda"),
        ({"run": "session:d"}, "tpu"),
        ({"run": "job:session:d"}, "xpu"),
        ({"run": "d"}, "tpu"),
        ({"run": ["job:job:x", "d"]}, "cuda tpu"),
        ({"run": "session:x"}, ""),
        ({"run": "job:d"}, ""),
        ({"job_id": "job:x"}, "cuda"),
        # A bundle names the second in which it was written.
        ({"since": "2026-11-20T21:00:00.5"}, "rocm"),
        ({"since": "2026-11-20T21:00:01"}, ""),
        # The bundle names no rank.
        ({"rank": 0}, "cuda mps tpu xpu"),
        # A text may begin like an object.
        ({"search": "code"}, "cuda mps tpu xpu"),
    ],
    ids=str,
)
def test_filters_choose_the_same_issues(
    store: QueryStore, scanned: Tracker, filters: dict[str, Any], backends: str
) -> None:
    found = store.list_issues(IssueFilter(**filters))
    assert " ".join(sorted(issue.fingerprint.dimensions["backend"] for issue in found)) == backends
    tracked = scanned.list_issues(**filters).issues
    ids = sorted(scanned.fingerprints(issue.issue_id)[0] for issue in tracked)
    assert ids == sorted(issue.fingerprint_id for issue in found)


def test_a_run_is_explained_by_its_id_its_job_or_its_session(store: QueryStore) -> None:
    named = {
        "job:x": "job:x",
        "x": "job:x",
        "job:job:x": "job:job:x",
        "d": "session:d",
        "session:d": "session:d",
    }
    assert {name: store.explain(run_id=name).run.run_id for name in named} == named
    with pytest.raises(UnknownIdError, match="no run 'e'"):
        store.explain(run_id="e")
