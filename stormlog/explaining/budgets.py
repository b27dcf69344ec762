"""Budgets of memory: what a phase may need at most, and which ranks needed more.

Promise: what no sample says is unknown, and neither within a budget nor over it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from stormlog._readable_times import ReadableTime
from stormlog._sizes import parse_size
from stormlog._values import frozen_class
from stormlog.explaining.asking import Ask, Store
from stormlog.explaining.diff_models import PEAK_METRICS
from stormlog.explaining.phases import Moment, phases_at
from stormlog.explaining.plain_fields import Plain

__all__ = ["Budget", "BudgetResult", "BudgetScope", "WorstRank", "check_budgets", "parse_budget"]

#: What an error about a bad budget shows.
_EXAMPLE = "write it as 'PHASE METRIC OP SIZE', such as 'train/forward peak_reserved < 70GiB'"
#: Metric, operator and size are found from the end: names of phases may hold blanks.
_PARTS = re.compile(r"(?P<phase>.*\S)\s+(?P<metric>\w+)\s*(?P<op>[<>=!≤≥]+)\s*(?P<size>[^<>=]+)", re.DOTALL)
_PERCENT = re.compile(r"(100|[1-9][0-9]?) ?%")
_ALL = "*"
#: Phases that an answer names where the one of a budget is not there.
_NAMED_PHASES = 10


@frozen_class
class Budget:
    """What a phase may need at most.

    Args:
        text: As it was written.
        phase: Names of the phase from the outermost one, joined with ``/``; None for all samples.
        metric: One of `PEAK_METRICS`.
        is_inclusive: Whether the limit itself is within the budget: ``<=`` rather than ``<``.
        limit_bytes: The limit; None if it is a part of the device.
        limit_percent: The limit in percent of the size of the device, 1 to 100; None if it is a number of bytes.

    Source: docs/ci.md#budgets.
    """

    text: str
    phase: str | None
    metric: str
    is_inclusive: bool
    limit_bytes: int | None
    limit_percent: int | None


@frozen_class
class WorstRank(Plain):
    """The rank that needs most of a budget, and where that was.

    Args:
        peak_bytes: What it needed.
        limit_bytes: What it may need: of its device, where the budget is a part of one.
        total_bytes: Size of the device; null when unknown.
        phase: Phase of the rank at that time, as `stormlog why` names it; null when unknown.
        path: File that holds the sample.
        line_number: Its line.
    """

    run_id: str
    attempt: int
    rank: int | None
    host: str | None
    device_id: int | None
    session_id: str
    peak_bytes: int
    limit_bytes: int
    total_bytes: int | None
    timestamp_ns: int
    phase: str | None
    path: str
    line_number: int | None
    timestamp = ReadableTime()


@frozen_class
class BudgetResult(Plain):
    """What became of a budget.

    Args:
        budget: As it was written.
        phase: As of `Budget`; likewise the next two.
        state: ``over`` if a rank is; else ``unknown`` if no sample says it of a rank, or no rank was in the phase; else
            ``within``.
        rank_count: Ranks that were in the phase, one for each attempt of a run.
        over_count: Those that are over the budget.
        unknown_count: Those of which no sample says.
        session_count: Sessions that the budget is about, whether they were in the phase or not.
        worst: The rank that needs most of the budget, over it or not; null when none is known.
        known_phases: Where no rank was in the phase: at most 10 phases that there are.

    Source: docs/ci.md#budgets.
    """

    budget: str
    phase: str | None
    metric: str
    limit_bytes: int | None
    limit_percent: int | None
    state: str
    rank_count: int
    over_count: int
    unknown_count: int
    session_count: int
    worst: WorstRank | None
    known_phases: tuple[str, ...] = ()


class BudgetScope(NamedTuple):
    """Which sessions budgets are about; None is no constraint, several values mean any of them.

    Attributes:
        runs: Runs, by id or job.
        jobs: Distributed jobs.
        ranks: Ranks.
        hosts: Machines.
        since_ns: Sessions that had not ended before, nanoseconds since the Unix epoch.
    """

    runs: Sequence[str] | None = None
    jobs: Sequence[str] | None = None
    ranks: Sequence[int] | None = None
    hosts: Sequence[str] | None = None
    since_ns: int | None = None


def parse_budget(text: str) -> Budget:
    """Return the budget that a text means: ``train/forward peak_reserved < 70GiB``, ``* peak_used <= 95%``.

    Raises:
        ValueError: it is none; the message says why, and has an example.

    Source: docs/ci.md#budgets.
    """
    found = _PARTS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{_quoted(text)} is no budget: {_EXAMPLE}")
    phase, metric, operator, size = (part.strip() for part in found.groups())
    if metric not in PEAK_METRICS:
        raise ValueError(f"{metric!r} is none of {', '.join(PEAK_METRICS)}: {_EXAMPLE}")
    if operator not in ("<", "<="):
        raise ValueError(f"{operator!r} is neither < nor <=, as a budget is a most: {_EXAMPLE}")
    percent = _PERCENT.fullmatch(size)
    limit = None if percent is not None else parse_size(size)
    if percent is None and (limit is None or limit >= 2**63):
        sizes = "70GiB or 512MB, a whole number above zero, or a part of the device such as 90%"
        raise ValueError(f"{_quoted(size)} is no size such as {sizes}: {_EXAMPLE}")
    plain = re.sub(" */ *", "/", phase)
    if plain != _ALL and not all(plain.split("/")):
        raise ValueError(f"{_quoted(phase)} is neither * nor the path of a phase: {_EXAMPLE}")
    return Budget(
        text=text.strip(),
        phase=None if plain == _ALL else plain,
        metric=metric,
        is_inclusive=operator == "<=",
        limit_bytes=limit,
        limit_percent=None if percent is None else int(percent[1]),
    )


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:79]}…")


def check_budgets(
    store: Store, budgets: Sequence[Budget], scope: BudgetScope | None = None
) -> list[BudgetResult]:
    """Return what became of some budgets, one result for each.

    Args:
        store: What is asked.
        budgets: The budgets.
        scope: Which sessions they are about; by default all.

    Source: docs/ci.md#budgets.
    """
    if not budgets:
        return []
    rows = store.ask(
        "budget_ranks",
        {
            "phases": [budget.phase for budget in budgets],
            "metrics": [budget.metric for budget in budgets],
            "limits": [budget.limit_bytes for budget in budgets],
            "percents": [budget.limit_percent for budget in budgets],
            "is_inclusive": [budget.is_inclusive for budget in budgets],
            **{name: _list(value) for name, value in (scope or BudgetScope())._asdict().items()},
        },
    )
    return [_result(store.ask, budget, row) for budget, row in zip(budgets, rows, strict=True)]


def _list(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _result(ask: Ask, budget: Budget, row: Sequence[Any]) -> BudgetResult:
    rank_count, over_count, unknown_count, session_count, *worst = row
    is_known = rank_count > 0 and unknown_count == 0
    known_phases: tuple[str, ...] = ()
    if session_count and rank_count == 0 and budget.phase is not None:
        known_phases = tuple(path for path, _ in ask("budget_phases", {"limit": _NAMED_PHASES}))
    return BudgetResult(
        budget=budget.text,
        phase=budget.phase,
        metric=budget.metric,
        limit_bytes=budget.limit_bytes,
        limit_percent=budget.limit_percent,
        state="over" if over_count else "within" if is_known else "unknown",
        rank_count=rank_count,
        over_count=over_count,
        unknown_count=unknown_count,
        session_count=session_count,
        worst=None if worst[0] is None else _worst(ask, worst),
        known_phases=known_phases,
    )


def _worst(ask: Ask, row: Sequence[Any]) -> WorstRank:
    run_id, attempt, rank, host, device_id, session_id, size, limit, total, time_ns, path, line = row
    # What is sampled has a rank.
    phases = phases_at(ask, [Moment(session_id, rank, time_ns)])
    phase = phases[session_id, rank].phase
    return WorstRank(
        run_id, attempt, rank, host, device_id, session_id, size, limit, total, time_ns, phase, path, line
    )
