"""Live runs: what each rank does now, and that a look after many others says what a first one would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.query import LiveLook, LiveRank, QueryStore, RunFollower
from stormlog.telemetry.capabilities import infer_memory_capabilities
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.apps.cli.test_follow import Writer
from tests.query.sinks import write_sink
from tests.soak import few_or_many

SECOND = 10**9
GIB = 1 << 30
_OF_JOB = {"job_id": "j", "world_size": 4}


def phase(action: str, *path: str, thread: int = 1, sequence: int = 0, **overrides: Any) -> dict[str, Any]:
    """Return a phase boundary."""
    scope = {
        "action": action,
        "name": path[-1],
        "path": list(path),
        "depth": len(path),
        "scope_id": "/".join(path),
        "parent_scope_id": None,
        "thread_id": thread,
        "thread_name": f"t{thread}",
        "sequence": sequence,
        "attributes": {},
    }
    return event(
        event_type=f"phase_{action}",
        **_OF_JOB,
        metadata={"backend": "cuda", "phase_scope": scope},
        **overrides,
    )


def samples(count: int, rank: int = 0, session: str = "s", **overrides: Any) -> list[dict[str, Any]]:
    """Return samples, one a second; the last of 60 is at 59 s."""
    return [
        event(
            session_id=f"{session}-{rank}",
            rank=rank,
            host=f"node-{rank}",
            timestamp_ns=START_NS + number * SECOND,
            **_OF_JOB,
            **overrides,
        )
        for number in range(count)
    ]


def look(path: Path, after_s: float, **named: Any) -> LiveLook:
    with stormlog.query.open(path, cache=False) as store:
        return store.follow_runs(since_ns=0, **named).look(now_ns=START_NS + int(after_s * SECOND))


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    """A job with a rank that runs, one that is silent, one that ran out of memory, and one that ended."""
    folder = tmp_path_factory.mktemp("job")
    rising = [
        {**record, "device_used_bytes": (1 + number // 10) * GIB} for number, record in enumerate(samples(60))
    ]
    write_lines(
        folder / "telemetry-0.jsonl",
        *rising,
        phase("enter", "train", session_id="s-0", timestamp_ns=START_NS + 50 * SECOND, sequence=1),
        phase("enter", "load", thread=2, session_id="s-0", timestamp_ns=START_NS + 51 * SECOND, sequence=2),
        phase("exit", "load", thread=2, session_id="s-0", timestamp_ns=START_NS + 52 * SECOND, sequence=3),
        phase("enter", "train", "step", session_id="s-0", timestamp_ns=START_NS + 53 * SECOND, sequence=4),
        phase("exit", "train", "step", session_id="s-0", timestamp_ns=START_NS + 54 * SECOND, sequence=5),
        event(
            session_id="s-0",
            event_type="warning",
            **_OF_JOB,
            context="Memory usage at 91%",
            timestamp_ns=START_NS + 58 * SECOND,
        ),
    )
    unknown = {"device_used_bytes": None, "device_total_bytes": None}
    capabilities = {"memory_capabilities": infer_memory_capabilities(event(**unknown), {})}
    write_lines(
        folder / "telemetry-1.jsonl", *samples(20, 1, **unknown, schema_version=4, metadata=capabilities)
    )
    write_lines(
        folder / "telemetry-2.jsonl",
        *samples(55, 2, metadata={"backend": "cuda", "collector_health_status": "degraded"}),
        event(
            session_id="s-2",
            rank=2,
            **_OF_JOB,
            event_type="error",
            context="CUDA out of memory",
            metadata={"backend": "cuda", "oom_reason": "cuda"},
            timestamp_ns=START_NS + 55 * SECOND,
        ),
    )
    write_lines(
        folder / "telemetry-3.jsonl",
        *samples(10, 3),
        event(session_id="s-3", rank=3, event_type="stop", timestamp_ns=START_NS + 10 * SECOND, **_OF_JOB),
    )
    with stormlog.query.open(folder, cache=False) as store:
        yield store


@pytest.fixture(scope="module")
def first(job: QueryStore) -> LiveLook:
    return job.follow_runs(since_ns=0).look(now_ns=START_NS + 60 * SECOND)


def rank(found: LiveLook, number: int) -> LiveRank:
    (one,) = [rank for rank in found.ranks if rank.rank == number]
    return one


def test_what_needs_attention_comes_first(first: LiveLook) -> None:
    assert [(one.rank, one.state) for one in first.ranks] == [
        (2, "failed"),
        (1, "silent"),
        (0, "running"),
        (3, "ended"),
    ]
    (run,) = first.runs
    assert (run.run_id, run.world_size, run.rank_count, run.has_ended) == ("job:j", 4, 4, False)
    assert run.state_counts == {"failed": 1, "silent": 1, "running": 1, "ended": 1}


def test_a_rank_has_its_memory_its_phase_and_its_alerts(first: LiveLook) -> None:
    one = rank(first, 0)
    assert (one.counter, one.current_bytes, one.peak_bytes, one.total_bytes) == (
        "used",
        6 * GIB,
        6 * GIB,
        16 * GIB,
    )
    assert one.used_ratio == 0.375
    assert (one.phase, one.alert_count, one.event_count) == ("train", 1, 66)
    assert (one.age_ns, one.last_ns) == (SECOND, START_NS + 59 * SECOND)
    assert rank(first, 1).host == "node-1"
    # 59 seconds in twenty parts.
    assert one.history == tuple(
        max(1 + second // 10 for second in range(60) if min(second * 20 // 59, 19) == part) * GIB
        for part in range(20)
    )
    assert one.change_bytes == 4 * GIB


def test_what_is_not_known_is_null(first: LiveLook) -> None:
    silent = rank(first, 1)
    assert (silent.counter, silent.current_bytes) == ("reserved", 3 << 29)
    assert (silent.total_bytes, silent.used_ratio, silent.phase, silent.health_status) == (None,) * 4
    assert silent.age_ns == 41 * SECOND
    assert silent.history[-1] is None
    assert rank(first, 2).health_status == "degraded"


def test_failures_and_warnings_are_told(first: LiveLook) -> None:
    (warning,) = first.warnings
    assert (warning.message, warning.rank, warning.severity) == ("Memory usage at 91%", 0, "warning")
    (failure,) = first.failures
    assert (failure.kind, failure.rank, failure.message) == ("oom", 2, "CUDA out of memory")
    assert rank(first, 2).failed_ns == failure.timestamp_ns == START_NS + 55 * SECOND


@pytest.mark.parametrize(
    ("after_s", "states", "has_ended"),
    [
        (64, "failed silent running ended", False),
        # One has failed, and the others have written nothing for more than ten seconds.
        (100, "failed silent silent ended", True),
        # By a clock that is behind nothing is known of their silence.
        (-60, "failed running running ended", False),
    ],
)
def test_who_is_silent_is_told_by_the_clock(
    job: QueryStore, after_s: int, states: str, has_ended: bool
) -> None:
    found = job.follow_runs(since_ns=0).look(now_ns=START_NS + after_s * SECOND)
    assert [one.state for one in found.ranks] == states.split()
    assert found.runs[0].has_ended is has_ended
    assert (found.ranks[1].age_ns is None) == (after_s < 0)


def test_what_comes_is_heard_whatever_its_clock_says(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "telemetry.jsonl", *samples(5))
    with stormlog.query.open(path, cache=False) as store:
        follower = store.follow_runs(since_ns=0)
        now = START_NS + 3600 * SECOND
        assert follower.look(now_ns=now).ranks[0].state == "silent"
        write_lines(path, *samples(8))
        store.refresh()
        (heard,) = follower.look(now_ns=now + 2 * SECOND).ranks
        assert (heard.state, heard.age_ns, heard.event_count) == ("running", 0, 8)
        (silent,) = follower.look(now_ns=now + 40 * SECOND).ranks
        assert (silent.state, silent.age_ns) == ("silent", 38 * SECOND)


def test_a_rank_that_goes_on_after_an_error_runs(tmp_path: Path) -> None:
    error = event(session_id="s-0", event_type="error", context="disk", timestamp_ns=START_NS)
    path = write_lines(tmp_path / "telemetry.jsonl", error, *samples(30))
    with stormlog.query.open(path, cache=False) as store:
        # Until it stops writing; whether it does is not known at once.
        for after_s, state in ((30, "running"), (60, "failed")):
            found = store.follow_runs(since_ns=0).look(now_ns=START_NS + after_s * SECOND)
            assert found.ranks[0].state == state
        write_lines(path, error, *samples(5))
        store.refresh()
        found = store.follow_runs(since_ns=0).look(now_ns=START_NS + 5 * SECOND)
        assert found.ranks[0].state == "failed"


def test_only_runs_that_wrote_lately_are_followed_and_the_newest(tmp_path: Path) -> None:
    write_lines(tmp_path / "a-telemetry.jsonl", *({**record, "job_id": "old"} for record in samples(3)))
    late = [
        {**record, "timestamp_ns": record["timestamp_ns"] + 100 * SECOND}
        for record in samples(3, session="late")
    ]
    write_lines(tmp_path / "b-telemetry.jsonl", *late)
    with stormlog.query.open(tmp_path, cache=False) as store:
        for since_ns, runs, older in (
            # The old one is silent.
            (START_NS, ["job:old", "job:j"], 0),
            (START_NS + 50 * SECOND, ["job:j"], 1),
            (None, ["job:j"], 1),
        ):
            found = store.follow_runs(since_ns=since_ns).look(now_ns=START_NS + 103 * SECOND)
            assert [run.run_id for run in found.runs] == runs
            assert found.older_run_count == older


def test_of_a_run_that_was_started_again_the_latest_attempt_is_followed(tmp_path: Path) -> None:
    write_lines(tmp_path / "a-telemetry.jsonl", *samples(3))
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_runs(since_ns=0)
        assert follower.look().ranks[0].attempt == 1
        again = [
            {**record, "session_id": "again", "timestamp_ns": record["timestamp_ns"] + 100 * SECOND}
            for record in samples(3)
        ]
        write_lines(tmp_path / "b-telemetry.jsonl", *again)
        store.refresh()
        assert [(one.attempt, one.session_id) for one in follower.look().ranks] == [(2, "again")]


def test_only_bundles(tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "examples/captures/v4-cuda-sim/oom_dumps"
    shutil.copytree(examples, tmp_path / "dumps")
    found = look(tmp_path, 0)
    assert {one.state for one in found.ranks} == {"failed"}
    assert {one.current_bytes for one in found.ranks} == {None}
    assert all(run.has_ended for run in found.runs)
    assert found.failures and all(failure.bundle_path for failure in found.failures)


def test_a_directory_may_be_empty_at_first_and_at_last(tmp_path: Path) -> None:
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_runs(since_ns=0)
        assert follower.look().as_dict()["ranks"] == []
        write_sink(tmp_path / "sink", {"segment-000001.jsonl": samples(3)})
        store.refresh()
        assert [one.event_count for one in follower.look().ranks] == [3]
        shutil.rmtree(tmp_path / "sink")
        store.refresh(may_be_gone=True)
        assert follower.look().ranks == []


#: What only one who looked before, or at another time, can know.
_OF_THE_MOMENT = {"looked_ns", "age_ns", "state", "state_counts", "has_ended"}


def facts(found: LiveLook) -> dict[str, Any]:
    whole = found.as_dict()
    for name in ("runs", "ranks"):
        rows = [
            {key: value for key, value in row.items() if key not in _OF_THE_MOMENT} for row in whole[name]
        ]
        whole[name] = sorted(rows, key=json.dumps)
    return {key: value for key, value in whole.items() if key not in _OF_THE_MOMENT}


def test_a_look_says_what_a_first_look_would(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    # Its first steps append, remove and rotate.
    writer = Writer(runs, 31)
    writer.append()
    with stormlog.query.open(runs, cache=False) as store:
        follower = store.follow_runs(since_ns=0)
        follower.look(now_ns=writer.time_ns)
        for _ in range(few_or_many(3, 300)):
            writer.step()
            store.refresh(may_be_gone=True)
            now = writer.time_ns
            assert facts(follower.look(now_ns=now)) == facts(store.follow_runs(since_ns=0).look(now_ns=now))


def test_a_look_asks_for_runs_only_when_something_decides_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    ask = RunFollower._ask

    def noted(self: RunFollower, name: str, params: Any, *views: str) -> Any:
        rows = ask(self, name, params, *views)
        asked.append((name, len(rows)))
        return rows

    monkeypatch.setattr(RunFollower, "_ask", noted)
    path = write_lines(tmp_path / "telemetry-2.jsonl", *samples(5))
    write_lines(tmp_path / "telemetry-1.jsonl", *samples(5, 1))
    stop = event(session_id="s-0", event_type="stop", timestamp_ns=START_NS + 9 * SECOND, **_OF_JOB)
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_runs(since_ns=0)
        for records, is_asked in ((samples(5), True), (samples(8), False), ([*samples(8), stop], True)):
            write_lines(path, *records)
            store.refresh()
            asked.clear()
            follower.look()
            assert ("live_runs" in dict(asked)) == is_asked, records[-1]["event_type"]
            if not is_asked:
                # Of two files, the one that grew.
                assert dict(asked)["live_readings"] == 1
