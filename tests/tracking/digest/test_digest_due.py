"""When a digest is due, and that timers which are late or early neither lose one nor move its hour."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from stormlog.tracking.digest.due import INTERVAL_NS, due_ns, is_due, slack_ns, stamp_ns

MINUTE_NS = 60 * 10**9
WEEK_NS = 7 * 24 * 60 * MINUTE_NS


def at(text: str) -> int:
    """Return 'DAY HH:MM:SS' of January as nanoseconds."""
    day, clock = text.split()
    moment = datetime.fromisoformat(f"2026-01-{int(day):02d}T{clock}").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9


@pytest.mark.parametrize(
    ("frequency", "basis", "now", "expected"),
    [
        ("hourly", "1 10:05:03", "1 11:05:00", True),
        ("hourly", "1 10:05:00", "1 10:58:59", False),
        ("hourly", "1 10:05:00", "1 10:59:00", True),
        ("6_hourly", "1 06:00:00", "1 11:44:59", False),
        ("6_hourly", "1 06:00:00", "1 11:45:00", True),
        ("daily", "1 09:05:02", "2 09:05:00", True),
        ("daily", "1 09:05:00", "2 08:49:59", False),
        ("weekly", "1 09:05:00", "8 08:49:59", False),
        ("weekly", "1 09:05:00", "8 08:50:00", True),
        ("none", "1 00:00:00", "31 00:00:00", False),
    ],
)
def test_due(frequency: str, basis: str, now: str, expected: bool) -> None:
    assert is_due(frequency, basis_ns=at(basis), now_ns=at(now)) is expected


def test_the_next_time_is_the_first_moment_that_is_due() -> None:
    for frequency in INTERVAL_NS:
        next_ns = due_ns(frequency, basis_ns=5)
        assert next_ns is not None
        assert is_due(frequency, basis_ns=5, now_ns=next_ns)
        assert not is_due(frequency, basis_ns=5, now_ns=next_ns - 1)
    assert due_ns("none", basis_ns=5) is None


@pytest.mark.parametrize(
    ("frequency", "basis", "now", "expected"),
    [
        ("hourly", "1 10:05:00", "1 11:04:58", "1 11:05:00"),
        ("hourly", "1 10:05:00", "1 11:05:02", "1 11:05:00"),
        ("hourly", "1 10:05:00", "1 11:20:00", "1 11:20:00"),
        ("hourly", "1 10:05:00", "1 14:03:00", "1 14:05:00"),
        ("hourly", "1 10:05:00", "1 10:06:00", "1 10:06:00"),
        ("daily", "1 09:00:00", "3 09:15:00", "3 09:00:00"),
        ("daily", "1 09:00:00", "3 09:15:01", "3 09:15:01"),
        ("none", "1 09:00:00", "3 09:15:00", "3 09:15:00"),
    ],
)
def test_what_the_next_digest_is_counted_from(frequency: str, basis: str, now: str, expected: str) -> None:
    assert stamp_ns(frequency, basis_ns=at(basis), now_ns=at(now)) == at(expected)


@pytest.mark.parametrize("timer_minutes", [5, 15, 60])
@pytest.mark.parametrize(
    ("frequency", "expected"), [("hourly", 3360), ("6_hourly", 560), ("daily", 140), ("weekly", 20)]
)
def test_twenty_weeks_of_a_jittery_timer_lose_nothing_and_do_not_drift(
    frequency: str, expected: int, timer_minutes: int
) -> None:
    chance = random.Random(f"{frequency} {timer_minutes}")
    created_ns = basis_ns = at("1 09:05:00")
    step_ns = timer_minutes * MINUTE_NS
    sent = []
    for tick_ns in range(step_ns, 20 * WEEK_NS + 1, step_ns):
        now_ns = created_ns + tick_ns + chance.randrange(0, 2 * 10**9)
        if is_due(frequency, basis_ns=basis_ns, now_ns=now_ns):
            basis_ns = stamp_ns(frequency, basis_ns=basis_ns, now_ns=now_ns)
            sent.append(now_ns)
    assert len(sent) == expected
    for number, now_ns in enumerate(sent, 1):
        planned_ns = created_ns + number * INTERVAL_NS[frequency]
        assert abs(now_ns - planned_ns) <= slack_ns(frequency)
