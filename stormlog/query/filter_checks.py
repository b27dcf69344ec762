"""Checks the values of filters, and brings them into one form: words and ranks are tuples, times are nanoseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "DEFAULT_PAGE_ROWS",
    "check_fields",
    "in_page",
    "require",
    "require_not_negative",
    "require_one_of",
    "time_ns",
]

#: Rows of a page where a page is asked for without a limit.
DEFAULT_PAGE_ROWS = 50

#: Fields with one integer.
_INTEGERS = ("time_start_ns", "time_end_ns", "at_ns", "window_ns", "limit", "page")
#: Fields with one integer or several.
_NUMBERS = ("rank", "world_size")
_BOOLEANS = ("has_oom_bundle", "has_alert", "is_dev", "hide_ignored")
_TIMES = ("since", "until", "created_after", "created_before")
#: Fields that say when what is looked for began at the earliest, and when it ended at the latest; both are included.
_FIRST_TIMES = ("since", "time_start_ns", "created_after")
_LAST_TIMES = ("until", "time_end_ns", "created_before")
#: Fields with one text; all others take one text or several.
_TEXTS = ("search", "sort", "scope", "record_id")


def check_fields(
    filters: Any, *, sorts: Iterable[str] = (), takes_several: bool = True, least_limit: int = 1
) -> None:
    """Check the fields of a filter that is being made, and bring them into one form.

    Args:
        filters: A frozen object with the fields of a filter.
        sorts: Words that its field ``sort`` may have.
        takes_several: Whether fields of words and ranks take several values too.
        least_limit: Smallest value that its field ``limit`` may have.

    Raises:
        ValueError: a value that cannot be compared with its column, or two that contradict each other.
    """
    for name in filters.__dataclass_fields__:
        value = getattr(filters, name)
        if value is None or name == "kinds":
            continue
        checked = _checked(name, value)
        require(takes_several or not isinstance(checked, tuple), name, "one value", value)
        object.__setattr__(filters, name, checked)
    values: Mapping[str, Any] = filters.__dict__
    require_one_of("sort", values.get("sort"), sorts)
    _require_some_time(values)
    for name, least in (("limit", least_limit), ("page", 1)):
        value = values.get(name)
        require(value is None or value >= least, name, f"{least} or more", value)


def in_page(limit: int | None, page: int | None) -> dict[str, int | None]:
    """Return the parameters of a statement for a page: most rows (None is all), and how many to leave out before."""
    if page is None:
        return {"limit": limit, "offset": 0}
    rows = DEFAULT_PAGE_ROWS if limit is None else limit
    return {"limit": rows, "offset": min((page - 1) * rows, 2**63 - 1)}


def require_one_of(name: str, values: str | Iterable[str] | None, known: Iterable[str]) -> None:
    """Refuse a word, or one of several, that is not among those that are known.

    Raises:
        ValueError: see above.
    """
    known = tuple(known)
    for value in (values,) if isinstance(values, str) else values or ():
        if value not in known:
            raise ValueError(f"unknown {name} {value!r}: choose from {', '.join(known)}")


def require_not_negative(name: str, value: int | None) -> None:
    """Refuse a negative number.

    Raises:
        ValueError: see above.
    """
    require(value is None or value >= 0, name, "0 or more", value)


def require(holds: bool, name: str, wanted: str, value: object) -> None:
    """Refuse a value for which something does not hold.

    Raises:
        ValueError: see above.
    """
    if not holds:
        raise ValueError(f"{name} must be {wanted}, not {value!r}")


def _checked(name: str, value: Any) -> Any:
    if name in _BOOLEANS:
        require(isinstance(value, bool), name, "True or False", value)
    elif name in _INTEGERS:
        require(_is_integer(value), name, "an integer of 64 bits", value)
    elif name in _TIMES:
        return time_ns(name, value)
    elif name in _NUMBERS:
        return _one_or_several(name, value, _is_integer, "an integer of 64 bits, or several")
    elif name in _TEXTS:
        require(isinstance(value, str), name, "text", value)
    else:
        return _one_or_several(name, value, lambda item: isinstance(item, str), "text, or several")
    return value


def _one_or_several(name: str, value: Any, is_one: Any, wanted: str) -> Any:
    """Return one value as it is, and several as a tuple; None if there are none of them."""
    if is_one(value):
        return value
    is_several = isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, (str, bytes))
    require(is_several and all(map(is_one, value)), name, wanted, value)
    return tuple(value if isinstance(value, Sequence) else sorted(value)) or None


def _is_integer(value: Any) -> bool:
    # Numbers of NumPy are integers too.
    return hasattr(value, "__index__") and not isinstance(value, bool) and -(2**63) <= value < 2**63


def time_ns(name: str, value: Any) -> int:
    """Return a time in nanoseconds since the Unix epoch.

    Args:
        value: A text; nanoseconds, as an integer; seconds, as `time.time` returns them; or a date or datetime, in UTC
            if it names no offset.

    Raises:
        ValueError: it is no time; the message begins with the name.
    """
    if not isinstance(value, float) and _is_integer(value):
        if 10**8 <= value < 10**11:
            raise ValueError(
                f"{name}: {value} is nanoseconds; as seconds since the Unix epoch write '{value}'"
            )
        return int(value)
    from stormlog._times import parse_time

    if isinstance(value, float):
        text = repr(value)
    elif hasattr(value, "isoformat"):
        text = value.isoformat()
    else:
        require(isinstance(value, str), name, "a time such as '2h', '2026-11-26' or nanoseconds", value)
        text = value
    try:
        return parse_time(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _require_some_time(values: Mapping[str, Any]) -> None:
    """Refuse a range of time that is empty.

    Raises:
        ValueError: it names both ends.
    """
    first_times = [(values[name], name) for name in _FIRST_TIMES if values.get(name) is not None]
    last_times = [(values[name], name) for name in _LAST_TIMES if values.get(name) is not None]
    if not first_times or not last_times:
        return
    (first, first_name), (last, last_name) = max(first_times), min(last_times)
    if first > last:
        raise ValueError(
            f"{first_name} is {_shown_time(first)}, which is after {last_name}, {_shown_time(last)}: "
            "no time lies between them"
        )


def _shown_time(value: int) -> str:
    from datetime import UTC, datetime, timedelta

    seconds, nanoseconds = divmod(int(value), 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    fraction = f".{nanoseconds:09}".rstrip("0") if nanoseconds else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} UTC"
