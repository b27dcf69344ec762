"""The goals of an answer, and whether measurements meet them."""

from __future__ import annotations

from statistics import median
from typing import Any

__all__ = ["compare"]

_MILLION = 1_000_000
_COLD_SCANS = 2.0
_BUILD_SCANS = 3.0
_REFERENCE_SPEEDUP = {100_000: 15.0, _MILLION: 40.0}
_WARM_MS = {_MILLION: 20.0, 10 * _MILLION: 40.0}
_APPEND_MS = {_MILLION: 80.0, 10 * _MILLION: 150.0}
_TINY_PROCESS_MS = 150.0
_WARM_PROCESS_MS = 90.0
_LIMITED_PEAK_MIB = 600.0
_WARM_PEAK_MIB = 90.0
_SMALL_SEGMENTS_FACTOR = 1.5
_INDEX_SHARE = 5.0

_Rows = dict[tuple[str, str], dict[str, Any]]


def compare(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line for each ratio and limit, with ``pass`` or ``miss`` where there is a goal.

    Args:
        rows: Measurements as the benchmark keeps them.
    """
    by_key = {(row["sink"], row["probe"]): row for row in rows}
    lines = [f"{'measure':<64} {'value':>9} {'goal':>9}"]
    for sink in dict.fromkeys(row["sink"] for row in rows):
        events = int(sink.split("-")[1])
        if events < 1_000:
            wall = by_key[sink, "command"]["wall_seconds"]
            lines.append(_at_most("tiny sink, whole command, no cache, ms", wall * 1e3, _TINY_PROCESS_MS))
            continue
        is_normal = sink == f"normal-{events}"
        lines += _cold(sink, events if is_normal else 0, by_key)
        lines += _warm(sink, events if is_normal else 0, by_key)
    return lines


def _cold(sink: str, events: int, by_key: _Rows) -> list[str]:
    """Compare what was read without an index; ``events`` is 0 where no goals apply."""
    lines = []
    scan, issues = by_key[sink, "scan"], by_key[sink, "issues"]
    is_large = events >= _MILLION
    ratio = _turn_ratio(issues, scan)
    lines.append(_at_most(f"{sink}: list_issues, times the scan", ratio, _COLD_SCANS if is_large else None))
    if (sink, "build") in by_key:
        ratio = _turn_ratio(by_key[sink, "build"], scan)
        goal = _BUILD_SCANS if is_large else None
        lines.append(_at_most(f"{sink}: the same with index build, times the scan", ratio, goal))
    if (sink, "reference") in by_key:
        speedup = _turn_ratio(by_key[sink, "reference"], issues)
        goal = _REFERENCE_SPEEDUP.get(events)
        lines.append(_at_least(f"{sink}: list_issues, times faster than the reference", speedup, goal))
    whole = "-".join(sink.split("-")[:2])
    if sink != whole and (whole, "issues") in by_key:
        ratio = issues["seconds"] / by_key[whole, "issues"]["seconds"]
        lines.append(_at_most(f"{sink}: times segments of 10000", ratio, _SMALL_SEGMENTS_FACTOR))
    if (sink, "limited") in by_key:
        peak = by_key[sink, "limited"]["peak_bytes"] / 2**20
        goal = _LIMITED_PEAK_MIB if events >= 10 * _MILLION else None
        lines.append(_at_most(f"{sink}: cold under memory_limit=512MB, peak MiB", peak, goal))
    return lines


def _warm(sink: str, events: int, by_key: _Rows) -> list[str]:
    """Compare what was asked again."""
    lines = []
    is_large = events >= _MILLION
    for probe, name, goals in (
        ("warm", "warm, unchanged, in process, ms", _WARM_MS),
        ("append", "1,000 events appended, then asked, ms", _APPEND_MS),
    ):
        if (sink, probe) in by_key:
            lines.append(_at_most(f"{sink}: {name}", by_key[sink, probe]["seconds"] * 1e3, goals.get(events)))
    if (sink, "command-warm") in by_key:
        row = by_key[sink, "command-warm"]
        goal = _WARM_PROCESS_MS if is_large else None
        lines.append(_at_most(f"{sink}: warm, whole command, ms", row["wall_seconds"] * 1e3, goal))
        goal = _WARM_PEAK_MIB if is_large else None
        lines.append(_at_most(f"{sink}: warm, whole command, peak MiB", row["peak_bytes"] / 2**20, goal))
    if (sink, "sizes") in by_key:
        row = by_key[sink, "sizes"]
        share = 100 * row["index_bytes"] / row["telemetry_bytes"]
        lines.append(
            _at_most(f"{sink}: index, % of the telemetry", share, _INDEX_SHARE if is_large else None)
        )
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
