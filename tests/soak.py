"""How often kills and random histories are repeated: a few times by ``make test``, many times by ``make soak``."""

from __future__ import annotations

import os

__all__ = ["IS_SOAK", "few_or_many"]

#: Whether ``make soak`` runs, which sets ``STORMLOG_SOAK=1``.
IS_SOAK = os.environ.get("STORMLOG_SOAK") == "1"


def few_or_many(few: int, many: int) -> int:
    """Return how often to repeat something in this run."""
    return many if IS_SOAK else few
