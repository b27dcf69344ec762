"""Shared fixtures and the closing line that counts intended differences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vectors.harness import differences


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Keep the index of all tests, processes they start included, out of the user's cache directory."""
    folder = str(tmp_path_factory.mktemp("cache"))
    before = os.environ.get("STORMLOG_CACHE")
    os.environ["STORMLOG_CACHE"] = folder
    yield folder
    if before is None:
        del os.environ["STORMLOG_CACHE"]
    else:
        os.environ["STORMLOG_CACHE"] = before


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"intended differences asserted from differences.toml: {len(differences())}")
