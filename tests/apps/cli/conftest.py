"""What tests of several commands share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apps.cli.shared_stores import shared_stores


@pytest.fixture(scope="module")
def one_store_for_all_commands() -> Iterator[None]:
    """Commands of a module that read the same files with the same options ask one open store."""
    with shared_stores():
        yield
