"""All kinds of jobs: importing this module registers them."""

from __future__ import annotations

from tests.stories import kinds_exports, kinds_failures, kinds_memory, kinds_ranks, kinds_runs
from tests.stories.kinds import KINDS, Kind

__all__ = [
    "KINDS",
    "Kind",
    "kinds_exports",
    "kinds_failures",
    "kinds_memory",
    "kinds_ranks",
    "kinds_runs",
]
