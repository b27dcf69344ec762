"""Budgets of memory: how they are written, and which ranks are over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.explaining import BudgetResult, parse_budget
from stormlog.query import QueryStore
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.explaining.test_peaks import boundary

GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "phase", "metric", "is_inclusive", "limit_bytes", "limit_percent"),
    [
        ("train/forward peak_reserved < 70GiB", "train/forward", "peak_reserved", False, 70 * GIB, None),
        (" train / forward  peak_used<=512MB ", "train/forward", "peak_used", True, 512_000_000, None),
        ("* hidden < 1 GiB", None, "hidden", False, GIB, None),
        ("* peak_allocated <= 90%", None, "peak_allocated", True, None, 90),
        ("load data peak_used < 1", "load data", "peak_used", False, 1, None),
        ("peak_used < 3 hidden <= 100 %", "peak_used < 3", "hidden", True, None, 100),
    ],
)
def test_budgets_are_read(
    text: str,
    phase: str | None,
    metric: str,
    is_inclusive: bool,
    limit_bytes: int | None,
    limit_percent: int | None,
) -> None:
    budget = parse_budget(text)
    assert budget.text == text.strip()
    found = (budget.phase, budget.metric, budget.is_inclusive, budget.limit_bytes, budget.limit_percent)
    assert found == (phase, metric, is_inclusive, limit_bytes, limit_percent)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no budget"),
        ("peak_used < 3GB", "'peak_used < 3GB' is no budget"),
        ("train peak_used 3GB", "is no budget"),
        ("train peak_used < ", "is no budget"),
        ("train peak < 3GB", "'peak' is none of peak_allocated, peak_reserved, peak_used, hidden"),
        ("train peak_used > 3GB", "'>' is neither < nor <="),
        ("train peak_used == 3GB", "'==' is neither < nor <="),
        ("train peak_used < 0", "'0' is no size"),
        ("train peak_used < 1.5GiB", "'1.5GiB' is no size"),
        ("train peak_used < 9999999999T", "is no size"),
        ("train peak_used < 0%", "'0%' is no size"),
        ("train peak_used < 101%", "'101%' is no size"),
        ("train// peak_used < 1GB", "'train//' is neither * nor the path of a phase"),
        ("x" * 100_000, f"'{'x' * 79}…' is no budget"),
    ],
)
def test_what_is_no_budget_is_refused_with_an_example(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="such as 'train/forward peak_reserved < 70GiB'") as error:
        parse_budget(text)
    assert said in str(error.value) and len(str(error.value)) < 400


def test_the_worst_rank_is_told_with_its_place(job: QueryStore) -> None:
    over, within = job.check_budgets(
        ["train/forward peak_reserved < 70GiB", "* hidden < 70GiB"], runs=["lm-pretrain-1.4.1"]
    )
    assert (over.state, over.rank_count, over.over_count, over.unknown_count) == ("over", 8, 1, 0)
    worst = over.worst
    assert worst is not None and (worst.rank, worst.phase) == (5, "train / forward")
    assert (worst.limit_bytes, worst.peak_bytes > worst.limit_bytes) == (70 * GIB, True)
    assert worst.line_number is not None
    line = Path(worst.path).read_text().splitlines()[worst.line_number - 1]
    assert f'"allocator_reserved_bytes": {worst.peak_bytes}' in line
    assert within.state == "within" and within.worst is not None


def test_budgets_agree_with_the_peaks_of_runs(job: QueryStore) -> None:
    peaks = [
        (peak.phase or "*", peak.metric, peak.after.peak_bytes)
        for peak in job.compare_runs("lm-pretrain-1.4.0", "lm-pretrain-1.4.1").peaks
        if peak.after is not None and peak.after.peak_bytes is not None
    ]
    limits = [f"{phase} {metric} {op} {size}" for phase, metric, size in peaks for op in ("<=", "<")]
    found = job.check_budgets(limits, runs=["slurm-50132"])
    assert [result.budget for result in found] == limits
    assert [result.state for result in found] == ["within", "over"] * len(peaks)


def test_phases_without_samples_and_unknown_phases_are_unknown(job: QueryStore) -> None:
    unknown, missing = job.check_budgets(["checkpoint peak_used < 1GB", "chekpoint peak_used < 1GB"])
    assert (unknown.state, unknown.rank_count, unknown.unknown_count) == ("unknown", 24, 24)
    assert (missing.state, missing.rank_count, missing.worst) == ("unknown", 0, None)
    assert missing.known_phases[:2] == ("checkpoint", "evaluate") and unknown.known_phases == ()


def results(path: Path, *budgets: str) -> list[BudgetResult]:
    with stormlog.query.open(path, cache=False) as store:
        return store.check_budgets(budgets)


def test_a_part_of_a_device_is_that_of_each_rank(tmp_path: Path) -> None:
    # 1 GiB used of devices of 2, 1 and an unknown size.
    for rank, total in enumerate((2 * GIB, GIB, None)):
        path = tmp_path / f"{rank}.jsonl"
        place: dict[str, Any] = {"session_id": f"s-{rank}", "rank": rank, "world_size": 3, "job_id": "j"}
        sizes = {"device_total_bytes": total, "device_used_bytes": GIB, "allocator_reserved_bytes": GIB // 2}
        write_lines(path, event(**place, **sizes))
    less, exactly, most = results(tmp_path, "* peak_used < 50%", "* peak_used <= 50%", "* peak_used <= 100%")
    assert (less.over_count, less.unknown_count, less.state) == (2, 1, "over")
    assert (exactly.over_count, exactly.unknown_count, exactly.state) == (1, 1, "over")
    assert exactly.worst is not None and (exactly.worst.rank, exactly.worst.limit_bytes) == (1, GIB // 2)
    assert (most.over_count, most.unknown_count, most.state) == (0, 1, "unknown")


def test_a_device_of_unknown_size_is_not_within_for_another_one_that_is(tmp_path: Path) -> None:
    sizes = [(0, 8 * GIB, GIB), (1, None, 7 * GIB)]
    write_lines(
        tmp_path / "a.jsonl",
        *(event(device_id=d, device_total_bytes=total, device_used_bytes=used) for d, total, used in sizes),
    )
    part, whole = results(tmp_path, "* peak_used < 50%", "* peak_used < 8GiB")
    assert (part.state, part.unknown_count, whole.state) == ("unknown", 1, "within")


def test_a_rank_that_was_not_in_the_phase_does_not_count(tmp_path: Path) -> None:
    for rank in (0, 1):
        place: dict[str, Any] = {"session_id": f"s-{rank}", "rank": rank, "world_size": 2, "job_id": "j"}
        phases = [
            boundary("enter", ["save"], 1, 1, 1, timestamp_ns=START_NS - 5, **place),
            boundary("exit", ["save"], 1, 2, 1, timestamp_ns=START_NS + 5, **place),
        ]
        write_lines(tmp_path / f"{rank}.jsonl", *(phases if rank == 0 else []), event(**place))
    save, whole = results(tmp_path, "save peak_used < 2GB", "* peak_used < 2GB")
    assert (save.state, save.rank_count, whole.rank_count) == ("within", 1, 2)


def test_no_budget_has_no_result(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", event())
    assert results(tmp_path) == []
