"""Answers of tools: plain values, cut to a size, with a word about what was left out.

The promise: an answer has at most `MOST_BYTES`, its text and its structured content together. What is left out is
said, and how to get it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from stormlog.apps.mcp.problems import ToolError, unknown_name

__all__ = [
    "MOST_BYTES",
    "MOST_ROWS",
    "chosen",
    "fields_that_fit",
    "json_text",
    "plain",
    "room_beside",
    "rows_that_fit",
]

#: Most bytes of an answer. Clients get it twice, as structured content and as the same JSON in a text.
MOST_BYTES: Final = 32 * 1024
#: Most rows of a list.
MOST_ROWS: Final = 100
#: Most characters of a text within an answer.
_LONGEST_TEXT: Final = 2_000
#: Room for the words about what was left out.
_RESERVE: Final = 900
#: Lists within lists that are looked at.
_DEEPEST: Final = 20


def json_text(value: Any) -> str:
    """Return an answer as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _size(value: Any) -> int:
    return len(json_text(value).encode("utf-8"))


def room_beside(frame: Mapping[str, Any]) -> int:
    """Return how many bytes of JSON fit into an answer beside what it has anyway."""
    return MOST_BYTES // 2 - _size(frame) - _RESERVE


def plain(value: Any, longest: int = _LONGEST_TEXT, depth: int = 0) -> Any:
    """Return a value as JSON has it: long texts are cut, and what no JSON can say becomes text or null.

    Args:
        value: A value of a row, whatever its type.
        longest: Most characters of a text.
        depth: How many lists and mappings it lies in.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _text(value, longest)
    if depth >= _DEEPEST:
        return _text(str(value), longest)
    if isinstance(value, Mapping):
        return {_text(str(key), longest): plain(item, longest, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, longest, depth + 1) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(bytes(value[: longest + 1]).hex(), longest)
    return _text(str(value), longest)


def _text(text: str, longest: int) -> str:
    if len(text) > longest:
        text = f"{text[:longest]}... ({len(text):,} characters)"
    # Half a surrogate pair is fine in Python, and nowhere else.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def chosen(names: Sequence[str] | None, known: Sequence[str], usual: Sequence[str]) -> list[str]:
    """Return the fields that an answer is to have.

    Args:
        names: Those that were asked for; None for the usual ones.
        known: Those that there are.
        usual: Those that are given where none are asked for.

    Raises:
        ToolError: one is none.
    """
    if not names:
        return list(usual)
    for name in names:
        if name not in known:
            raise ToolError(unknown_name("field", name, known))
    return list(dict.fromkeys(names))


def rows_that_fit(rows: Iterable[Any], room: int) -> list[Any]:
    """Return the first rows that fit into some bytes; the first one in any case, with its texts cut short if need be.

    Raises:
        ToolError: not even one row fits.
    """
    found: list[Any] = []
    for row in rows:
        kept = plain(row)
        size = _size(kept) + 1
        if size > room and not found:
            kept = plain(row, longest=100)
            size = _size(kept) + 1
            if size > room:
                raise ToolError(
                    "a single row is larger than an answer may be: ask for fewer columns or fields"
                )
        if size > room:
            break
        room -= size
        found.append(kept)
    return found


def fields_that_fit(
    fields: Mapping[str, Any], room: int, smaller: Mapping[str, Callable[[int], Any]] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that fit into some bytes, in order, and the names of those that do not, or not whole.

    Args:
        fields: Names and values, the most important ones first. Of a list that does not fit, what fits of its start
            is kept, if nothing else was asked for.
        room: Bytes of JSON.
        smaller: Name of a field -> returns it with less in it; called with 0, 1, 2, ... until it fits.
    """
    kept: dict[str, Any] = {}
    left_out = []
    for name, value in fields.items():
        cost = _size(name) + 2
        found = plain(value)
        if _size(found) + cost > room:
            left_out.append(name)
            if len(fields) > 1:
                continue
            found = _cut(found, room - cost, (smaller or {}).get(name))
        kept[name] = found
        room -= _size(found) + cost
    return kept, left_out


def _cut(value: Any, room: int, smaller: Callable[[int], Any] | None) -> Any:
    if smaller is not None:
        for step in range(10):
            found = plain(smaller(step))
            if _size(found) <= room:
                return found
    if isinstance(value, list):
        return rows_that_fit(value, room)
    raise ToolError("this field is larger than an answer may be: ask for the rows behind it with query")
