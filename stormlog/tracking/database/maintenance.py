"""What owners of a store ask of the file itself: its version, a copy, whether it is sound.

The promise: nothing here changes a store, except bringing it up to date and restoring it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stormlog._sqlite import connect, connect_to_memory, explaining, tell_damage
from stormlog.errors import MigrationError, SourceError
from stormlog.tracking.database import aggregates
from stormlog.tracking.database.migrations import (
    Migration,
    applied_versions,
    back_up,
    free_backup_path,
    load_migrations,
    migrate,
    pending,
)
from stormlog.tracking.database.store import Store
from stormlog.tracking.scanning.lock import scan_lock

__all__ = [
    "Problem",
    "StoreStatus",
    "back_up_store",
    "check_store",
    "migrate_store",
    "restore_store",
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


@dataclass(frozen=True)
class StoreStatus:
    """Which steps a store has taken, and what is in it.

    Attributes:
        applied: ``version``, ``name`` and ``applied_at`` of each step, in order.
        pending: ``version`` and ``name`` of those still to take.
        rows: Rows of each table.
    """

    path: str
    size_bytes: int
    applied: list[dict[str, Any]]
    pending: list[dict[str, Any]]
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


def migrate_store(path: str | os.PathLike[str], *, dry_run: bool = False) -> list[dict[str, Any]]:
    """Bring a store up to date; there need not be one.

    Args:
        dry_run: Change nothing.

    Returns:
        ``version`` and ``name`` of the steps that were missing.

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


def restore_store(
    path: str | os.PathLike[str], source: str | os.PathLike[str], *, replace: bool = False
) -> Path | None:
    """Put a copy in the place of a store, also while others read it; it is checked before.

    Args:
        path: The store; there need not be one.
        source: What `back_up_store` made.
        replace: Whether the store may exist; it is kept beside.

    Returns:
        What the store was, kept as a copy; None if there was none.

    Raises:
        MigrationError: the copy is damaged, newer than this version of Stormlog, or something else; nothing was done.
        SourceError: there is no such copy, or the store cannot be written.
        StoreBusyError: a scan runs, or somebody writes.
        ValueError: the store exists and may not be replaced, or the copy is the store itself.
    """
    store, copy = Path(path), Path(source)
    if not copy.exists():
        raise SourceError("no such copy of a tracker", path=str(copy))
    if store.exists() and store.samefile(copy):
        raise ValueError(f"{copy} is the tracker itself")
    if store.exists() and not replace:
        raise ValueError(
            f"{store} exists already: it is replaced, and kept beside, only if that is said (--yes)"
        )
    if not store.parent.is_dir():
        raise SourceError(f"there is no directory {store.parent}", path=str(store))
    with contextlib.closing(Store.open_read_only(copy, may_be_older=True)) as opened:
        _require_sound(opened)
        with scan_lock(store):
            if not store.exists():
                back_up(opened.connection, store, original=copy)
                return None
            kept = _keep_aside(store)
            if not store.exists():
                back_up(opened.connection, store, original=kept)
                return kept
            # Into the same file: whoever has it open sees what it was or what it is, and nothing in between.
            with (
                explaining(store, doing=f"write {store}"),
                contextlib.closing(connect(store, "rw")) as connection,
            ):
                opened.connection.backup(connection)
            return kept


def _require_sound(copy: Store) -> None:
    """Refuse a copy that is not what a store should be.

    Raises:
        MigrationError: see `restore_store`.
    """
    with copy.reading() as connection:
        if not applied_versions(connection):
            raise MigrationError(
                f"{copy.path} is an empty file, and no copy of a tracker",
                code="not_a_store",
                details={"path": str(copy.path)},
            )
        is_older = bool(pending(connection, copy.path))
        [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise tell_damage(copy.path, verdict)
    # What an older one counts is checked once it has been brought up to date.
    problems = [] if is_older else check_store(copy.path)
    if problems:
        raise tell_damage(copy.path, f"{problems[0].kind}: {problems[0].message}")


def _keep_aside(store: Path) -> Path:
    """Copy a store to a file beside it, or move it there if it is too damaged to be copied."""
    kept = free_backup_path(store)
    try:
        with contextlib.closing(Store.open_read_only(store, may_be_older=True)) as opened:
            return back_up(opened.connection, kept, original=store)
    except MigrationError:
        for ending in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{store}{ending}", f"{kept}{ending}")
        return kept


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


def _step(step: Migration) -> dict[str, Any]:
    return {"version": step.version, "name": step.name}
