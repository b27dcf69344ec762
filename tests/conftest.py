"""Shared fixtures and the closing line that counts intended differences."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.vectors.harness import differences

#: Settings of the tests themselves.
_OF_TESTS = ("STORMLOG_CAPTURES", "STORMLOG_SOAK")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure.
settings.register_profile("stormlog", deadline=None)
settings.load_profile("stormlog")

# Trackers wait for the disk at each commit, and there are thousands of commits. Memory does not make them wait.
_MEMORY = Path("/dev/shm")
_MEMORY_BYTES = 2 << 30
if os.access(_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Keep all tests, processes they start included, away from the user's index, tracker and settings."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("STORMLOG_") and name not in _OF_TESTS]:
        del os.environ[name]
    os.environ["STORMLOG_CACHE"] = folder = str(tmp_path_factory.mktemp("cache"))
    os.environ["STORMLOG_DB"] = str(tmp_path_factory.mktemp("tracker") / "tracker.db")
    yield folder
    os.environ.clear()
    os.environ.update(before)


def pytest_collection_finish() -> None:
    # Thousands of collected tests stay until the end: looking for garbage among them again and again finds none.
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"intended differences asserted from differences.toml: {len(differences())}")
