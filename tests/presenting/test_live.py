"""Live runs as a screen: it fits every terminal, and text of others stays text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stormlog.presenting import cell_width, live_screen
from stormlog.presenting.plots import level_spark
from stormlog.query import LiveFailure, LiveLook, LiveRank, LiveRun, LiveWarning

SECOND = 10**9
NOW = 1_767_323_045 * SECOND
GIB = 1 << 30


def rank(number: int, **overrides: Any) -> LiveRank:
    values = {
        "run_id": "job:j",
        "attempt": 1,
        "session_id": f"s-{number}",
        "rank": number,
        "host": f"node-{number // 8}.cluster.local",
        "state": "running",
        "failure_kind": None,
        "failed_ns": None,
        "phase": "train / backward",
        "device_id": number % 8,
        "device_count": 1,
        "counter": "used",
        "current_bytes": 40 * GIB + number,
        "peak_bytes": 44 * GIB,
        "total_bytes": 80 * GIB,
        "used_ratio": 0.5,
        "change_bytes": GIB // 2,
        "history": tuple(range(1, 21)),
        "history_ns": 300 * SECOND,
        "health_status": "healthy",
        "alert_count": 0,
        "event_count": 10,
        "start_ns": NOW - 7200 * SECOND,
        "last_ns": NOW - SECOND,
        "age_ns": SECOND,
    }
    return LiveRank(**{**values, **overrides})  # type: ignore[arg-type]


def run(**overrides: Any) -> LiveRun:
    values = {
        "run_id": "job:j",
        "attempt": 1,
        "job_id": "j",
        "app": None,
        "code_version": "1.4",
        "world_size": 4,
        "rank_count": 4,
        "state_counts": {"running": 4},
        "has_ended": False,
        "start_ns": NOW - 7200 * SECOND,
        "last_ns": NOW - SECOND,
    }
    return LiveRun(**{**values, **overrides})  # type: ignore[arg-type]


def look(*ranks: LiveRank, **overrides: Any) -> LiveLook:
    runs = [run(rank_count=len(ranks), world_size=len(ranks))] if ranks else []
    return replace(LiveLook(NOW, runs, list(ranks), [], [], 0), **overrides)


def text(found: LiveLook, width: int = 80, **named: Any) -> list[str]:
    return ["".join(piece.text for piece in line) for line in live_screen(found, width=width, **named)]


def warning(message: str, **overrides: Any) -> LiveWarning:
    values = (NOW - 5 * SECOND, "s-0", 0, "alert", "critical", message, "segment-000001.jsonl", 7)
    return replace(LiveWarning(*values), **overrides)


FAILURE = LiveFailure(NOW, "job:j", "s-3", 3, "oom", False, "CUDA out of memory", None, "x.jsonl", 9)
BUSY = look(
    rank(3, state="failed", failure_kind="oom", used_ratio=0.991),
    rank(2, state="silent", age_ns=40 * SECOND, alert_count=3),
    rank(1, health_status="degraded", change_bytes=-3 * GIB, phase="evaluate"),
    rank(9),
    warnings=[warning("Memory usage at 96%")],
    failures=[FAILURE],
    older_run_count=2,
)


def test_a_screen_shows_what_is_known() -> None:
    assert [line.rstrip() for line in text(BUSY, footer="q ends")] == [
        "03:04:05 UTC; 4 ranks: 1 failed, 1 silent, 2 running; fullest 99%; 3 alerts",
        "Rank Host   State            Age Phase     Used Share Peak Change History Alerts",
        "Run job:j, version 1.4: 4 ranks, began 2 h ago",
        "   3 node-0 OOM              now …backward 40.0   99% 44.0  +0.50 ▂▃▄▅▇██      0",
        "   2 node-0 silent for 40 s 40 s …backward 40.0   50% 44.0  +0.50 ▂▃▄▅▇██      3",
        "   1 node-0 degraded         now evaluate  40.0   50% 44.0  -3.00 ▂▃▄▅▇██      0",
        "   9 node-1 running          now …backward 40.0   50% 44.0  +0.50 ▂▃▄▅▇██      0",
        "",
        "Latest warnings and failures",
        "03:04:05 rank 3, OOM: CUDA out of memory",
        "03:04:00 rank 0, critical: Memory usage at 96%",
        "Memory in GiB; Change, History: the last 5 min; - is not known",
        "2 older runs not shown: --since names an earlier time",
        "q ends",
    ]


@pytest.mark.parametrize(
    ("width", "header"),
    [
        (120, "Rank Host State Age Phase Device Used Share Peak Change History Alerts"),
        (80, "Rank Host State Age Phase Used Share Peak Change History Alerts"),
        (40, "Rank State Age Phase Used Share"),
        (16, "Rank State"),
        (10, "Rank State"),
    ],
)
def test_columns_are_left_out_where_there_is_no_room(width: int, header: str) -> None:
    assert " ".join(text(BUSY, width)[1].split()) == header


@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (10, 3), (1, 1), (3, 9), (200, 60), (80, 8), (40, 12)]
)
def test_every_terminal_is_large_enough(width: int, height: int) -> None:
    many = look(*(rank(number) for number in range(200)), warnings=[warning("内存" * 50)] * 9)
    endings = {"job:j": "It ended. " * 50}
    for found in (many, BUSY, look()):
        for ascii_only in (False, True):
            lines = text(found, width, height=height, ascii_only=ascii_only, endings=endings)
            assert 1 <= len(lines) <= height
            assert max(map(cell_width, lines)) <= width


def test_ranks_that_there_is_no_room_for_are_counted() -> None:
    many = look(*(rank(number, state="silent" if number < 3 else "running") for number in range(200)))
    lines = text(many, height=12)
    assert lines[3].split()[:3] == ["0", "node-0", "silent"]
    assert lines[-2] == "… 193 more ranks: 193 running"
    assert len(lines) == 12
    assert text(many, 20, height=3)[-1] == "… 199 more ranks: 2…"
    assert len(text(many)) == 203 + 1


def test_a_silent_rank_says_for_how_long_and_what_is_not_known_is_a_dash() -> None:
    unknown = dict.fromkeys(
        ("host", "phase", "device_id", "counter", "current_bytes", "peak_bytes", "total_bytes", "used_ratio")
    )
    bare = rank(0, **unknown, change_bytes=None, age_ns=None, history=(None,) * 20, health_status=None)
    lines = text(look(rank(1, state="silent", age_ns=40 * SECOND), bare), 120)
    assert "silent for 40 s" in lines[3]
    assert lines[4].split() == ["0", "-", "running", "-", "-", "-", "-", "-", "-", "-", "0"]


def test_the_end_of_a_run_is_told() -> None:
    ended = look(rank(0, state="ended"), runs=[run(has_ended=True, rank_count=1)])
    lines = text(ended, endings={"job:j": "Run job:j: no rank failed."})
    assert lines[2:4] == [
        "Run job:j, version 1.4: 1 of 4 ranks on node-0.cluster.local, began 2 h ago, en…",
        "Ended. Run job:j: no rank failed.",
    ]


def test_what_is_used_is_not_said_of_what_an_allocator_holds() -> None:
    found = look(rank(0), rank(1, counter="allocated"), rank(2, counter="allocated"))
    note = "Of rank 1-2, what its allocator has allocated is shown: what is used is not known"
    assert note in text(found, 100)


def test_text_of_others_stays_text() -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07\u202e[bold]\r\n" + "x" * 1_000_000
    found = look(
        rank(0, host=hostile, phase=hostile),
        rank(1),
        runs=[run(run_id="job:j", code_version=hostile)],
        warnings=[warning(hostile, severity=hostile)],
        failures=[replace(FAILURE, message=hostile)],
    )
    for width in (20, 80, 300):
        lines = text(found, width, height=30, endings={"job:j": hostile}, footer=hostile)
        assert max(map(cell_width, lines)) <= width
        assert all(line.isprintable() for line in lines), lines


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([], 5, ""),
        ([None, 0, 6, 8, None], 5, " ▁▇█ "),
        ([8, None, 1, 4], 2, "█▅"),
        ([None, None], 4, "  "),
        ([5], 0, ""),
    ],
)
def test_levels_on_a_line(values: list[int | None], width: int, expected: str) -> None:
    assert level_spark(values, width=width) == expected
