"""How far something is that reads many bytes."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Progress"]


class Progress(NamedTuple):
    """How many bytes were read, of how many."""

    bytes_read: int
    bytes_total: int
