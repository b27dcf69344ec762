"""What explanations take for an answer: odd input, ids, attempts, trackers, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import QueryError, SourceError, UnknownIdError
from stormlog.explaining import Explanation
from stormlog.tracking import Tracker
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.explaining.beside import Cases, ExplanationOf, write_apart
from tests.explaining.conftest import JOB

GIB = 1 << 30
SECOND = 10**9


def samples(count: int = 20, step_bytes: int = 0, **overrides: Any) -> list[dict[str, Any]]:
    """Return a sample every second; memory grows by so many bytes from one to the next."""
    start_ns = overrides.pop("start_ns", START_NS)
    return [
        event(
            timestamp_ns=start_ns + number * SECOND,
            allocator_allocated_bytes=2 * GIB + number * step_bytes,
            allocator_reserved_bytes=3 * GIB + number * step_bytes,
            device_used_bytes=4 * GIB + number * step_bytes,
            device_total_bytes=16 * GIB,
            **{"sampling_interval_ms": 1000, "session_id": "s", "job_id": "j", **overrides},
        )
        for number in range(count)
    ]


def failure(at_s: float, **overrides: Any) -> dict[str, Any]:
    return event(
        timestamp_ns=START_NS + int(at_s * SECOND),
        event_type="error",
        **{
            "session_id": "s",
            "job_id": "j",
            "context": "OOM detected (cuda)",
            "metadata": {"backend": "cuda", "oom_reason": "cuda"},
            **overrides,
        },
    )


def explain(path: Path, **arguments: Any) -> Explanation:
    with stormlog.query.open([path], cache=False) as store:
        return store.explain(**arguments)


case = Cases()


@pytest.fixture(scope="module")
def explanation_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExplanationOf]:
    with case.explained(tmp_path_factory.mktemp("cases")) as of_case:
        yield of_case


@pytest.fixture(scope="module")
def answer(job: stormlog.query.QueryStore) -> Explanation:
    """The explanation of the job that is shipped, asked without a word."""
    return job.explain()


def test_shipped_job_is_explained_as_it_was_made(answer: Explanation) -> None:
    assert answer.run.run_id == "lm-pretrain-1.4.1"
    assert answer.first_failure is not None and answer.memory is not None and answer.same_as is not None
    assert (answer.first_failure.rank, answer.first_failure.phase) == (5, "train / backward")
    assert (answer.memory.largest_growth, answer.memory.pattern) == ("allocated", "steady")
    assert answer.against_last_good is not None and answer.against_last_good.code_version == "1.4.0"
    assert (answer.same_as.first_version, answer.same_as.last_version_without) == ("1.3.9", "1.4.0")
    assert [other.run_id for other in answer.other_runs] == ["lm-pretrain-1.3.9"]


def test_parts_add_up_to_the_device(job: stormlog.query.QueryStore) -> None:
    for memory in job.explain(at_ns=1_794_955_790 * SECOND).accounts:
        parts = (
            memory.allocated_bytes,
            memory.reserved_unused_bytes,
            memory.outside_allocator_bytes,
            memory.free_bytes,
            memory.unexplained_bytes,
        )
        assert sum(part or 0 for part in parts) == memory.total_bytes


def test_what_is_asked_for_is_explained(job: stormlog.query.QueryStore) -> None:
    earlier = job.explain(run_id="lm-pretrain-1.3.9")
    assert earlier.first_failure is not None
    assert job.explain(session_id=earlier.first_failure.session_id).run == earlier.run
    assert job.explain(run_id="lm-pretrain-1.4.0").first_failure is None
    assert job.explain(issue=earlier.first_failure.fingerprint_id).run.run_id == "lm-pretrain-1.4.1"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"run_id": "none"}, "run"),
        ({"session_id": "none"}, "session"),
        ({"issue": "issue:none"}, "issue"),
        ({"attempt": 9}, "attempt"),
        ({"session_id": "ac46d08e-f7f7-59b4-b1a7-99f68cd84d92", "run_id": "lm-pretrain-1.3.9"}, "session"),
        ({"run_id": "lm-pretrain-1.4.0", "attempt": 2}, "attempt"),
    ],
)
def test_id_of_nothing_is_refused(
    job: stormlog.query.QueryStore, arguments: dict[str, Any], kind: str
) -> None:
    with pytest.raises(UnknownIdError) as error:
        job.explain(**arguments)
    assert error.value.kind == kind


def test_an_issue_is_explained_in_the_run_that_is_named(
    job: stormlog.query.QueryStore, answer: Explanation
) -> None:
    assert answer.first_failure is not None
    earlier = job.explain(issue=answer.first_failure.fingerprint_id, run_id="lm-pretrain-1.3.9")
    assert earlier.run.run_id == "lm-pretrain-1.3.9"


def test_a_time_is_looked_for_in_the_run_that_was_going_on(job: stormlog.query.QueryStore) -> None:
    clean = job.explain(run_id="lm-pretrain-1.4.0").run
    assert clean.started_ns is not None and clean.last_ns is not None
    during = job.explain(at_ns=clean.started_ns + 60 * SECOND)
    assert during.run.run_id == "lm-pretrain-1.4.0"
    assert all(memory.age_ns is not None and memory.age_ns < 10 * SECOND for memory in during.accounts)
    after = job.explain(at_ns=clean.last_ns + 3600 * SECOND)
    assert after.run.run_id == "lm-pretrain-1.4.0"
    assert all(memory.age_ns is not None and memory.age_ns > 3000 * SECOND for memory in after.accounts)


def test_a_rank_that_failed_later_had_not_failed_at_a_time(
    job: stormlog.query.QueryStore, answer: Explanation
) -> None:
    failed = answer.run
    assert failed.started_ns is not None
    before = job.explain(run_id=failed.run_id, at_ns=failed.started_ns + 60 * SECOND)
    assert all(rank.failed_ns is None and rank.kind is None for rank in before.ranks)
    assert before.run.ranks_failed == (5,), "what the attempt came to is known"


def test_nothing_to_explain_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(SourceError, match="no telemetry"):
        explain(tmp_path)


@case
def two_attempts(folder: Path) -> None:
    later = START_NS + 100 * SECOND
    write_apart(
        folder,
        *samples(session_id="one"),
        failure(20, session_id="one"),
        *samples(session_id="two", start_ns=later),
        failure(120, session_id="two"),
    )


def test_attempts_of_a_run_are_told_apart(explanation_of: ExplanationOf) -> None:
    assert explanation_of("two_attempts").run.attempt == 2
    first = explanation_of("two_attempts", attempt=1)
    assert first.first_failure is not None and first.first_failure.session_id == "two_attempts one"
    # The other cases lie beside it.
    of_run = [other.attempt for other in first.other_runs if other.run_id == "job:two_attempts j"]
    assert of_run == [2]
    assert any(step.endswith("--run 'job:two_attempts j' --attempt 2") for step in first.next)


@case
def sessions_that_overlap(folder: Path) -> None:
    write_apart(
        folder,
        *samples(session_id="one"),
        *samples(session_id="two", start_ns=START_NS + 5 * SECOND),
        failure(10.5, session_id="two"),
    )


def test_sessions_of_one_rank_that_overlap_are_explained_alone(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("sessions_that_overlap")
    of_one = explanation_of("sessions_that_overlap", session_id="one")
    assert answer.run.ambiguous
    assert answer.first_failure is not None
    assert answer.first_failure.session_id == "sessions_that_overlap two"
    assert of_one.first_failure is None


@case
def more_reserved_than_used(folder: Path) -> None:
    write_apart(
        folder,
        event(
            session_id="s",
            job_id="j",
            allocator_allocated_bytes=5 * GIB,
            allocator_reserved_bytes=6 * GIB,
            device_used_bytes=4 * GIB,
            device_total_bytes=16 * GIB,
        ),
        failure(1),
    )


def test_counters_that_contradict_each_other_are_told(explanation_of: ExplanationOf) -> None:
    """More is reserved than used: the difference is no memory outside of the allocator."""
    memory = explanation_of("more_reserved_than_used").memory
    assert memory is not None
    assert (memory.outside_allocator_bytes, memory.free_bytes) == (0, 12 * GIB)
    assert memory.unexplained_bytes == (16 - 5 - 1 - 0 - 12) * GIB


@case
def many_alerts(folder: Path) -> None:
    alerts = [
        event(
            timestamp_ns=START_NS + number,
            event_type="warning",
            context="High fragmentation: 40.0%",
            session_id="s",
            job_id="j",
        )
        for number in range(3000)
    ]
    kinds = [
        event(
            timestamp_ns=START_NS + 5000 + number,
            event_type="warning",
            context="x" * (number + 1),
            session_id="s",
            job_id="j",
        )
        for number in range(30)
    ]
    write_apart(folder, *alerts, *kinds, failure(5))


def test_many_alerts_before_a_failure_are_counted(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("many_alerts")
    assert answer.before_total == 3030
    assert len(answer.before) == 20


@case
def another_language(folder: Path) -> None:
    write_apart(folder, *samples(), failure(20, context="メモリ不足です"))


def test_a_message_in_another_language_gives_no_bytes(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("another_language")
    assert answer.first_failure is not None
    assert answer.first_failure.requested_bytes is None
    assert answer.first_failure.context == "メモリ不足です"


@case
def an_odd_rank(folder: Path) -> None:
    """One rank holds unused what the others have handed out: as many bytes less here as there are more there."""
    lines = [line for rank in range(4) for line in samples(rank=rank, world_size=4, session_id=f"s{rank}")]
    for line in lines:
        if line["rank"] == 2:
            line["allocator_allocated_bytes"] -= GIB
    write_apart(folder, *lines, failure(20, rank=0, world_size=4, session_id="s0"))


def test_component_of_an_odd_rank_has_its_own_sign(explanation_of: ExplanationOf) -> None:
    [odd] = explanation_of("an_odd_rank").odd_ranks
    assert (odd.rank, odd.component, odd.bytes_from_median) == (2, "allocated", -GIB)


def test_bundle_alone_is_explained(tmp_path: Path) -> None:
    bundle = tmp_path / "oom_dump_1"
    bundle.mkdir()
    manifest = {
        "schema_version": 2,
        "bundle_name": "oom_dump_1",
        "created_at_utc": "2026-01-02T03:04:05Z",
        "reason": "cuda",
        "backend": "cuda",
        "event_count": 0,
        "session_id": "s",
        "session_status": "running",
        "files": ["manifest.json", "metadata.json"],
    }
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    metadata = {
        "exception_type": "OutOfMemoryError",
        "exception_message": "Tried to allocate 2.00 GiB",
        "session": {"session_id": "s", "rank": 1, "world_size": 4, "host": "h"},
    }
    (bundle / "metadata.json").write_text(json.dumps(metadata))
    answer = explain(tmp_path)
    assert answer.first_failure is not None
    assert (answer.first_failure.time_source, answer.first_failure.certain) == ("bundle", False)
    assert answer.first_failure.requested_bytes == 2 * GIB
    assert answer.memory is None
    assert (answer.run.world_size, answer.run.ranks_missing) == (4, (0, 2, 3))


def test_status_comes_from_the_tracker(tmp_path: Path) -> None:
    database = tmp_path / "tracker.db"
    with Tracker(database) as tracker:
        tracker.scan([JOB / "1.3.9"], settle_ns=0)
        [issue] = [found for found in tracker.list_issues().issues if found.kind == "oom"]
        tracker.resolve(issue.issue_id, version="1.4.0")
    with stormlog.query.open([JOB / "1.4.1"], cache=False, tracker=database) as store:
        same = store.explain().same_as
    assert same is not None
    assert (same.issue, same.status) == (issue.issue_id, "resolved")
    assert (same.first_version, same.runs) == ("1.3.9", 2)


def test_runs_that_only_the_tracker_knows_count(tmp_path: Path) -> None:
    database = tmp_path / "tracker.db"
    with Tracker(database) as tracker:
        tracker.scan([JOB], settle_ns=0)
    with stormlog.query.open([JOB / "1.4.1"], cache=False, tracker=database) as store:
        answer = store.explain()
    assert answer.same_as is not None
    assert (answer.same_as.first_version, answer.same_as.runs) == ("1.3.9", 2)
    assert any(f"--db {database}" in step for step in answer.next)


def test_an_explanation_is_remembered_whole(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with stormlog.query.open([JOB], cache=cache) as store:
        first = store.explain()
    starts: list[int] = []
    with stormlog.query.open([JOB], cache=cache) as store:
        store.on_start = lambda: starts.append(1)
        assert store.explain() == first
    assert not starts, "a database was opened"


def test_an_explanation_is_about_one_moment(tmp_path: Path) -> None:
    """What grows while it is made is refused, not mixed."""
    path = write_lines(tmp_path / "events.jsonl", *samples(), failure(20))
    with stormlog.query.open([path], cache=False) as store:
        run = store._run

        def run_and_grow(name: str, *arguments: Any, **named: Any) -> Any:
            rows = run(name, *arguments, **named)
            if name == "why_ranks":
                with path.open("a") as stream:
                    stream.write(json.dumps(failure(30)) + "\n")
                store.refresh()
            return rows

        store._run = run_and_grow  # type: ignore[method-assign]
        with pytest.raises(QueryError, match="ask again"):
            store.explain()
