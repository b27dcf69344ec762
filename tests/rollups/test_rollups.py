"""Rollups are counted as recorded, read as written, and written as a whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import stormlog.query
from stormlog.artifacts.rollups import require_rollups
from stormlog.rollups import build_rollups
from tests.vectors.harness import Case, load_cases, write_files


@pytest.mark.parametrize("case", load_cases("rollups"), ids=str)
def test_rollups_are_counted_as_recorded(case: Case, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    write_files(case.input["files"], root)
    sink = str(root / case.input["sink"])
    with stormlog.query.open([sink], cache=False) as store:
        count = lambda: build_rollups(  # noqa: E731
            store, sink, window_duration_ns=case.input["window_duration_ns"], now_ns=1
        )
        if "error" in case.expected:
            with pytest.raises(ValueError):
                count()
            return
        document = count()
    require_rollups(document)
    assert document.pop("generated_at_ns") == 1
    assert json.loads(json.dumps(document).replace(str(root), "<ROOT>")) == case.expected
