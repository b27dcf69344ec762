"""A statement that comes again is parsed once, and does what it did when it was parsed each time."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from stormlog.engine.database import parsed_statements
from stormlog.engine.database.parsed_statements import run


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    parsed_statements._known.cache_clear()


class Counting:
    """A connection that writes down what it is asked."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:")
        self.calls: list[str] = []

    def execute(self, statement: Any, params: Any = None) -> Any:
        self.calls.append("text" if isinstance(statement, str) else "statement")
        return self.connection.execute(statement, params)

    def extract_statements(self, text: str) -> Any:
        self.calls.append("parse")
        return self.connection.extract_statements(text)


def test_a_text_is_parsed_for_itself_when_it_comes_a_second_time_and_never_again() -> None:
    first, second = Counting(), Counting()
    for connection in (first, second, second, first):
        assert run(connection, "SELECT $number + 1", {"number": 4}).fetchall() == [(5,)]  # type: ignore[arg-type]
    assert first.calls == ["text", "statement"]
    assert second.calls == ["parse", "statement", "statement"]


def test_long_lists_of_files_are_not_remembered() -> None:
    text = f"SELECT len([{', '.join(map(repr, map(str, range(9000))))}])"
    connection = Counting()
    for _ in range(3):
        assert run(connection, text).fetchall() == [(9000,)]  # type: ignore[arg-type]
    assert connection.calls == ["text"] * 3
    assert parsed_statements._known.cache_info().currsize == 0


def test_several_statements_run_in_turn_and_values_are_those_of_the_last() -> None:
    text = "CREATE OR REPLACE TABLE numbers (n INTEGER); INSERT INTO numbers VALUES (7); SELECT n * ? FROM numbers"
    for factor in (1, 2, 3):
        with duckdb.connect(":memory:") as connection:
            assert run(connection, text, [factor]).fetchall() == [(7 * factor,)]


def test_a_view_that_was_replaced_meanwhile_is_looked_at_anew() -> None:
    with duckdb.connect(":memory:") as connection:
        for value in ("1", "'one'", "[1]"):
            connection.execute(f"CREATE OR REPLACE VIEW v AS SELECT {value} AS a")
            found = run(connection, "SELECT typeof(a) FROM v").fetchall()
            assert found == connection.execute("SELECT typeof(a) FROM v").fetchall()


def test_errors_are_those_of_the_text() -> None:
    told = []
    with duckdb.connect(":memory:") as connection:
        for text in ("SELECT nothing FROM nowhere", "SELECT 1 +", "SELECT error('mine'); SELECT 1"):
            for _ in range(3):
                with pytest.raises(duckdb.Error) as caught:
                    run(connection, text)
                told.append((type(caught.value), str(caught.value)))
    assert [told[number] for number in (0, 3, 6) for _ in range(3)] == told
