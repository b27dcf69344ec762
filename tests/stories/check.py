"""Compares an answer with what is expected of it, and says in one line each where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.stories.expected import Expected

_ABSENT = object()


def differences(answer: Mapping[str, Any], expected: Expected) -> list[str]:
    """Return one readable line for every expected value that the answer does not have.

    Args:
        answer: What ``store.explain().as_dict()`` or ``why --json`` gave.
        expected: The right values. Components are found as ``allocated`` and as ``allocated_bytes``. Rows of
            lists are compared by the fields that are expected of them: ``odd_ranks`` in order, ``ranks`` and
            ``near_full`` by rank, where ``near_full`` and candidates may be ranks or rows with a rank. Names
            after a ``?`` count only where their parent is not null.
    """
    found = []
    for written, value in expected.values.items():
        is_optional, name = written.startswith("?"), written.removeprefix("?")
        if is_optional and _has_null_parent(answer, name):
            continue
        actual = _at(answer, name)
        if actual is _ABSENT:
            # What does not exist because its parent is null is null itself.
            actual = None if _has_null_parent(answer, name) else _ABSENT
        if actual is _ABSENT:
            found.append(f"{name}: is not in the answer, expected {value!r}")
        elif name == "near_full" or (name.endswith(".candidates") and isinstance(value, list)):
            found += _of_ranks(name, [_rank(row) for row in actual or []], value)
        elif name == "ranks":
            found += _rows_by_rank(actual or [], value)
        elif name == "odd_ranks":
            found += _rows_in_order(name, actual or [], value)
        elif value != actual:
            found.append(f"{name}: {_shown(actual)}, expected {value!r}")
    return found


def _at(answer: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(answer, Mapping):
            return _ABSENT
        for spelled in (part, f"{part}_bytes"):
            if spelled in answer:
                answer = answer[spelled]
                break
        else:
            return _ABSENT
    return answer


def _has_null_parent(answer: Any, name: str) -> bool:
    parts = name.split(".")
    return any(_at(answer, ".".join(parts[:length])) is None for length in range(1, len(parts)))


def _rank(row: Any) -> Any:
    return row["rank"] if isinstance(row, Mapping) else row


def _of_ranks(name: str, actual: list[Any], expected: list[int]) -> list[str]:
    if sorted(actual) == sorted(expected):
        return []
    return [f"{name}: ranks {sorted(actual)}, expected {sorted(expected)}"]


def _rows_by_rank(actual: list[Any], expected: Mapping[int, Mapping[str, Any]]) -> list[str]:
    rows = {row["rank"]: row for row in actual}
    found = []
    for rank, fields in expected.items():
        if rank not in rows:
            found.append(f"ranks: rank {rank} is not in the answer")
            continue
        found += _fields(f"ranks[rank {rank}]", rows[rank], fields)
    return found


def _rows_in_order(name: str, actual: list[Any], expected: list[Mapping[str, Any]]) -> list[str]:
    found = []
    if len(actual) != len(expected):
        ranks = [_rank(row) for row in actual]
        found.append(f"{name}: rows of ranks {ranks}, expected {[_rank(row) for row in expected]}")
    for index, (row, fields) in enumerate(zip(actual, expected, strict=False)):
        found += _fields(f"{name}[{index}]", row, fields)
    return found


def _fields(name: str, row: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}.{field}: {_shown(row.get(field))}, expected {value!r}"
        for field, value in expected.items()
        if value != row.get(field)
    ]


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else repr(value)
