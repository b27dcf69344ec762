"""How often an issue happened, as people count it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["IssueCounts"]


class IssueCounts(NamedTuple):
    """How often an issue happened; an OOM bundle and the event that it tells of are one failure.

    Source: docs/concepts.md#failures-runs-and-sessions.
    """

    failure_count: int
    run_count: int
    session_count: int
