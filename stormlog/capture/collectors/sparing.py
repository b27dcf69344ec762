"""Asks what is expensive to ask no more often than it is worth.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Sparing"]

_Value = TypeVar("_Value")

#: Share of the time that asking may take.
_SHARE = 0.0005
#: Longest that an answer stands, in seconds.
_LONGEST_SECONDS = 1.0


class Sparing(Generic[_Value]):
    """An answer that is asked for again once enough time has passed for what asking cost.

    The allocator of the C library holds a lock while it counts, and counts for longer the more pieces it has: a job
    must not feel that it is asked.

    Args:
        ask: Returns the answer.
    """

    def __init__(self, ask: Callable[[], _Value]) -> None:
        self._ask = ask
        self._answer: _Value | None = None
        self._due = float("-inf")

    def __call__(self) -> _Value:
        """Return the answer: a new one, or the last one if it is too early to ask.

        Raises:
            Exception: what asking raises.
        """
        begun = time.monotonic()
        if self._answer is not None and begun < self._due:
            return self._answer
        answer = self._answer = self._ask()
        ended = time.monotonic()
        self._due = ended + min((ended - begun) / _SHARE, _LONGEST_SECONDS)
        return answer
