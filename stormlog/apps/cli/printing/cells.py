"""Values as people read them in a cell of a table, on one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.apps.cli.options.targets import Column
from stormlog.apps.cli.printing.human import cell_text
from stormlog.issues.kinds import SHORT_KINDS
from stormlog.presenting import human_bytes, human_count, printable, short_ranges

if TYPE_CHECKING:
    from stormlog.presenting import Moments

__all__ = ["header_text", "human_cell", "is_right_aligned", "is_time"]

_TIMES = ("time", "instant", "date")
_AMOUNTS = ("number", "count", "bytes")


def header_text(column: Column, moments: Moments) -> str:
    """Return what stands above a column; times say their zone."""
    return moments.header(column.header) if is_time(column) else printable(column.header)


def human_cell(column: Column, value: Any, moments: Moments) -> str:
    """Return a value as people read it, on one line; ``-`` for null."""
    if value is None:
        return "-"
    kind = column.kind
    if isinstance(value, int) and not isinstance(value, bool):
        return _number_text(column, value, moments)
    if isinstance(value, str):
        if kind == "date":
            return _date_text(value, moments)
        value = SHORT_KINDS.get(value, value) if kind == "kind" else value
    elif kind == "ranks":
        return short_ranges(value) or "-"
    elif kind == "list" or (column.most is not None and _are_texts(value)):
        value = ", ".join(value) or "-"
    elif kind == "fields":
        value = ", ".join(_field_text(key, item, moments) for key, item in value.items()) or "-"
    text = cell_text(value)
    return text if column.most is None else _shortened(text, column.most)


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _field_text(key: str, value: Any, moments: Moments) -> str:
    """Return a name with its value; what a name says in nanoseconds since the Unix epoch is a time."""
    name = key.removesuffix("_ns").replace("_", " ")
    if key.endswith("_ns") and isinstance(value, int):
        return f"{name}: {moments.text(value)}"
    if isinstance(value, Mapping):
        return f"{name}: " + ", ".join(_field_text(inner, item, moments) for inner, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"{name}: {', '.join(map(str, value)) or '-'}"
    return f"{name}: {'-' if value is None else value}"


def is_time(column: Column) -> bool:
    """Tell whether a column holds times."""
    return column.kind in _TIMES


def is_right_aligned(column: Column) -> bool:
    """Tell whether a column holds amounts, which are compared by their last digits."""
    return column.kind in _AMOUNTS


def _number_text(column: Column, value: int, moments: Moments) -> str:
    if is_time(column):
        return moments.text(value, milliseconds=column.kind == "instant")
    if column.kind == "bytes":
        return human_bytes(value)
    return human_count(value) if column.kind == "count" else str(value)


def _date_text(value: str, moments: Moments) -> str:
    """Return ISO text as a time; as it is, where it is none."""
    from stormlog.issues.timestamps import utc_text_to_microseconds

    microseconds = utc_text_to_microseconds(value)
    return cell_text(value) if microseconds is None else moments.text(microseconds * 1000)


def _shortened(text: str, most: int) -> str:
    # What tells long texts apart is at their ends as well.
    return text if len(text) <= most else f"{text[: most - 21]}…{text[-20:]}"
