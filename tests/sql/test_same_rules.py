"""Words and numbers that SQL and Python both need: each is one rule, so both say the same."""

from __future__ import annotations

import re
import sqlite3

import pytest

import stormlog.query
from stormlog.engine.database.sql_files import view_query
from stormlog.issues.gap_models import DEFAULT_GAP_THRESHOLDS
from stormlog.issues.kinds import SEVERITY_RANKS, UNKNOWN_SEVERITY_RANK, severity_rank, severity_rank_sql
from stormlog.telemetry.schema import LONGEST_LINE_BYTES

WORDS = [*SEVERITY_RANKS, "Error", "WARNING", "loud", "", " info", None]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> stormlog.query.QueryStore:
    return stormlog.query.open([tmp_path_factory.mktemp("nothing")], cache=False)


@pytest.mark.parametrize("word", WORDS)
def test_severities_have_one_order(store: stormlog.query.QueryStore, word: str | None) -> None:
    expected = SEVERITY_RANKS.get(word, UNKNOWN_SEVERITY_RANK) if word is not None else UNKNOWN_SEVERITY_RANK
    assert severity_rank(word) == expected
    assert store.sql("SELECT issues.severity_rank($word)", {"word": word}).rows == [(expected,)]
    with sqlite3.connect(":memory:") as connection:
        statement = f"SELECT {severity_rank_sql('severity')} FROM (SELECT ? AS severity)"
        assert connection.execute(statement, [word]).fetchone() == (expected,)


@pytest.mark.parametrize(("length", "is_plain"), [(0, True), (1, False)])
def test_the_longest_line_is_the_same(
    store: stormlog.query.QueryStore, length: int, is_plain: bool
) -> None:
    found = store.sql(f"SELECT telemetry.is_plain_line(repeat('x', {LONGEST_LINE_BYTES + length}))").rows
    assert found == [(is_plain,)]
    limits = re.findall(r"strlen\(line\) <= (\d+)", view_query("raw.shaped_lines"))
    assert limits == [str(LONGEST_LINE_BYTES)]


def test_the_threshold_of_hidden_memory_is_the_same() -> None:
    limits = re.findall(r"max_gap_ratio >= ([\d.]+)", view_query("stage.gap_sessions_view"))
    assert [float(limit) for limit in limits] == [DEFAULT_GAP_THRESHOLDS["gap_ratio_threshold"]]
