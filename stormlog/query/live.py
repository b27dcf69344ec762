"""Live runs: what each rank does now, looked at again and again.

Promise: a look costs what is new. Each record is counted once; what runs are, and how their ranks ended, is asked again
only when something came that decides it. A look says the same as the first look of another follower would, but for
what only one who looked before can know: that something came meanwhile.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stormlog.engine import Generation
    from stormlog.query.follow_questions import LiveQuestions
    from stormlog.query.live_rows import LiveLook, LiveRank, LiveRun

__all__ = ["FOLLOWED_NS", "RunFollower"]

#: Time before the last record of a run that histories are about at most and at least, and in how many parts.
_HISTORY_NS = 300 * 1_000_000_000
_LEAST_HISTORY_NS = 20 * 1_000_000_000
_HISTORY_PARTS = 20
#: A run that wrote nothing for so long is not followed.
FOLLOWED_NS = 3600 * 1_000_000_000
#: Warnings, and failures, of a look.
_MOST_MESSAGES = 20

#: Views that statements need: records alone, or all that says how ranks ended.
_RECORDS = "memory_readings"
_RUNS = "run_ranks run_sessions failures"

_Rows = list[dict[str, Any]]


class RunFollower:
    """Knows what was read of live runs. One thread at a time may look.

    Args:
        store: What is followed; `look` is about the files that its last `refresh` saw.
        since_ns: As of `LiveQuestions.follow_runs`.
    """

    def __init__(self, store: LiveQuestions, since_ns: int) -> None:
        self._store = store
        self._since_ns = since_ns
        self._generation: Generation | None = None
        self._forget()

    def _forget(self) -> None:
        """Begin anew: the next look counts everything."""
        # Whose pieces the numbers are.
        self._engine: object = None
        self._has_looked = False
        self._pieces: _Rows = []
        self._readings: _Rows = []
        self._boundaries: _Rows = []
        self._changes: _Rows | None = None
        self._runs: _Rows = []
        self._failures: _Rows = []

    def look(self, *, now_ns: int | None = None) -> LiveLook:
        """Return what the runs do now.

        Args:
            now_ns: The time by the clock, nanoseconds since the Unix epoch; by default that of this machine.

        Raises:
            QueryError: the store is closed, files changed while it was asked, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.

        Source: docs/top.md.
        """
        from stormlog.query.live_rows import LiveFailure, LiveLook, LiveWarning

        now = time.time_ns() if now_ns is None else now_ns
        self._generation = None
        try:
            self._read_on(now)
            self._ask_for_runs()
            given = {
                "readings": _json(self._readings),
                "boundaries": _json(self._boundaries),
                "runs": _json(self._runs),
            }
            rows = self._ask("live_ranks", {**given, "now_ns": now, "since_ns": self._since_ns})
            histories = self._histories(rows)
            sessions = sorted({row["session_id"] for row in rows})
            warnings = self._ask("live_warnings", {"session_ids": sessions, "limit": _MOST_MESSAGES})
        except BaseException:
            # Something may be counted in part.
            self._forget()
            raise
        self._has_looked = True
        followed = {row["run_id"] for row in rows}
        failures = [row for row in self._failures if row["run_id"] in followed]
        return LiveLook(
            looked_ns=now,
            runs=[_run(list(group)) for _, group in groupby(rows, key=lambda row: row["run_id"])],
            ranks=[_rank(row, histories) for row in rows],
            warnings=[LiveWarning(**row) for row in warnings],
            failures=[LiveFailure(**row) for row in failures[:_MOST_MESSAGES]],
            older_run_count=len({row["run_id"] for row in self._runs} - followed),
        )

    def _read_on(self, now_ns: int) -> None:
        """Count what came since the last look; what is gone does not count any more."""
        marks: dict[int, tuple[int, int]] = {}
        for row in self._readings:
            count, last_line = marks.get(row["piece_id"], (0, -1))
            marks[row["piece_id"]] = (count + row["event_count"], max(last_line, row["last_line"]))
        engine = self._engine
        found = self._ask("live_pieces", _marks_of({piece: line for piece, (_, line) in marks.items()}))
        if self._engine is not engine:
            # Numbers of another database.
            marks.clear()
        to_read: dict[int, int] = {}
        kept: set[int] = set()
        for row in found:
            piece_id, count = row["piece_id"], row["record_count"]
            seen, last_line = marks.get(piece_id, (0, -1))
            if not seen or row["seen_count"] != seen:
                to_read[piece_id] = -1
            else:
                kept.add(piece_id)
                if count > seen:
                    to_read[piece_id] = last_line
        if kept != marks.keys():
            # What ranks were may rest on what is gone.
            self._changes = None
        readings = [row for row in self._readings if row["piece_id"] in kept]
        boundaries = [row for row in self._boundaries if row["piece_id"] in kept]
        if to_read:
            again = [row for row in readings if row["piece_id"] in to_read]
            given = {**_marks_of(to_read), "heard_ns": now_ns if self._has_looked else None}
            counted = self._ask("live_readings", {**given, "readings": _json(again)})
            again = [row for row in boundaries if row["piece_id"] in to_read]
            last = self._ask("live_boundaries", {**_marks_of(to_read), "boundaries": _json(again)})
            readings = [*(row for row in readings if row["piece_id"] not in to_read), *counted]
            boundaries = [*(row for row in boundaries if row["piece_id"] not in to_read), *last]
        self._readings, self._boundaries = readings, boundaries
        self._pieces = found

    def _ask_for_runs(self) -> None:
        """Ask what runs there are and how their ranks ended, if something came that decides it."""
        sessions = _json(self._readings)
        changes = self._ask("live_changes", {"sessions": sessions, "runs": _json(self._runs)})
        if changes == self._changes:
            return
        self._runs = self._ask("live_runs", {}, _RUNS)
        self._failures = self._ask("live_failures", {}, _RUNS)
        self._number_again()
        # What is settled now may be told in other words.
        self._changes = self._ask("live_changes", {"sessions": sessions, "runs": _json(self._runs)})

    def _number_again(self) -> None:
        """Know pieces by other numbers, where all files were read anew because their texts were needed."""
        found = self._ask("live_pieces", _marks_of({}))
        places = [(row["file_id"], row["record_count"]) for row in self._pieces]
        if places != [(row["file_id"], row["record_count"]) for row in found]:
            # They will be counted anew.
            return
        numbers = {old["piece_id"]: new["piece_id"] for old, new in zip(self._pieces, found, strict=True)}
        for row in (*self._readings, *self._boundaries):
            row["piece_id"] = numbers[row["piece_id"]]

    def _histories(self, rows: _Rows) -> Mapping[tuple[str, int, int], dict[str, Any]]:
        shown = [row for row in rows if row["counter"] is not None]
        if not shown:
            return {}
        found = self._ask(
            "live_history",
            {
                "session_ids": [row["session_id"] for row in shown],
                "ranks": [row["rank"] for row in shown],
                "device_ids": [row["device_id"] for row in shown],
                "counters": [row["counter"] for row in shown],
                "starts_ns": [row["run_last_ns"] - _length_of_history(row) for row in shown],
                "ends_ns": [row["run_last_ns"] for row in shown],
                "earliest_ns": min(row["run_last_ns"] - _length_of_history(row) for row in shown),
                "parts": _HISTORY_PARTS,
            },
        )
        return {(row["session_id"], row["rank"], row["device_id"]): row for row in found}

    def _ask(self, name: str, params: Mapping[str, Any], views: str = _RECORDS) -> _Rows:
        rows, self._generation, self._engine = self._store._live_rows(name, params, views, self._generation)
        return rows


def _marks_of(last_lines: Mapping[int, int]) -> dict[str, list[int]]:
    return {"piece_ids": list(last_lines), "last_lines": list(last_lines.values())}


def _json(rows: _Rows) -> str:
    return json.dumps(rows)


def _length_of_history(row: dict[str, Any]) -> int:
    """Return the time that the history of a rank is about: that of its run, within limits."""
    length: int = row["run_last_ns"] - row["run_start_ns"]
    return min(max(length, _LEAST_HISTORY_NS), _HISTORY_NS)


def _run(rows: _Rows) -> LiveRun:
    """Return a run, of the rows of its ranks."""
    from stormlog.query.live_rows import LiveRun

    first = rows[0]
    return LiveRun(
        run_id=first["run_id"],
        attempt=first["attempt"],
        job_id=_first(rows, "job_id"),
        app=_first(rows, "app"),
        code_version=_first(rows, "code_version"),
        world_size=max((row["world_size"] for row in rows if row["world_size"] is not None), default=None),
        rank_count=len({row["rank"] for row in rows}),
        state_counts=dict(Counter(row["state"] for row in rows)),
        has_ended=first["has_ended"],
        start_ns=first["run_start_ns"],
        last_ns=first["run_last_ns"],
    )


def _first(rows: _Rows, name: str) -> Any:
    return min((row[name] for row in rows if row[name] is not None), default=None)


def _rank(row: dict[str, Any], histories: Mapping[tuple[str, int, int], dict[str, Any]]) -> LiveRank:
    from stormlog.query.live_rows import LiveRank

    history = histories.get((row["session_id"], row["rank"], row["device_id"]))
    parts: list[int | None] = [None] * _HISTORY_PARTS
    if history is not None:
        for part, value in zip(history["parts"], history["highest_bytes"], strict=True):
            parts[part] = value
    names = LiveRank.__dataclass_fields__
    known = {name: row[name] for name in names if name in row}
    return LiveRank(
        **known,
        phase=row["phase_path"],
        change_bytes=None if history is None else history["change_bytes"],
        history=tuple(parts),
        history_ns=None if row["counter"] is None else _length_of_history(row),
    )
