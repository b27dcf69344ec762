"""Names of columns: made distinct, in one way wherever rows need a name for each value; and the units they end in."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["distinct_names", "unit_of"]

#: End of a name -> unit of the values.
_UNITS = {
    "_ns": "ns",
    "_us": "us",
    "_ms": "ms",
    "_s": "s",
    "seconds": "s",
    "_bytes": "bytes",
    "_percent": "%",
}


def distinct_names(names: Iterable[str], *, ignoring_case: bool = False) -> list[str]:
    """Return names of which no two are the same: a name that was there before gets a number, as in ``a``, ``a_2``.

    Args:
        names: The names in order.
        ignoring_case: Whether ``a`` and ``A`` are the same, as they are for a database.
    """
    names = list(names)

    def key(name: str) -> str:
        return name.casefold() if ignoring_case else name

    distinct: list[str] = []
    seen: set[str] = set()
    next_number: dict[str, int] = {}
    for name in names:
        candidate = name
        number = next_number.get(key(name), 1)
        while key(candidate) in seen:
            number += 1
            candidate = f"{name}_{number}"
        next_number[key(name)] = number
        seen.add(key(candidate))
        distinct.append(candidate)
    return distinct


def unit_of(name: str) -> str | None:
    """Return the unit that the name of a column ends in, such as ``bytes`` or ``ns``; None if it ends in none."""
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), None)
