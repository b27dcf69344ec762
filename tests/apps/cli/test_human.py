"""Sizes, times and texts as people read them."""

from __future__ import annotations

import pytest

from stormlog.apps.cli.printing.human import cell_text
from stormlog.presenting.quantities import human_bytes, human_time
from stormlog.presenting.texts import printable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (-1536, "-1.50 KiB"),
        (10 * 1024**2, "10.0 MiB"),
        (3 << 29, "1.50 GiB"),
        (1024**3 - 1, "1024 MiB"),
        (1 << 62, "4.00 EiB"),
        (1 << 80, "1048576 EiB"),
    ],
)
def test_sizes(value: int, expected: str) -> None:
    assert human_bytes(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "1970-01-01 00:00:00"),
        (1_767_323_045_999_999_999, "2026-01-02 03:04:05"),
        (-1, "-1"),
        (1 << 63, "2262-04-11 23:47:16"),
        (10**30, str(10**30)),
    ],
)
def test_times(value: int, expected: str) -> None:
    assert human_time(value) == expected


def test_milliseconds_are_cut_not_rounded() -> None:
    assert human_time(1_767_323_045_999_999_999, milliseconds=True) == "2026-01-02 03:04:05.999"


def test_control_characters_are_escaped_and_letters_kept() -> None:
    assert printable("mémoire 内存\t\x1b]0;title\x07") == "mémoire 内存\\t\\x1b]0;title\\x07"


def test_cells_of_nested_values_are_json_on_one_line() -> None:
    assert cell_text({"b": [1, None], "a": "é"}) == '{"a": "\\u00e9", "b": [1, null]}'
    assert cell_text(None) == "-"
