"""A value of another type is a located reject in every column, and takes no other line along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import SourceError
from tests.engine.reading.oracle import FIELDS, assert_as_expected, assert_files_as_expected
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


@pytest.mark.parametrize("column", FIELDS)
def test_wrong_types_first_and_between(tmp_path: Path, column: str) -> None:
    path = tmp_path / "events.jsonl"
    good = [line(timestamp_ns=number) for number in range(len(VALUES))]
    path.write_text("".join(line(column, value) + one for value, one in zip(VALUES, good, strict=True)))

    with stormlog.query.open([path]) as store:
        found = assert_as_expected(path, store)
        rejects = store.rejects()

    assert len(found.events) >= len(VALUES)
    for reject in rejects:
        assert (reject.path, reject.line_number % 2) == (str(path), 1)
        assert reject.message and reject.excerpt.startswith('{"')


@pytest.mark.parametrize("column", FIELDS)
def test_wrong_type_alone_in_a_file(tmp_path: Path, column: str) -> None:
    # The same file again and again would be the same source: one file for each value, from another host each.
    paths = [tmp_path / f"{number}.jsonl" for number in range(len(VALUES))]
    for number, (path, value) in enumerate(zip(paths, VALUES, strict=True)):
        path.write_text(line(column, value, **({} if column == "host" else {"host": f"h{number}"})))
    with stormlog.query.open(paths) as store:
        store.list_issues()
        assert_files_as_expected(paths, store)
    # Two of them are read alone: over all columns each value is.
    first = 2 * FIELDS.index(column) % len(VALUES)
    for path in paths[first : first + 2]:
        with stormlog.query.open([path]) as store:
            assert_as_expected(path, store)


@pytest.mark.parametrize("column", FIELDS)
def test_key_that_is_missing_unknown_renamed_or_twice(tmp_path: Path, column: str) -> None:
    path = tmp_path / "events.jsonl"
    values = record()
    own = values.pop(column)
    base = json.dumps(values)[1:-1]
    twice = json.dumps(own)
    path.write_text(
        "".join(
            f"{{{members}}}\n"
            for members in (
                base,
                f'{base}, "{column.upper()}": {twice}',
                f'{base}, "{column} ": {twice}',
                f'{base}, "{column}": {twice}, "extra": 1',
                f'{base}, "{column}": {twice}, "{column}": {twice}',
                f'"{column}": [], {base}, "{column}": {twice}',
                f'"{column}": {twice}, {base}, "{column}": []',
                f'{base}, "\\u{ord(column[0]):04x}{column[1:]}": {twice}',
                f'{base}, "{column}": {twice}',
            )
        )
    )

    with stormlog.query.open([path]) as store:
        found = assert_as_expected(path, store)

    assert {5, 6, 8, 9} <= found.events.keys()
    assert found.rejects


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
