"""Schema ``tracking`` of a store's database: the tables of the tracker, copied when a statement names them.

The promise: what a statement sees is the tracker as it was when the statement began, and a tracker that did not
change is not copied again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from stormlog.issues.sidecar import TrackedState
from stormlog.query.database import Database
from stormlog.query.tracked_states import StateSource
from stormlog.query.tracker_file import tables_of

__all__ = ["TrackingSchema"]

#: Rows of a table that are copied at a time.
_BATCH = 50_000

#: Columns of ``raw.issue_states`` and what fills them.
_STATE_TYPES = (
    "VARCHAR, VARCHAR, VARCHAR, BOOLEAN, VARCHAR, VARCHAR, VARCHAR, VARCHAR, VARCHAR, "
    "BIGINT, BIGINT, BIGINT, BIGINT, VARCHAR, VARCHAR"
)


class TrackingSchema:
    """The tables and how current they are.

    Args:
        database: An engine's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._columns: dict[str, dict[str, str]] = {}
        self._copied: dict[str, object] = {}

    @property
    def names(self) -> list[str]:
        """Names of the tables and of the view, with their schema; none before something was shown."""
        return (
            [f"tracking.{table}" for table in sorted(["issue_states", *self._columns])]
            if self._columns
            else []
        )

    def show(self, source: StateSource, names: Collection[str] | None) -> None:
        """Make the tables among ``names`` say what the tracker says now.

        Args:
            names: Words of a statement, with or without ``tracking.``; None means every table.
        """
        connection = self._database.connection
        with source.tables() as (tracker, token):
            if not self._columns:
                self._columns = tables_of(tracker)
                for table, columns in self._columns.items():
                    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                    connection.execute(f"CREATE TABLE tracking.{table} ({declared})")
                    self._copied[table] = (0, 0)
            stale = [
                table
                for table in self._columns
                if self._copied[table] != token
                and (names is None or not {table, f"tracking.{table}"}.isdisjoint(names))
            ]
            # Others who ask meanwhile see all that was there before.
            connection.execute("BEGIN TRANSACTION")
            try:
                for table in stale:
                    self._copy(tracker, table)
                self._show_states(source)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            self._copied.update(dict.fromkeys(stale, token))
        self._database.require(["tracking.issue_states"])

    def _copy(self, tracker: sqlite3.Connection, table: str) -> None:
        columns = self._columns[table]
        self._database.connection.execute(f"DELETE FROM tracking.{table}")
        rows = tracker.execute(f"SELECT {', '.join(columns)} FROM {table}")
        while batch := rows.fetchmany(_BATCH):
            values = [list(column) for column in zip(*batch, strict=True)]
            self._database.append(f"tracking.{table}", values, ", ".join(columns.values()))

    def _show_states(self, source: StateSource) -> None:
        states, token = source.states()
        if self._copied.get("issue_states") != token:
            rows = [_row(states[fingerprint_id]) for fingerprint_id in sorted(states)]
            self._database.fill("raw.issue_states", _STATE_TYPES, rows)
            self._copied["issue_states"] = token


def _row(state: TrackedState) -> tuple[Any, ...]:
    return (
        state.fingerprint_id,
        state.issue_id,
        state.app,
        state.is_dev,
        state.effective_status,
        state.state,
        state.fix_version,
        state.assignee,
        None if state.ignore_until is None else json.dumps(state.ignore_until, sort_keys=True),
        state.occurrence_count,
        state.run_count,
        state.unique_user_count,
        state.recurred_count,
        state.first_seen_version,
        state.last_seen_version,
    )
