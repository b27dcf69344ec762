"""The goals of an answer from raw files, and whether measurements meet them."""

from __future__ import annotations

from statistics import median
from typing import Any

__all__ = ["compare"]

_COLD_SCANS = 2.0
_REFERENCE_SPEEDUP = {100_000: 15.0, 1_000_000: 40.0}
_TINY_PROCESS_SECONDS = 0.150
_SMALL_SEGMENTS_FACTOR = 1.5
_MILLION = 1_000_000


def compare(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line for each ratio and limit, with ``pass`` or ``miss`` where there is a goal.

    Args:
        rows: Measurements as the benchmark keeps them.
    """
    by_key = {(row["sink"], row["probe"]): row for row in rows}
    lines = [f"{'measure':<64} {'value':>9} {'goal':>9}"]
    for sink in dict.fromkeys(row["sink"] for row in rows):
        mix, events = sink.split("-")[0], int(sink.split("-")[1])
        scan, issues = by_key[sink, "scan"], by_key[sink, "issues"]
        if events < 1_000:
            wall = by_key[sink, "command"]["wall_seconds"]
            lines.append(_at_most("tiny sink, whole command, ms", wall * 1e3, _TINY_PROCESS_SECONDS * 1e3))
            continue
        ratio = _turn_ratio(issues, scan)
        goal = _COLD_SCANS if events >= _MILLION and sink == f"normal-{events}" else None
        lines.append(_at_most(f"{sink}: list_issues, times the scan", ratio, goal))
        if (sink, "reference") in by_key:
            speedup = _turn_ratio(by_key[sink, "reference"], issues)
            wanted = _REFERENCE_SPEEDUP.get(events) if mix == "normal" else None
            lines.append(_at_least(f"{sink}: list_issues, times faster than the reference", speedup, wanted))
        whole = f"{mix}-{events}"
        if sink != whole and (whole, "issues") in by_key:
            ratio = issues["seconds"] / by_key[whole, "issues"]["seconds"]
            lines.append(_at_most(f"{sink}: times segments of 10000", ratio, _SMALL_SEGMENTS_FACTOR))
    return lines


def _turn_ratio(row: dict[str, Any], base: dict[str, Any]) -> float:
    # Turn by turn: what else the machine did then slowed both.
    pairs = zip(row["turn_seconds"], base["turn_seconds"], strict=False)
    return float(median(one / other for one, other in pairs))


def _at_most(name: str, value: float, goal: float | None) -> str:
    return _line(name, value, goal, "<=", goal is not None and value <= goal)


def _at_least(name: str, value: float, goal: float | None) -> str:
    return _line(name, value, goal, ">=", goal is not None and value >= goal)


def _line(name: str, value: float, goal: float | None, sign: str, met: bool) -> str:
    if goal is None:
        return f"{name:<64} {value:>9.2f} {'-':>9}"
    return f"{name:<64} {value:>9.2f} {sign + f' {goal:g}':>9}  {'pass' if met else 'miss'}"
