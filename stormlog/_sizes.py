"""Sizes in bytes as people write them: ``512MB``, ``4GiB``, ``100k``."""

from __future__ import annotations

import re

__all__ = ["parse_size"]

_SIZE = re.compile(r"([1-9][0-9]{0,11}) ?([KMGT]?)(i?)B?", re.IGNORECASE)
_POWERS = " KMGT"


def parse_size(text: str) -> int | None:
    """Return the bytes that a text stands for, with powers of 1000, or of 1024 for ``KiB`` and its like.

    None: it is no size above zero.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    number, power, binary = found.groups()
    base = 1024 if binary else 1000
    return int(number) * int(base ** _POWERS.index(power.upper() or " "))
