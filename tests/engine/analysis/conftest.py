"""A sink to copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.analysis.copied_sinks import hits, make_sink


@pytest.fixture(scope="module")
def hits_of_one(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How often the issues of such a sink are hit, whatever its session is called."""
    return hits(make_sink(tmp_path_factory.mktemp("one") / "job"))


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    return make_sink(tmp_path / "runs" / "job")
