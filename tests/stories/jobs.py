"""All kinds of jobs."""

from __future__ import annotations

from tests.stories import kinds_failures, kinds_memory, kinds_ranks, kinds_runs
from tests.stories.kinds import KINDS, Kind

__all__ = ["KINDS", "Kind", "kinds_failures", "kinds_memory", "kinds_ranks", "kinds_runs"]
