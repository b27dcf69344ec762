"""Shared fixtures and the closing line that counts intended differences."""

from __future__ import annotations

import os
from typing import Any

from tests.vectors.harness import differences

# Nothing that earlier runs remembered may answer for this one; tests of the index name their own directory.
os.environ["STORMLOG_CACHE"] = "off"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"intended differences asserted from differences.toml: {len(differences())}")
