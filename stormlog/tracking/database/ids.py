"""Ids: time-ordered, so that rows lie in the order in which they were made."""

from __future__ import annotations

import os
import time

__all__ = ["new_id"]

_LETTERS = "abcdef"


def new_id() -> str:
    """Return a UUID of version 7: milliseconds since the Unix epoch first, then parts of one, then chance.

    Its last character is a letter: then no end of it reads like the number of an issue.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    chance = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    value = milliseconds << 80 | 0x7 << 76 | (rest * 4096 // 1_000_000) << 64 | 0b10 << 62 | chance
    digits = f"{value >> 4:031x}{_LETTERS[(value & 0xF) % len(_LETTERS)]}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
