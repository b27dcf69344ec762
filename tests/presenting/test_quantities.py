"""Sizes, times and durations as people read them."""

from __future__ import annotations

import pytest

from stormlog.presenting.quantities import (
    human_age,
    human_bytes,
    human_difference,
    human_duration,
    human_time,
)


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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 s"),
        (999_999, "less than 1 ms"),
        (120 * 10**6, "120 ms"),
        (999_499_999, "999 ms"),
        (999_999_999, "1 s"),
        (4_699_000_000, "4.7 s"),
        (3_200_000_000, "3.2 s"),
        (4_000_000_000, "4 s"),
        (9_949_999_999, "9.9 s"),
        (9_999_999_999, "10 s"),
        (34_900_000_000, "35 s"),
        (59_600_000_000, "1 min"),
        (3_599_600_000_000, "1 h"),
        (86_399 * 10**9, "1 d"),
        (60 * 10**9, "1 min"),
        (125 * 10**9, "2 min 5 s"),
        (7525 * 10**9, "2 h 5 min"),
        (7200 * 10**9, "2 h"),
        (274_000 * 10**9, "3 d 4 h"),
        (10**18 * 1000, "11,574,074 d 2 h"),
    ],
)
def test_durations(value: int, expected: str) -> None:
    assert human_duration(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (150, "3 minutes"),
        (7200, "2 hours"),
        (36 * 3600, "36 hours"),
        (12 * 86400 + 40_000, "12 days"),
        (2000 * 86400, "2,000 days"),
    ],
)
def test_ages(seconds: int, expected: str) -> None:
    assert human_age(seconds * 10**9) == expected


def test_differences_have_a_sign() -> None:
    assert [human_difference(value << 20) for value in (3, 0, -3)] == ["+3.00 MiB", "0 B", "-3.00 MiB"]
