"""Tests that need what a machine may not have: they are left out and say why; continuous integration fails then."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def leave_out(reason: str) -> NoReturn:
    """Leave out the test that runs, because something is not installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"left out: {reason}")
    pytest.skip(reason)
