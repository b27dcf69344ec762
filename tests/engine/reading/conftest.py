"""Files of these tests are read once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Remember nothing of what is read, but where a test says so: nobody would ask again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORMLOG_CACHE", "off")
        yield
