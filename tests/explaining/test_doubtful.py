"""Answers where it is easy to be wrong calmly: live jobs, equal times, odd devices, hostile numbers."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.explaining.failures import Failure, first_failure
from tests.apps.cli.runner import stormlog as run_stormlog
from tests.apps.cli.samples import START_NS, write_lines
from tests.apps.cli.shared_stores import shared_stores
from tests.explaining.beside import Cases, ExplanationOf, write_apart
from tests.explaining.test_explain import GIB, SECOND, explain, failure, samples
from tests.stories.files import write_bundle
from tests.stories.records import Bundle, Levels, Recording


def of_rank(rank: int, **overrides: Any) -> dict[str, Any]:
    return {"rank": rank, "session_id": f"s{rank}", "world_size": 3, **overrides}


case = Cases()


@pytest.fixture(scope="module")
def explanation_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExplanationOf]:
    with case.explained(tmp_path_factory.mktemp("cases")) as of_case:
        yield of_case


def test_job_that_still_runs_is_not_the_latest_that_failed(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    dead = {"job_id": "dead", "session_id": "dead"}
    start_ns = now_ns - 2000 * SECOND
    died = failure((start_ns - START_NS) / SECOND + 30, **dead)
    write_lines(tmp_path / "dead.jsonl", *samples(20, start_ns=start_ns, **dead), died)
    live = [
        sample
        for rank in range(2)
        # Rank 1 has been quiet for half a minute.
        for sample in samples(60 - 30 * rank, start_ns=now_ns - 70 * SECOND, job_id="live", **of_rank(rank))
    ]
    write_lines(tmp_path / "live.jsonl", *live)
    with stormlog.query.open([tmp_path], cache=False) as store:
        answer, asked = store.explain(), store.explain(run_id="job:live")
    assert answer.run.run_id == "job:dead"
    assert answer.other_runs == ()
    assert (asked.run.ranks_running, asked.run.ranks_lost) == ((0, 1), ())


@case
def a_request_of_one_of_three(folder: Path) -> None:
    asked_for = failure(20, context="CUDA out of memory. Tried to allocate 20.00 GiB", **of_rank(1))
    all_samples = [sample for rank in range(3) for sample in samples(**of_rank(rank))]
    write_apart(folder, *all_samples, asked_for)


def test_request_of_another_session_is_not_that_of_the_one_asked_for(explanation_of: ExplanationOf) -> None:
    answer, of_failure = (
        explanation_of("a_request_of_one_of_three", session_id=name) for name in ("s2", "s1")
    )
    assert answer.first_failure is not None and answer.first_failure.requested_bytes == 20 * GIB
    assert answer.memory is not None and of_failure.memory is not None
    assert (answer.memory.rank, answer.memory.requested_bytes) == (2, None)
    assert answer.memory.largest_growth is None
    assert of_failure.memory.largest_growth == "request"


@case
def two_peaks(folder: Path) -> None:
    early = samples(step_bytes=GIB // 2, **of_rank(0))
    late = samples(start_ns=START_NS + 100 * SECOND, **of_rank(1))
    write_apart(folder, *early, *late)


def test_session_that_did_not_fail_is_shown_at_its_own_peak(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("two_peaks", session_id="s1")
    assert answer.memory is not None and answer.memory.rank == 1


@case
def three_failures_at_once(folder: Path) -> None:
    all_samples = [sample for rank in range(3) for sample in samples(**of_rank(rank))]
    failures = [failure(20, **of_rank(rank)) for rank in range(3)]
    write_apart(folder, *all_samples, *failures)


def test_failures_of_other_ranks_at_the_same_time_are_not_before(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("three_failures_at_once")
    assert answer.run.ranks_failed == (0, 1, 2)
    assert [hits.kind for hits in answer.before if hits.kind == "oom"] == []


def write_failure_of_a_device(folder: Path, named: int) -> None:
    all_samples = [
        sample
        for device_id in range(3)
        for sample in samples(step_bytes=GIB // 4 if device_id == 2 else 0, device_id=device_id)
    ]
    write_apart(folder, *all_samples, failure(20, device_id=named))


NAMED_AND_SHOWN = [(-1, 2), (2, 2), (1, 1)]
for named, _ in NAMED_AND_SHOWN:
    case[f"device_{named}"] = partial(write_failure_of_a_device, named=named)


@pytest.mark.parametrize(("named", "shown"), NAMED_AND_SHOWN)
def test_failure_that_names_no_device_is_that_of_the_fullest(
    explanation_of: ExplanationOf, named: int, shown: int
) -> None:
    answer = explanation_of(f"device_{named}")
    assert answer.memory is not None and answer.memory.device_id == shown


@case
def host_memory(folder: Path) -> None:
    write_apart(folder, *samples(device_id=-1), *samples(), failure(20, device_id=-1))


def test_host_memory_without_a_device_is_shown_as_such(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("host_memory")
    assert answer.memory is not None and answer.memory.device_id == -1


@case
def a_huge_interval(folder: Path) -> None:
    write_apart(folder, *samples(sampling_interval_ms=2**63 - 1), failure(20))


def test_interval_of_any_size_is_no_error(explanation_of: ExplanationOf) -> None:
    assert explanation_of("a_huge_interval").run.ranks_failed == (0,)


def _failure_of(rank: int, seconds: float, time_source: str = "event") -> Failure:
    time_ns = int(seconds * SECOND)
    nothing = (None,) * 12
    return Failure(rank, f"s{rank}", time_ns, time_source, "oom", False, 0, *nothing)


@pytest.mark.parametrize(
    ("bundle_second", "host", "is_certain"),
    [
        (100, "b", False),
        (99, "b", False),
        (98, "b", False),
        (97, "b", True),
        (102, "b", True),
        (100, "a", True),
    ],
)
def test_bundle_of_another_host_at_that_time_leaves_the_order_open(
    bundle_second: int, host: str, is_certain: bool
) -> None:
    failures = [_failure_of(0, 100.0), _failure_of(1, bundle_second, "bundle")]
    first = first_failure(failures, {0: "a", 1: host}, None, {})
    assert first is not None and (first.rank, first.certain) == (0, is_certain)


def test_commands_that_lead_on_can_be_typed(tmp_path: Path) -> None:
    times_ns = {"--first": 0, "--last": 2**63 - 1}
    failures = [
        failure(0, session_id=name, job_id=None) | {"timestamp_ns": at} for name, at in times_ns.items()
    ]
    write_lines(tmp_path / "events.jsonl", *failures, failure(1, session_id="t", job_id=None))
    with stormlog.query.open([tmp_path], cache=False) as store:
        commands_of = {name: store.explain(session_id=name).next for name in times_ns}
    with shared_stores():
        for name, commands in commands_of.items():
            assert commands, name
            for command in commands:
                outcome = run_stormlog(*shlex.split(command)[1:])
                assert outcome.status == 0, (command, outcome.stderr)


@case
def a_huge_world(folder: Path) -> None:
    write_apart(folder, *samples(world_size=2**62), failure(20, world_size=2**62))


def test_world_of_any_size_is_no_error(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("a_huge_world")
    assert (answer.run.world_size, answer.run.ranks_missing) == (2**62, ())


@case
def a_session_of_two_hosts(folder: Path) -> None:
    failures = [failure(20 + rank * 0.3, rank=rank, world_size=2, host=f"h{rank}") for rank in range(2)]
    all_samples = [
        sample for rank in range(2) for sample in samples(rank=rank, world_size=2, host=f"h{rank}")
    ]
    write_apart(folder, *all_samples, *reversed(failures))


def test_ranks_that_share_a_session_have_hosts_of_their_own(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("a_session_of_two_hosts")
    assert answer.first_failure is not None
    assert [(rank.rank, rank.host) for rank in answer.ranks] == [(0, "h0"), (1, "h1")]
    assert not answer.first_failure.certain


def test_session_whose_end_was_written_by_the_next_one_is_an_attempt_of_its_own(tmp_path: Path) -> None:
    begins = {"one": 0, "two": 100}
    sessions = []
    for session_id, begin in begins.items():
        events = samples(start_ns=START_NS + begin * SECOND, session_id=session_id)
        write_lines(tmp_path / f"{session_id}.jsonl", *events, failure(begin + 20, session_id=session_id))
        sessions.append(
            {
                "session_id": session_id,
                "status": "interrupted",
                "started_at_ns": events[0]["timestamp_ns"],
                "ended_at_ns": START_NS + 101 * SECOND,
                "host": "h",
                "pid": 7,
                "job_id": "j",
                "rank": 0,
                "local_rank": 0,
                "world_size": 1,
                "source": "stormlog.tracker",
            }
        )
    segments = [
        {
            "filename": f"{session_id}.jsonl",
            "event_count": 21,
            "size_bytes": (tmp_path / f"{session_id}.jsonl").stat().st_size,
            "closed": True,
            "session_id": session_id,
        }
        for session_id in begins
    ]
    manifest = {"schema_version": 2, "format": "stormlog.append_only_telemetry_sink"}
    text = json.dumps({**manifest, "sessions": sessions, "segments": segments})
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    run = explain(tmp_path).run
    assert (run.attempt, run.ambiguous, run.ranks_failed) == (2, False, (0,))


@case
def a_thread_for_each_step(folder: Path) -> None:
    """Every step has a thread of its own, and every third one is an evaluation that needs much more."""
    records = []
    for step in range(300):
        name = "evaluate" if step % 3 == 0 else "train"
        extra = 8 * GIB if name == "evaluate" else 0
        sample = samples(1, start_ns=START_NS + step * SECOND)[0]
        counters = ("allocator_allocated_bytes", "allocator_reserved_bytes", "device_used_bytes")
        for action, at_ns in (("enter", -SECOND // 4), (None, 0), ("exit", SECOND // 4)):
            record = sample | {"timestamp_ns": sample["timestamp_ns"] + SECOND + at_ns}
            if action is None:
                record |= {counter: sample[counter] + extra for counter in counters}
            else:
                scope = {
                    "action": action,
                    "name": name,
                    "path": [name],
                    "depth": 1,
                    "scope_id": f"scope-{step}",
                    "parent_scope_id": None,
                    "thread_id": 100 + step,
                    "thread_name": f"step-{step}",
                    "sequence": 2 * step + (action == "exit"),
                }
                metadata = {"backend": "cuda", "phase_scope": scope}
                record |= {"event_type": f"phase_{action}", "metadata": metadata}
            records.append(record)
    write_apart(folder, *records, failure(300.1))


def test_same_phase_on_another_thread_is_the_same_phase(explanation_of: ExplanationOf) -> None:
    answer = explanation_of("a_thread_for_each_step")
    assert answer.memory is not None and answer.memory.baseline is not None
    assert answer.memory.baseline["allocated"] == 2 * GIB
    assert (answer.memory.largest_growth, answer.memory.pattern) == (None, "flat")


def _bundle_of(
    folder: Path, session_id: str | None, at_ns: int, rank: int | None, gib: int, number: int
) -> None:
    """Write a bundle; without a session only its metadata tell anything."""
    recording = Recording(session_id or "none", rank or 0, 2, "h", 7, "j", "sink")
    recording.add("sample", at_ns, Levels(GIB, GIB, GIB, None, 16 * GIB))
    text = f"CUDA out of memory. Tried to allocate {gib}.00 GiB"
    directory = write_bundle(folder, recording, Bundle(at_ns, text, "OutOfMemoryError", "cuda"), number)
    for name in ("manifest.json", "metadata.json"):
        content = json.loads((directory / name).read_text(encoding="utf-8"))
        if session_id is None or rank is None:
            content.pop("session", None)
            content.pop("custom_metadata", None)
        if session_id is None:
            content["session_id"] = None
        (directory / name).write_text(json.dumps(content), encoding="utf-8")


@case
def bundles_of_two_ranks(folder: Path) -> None:
    shared = [sample for rank in range(2) for sample in samples(rank=rank, world_size=2)]
    failures = [failure(20 + rank * 0.3, rank=rank, world_size=2) for rank in range(2)]
    write_apart(folder, *shared, *failures)
    for number, rank in enumerate((1, 0)):
        session_id = f"{folder.name} s"
        _bundle_of(folder / "dumps", session_id, START_NS + 20 * SECOND, rank, 5 + rank, number)


def test_bundles_of_ranks_that_share_a_session_are_told_apart(explanation_of: ExplanationOf) -> None:
    first = explanation_of("bundles_of_two_ranks").first_failure
    assert first is not None and (first.rank, first.requested_bytes) == (0, 5 * GIB)


def test_bundle_that_names_no_rank_may_be_that_of_any(tmp_path: Path) -> None:
    shared = [sample for rank in range(2) for sample in samples(rank=rank, world_size=2)]
    write_lines(tmp_path / "events.jsonl", *shared, *samples(90, session_id="later", job_id="later"))
    _bundle_of(tmp_path / "dumps", "s", START_NS + 20 * SECOND, None, 5, 1)
    answer = explain(tmp_path)
    assert answer.run.run_id == "job:j"
    assert answer.first_failure is not None
    assert (answer.first_failure.rank, answer.first_failure.requested_bytes) == (None, 5 * GIB)


def test_bundles_alone_are_the_same_issue(tmp_path: Path) -> None:
    for number in range(2):
        _bundle_of(tmp_path, None, START_NS + number * 100 * SECOND, None, 5, number)
    answer = explain(tmp_path)
    assert answer.same_as is not None and answer.same_as.runs == 2
