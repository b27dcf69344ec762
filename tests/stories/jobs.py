"""All kinds of jobs: importing this module registers them."""

from __future__ import annotations

from tests.stories import (
    kinds_asked,
    kinds_edges,
    kinds_exports,
    kinds_failures,
    kinds_memory,
    kinds_ranks,
    kinds_runs,
    kinds_short,
)
from tests.stories.kinds import KINDS, Kind

__all__ = [
    "KINDS",
    "Kind",
    "kinds_asked",
    "kinds_edges",
    "kinds_exports",
    "kinds_failures",
    "kinds_memory",
    "kinds_ranks",
    "kinds_runs",
    "kinds_short",
]
