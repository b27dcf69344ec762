"""What owners of a store ask of the file itself: its version, a copy, whether it is sound.

The promise: nothing here changes a store, except bringing it up to date.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from stormlog._sqlite import connect_to_memory, explaining
from stormlog.tracking.database import aggregates
from stormlog.tracking.database.migrations import (
    Migration,
    applied_versions,
    back_up,
    load_migrations,
    migrate,
    pending,
)
from stormlog.tracking.database.store import Store

__all__ = [
    "Problem",
    "StoreStep",
    "StoreStatus",
    "back_up_store",
    "check_store",
    "migrate_store",
    "store_status",
]

_SCHEMA = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
_JSON_COLUMNS = """
SELECT m.name, c.name
FROM sqlite_master AS m
INNER JOIN pragma_table_info(m.name) AS c ON c.name LIKE '%\\_json' ESCAPE '\\'
WHERE m.type = 'table'
"""

#: Columns that count changes, not evidence.
_CLOCKS = ("updated_ns", "revision")


class StoreStep(TypedDict):
    """A step from one version of the store to the next.

    Attributes:
        applied_at: When it was taken, as text; not there for one that was not taken yet.
    """

    version: int
    name: str
    applied_at: NotRequired[str]


@dataclass(frozen=True)
class StoreStatus:
    """Which steps a store has taken, and what is in it.

    Attributes:
        applied: Each step that was taken, in order.
        pending: Those still to take.
        rows: Rows of each table.
    """

    path: str
    size_bytes: int
    applied: list[StoreStep]
    pending: list[StoreStep]
    rows: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Problem:
    """Something in a store that should not be so.

    Attributes:
        kind: ``damaged``, ``altered`` (a table or index is not as it was made), ``dangling`` (a row refers to one
            that is not there) or ``miscounted``.
    """

    kind: str
    message: str


def store_status(path: str | os.PathLike[str]) -> StoreStatus:
    """Return what a store is.

    Raises:
        MigrationError: it is newer than this version of Stormlog, damaged, or something else.
        SourceError: there is none.
    """
    with (
        contextlib.closing(Store.open_read_only(path, may_be_older=True)) as store,
        store.reading() as connection,
    ):
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
            if name != "schema_migrations" and not name.startswith("sqlite_")
        ]
        applied = applied_versions(connection)
        return StoreStatus(
            path=str(store.path),
            size_bytes=store.path.stat().st_size,
            applied=[
                {"version": version, "name": name, "applied_at": applied_at}
                for version, (name, _, applied_at) in applied.items()
            ],
            pending=[_step(step) for step in pending(connection, store.path)],
            # An index would do to count, and say nothing of the table.
            rows={
                name: connection.execute(f'SELECT count(*) FROM "{name}" NOT INDEXED').fetchone()[0]
                for name in names
            },
        )


def migrate_store(path: str | os.PathLike[str], *, dry_run: bool = False) -> list[StoreStep]:
    """Bring a store up to date; there need not be one.

    Args:
        dry_run: Change nothing.

    Returns:
        The steps that were missing.

    Raises:
        MigrationError: it cannot be brought up to date, and is as it was.
    """
    steps = store_status(path).pending if Path(path).exists() else list(map(_step, load_migrations()))
    if not dry_run:
        Store.open(path).close()
    return steps


def back_up_store(
    path: str | os.PathLike[str], target: str | os.PathLike[str], *, replace: bool = False
) -> Path:
    """Copy a store, also while others write to it; the copy appears whole or not at all.

    Args:
        replace: Whether the target may exist.

    Raises:
        MigrationError, SourceError: see `store_status`.
        ValueError: the target exists, or is the store itself.
    """
    copy = Path(target)
    if copy.exists() and Path(path).exists() and copy.samefile(path):
        raise ValueError(f"{copy} is the tracker itself")
    if copy.exists() and not replace:
        raise ValueError(f"{copy} exists already")
    with contextlib.closing(Store.open_read_only(path, may_be_older=True)) as store:
        return back_up(store.connection, copy, original=store.path)


def check_store(path: str | os.PathLike[str]) -> list[Problem]:
    """Return what is wrong with a store: the file, its tables, references between rows, and what is counted.

    Counts are worked out again in a copy in memory.

    Raises:
        MigrationError, SourceError: see `store_status`; or it has to be brought up to date first.
    """
    with (
        contextlib.closing(Store.open_read_only(path)) as store,
        contextlib.closing(store.copy_in_memory()) as copied,
        explaining(store.path),
    ):
        copy = copied.connection
        problems = [
            Problem("damaged", text) for (text,) in copy.execute("PRAGMA integrity_check") if text != "ok"
        ]
        problems += _altered(copy, store.path)
        if problems:
            # What else could be asked of it would fail in many ways.
            return problems
        problems = _unreadable(copy)
        for table, row, parent, _ in copy.execute("PRAGMA foreign_key_check"):
            problems.append(
                Problem("dangling", f"row {row} of {table} refers to a row of {parent} that is not there")
            )
        return problems + _miscounted(copy)


def _altered(copy: sqlite3.Connection, path: Path) -> list[Problem]:
    """Compare tables and indexes with those of a new store."""
    with contextlib.closing(connect_to_memory()) as new:
        migrate(new, path)
        made, found = (dict(connection.execute(_SCHEMA).fetchall()) for connection in (new, copy))
    return [
        Problem("altered", f"{name} is {'missing' if name not in found else 'not as it was made'}")
        for name, sql in made.items()
        if found.get(name) != sql
    ]


def _unreadable(copy: sqlite3.Connection) -> list[Problem]:
    """Find JSON that is none."""
    problems = []
    for table, column in copy.execute(_JSON_COLUMNS).fetchall():
        query = f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND NOT json_valid({column})"
        wrong = copy.execute(query).fetchone()[0]
        if wrong:
            problems.append(Problem("damaged", f"{table}.{column} is no JSON in {wrong} rows"))
    return problems


def _miscounted(copy: sqlite3.Connection) -> list[Problem]:
    tables = (("issue_occurrences", "occurrence_id"), ("issues", "issue_id"))
    for table, _ in tables:
        copy.execute(f"CREATE TEMP TABLE stored_{table} AS SELECT * FROM {table}")
    aggregates.touch(
        copy,
        occurrences=[key for (key,) in copy.execute("SELECT occurrence_id FROM issue_occurrences")],
        issues=[key for (key,) in copy.execute("SELECT issue_id FROM issues")],
    )
    aggregates.rebuild_occurrences(copy)
    aggregates.rebuild_issues(copy, now_ns=0)
    # Earlier versions showed the earliest title and the worst severity of all that was merged; it stays until more
    # is seen of the issue.
    copy.execute(
        """
        UPDATE issues
        SET (title, severity) = (
            SELECT s.title, s.severity FROM temp.stored_issues AS s WHERE s.issue_id = issues.issue_id
        )
        WHERE issue_id IN (SELECT target_issue_id FROM issue_merges WHERE undone_ns IS NULL)
        """
    )
    problems = []
    for table, key in tables:
        columns = [name for _, name, *_ in copy.execute(f"PRAGMA table_info({table})") if name not in _CLOCKS]
        differing = ", ".join(f"CASE WHEN s.{name} IS NOT c.{name} THEN '{name}' END" for name in columns)
        rows = copy.execute(
            f"""
            SELECT s.{key}, {differing}
            FROM temp.stored_{table} AS s
            LEFT JOIN {table} AS c ON s.{key} = c.{key}
            WHERE {" OR ".join(f"s.{name} IS NOT c.{name}" for name in columns)}
            ORDER BY s.{key}
            """
        )
        for identity, *names in rows:
            wrong = ", ".join(name for name in names if name is not None)
            problems.append(Problem("miscounted", f"{key} {identity}: {wrong}"))
    return problems


def _step(step: Migration) -> StoreStep:
    return {"version": step.version, "name": step.name}
