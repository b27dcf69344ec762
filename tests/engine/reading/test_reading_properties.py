"""Whatever happens to lines: the store takes exactly those that Python takes, and names all others."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stormlog.query
from stormlog.engine.reading import line_files as line_reading
from tests.engine.reading.mutations import mutated, repeated_line
from tests.engine.reading.oracle import (
    Outcome,
    actual,
    actual_by_file,
    assert_as_expected,
    assert_file_as_expected,
    canonical,
)
from tests.soak import few_or_many


def check_both_ways(path: Path) -> None:
    """Read for issues first and for events first; nothing may depend on that."""
    with stormlog.query.open([path], threads=2, cache=path.parent / "issues first") as store:
        first = summarised(store.list_issues())
        after_issues = assert_as_expected(path, store)
    with stormlog.query.open([path], threads=2, cache=path.parent / "events first") as store:
        rows = [row.as_dict() for row in store.query_events()]
        assert actual(store) == after_issues
        assert summarised(store.list_issues()) == first
    for row in rows:
        for name in ("source_path", "source_kind", "session_status"):
            del row[name]
    assert sorted(map(canonical, rows)) == sorted(after_issues.events.values())


def summarised(issues: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (
            issue.fingerprint.fingerprint_id,
            issue.hit_count,
            issue.first_seen_ns,
            issue.last_seen_ns,
            issue.severity,
        )
        for issue in issues
    ]


@pytest.mark.parametrize("seed", range(few_or_many(1, 20)))
def test_a_thousand_mutated_lines_or_more(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "events.jsonl"
    path.write_bytes(
        b"\n".join(mutated(rng) for _ in range(few_or_many(1000, 2000))) + rng.choice((b"", b"\n"))
    )

    check_both_ways(path)


@pytest.mark.parametrize("seed", range(few_or_many(1, 20)))
@pytest.mark.parametrize("is_damaged", [False, True], ids=["json", "damaged"])
def test_lines_that_repeat_their_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, is_damaged: bool
) -> None:
    # Small files are read without the shortcut that this is about.
    monkeypatch.setattr(line_reading, "SHAPES_PAY_BYTES", 0)
    rng = random.Random(seed)
    path = tmp_path / "segment-000001.jsonl"
    lines = [repeated_line(rng) for _ in range(few_or_many(600, 1500))]
    path.write_bytes(b"".join(line + b"\n" for line in lines if is_damaged or is_json(line)))

    check_both_ways(path)


def is_json(line: bytes) -> bool:
    """Say whether DuckDB can parse the line: damage elsewhere would send it another way."""
    if b"\\ud8" in line:
        return False
    try:
        json.loads(line.decode("utf-8").replace("nan", "NaN"))
    except ValueError:
        return False
    return True


ENDINGS = (b"\r\n", b"\r", b"\n\r", b"\n\n", b"\r\r\n")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[bytes, tuple[Path, Outcome]]:
    """A file of mutated lines for each ending, and what was read of it; each is damaged, and repaired by itself."""
    folder = tmp_path_factory.mktemp("ended")
    rng = random.Random(7)
    paths = {ending: folder / f"{number}.jsonl" for number, ending in enumerate(ENDINGS)}
    for ending, path in paths.items():
        # The same records of one session would be copies.
        own = rb"\g<0>%s-" % path.stem.encode()
        lines = (re.sub(rb'"session_id"\s*:\s*"', own, mutated(rng)) for _ in range(60))
        path.write_bytes(ending.join(lines))
    with stormlog.query.open([folder], threads=2) as store:
        store.list_issues()
        found = actual_by_file(store)
    return {ending: (path, found[str(path)]) for ending, path in paths.items()}


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
def test_line_endings_do_not_shift_lines(ended: dict[bytes, tuple[Path, Outcome]], ending: bytes) -> None:
    assert_file_as_expected(*ended[ending])


@settings(
    max_examples=few_or_many(2, 200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=12), ending=st.sampled_from([b"\n", b"\r\n"])
)
def test_few_mutated_lines(tmp_path: Path, seeds: list[int], ending: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(ending.join(mutated(random.Random(seed)) for seed in seeds))

    check_both_ways(path)
