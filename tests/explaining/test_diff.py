"""What differs between two runs, of one store and of two."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.apps.cli.printing.json_text import json_document
from stormlog.errors import SourceError, UnknownIdError
from stormlog.explaining import RunDiff
from stormlog.query import QueryStore
from stormlog.specification import json_schema
from stormlog.tracking import Tracker
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.artifacts.factories import make_oom_bundle
from tests.explaining.conftest import JOB
from tests.specification.fitting import misfits

SECOND = 10**9


def compared(path: Path, *runs: str | None, **options: Any) -> RunDiff:
    with stormlog.query.open(path, cache=False) as store:
        return store.compare_runs(*runs, **options)


def alert(context: str, **overrides: Any) -> dict[str, Any]:
    return event(event_type="warning", context=context, **overrides)


def test_the_shipped_runs_differ_as_they_were_made(job: QueryStore) -> None:
    found = job.compare_runs("lm-pretrain-1.4.0", "lm-pretrain-1.4.1")
    assert (found.before.outcome, found.after.outcome) == ("ended", "failed")
    assert found.before.first_failure is None
    failure = found.after.first_failure
    assert failure is not None and (failure.rank, failure.phase) == (5, "train / backward")
    assert failure == job.explain(run_id="lm-pretrain-1.4.1").first_failure
    assert (found.before.code_versions, found.after.code_versions) == (("1.4.0",), ("1.4.1",))
    assert found.issue_counts == {"new": 2, "gone": 0, "same": 0}
    assert [(issue.kind, issue.change, issue.before) for issue in found.issues] == [
        ("oom", "new", None),
        ("alert", "new", None),
    ]
    back = job.compare_runs("lm-pretrain-1.4.1", "lm-pretrain-1.4.0")
    assert back.issue_counts == {"new": 0, "gone": 2, "same": 0}
    assert [issue.before for issue in back.issues] == [issue.after for issue in found.issues]


def test_hits_are_counted_for_each_run(job: QueryStore) -> None:
    found = job.compare_runs("lm-pretrain-1.3.9", "lm-pretrain-1.4.1")
    assert [issue.change for issue in found.issues] == ["same", "same"]
    listed = {issue.fingerprint_id: issue for issue in job.list_issues()}
    for issue in found.issues:
        whole = listed[issue.fingerprint_id]
        assert issue.before is not None and issue.after is not None
        assert issue.before.hit_count + issue.after.hit_count == whole.hit_count
        assert (issue.before.first_ns, issue.after.last_ns) == (whole.first_seen_ns, whole.last_seen_ns)
        assert (issue.title, issue.severity) == (whole.title, whole.severity)


def test_two_stores_say_what_one_says(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}").mkdir()
        write_lines(
            tmp_path / f"{number}" / "a.jsonl",
            event(session_id=f"s-{number}", device_used_bytes=(3 << 29) + number),
            alert(f"Disk {'is low' * number}", session_id=f"s-{number}"),
        )
    whole = compared(tmp_path, "s-1", "s-2").as_dict()
    with stormlog.query.open(tmp_path / "1", cache=False) as before:
        apart = compared(tmp_path / "2", before_store=before).as_dict()
    assert apart["before"].pop("paths") == [str(tmp_path / "1")]
    assert apart["after"].pop("paths") == [str(tmp_path / "2")]
    for side in ("before", "after"):
        del whole[side]["paths"]
    assert apart == whole and apart["issue_counts"] == {"new": 1, "gone": 1, "same": 0}


def test_a_run_and_itself_are_the_same(job: QueryStore) -> None:
    found = job.compare_runs("lm-pretrain-1.4.1", "lm-pretrain-1.4.1")
    assert found.is_same_run and found.before == found.after
    assert found.issue_counts == {"new": 0, "gone": 0, "same": 2}
    assert {peak.difference_bytes for peak in found.peaks} == {0, None}


def test_a_phase_without_samples_is_not_known_and_not_zero(job: QueryStore) -> None:
    found = job.compare_runs("lm-pretrain-1.4.0", "lm-pretrain-1.4.1")
    unknown = [peak for peak in found.peaks if peak.phase == "checkpoint"]
    assert len(unknown) == 4
    for peak in unknown:
        assert peak.before is not None and peak.after is not None
        assert (peak.before.peak_bytes, peak.before.rank, peak.before.path) == (None, None, None)
        assert (peak.before.rank_count, peak.before.unknown_count) == (8, 8)
        assert (peak.difference_bytes, peak.difference_percent) == (None, None)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    """Runs that are compared two by two, all in one store."""
    folder = tmp_path_factory.mktemp("pairs")
    for session_id, used in (("small", 1000), ("large", 1500)):
        write_lines(
            folder / f"{session_id}.jsonl",
            event(session_id=session_id, allocator_allocated_bytes=0, device_used_bytes=(3 << 29) + used),
        )
    write_lines(
        folder / "issues.jsonl",
        alert("disk is low", session_id="s-1", job_id="a", timestamp_ns=START_NS),
        alert("disk is low", session_id="s-1", job_id="a", timestamp_ns=START_NS + 2),
        alert("only before", session_id="s-1", job_id="a", timestamp_ns=START_NS + 3),
        alert("disk is low", session_id="s-2", job_id="b", timestamp_ns=START_NS + 9),
        alert("only after", session_id="s-2", job_id="b", timestamp_ns=START_NS + 9),
    )
    stop = event(session_id="ended", timestamp_ns=START_NS + SECOND, event_type="stop")
    write_lines(folder / "ended.jsonl", event(session_id="ended"), stop)
    write_lines(folder / "running.jsonl", event(session_id="running"))
    attempts = [
        event(session_id="attempt-1", job_id="j", timestamp_ns=START_NS),
        event(
            session_id="attempt-1",
            job_id="j",
            timestamp_ns=START_NS + SECOND,
            event_type="error",
            context="CUDA out of memory",
            metadata={"backend": "cuda", "oom_reason": "cuda"},
        ),
        event(session_id="attempt-2", job_id="j", timestamp_ns=START_NS + 100 * SECOND),
        event(session_id="attempt-2", job_id="j", timestamp_ns=START_NS + 101 * SECOND, event_type="stop"),
    ]
    write_lines(folder / "attempts.jsonl", *attempts)
    with stormlog.query.open(folder, cache=False) as store:
        yield store


def test_differences_are_in_bytes_and_percent(pairs: QueryStore) -> None:
    found = pairs.compare_runs("small", "large")
    peaks = {(peak.phase, peak.metric): peak for peak in found.peaks}
    hidden, allocated = peaks[None, "hidden"], peaks[None, "peak_allocated"]
    assert (hidden.difference_bytes, hidden.difference_percent) == (500, 50.0)
    # There is no percentage of nothing.
    assert (allocated.difference_bytes, allocated.difference_percent) == (0, None)
    assert len(found.peaks) == 4 and found.before.first_failure is None


def test_an_issue_of_both_runs_has_the_hits_of_each(pairs: QueryStore) -> None:
    found = pairs.compare_runs("a", "b")
    assert [issue.change for issue in found.issues] == ["new", "gone", "same"]
    same = found.issues[-1]
    assert same.before is not None and same.after is not None
    assert (same.before.hit_count, same.before.first_ns, same.before.last_ns) == (2, START_NS, START_NS + 2)
    assert (same.after.hit_count, same.after.first_ns, same.after.ranks) == (1, START_NS + 9, (0,))


def test_a_bundle_that_names_no_session_is_a_run_of_its_own(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", event(session_id="s-1"))
    make_oom_bundle(tmp_path / "oom_dump_1", session_id=None)
    with stormlog.query.open(tmp_path, cache=False) as store:
        [bundle_run] = [
            run_id for (run_id,) in store.sql("SELECT run_id FROM run_attempts") if "s-1" not in run_id
        ]
        found = store.compare_runs("s-1", bundle_run)
    assert [(issue.kind, issue.change) for issue in found.issues] == [("oom", "new")]
    assert found.after.outcome == "failed"
    assert {peak.after.peak_bytes for peak in found.peaks if peak.after is not None} == {None}


def test_attempts_of_one_run_can_be_compared(pairs: QueryStore) -> None:
    found = pairs.compare_runs("j", "j", attempts=(1, 2))
    assert (found.before.outcome, found.after.outcome) == ("failed", "ended")
    assert (found.before.session_count, found.before.attempt_count) == (1, 2)
    assert not found.is_same_run and found.issue_counts["gone"] == 1
    whole = pairs.compare_runs("j", "j")
    # The last attempt tells how the run ended.
    assert (whole.after.outcome, whole.after.session_count) == ("ended", 2)
    assert whole.issue_counts["same"] == 1 and whole.is_same_run
    with pytest.raises(UnknownIdError, match="run 'job:j' has no attempt 3; it has 1, 2"):
        pairs.compare_runs("j", "j", attempts=(1, 3))


def test_a_run_that_still_runs_says_so(pairs: QueryStore) -> None:
    found = pairs.compare_runs("ended", "running")
    assert (found.before.outcome, found.before.duration_ns) == ("ended", SECOND)
    assert (found.after.outcome, found.after.ranks_running, found.after.duration_ns) == ("running", (0,), 0)


def test_a_tracker_names_the_issues(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", alert("disk is low", session_id="s-1"), event(session_id="s-2"))
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([tmp_path], settle_ns=0)
    with stormlog.query.open(tmp_path, cache=False, tracker=tmp_path / "tracker.db") as store:
        [issue] = store.compare_runs("s-2", "s-1").issues
    assert (issue.number, issue.status, issue.change) == (1, "new", "new")


def test_which_run_is_meant_has_to_be_said(job: QueryStore) -> None:
    with pytest.raises(UnknownIdError) as error:
        job.compare_runs(None, "lm-pretrain-1.4.1")
    runs = "lm-pretrain-1.3.9, lm-pretrain-1.4.0, lm-pretrain-1.4.1"
    assert str(error.value) == f"{JOB} holds 3 runs: {runs}; name one of them, as in {JOB}::lm-pretrain-1.3.9"
    with pytest.raises(UnknownIdError, match=f"no run 'nope' in {JOB}; there are {runs}"):
        job.compare_runs("lm-pretrain-1.4.0", "nope")


def test_where_there_is_no_telemetry_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no telemetry found"):
        compared(tmp_path)


def test_answers_fit_the_schema(job: QueryStore) -> None:
    schema = json_schema(RunDiff)
    for before in ("lm-pretrain-1.3.9", "lm-pretrain-1.4.0"):
        found = job.compare_runs(before, "lm-pretrain-1.4.1")
        assert misfits(json.loads(json_document(found.as_dict())), schema) == []
