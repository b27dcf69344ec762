"""Finds captures and the answers that stormlog 0.3.9 and 0.4.3 gave for them.

The checkout has a few under ``examples/captures``, with their answers under ``tests/golden``. The
environment variable ``STORMLOG_CAPTURES`` names a folder with more, laid out as ``captures/<scenario>``
and ``golden/<scenario>``.

The answers were written with paths relative to the folder that holds ``captures``. In them ``<CWD>/``
stands for that folder where a path was absolute, and ``<legacy:PATH::KIND>`` for a session id that is
made from an absolute path.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stormlog.telemetry.session import stable_legacy_session_id

__all__ = ["Scenario", "capture_path", "golden", "has_golden", "replace_prefix", "scenarios", "unlike"]

CHECKOUT = Path(__file__).resolve().parents[1]
_LEGACY = re.compile(r"<legacy:(.*?)::([a-z]+)>")
_PATH_DEPENDENT = "<path-dependent>"

# Decimals kept in numbers that come from floating-point statistics; libraries may differ in the last one.
_DECIMALS = {
    "confidence": 3,
    "max_zscore": 3,
    "avg_fragmentation_ratio": 4,
    "max_fragmentation_ratio": 4,
    "r_squared": 4,
    "p_value": 6,
    "avg_gap_bytes": 1,
    "gap_end_bytes": 1,
    "gap_start_bytes": 1,
    "max_gap_bytes": 1,
    "mean_gap_bytes": 1,
    "std_gap_bytes": 1,
    "slope_bytes_per_sec": 1,
}


@dataclass(frozen=True)
class Scenario:
    """One capture: the folder that holds ``captures/<name>``, and the folder of its answers."""

    name: str
    cwd: Path
    answers: Path

    def __str__(self) -> str:
        return self.name


@cache
def scenarios() -> dict[str, Scenario]:
    """Return all captures at hand by name; those of the checkout come first."""
    found: dict[str, Scenario] = {}
    roots = [(CHECKOUT / "examples", CHECKOUT / "tests" / "golden")]
    more = os.environ.get("STORMLOG_CAPTURES")
    if more:
        roots.append((Path(more).resolve(), Path(more).resolve() / "golden"))
    for cwd, answers in roots:
        for folder in sorted(path for path in (cwd / "captures").iterdir() if path.is_dir()):
            found.setdefault(folder.name, Scenario(folder.name, cwd, answers / folder.name))
    return found


def capture_path(scenario: str) -> Path:
    """Return the absolute path of a capture."""
    return scenarios()[scenario].cwd / "captures" / scenario


def has_golden(scenario: str, name: str) -> bool:
    """Tell whether there is an answer of that name."""
    return _golden_file(scenario, name).is_file()


def golden(scenario: str, name: str) -> Any:
    """Return an answer for this place: ids made from paths are filled in, paths are relative.

    Args:
        scenario: Name of a capture.
        name: ``issues``, ``sessions``, ``events``, ``ooms`` or ``catalog``. Opening a bundle by a
            relative path made stormlog 0.3.9 count its events twice, so the answer to the absolute
            path is taken where it differs.
    """
    cwd = str(scenarios()[scenario].cwd)
    return _filled_in(json.loads(_golden_file(scenario, name).read_text(encoding="utf-8")), cwd)


def replace_prefix(answer: Any, cwd: Path | str) -> Any:
    """Return an answer with ``cwd/`` removed from every text in it."""
    prefix = f"{cwd}/"
    if isinstance(answer, str):
        return answer.removeprefix(prefix)
    if isinstance(answer, dict):
        return {key: replace_prefix(value, cwd) for key, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return [replace_prefix(value, cwd) for value in answer]
    return answer


def unlike(actual: Any, expected: Any, where: str = "", key: str = "") -> list[str]:
    """Return where two answers differ, at most a handful of lines; an empty list if nowhere.

    Statistics may differ by one unit of the last kept decimal, everything else not at all. Integers and
    floats are different things.
    """
    if expected == _PATH_DEPENDENT:
        return []
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = [f"{where}: misses {name!r}" for name in sorted(expected.keys() - actual.keys())]
        found += [f"{where}: has also {name!r}" for name in sorted(actual.keys() - expected.keys())]
        for name in sorted(expected.keys() & actual.keys()):
            found += unlike(actual[name], expected[name], f"{where}.{name}", name)
        return found[:12]
    if isinstance(expected, list) and isinstance(actual, list):
        found = [] if len(actual) == len(expected) else [f"{where}: {len(actual)} items, not {len(expected)}"]
        for index, (one, other) in enumerate(zip(actual, expected, strict=False)):
            found += unlike(one, other, f"{where}[{index}]", key)
        return found[:12]
    if type(actual) is type(expected) and (actual == expected or _is_close(actual, expected, key)):
        return []
    return [f"{where}: {actual!r}, not {expected!r}"]


def _is_close(actual: Any, expected: Any, key: str) -> bool:
    if not isinstance(expected, float) or key not in _DECIMALS:
        return False
    return bool(abs(actual - expected) <= 1.000001 * 10 ** -_DECIMALS[key])


def _golden_file(scenario: str, name: str) -> Path:
    folder = scenarios()[scenario].answers
    absolute = folder / f"{name}.abs.json"
    return absolute if absolute.is_file() else folder / f"{name}.json"


def _filled_in(value: Any, cwd: str) -> Any:
    if isinstance(value, dict):
        filled = {_filled_in(key, cwd): _filled_in(item, cwd) for key, item in value.items()}
        if "affected_sessions" in filled:
            # Sorted by id, and ids made from paths are others in each place.
            filled["affected_sessions"] = sorted(filled["affected_sessions"])
        return filled
    if isinstance(value, list):
        return [_filled_in(item, cwd) for item in value]
    if isinstance(value, str):
        value = value.removeprefix("<CWD>/")
        return _LEGACY.sub(lambda found: stable_legacy_session_id(f"{cwd}/{found[1]}", found[2]), value)
    return value
