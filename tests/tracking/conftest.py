"""A tracker of Kim, and its clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from tests.tracking.people import Clock, new_tracker


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker(tmp_path: Path, clock: Clock) -> Iterator[Tracker]:
    with new_tracker(tmp_path, clock) as opened:
        yield opened
