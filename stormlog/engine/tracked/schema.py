"""Schema ``tracking`` of a store's database: the tables of the tracker, copied when a statement names them.

The promise: what a statement sees is the tracker as it was when the statement began, but for addresses of webhooks,
of which only the host is shown; and a tracker that did not change is not copied again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.tracked.sqlite_file import tables_of
from stormlog.engine.tracked.states import NO_TRACKER, StateSource
from stormlog.issues.sidecar import TrackedState

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
        return [f"tracking.{name}" for name in sorted(self._copied)]

    def show(self, source: StateSource, names: Collection[str] | None) -> None:
        """Make the tables among ``names`` say what the tracker says now.

        Args:
            names: Words of a statement, with or without ``tracking.``; None means every table.
        """
        connection = self._database.connection
        with source.showing() as shown:
            columns = self._columns or tables_of(shown.tables)
            copied: dict[str, object] = dict.fromkeys(columns, NO_TRACKER) | self._copied
            # Others who ask meanwhile see all that was there before.
            connection.execute("BEGIN TRANSACTION")
            try:
                if not self._columns:
                    self._create(columns)
                for table in columns:
                    is_named = names is None or not {table, f"tracking.{table}"}.isdisjoint(names)
                    if is_named and copied[table] != shown.tables_token:
                        self._copy(shown.tables, table, columns[table])
                        copied[table] = shown.tables_token
                if copied.get("issue_states") != shown.states_token:
                    rows = [_row(state) for _, state in sorted(shown.states.items())]
                    self._database.fill("raw.issue_states", _STATE_TYPES, rows)
                    copied["issue_states"] = shown.states_token
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        self._columns, self._copied = columns, copied
        self._database.require(["tracking.issue_states"])

    def _create(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        for table, columns in tables.items():
            declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            self._database.connection.execute(f"CREATE TABLE tracking.{table} ({declared})")

    def _copy(self, tracker: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> None:
        self._database.connection.execute(f"DELETE FROM tracking.{table}")
        rows = tracker.execute(f"SELECT {', '.join(columns)} FROM {table}")
        while batch := rows.fetchmany(_BATCH):
            values = [list(column) for column in zip(*batch, strict=True)]
            if table == "projects" and "webhook_url" in columns:
                _hide_addresses(values[list(columns).index("webhook_url")])
            self._database.append(f"tracking.{table}", values, ", ".join(columns.values()))


def _hide_addresses(webhooks: list[str | None]) -> None:
    from stormlog._webhook_addresses import shown_webhook

    webhooks[:] = [None if webhook is None else shown_webhook(webhook) for webhook in webhooks]


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
