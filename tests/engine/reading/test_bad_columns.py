"""A value of another type is a located reject in every column, and takes no other line along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.reading import small_files
from stormlog.errors import SourceError
from tests.engine.reading.oracle import (
    FIELDS,
    Outcome,
    actual_by_file,
    assert_as_expected,
    assert_file_as_expected,
)
from tests.engine.reading.side_by_side import FileRead, read_for_issues, read_side_by_side
from tests.telemetry.factories import record

VALUES = (
    '"3"',
    "4.5",
    "4.0",
    "1e3",
    "true",
    "null",
    "[]",
    "{}",
    "7",
    "-7",
    "-0",
    '"text"',
    '""',
    "9223372036854775808",
)


def line(column: str | None = None, value: str = "", **overrides: Any) -> str:
    """Return a valid line in which one column's JSON is replaced."""
    values = record(**overrides)
    members = [
        f"{json.dumps(name)}: {value if name == column else json.dumps(own)}"
        for name, own in sorted(values.items())
    ]
    return "{" + ", ".join(members) + "}\n"


def own(column: str, number: int = 0) -> dict[str, Any]:
    """Return what no other column's records have: the same ones would be copies."""
    return {name: f"{column}-{number}" for name in ("session_id", "host") if name != column}


def between(column: str) -> str:
    """Return each wrong value in front of a good line."""
    good = [line(timestamp_ns=number, **own(column)) for number in range(len(VALUES))]
    return "".join(line(column, value, **own(column)) + one for value, one in zip(VALUES, good, strict=True))


def spelled_keys(column: str) -> str:
    """Return lines in which a key is missing, unknown, renamed or there twice."""
    values = record(**own(column, 1))
    value = json.dumps(values.pop(column))
    base = json.dumps(values)[1:-1]
    lines = (
        base,
        f'{base}, "{column.upper()}": {value}',
        f'{base}, "{column} ": {value}',
        f'{base}, "{column}": {value}, "extra": 1',
        f'{base}, "{column}": {value}, "{column}": {value}',
        f'"{column}": [], {base}, "{column}": {value}',
        f'"{column}": {value}, {base}, "{column}": []',
        f'{base}, "\\u{ord(column[0]):04x}{column[1:]}": {value}',
        f'{base}, "{column}": {value}',
    )
    return "".join(f"{{{members}}}\n" for members in lines)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileRead]:
    """What was read of two files for each column."""
    contents = {f"between {column}": between(column).encode() for column in FIELDS}
    contents.update({f"keys {column}": spelled_keys(column).encode() for column in FIELDS})
    return read_side_by_side(tmp_path_factory.mktemp("columns"), contents)


@pytest.mark.parametrize("column", FIELDS)
def test_wrong_types_first_and_between(files: dict[str, FileRead], column: str) -> None:
    found = files[f"between {column}"].as_expected()

    assert len(found.events) >= len(VALUES)
    assert all(number % 2 for number in found.rejects)


@pytest.mark.parametrize("column", FIELDS)
def test_key_that_is_missing_unknown_renamed_or_twice(files: dict[str, FileRead], column: str) -> None:
    found = files[f"keys {column}"].as_expected()

    assert {5, 6, 8, 9} <= found.events.keys()
    assert found.rejects


def test_a_reject_says_where_and_what(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(between(column) for column in FIELDS))

    with stormlog.query.open([path]) as store:
        read_for_issues(store)
        rejects = store.rejects()

    assert len(rejects) > len(FIELDS)
    for reject in rejects:
        assert (reject.path, reject.line_number % 2) == (str(path), 1)
        assert reject.message and reject.excerpt.startswith('{"')


#: So many columns' files stay below the number from which on small files are put together.
COLUMNS_AT_A_TIME = 4


@pytest.fixture(scope="module")
def one_line_files(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Outcome]:
    """What was read of a file for each value of each column."""
    folder = tmp_path_factory.mktemp("values")
    found = {}
    for first in range(0, len(FIELDS), COLUMNS_AT_A_TIME):
        paths = []
        for column in FIELDS[first : first + COLUMNS_AT_A_TIME]:
            for number, value in enumerate(VALUES):
                paths.append(folder / f"{column}-{number}.jsonl")
                paths[-1].write_text(line(column, value, **own(column, number)))
        assert len(paths) < small_files._LEAST_FILES
        with stormlog.query.open(paths) as store:
            by_path = actual_by_file(store)
        assert by_path.keys() <= {str(path) for path in paths}
        found.update({path: by_path.get(str(path), Outcome()) for path in paths})
    return found


@pytest.mark.parametrize("column", FIELDS)
def test_wrong_type_alone_in_a_file(one_line_files: dict[Path, Outcome], column: str) -> None:
    found = {path: outcome for path, outcome in one_line_files.items() if path.name.startswith(f"{column}-")}

    assert len(found) == len(VALUES)
    for path, outcome in found.items():
        assert_file_as_expected(path, outcome)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pid", '"3"'),
        ("timestamp_ns", "4.0"),
        ("rank", "null"),
        ("host", "7"),
        ("event_type", "[]"),
        ("metadata", "true"),
        ("device_used_bytes", "9223372036854775808"),
    ],
)
def test_wrong_type_alone_in_a_store(tmp_path: Path, column: str, value: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(line(column, value))
    with stormlog.query.open([path]) as store:
        read_for_issues(store)
        assert_as_expected(path, store)


def test_numbers_beyond_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    columns = [name for name in FIELDS if isinstance(record()[name], int)]
    numbers = (2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**25, -(10**25))
    path.write_text(
        "".join(line(column, str(number)) for column in columns for number in numbers)
        + line(metadata={"big": 10**40, "small": -(10**40)})
    )

    with stormlog.query.open([path]) as store:
        found = assert_as_expected(path, store)

    assert "out_of_range:timestamp_ns" in found.rejects.values()
    assert str(10**40) in found.events[len(columns) * len(numbers) + 1]


def test_strict_names_the_first_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(line() + line("pid", '"7"') + line())

    with (
        stormlog.query.open([path], strict=True) as store,
        pytest.raises(SourceError, match="not_integer:pid") as caught,
    ):
        store.list_issues()

    assert (caught.value.path, caught.value.line) == (str(path), 2)
