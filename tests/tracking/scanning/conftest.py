"""A tracker whose clock stands still until it is moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from tests.tracking.people import StandingClock, with_tables


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def tracker(tmp_path: Path, clock: StandingClock) -> Iterator[Tracker]:
    with Tracker(with_tables(tmp_path / "tracker.db"), clock=clock) as opened:
        yield opened
