"""Text of others on a screen: safe, cut and wrapped by the columns that it takes."""

from __future__ import annotations

import pytest

from stormlog._printable_text import printable
from stormlog.presenting.texts import cell_width, fits, padded, ranges, shortened, wrapped


def test_control_characters_are_escaped_and_letters_kept() -> None:
    assert printable("mémoire 内存\t\x1b]0;title\x07") == "mémoire 内存\\t\\x1b]0;title\\x07"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("two\nlines", 20, "two lines"),
        ("内存不足", 8, "内存不足"),
        ("内存不足", 7, "内存不…"),
        ("内存不足", 6, "内存…"),
        ("", 5, ""),
        ("\x1b[2J", 20, "\\x1b[2J"),
    ],
)
def test_a_text_is_cut_to_the_columns_that_it_may_take(text: str, width: int, expected: str) -> None:
    assert shortened(text, width) == expected
    assert cell_width(shortened(text, width)) <= width
    assert fits(text, width) == (not expected.endswith("…"))


def test_an_endless_text_is_looked_at_only_as_far_as_it_is_shown() -> None:
    text = "x" * 50_000_000
    assert shortened(text, 10) == "xxxxxxxxx…"
    assert wrapped(text, 10, at_most=2) == ["x" * 10, "xxxxxxxxx…"]


def test_accents_take_no_columns_of_their_own() -> None:
    assert cell_width("e\u0301") == 1
    assert padded("e\u0301", 3) == "e\u0301  "


def test_lines_break_between_words_and_long_words_are_cut_apart() -> None:
    assert wrapped("a bb ccc dddd", 6) == ["a bb", "ccc", "dddd"]
    assert wrapped("abcdefgh ij", 4) == ["abcd", "efgh", "ij"]
    assert wrapped("内存不足 x", 5) == ["内存", "不足", "x"]
    assert wrapped("", 5) == [""]


def test_the_last_line_that_is_allowed_shows_that_there_is_more() -> None:
    assert wrapped("aaaa bbbb cccc", 4, at_most=2) == ["aaaa", "bbb…"]
    assert wrapped("aaaa bbbb cccc", 4, at_most=2, ellipsis="...") == ["aaaa", "b..."]
    assert wrapped("aaaa bbbb", 4, at_most=2) == ["aaaa", "bbbb"]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], ""),
        ([3], "3"),
        ([3, 5], "3 and 5"),
        ([0, 1, 2, 3, 5], "0-3 and 5"),
        ([0, 2, 4, 6, 8, 10, 12, 13], "0, 2, 4, 6, 8, 10 and 2 more"),
        (range(100_000), "0-99999"),
    ],
)
def test_neighbours_are_drawn_together(numbers: list[int], expected: str) -> None:
    assert ranges(numbers) == expected
