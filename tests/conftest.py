"""Shared fixtures and the closing line that counts intended differences."""

from __future__ import annotations

from typing import Any

from tests.vectors.harness import differences


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"intended differences asserted from differences.toml: {len(differences())}")
