"""Words and numbers that SQL and Python both need: each is one rule, so both say the same."""

from __future__ import annotations

import re
import sqlite3

import pytest

import stormlog.query
from stormlog.engine.database.sql_files import load_sql_files, view_query
from stormlog.engine.reading.parquet_columns import SEGMENT_COLUMNS, TEXT_COLUMN
from stormlog.issues.gap_models import DEFAULT_GAP_THRESHOLDS
from stormlog.issues.kinds import SEVERITY_RANKS, UNKNOWN_SEVERITY_RANK, severity_rank, severity_rank_sql
from stormlog.telemetry.schema import (
    CAPABILITY_FLAGS,
    CAPABILITY_TEXTS,
    COUNTER_CAPABILITIES,
    INTEGER_FIELDS,
    KNOWN_V4_FIELD_SET,
    LONGEST_LINE_BYTES,
)

STATEMENTS = {file.name: file.statement for file in load_sql_files()}
#: Fields of a record as a sink writes them.
FIELDS = sorted(KNOWN_V4_FIELD_SET)
#: Columns of metadata that are called otherwise than the key.
KEYS_OF = {"health": "collector_health_status"}

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
def test_the_longest_line_is_the_same(store: stormlog.query.QueryStore, length: int, is_plain: bool) -> None:
    found = store.sql(f"SELECT telemetry.is_plain_line(repeat('x', {LONGEST_LINE_BYTES + length}))").rows
    assert found == [(is_plain,)]
    limits = re.findall(r"strlen\(line\) <= (\d+)", view_query("raw.shaped_lines"))
    assert limits == [str(LONGEST_LINE_BYTES)]


def test_the_threshold_of_hidden_memory_is_the_same() -> None:
    limits = re.findall(r"max_gap_ratio >= ([\d.]+)", view_query("stage.gap_sessions_view"))
    assert [float(limit) for limit in limits] == [DEFAULT_GAP_THRESHOLDS["gap_ratio_threshold"]]


def test_lines_segments_and_texts_have_the_same_fields() -> None:
    paths = re.findall(r"'\$\.(\w+)'", STATEMENTS["raw.typed_lines"].partition("AS fields")[0])
    # The metadata is read last, after its own keys.
    assert [*paths[:-1], "metadata"] == paths
    assert sorted(paths) == FIELDS
    assert list(SEGMENT_COLUMNS) == [*FIELDS, TEXT_COLUMN]
    parameters = re.search(r"record_text\(([^)]*)\)", STATEMENTS["telemetry.record_text"])
    assert parameters is not None
    assert [name.strip() for name in parameters[1].split(",")] == FIELDS


def test_fields_of_a_line_are_called_like_their_keys() -> None:
    paths = re.findall(r"'\$\.([\w.]+)'", STATEMENTS["raw.typed_lines"].partition("AS fields")[0])
    names = re.findall(r"fields\[(\d+)\] AS (\w+)_json", STATEMENTS["raw.typed_lines"])
    assert [int(number) for number, _ in names] == list(range(1, len(paths) + 1))
    assert [KEYS_OF.get(name, name) for _, name in names] == [path.split(".")[-1] for path in paths]


def test_every_integer_of_a_line_is_checked() -> None:
    statement = STATEMENTS["raw.typed_lines"]
    listed = re.search(r"concat_ws\(\s*',',([^)]*)\) AS integers", statement)
    assert listed is not None
    numbers = [*INTEGER_FIELDS, "schema_version"]
    assert sorted(listed[1].replace("_json", "").replace(",", " ").split()) == sorted(numbers)
    assert sorted(re.findall(r"TRY_CAST\((\w+)_json AS BIGINT\)", statement)) == sorted(numbers)


def test_capabilities_have_the_same_names_in_the_same_order() -> None:
    names = [*CAPABILITY_TEXTS, *CAPABILITY_FLAGS]
    assert re.findall(r"'\$\.(\w+)'", STATEMENTS["telemetry.capability_values"]) == names
    assert re.findall(r"'(\w{5,})'", STATEMENTS["telemetry.capability"]) == names
    assert set(COUNTER_CAPABILITIES.values()) <= set(names)


@pytest.mark.parametrize("view", ["raw.typed_lines", "raw.typed_parquet", "raw.shaped_lines"])
def test_views_of_records_share_the_rules_of_counters(view: str) -> None:
    """A bound that stands in a view itself is one that the other views do not have."""
    statement = STATEMENTS[view]
    for rule in ("are_plain_counters", "are_counters_supported", "has_core_counters"):
        assert f"telemetry.{rule}(" in statement
    assert not re.findall(r"_bytes (?:>=|<=|<|>|IS NOT NULL)", statement)
