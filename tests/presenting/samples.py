"""Explanations made by hand: one of each kind that there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.explaining.models import (
    EarlierGrowth,
    ExplainedRun,
    Explanation,
    FirstFailure,
    MemoryAccount,
    NearFull,
    OddRank,
    OtherRun,
    PriorHits,
    RankState,
    SameIssue,
)

GIB = 1 << 30
MS = 10**6
S = 10**9
#: 2026-11-20 09:45:34.512 UTC
FAILED = 1_795_167_934_512_000_000
STARTED = FAILED - 7525 * S

CUDA_MESSAGE = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.15 GiB of which 1.21 GiB is "
    "free. Process 4711 has 77.94 GiB memory in use. Of the allocated memory 61.40 GiB is allocated by PyTorch, and "
    "8.20 GiB is reserved by PyTorch but unallocated."
)


def explained_run(**changes: Any) -> ExplainedRun:
    fields: dict[str, Any] = {
        "run_id": "llm-pretrain",
        "attempt": 1,
        "job_id": None,
        "world_size": 8,
        "ranks_seen": tuple(range(8)),
        "ranks_missing": (),
        "ranks_failed": (),
        "ranks_lost": (),
        "ranks_running": (),
        "code_version": "1.4.1",
        "started_ns": STARTED,
        "failed_ns": None,
        "clock_spread_ns": None,
        "ambiguous": False,
        "last_ns": FAILED + 4 * S,
    }
    return ExplainedRun(**{**fields, **changes})


def first_failure(**changes: Any) -> FirstFailure:
    fields: dict[str, Any] = {
        "rank": 3,
        "host": "node-a",
        "device_id": 3,
        "session_id": "5f2c1f0e-77aa-4d0e-9d53-8f2f3a0c8f11",
        "timestamp_ns": FAILED,
        "time_source": "event",
        "lead_ns": 3200 * MS,
        "certain": True,
        "kind": "oom",
        "survived": False,
        "fingerprint_id": "issue:63b1d6557bebb97a5d630e5b",
        "phase": "train/forward",
        "phase_left": ("train/forward/attention",),
        "exception_type": "OutOfMemoryError",
        "exception_message": CUDA_MESSAGE,
        "requested_bytes": 2 * GIB,
        "free_bytes": 1_299_227_607,
        "source_path": "runs/llm-pretrain/rank-3/segment-000004.jsonl",
        "line_number": 812,
    }
    return FirstFailure(**{**fields, **changes})


def account(**changes: Any) -> MemoryAccount:
    fields: dict[str, Any] = {
        "session_id": "5f2c1f0e-77aa-4d0e-9d53-8f2f3a0c8f11",
        "rank": 3,
        "host": "node-a",
        "device_id": 3,
        "total_bytes": 80 * GIB,
        "allocated_bytes": 614 * GIB // 10,
        "reserved_unused_bytes": 82 * GIB // 10,
        "outside_allocator_bytes": 92 * GIB // 10,
        "process_bytes": None,
        "free_bytes": 12 * GIB // 10,
        "unexplained_bytes": 0,
        "requested_bytes": 2 * GIB,
        "timestamp_ns": FAILED - 120 * MS,
        "age_ns": 120 * MS,
        "baseline": levels(27.4, 8.0, 9.2, 35.4),
        "growth": levels(34.0, 0.2, 0.0, -34.2),
        "largest_growth": "allocated",
        "pattern": "steady",
    }
    return MemoryAccount(**{**fields, **changes})


def levels(allocated: float, unused: float, outside: float, free: float) -> Mapping[str, int | None]:
    """Return components from GiB."""
    return {
        "allocated": int(allocated * GIB),
        "reserved_unused": int(unused * GIB),
        "outside_allocator": int(outside * GIB),
        "process": None,
        "free": int(free * GIB),
    }


def state(
    rank: int,
    used: float | None,
    *,
    failed_after: float | None = None,
    host: str | None = None,
    kind: str | None = "oom",
) -> RankState:
    """Return a rank that used so many GiB, and failed so many seconds after the first failure."""
    return RankState(
        rank=rank,
        host=host or f"node-{'ab'[rank // 4 % 2]}",
        failed_ns=None if failed_after is None else FAILED + int(failed_after * S),
        used_bytes=None if used is None else int(used * GIB),
        phase="train/forward",
        kind=None if failed_after is None else kind,
    )


def out_of_memory() -> Explanation:
    """Eight ranks, with everything that can be known."""
    ranks = [
        state(3, 78.8, failed_after=0),
        state(5, 61.0, failed_after=3.2),
        state(4, 60.2, failed_after=3.4),
    ]
    ranks += [state(rank, 58.0 + rank / 10) for rank in (0, 1, 2, 6, 7)]
    return Explanation(
        run=explained_run(
            attempt=2, job_id="4711", ranks_failed=(3, 4, 5), ranks_lost=(6,), ranks_running=(7,), failed_ns=FAILED,
            clock_spread_ns=40 * MS,
        ),
        first_failure=first_failure(),
        memory=account(),
        against_last_good=EarlierGrowth("llm-pretrain-0412", "1.4.0", levels(33.1, 0.1, 0.0, -33.2)),
        ranks=tuple(ranks),
        odd_ranks=(OddRank(3, "allocated", 18 * GIB, False), OddRank(0, "outside_allocator", 5 * GIB, True)),
        near_full=(NearFull(3, 3, int(78.8 * GIB), 80 * GIB),),
        before=(
            PriorHits("issue:ee41", "alert", "warning", "Alert: warning: memory usage at <num>", 1187,
                      STARTED, FAILED - 400 * MS, (3,)),
            PriorHits("issue:fd85", "collector_degradation", "critical", "Collector degradation", 9,
                      STARTED, FAILED - 300 * S, (0, 1, 2, 6)),
            PriorHits("issue:5521", "hidden_memory_anomaly", "info", "Hidden-memory anomaly: transient_spike", 2,
                      STARTED, FAILED - 4000 * S, (0, 2, 4, 6)),
        ),
        before_total=1198,
        same_as=SameIssue("8d0c6a4e-5f8a-4a94-9f86-6a39a32e6d15", 12, "regressed", "1.3.0", "1.4.0", 4),
        next=(
            "stormlog query events runs --session 5f2c1f0e-77aa-4d0e-9d53-8f2f3a0c8f11 --time-start-ns "
            "1795167904512000000 --time-end-ns 1795167935512000000",
            "stormlog issues show 8d0c6a4e --db tracker.db",
        ),
        other_runs=(
            OtherRun("llm-pretrain", 1, FAILED - 9000 * S, "1.4.1"),
            OtherRun("llm-pretrain-0398", 1, FAILED - 90000 * S, "1.3.0"),
        ),
    )  # fmt: skip


def bundles_only() -> Explanation:
    """Nothing but OOM bundles of one second."""
    return Explanation(
        run=explained_run(
            run_id="job-77", job_id="job-77", world_size=None, ranks_seen=(0, 1), ranks_failed=(0, 1),
            code_version=None, started_ns=None, failed_ns=1_795_167_934 * S,
        ),
        first_failure=first_failure(
            rank=None, host=None, device_id=None, session_id=None, timestamp_ns=1_795_167_934 * S, time_source="bundle",
            lead_ns=None, certain=False, phase=None, phase_left=(), line_number=None, requested_bytes=None,
            free_bytes=None, exception_message="hors mémoire", source_path="dumps/oom_dump_20261120_094534_1",
            candidates=(0, 1),
        ),
        ranks=(state(0, None, failed_after=0), state(1, None, failed_after=0)),
    )  # fmt: skip


def lost_only() -> Explanation:
    """Ranks whose telemetry just ends, and one that grew."""
    return Explanation(
        run=explained_run(ranks_lost=(2, 5), ranks_missing=(7,), ranks_running=(6,), ranks_seen=tuple(range(7))),
        memory=account(rank=1, device_id=1, age_ns=None, requested_bytes=None),
        ranks=tuple(state(rank, 41.0) for rank in range(7)),
    )  # fmt: skip


def neither_ended_nor_failed() -> Explanation:
    """Ranks of which only the clock tells whether they are at work."""
    return Explanation(
        run=explained_run(ranks_running=tuple(range(8))),
        memory=account(
            rank=1, device_id=1, age_ns=None, requested_bytes=None, largest_growth=None, pattern="flat",
            allocated_bytes=50 * GIB, free_bytes=12 * GIB, baseline=levels(40.4, 8.0, 9.2, 22.4),
            growth=levels(1.0, 0.2, 0.0, -1.2),
        ),
        ranks=tuple(state(rank, 41.0) for rank in range(8)),
    )  # fmt: skip


def ambiguous() -> Explanation:
    """One of several sessions of a rank at a time."""
    return Explanation(
        run=explained_run(world_size=2, ranks_seen=(0,), ranks_failed=(0,), failed_ns=FAILED, ambiguous=True),
        first_failure=first_failure(rank=0, device_id=0, lead_ns=None, session_id="s-2"),
        memory=account(rank=0, device_id=0, session_id="s-2"),
        ranks=(state(0, 70.0, failed_after=0),),
    )


def error_then_out_of_memory() -> Explanation:
    """A rank that failed with an error, and others after it, one of which ran out of memory."""
    return Explanation(
        run=explained_run(ranks_failed=(1, 2, 5, 6), failed_ns=FAILED, clock_spread_ns=5 * MS),
        first_failure=first_failure(
            rank=1, device_id=1, lead_ns=200 * MS, certain=False, kind="error", exception_type=None,
            exception_message=None, requested_bytes=None, free_bytes=None, context="NCCL timeout",
        ),
        memory=account(
            rank=1, device_id=1, requested_bytes=None, largest_growth=None, pattern="flat", age_ns=4699 * MS,
            baseline=levels(60.4, 8.0, 9.2, 2.4), growth=levels(1.0, 0.2, 0.0, -1.2),
            note="nothing the samples show grew; last sample 4699 ms before",
        ),
        ranks=(
            state(1, 70.0, failed_after=0, kind="error"),
            state(5, 78.0, failed_after=0.2),
            state(2, 70.0, failed_after=0.5, kind="error", host="gpu-node-01"),
            state(6, 70.0, failed_after=9.96, kind="error"),
            *(state(rank, 60.0) for rank in (0, 3, 4, 7)),
        ),
    )  # fmt: skip


def clean() -> Explanation:
    """A run that ended well."""
    return Explanation(
        run=explained_run(world_size=1, ranks_seen=(0,)),
        memory=account(
            rank=0, device_id=-1, host="laptop", total_bytes=16 * GIB, allocated_bytes=None, reserved_unused_bytes=None,
            outside_allocator_bytes=None, process_bytes=11 * GIB, free_bytes=5 * GIB, requested_bytes=None, age_ns=None,
            baseline=None, growth=None, largest_growth=None, pattern=None,
        ),
        ranks=(state(0, 11.0, host="laptop"),),
    )  # fmt: skip


def nothing_known() -> Explanation:
    """A failure of which nothing is known but that it was."""
    return Explanation(
        run=explained_run(
            run_id="session-x", world_size=None, ranks_seen=(0,), ranks_failed=(0,), code_version=None, started_ns=None
        ),
        first_failure=first_failure(
            rank=0, host=None, device_id=None, session_id=None, timestamp_ns=None, lead_ns=None, kind="error",
            fingerprint_id=None, phase=None, phase_left=(), exception_type=None, exception_message=None,
            requested_bytes=None, free_bytes=None, source_path=None, line_number=None,
        ),
        ranks=(state(0, None),),
    )  # fmt: skip


def many_ranks() -> Explanation:
    """Ten thousand ranks, half of which failed."""
    failed = tuple(range(0, 10_000, 2))
    ranks = [state(rank, 70.0, failed_after=rank / 1000) for rank in failed]
    ranks += [state(rank, 40.0) for rank in range(1, 9_999, 2)]
    return Explanation(
        run=explained_run(
            world_size=10_000, ranks_seen=tuple(range(9_999)), ranks_missing=(9_999,), ranks_failed=failed,
            ranks_lost=tuple(range(1, 3001, 2)), failed_ns=FAILED, clock_spread_ns=2300 * MS,
        ),
        first_failure=first_failure(rank=0, device_id=0, certain=False, lead_ns=2 * MS),
        memory=account(
            rank=0, device_id=0, largest_growth="request", pattern="flat", requested_bytes=50 * GIB,
            baseline=levels(61.3, 8.2, 9.2, 1.3), growth=levels(0.1, 0.0, 0.0, -0.1),
        ),
        ranks=tuple(ranks),
        odd_ranks=tuple(OddRank(rank, "allocated", 30 * GIB - rank, False) for rank in range(4000, 4100)),
    )  # fmt: skip


def hostile() -> Explanation:
    """Texts that would steer a terminal, break lines, or never end."""
    evil = "\x1b[2J\x1b]0;owned\x07 `rm -rf` <script>alert(1)</script> [x](http://evil) 内存不足 \u202e|\n# heading\r\n"
    return Explanation(
        run=explained_run(run_id=evil, job_id=evil, code_version=evil, ranks_failed=(3,), failed_ns=FAILED),
        first_failure=first_failure(
            host=evil, session_id=evil, phase=evil, phase_left=(evil,), exception_type=evil,
            exception_message=evil + "x" * 100_000, source_path=evil,
        ),
        memory=account(note=evil, baseline=None, growth=None, largest_growth=None, pattern=None),
        against_last_good=EarlierGrowth(evil, evil, {evil: 5}),
        ranks=(state(3, 70.0, failed_after=0, host=evil), state(4, 60.0, host=evil)),
        odd_ranks=(OddRank(4, evil, -GIB, False),),
        before=(PriorHits(evil, evil, evil, evil, 10**15, None, None, (3,)),),
        before_total=10**15,
        same_as=SameIssue(evil, None, evil, evil, evil, 2),
        next=("stormlog query events 'a\tb'",),
        other_runs=(OtherRun(evil, 1, None, evil),),
    )  # fmt: skip


def accounts_at_a_time() -> Explanation:
    """The accounts of four devices at a time that was asked for."""
    return Explanation(
        run=explained_run(world_size=2, ranks_seen=(0, 1)),
        accounts=tuple(
            account(
                rank=rank, device_id=device, age_ns=rank * S, allocated_bytes=(20 + rank + 10 * device) * GIB,
                timestamp_ns=FAILED - rank * S, baseline=None, growth=None, largest_growth=None, pattern=None,
                requested_bytes=None,
            )
            for rank in (0, 1)
            for device in (0, 1)
        ),
        ranks=(state(0, 47.0), state(1, 48.0)),
        at_ns=FAILED,
    )  # fmt: skip


def survived() -> Explanation:
    """Two ranks that ran out of memory and went on; nothing grew."""
    return Explanation(
        run=explained_run(world_size=2, ranks_seen=(0, 1), ranks_failed=(0, 1), failed_ns=FAILED),
        first_failure=first_failure(rank=0, device_id=0, lead_ns=8700 * MS, survived=True, phase_left=()),
        memory=account(rank=0, device_id=0, largest_growth=None, pattern="flat",
                       baseline=levels(60.4, 8.0, 9.2, 2.4), growth=levels(1.0, 0.2, 0.0, -1.2)),
        ranks=(state(0, 70.0, failed_after=0), state(1, 60.0, failed_after=8.7)),
    )  # fmt: skip


SAMPLES = {
    sample.__name__: sample
    for sample in (
        out_of_memory,
        bundles_only,
        lost_only,
        neither_ended_nor_failed,
        ambiguous,
        error_then_out_of_memory,
        clean,
        nothing_known,
        many_ranks,
        hostile,
        accounts_at_a_time,
        survived,
    )
}
