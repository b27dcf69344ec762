"""The SQLite file behind a tracker: how it is opened, and how its transactions begin and end.

The promise: many short writers and readers that stay open do not lose or block one another. Every write is
one transaction that takes its lock at once, so that it waits for others before it starts and not half way.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from stormlog.errors import MigrationError, SourceError, StoreBusyError
from stormlog.tracking.file_modes import create_store, mode_of
from stormlog.tracking.migrations import migrate, pending, require_current
from stormlog.tracking.network_files import is_on_network

__all__ = ["Store", "default_store_path"]

_BUSY_MS = 5000

_UNUSABLE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}

#: How SQLite says that a table or column is not there; statements of ours name only those that should be.
_MISSING_PARTS = ("no such table", "no such column", "table ")


def default_store_path() -> Path:
    """Return ``$STORMLOG_DB``, else ``stormlog/tracker.db`` in the user's data directory."""
    named = os.environ.get("STORMLOG_DB")
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(data, "stormlog", "tracker.db")


class Store:
    """One connection to a tracker file.

    Attributes:
        path: The file.
        connection: Use it inside `reading` and `writing` only.
        warnings: Sentences about how it had to be opened.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, warnings: list[str]) -> None:
        self.path = path
        self.connection = connection
        self.warnings = warnings

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, group_shared: bool = False) -> Store:
        """Open a store to write; it is made, or brought up to date, if need be.

        Args:
            path: The file. A new one is for its owner alone.
            group_shared: Whether the group may read and write a new one too.

        Raises:
            MigrationError: it is newer than this version of Stormlog, damaged, or another kind of file.
            SourceError: the file cannot be made or opened.
        """
        file = Path(path)
        warnings = []
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            is_new = create_store(file, is_shared=group_shared)
            if group_shared and not is_new and mode_of(file) & 0o060 != 0o060:
                warnings.append(f"{file} exists already and keeps its mode {mode_of(file):o}")
            connection = _connect(file, "rw")
        except (OSError, sqlite3.Error) as error:
            raise _explained(error, file) from error
        try:
            # What is refused stays as it is, also how its journal is kept.
            pending(connection, file)
            if is_on_network(file):
                # Write-ahead logs need memory that all processes share, on whatever machine they are.
                connection.execute("PRAGMA journal_mode = DELETE")
                warnings.append(
                    f"{file} is on a network file system: locks are only as good as those of that system"
                )
            else:
                _use_log(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection, file)
        except sqlite3.Error as error:
            connection.close()
            raise _explained(error, file) from error
        except BaseException:
            connection.close()
            raise
        return cls(file, connection, warnings)

    @classmethod
    def open_read_only(cls, path: str | os.PathLike[str], *, may_be_older: bool = False) -> Store:
        """Open a store to read; it works without the right to write.

        Args:
            path: The file.
            may_be_older: Whether steps may be missing that this version of Stormlog would take.

        Raises:
            MigrationError: it is newer or older than this version of Stormlog, damaged, or something else.
            SourceError: there is none, or it cannot be opened.
        """
        file = Path(path)
        if not file.exists():
            raise SourceError("no such tracker; 'stormlog scan' makes one", path=str(file))
        connection = None
        try:
            connection = _connect(file, "ro")
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                # In a directory that cannot be written to there is no place for the shared memory of a log.
                # Without a log nothing is missed.
                if os.path.exists(f"{file}-wal") or os.access(file.parent, os.W_OK):
                    raise
                connection.close()
                connection = _connect(file, "ro&immutable=1")
            (pending if may_be_older else require_current)(connection, file)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, sqlite3.Error):
                raise _explained(error, file) from error
            raise
        return cls(file, connection, [])

    @classmethod
    def open_scratch(cls, path: str | os.PathLike[str]) -> Store:
        """Open a copy of a store in memory, an empty one if there is none; the file is not touched.

        Raises:
            MigrationError, SourceError: see `open_read_only`.
        """
        file = Path(path)
        if file.exists():
            with contextlib.closing(cls.open_read_only(file)) as original:
                return original.copy_in_memory()
        store = cls(file, _connect_to_memory(), [])
        migrate(store.connection, file)
        return store

    def copy_in_memory(self) -> Store:
        """Return a copy that nobody else sees and that is gone when it is closed."""
        connection = _connect_to_memory()
        self.connection.backup(connection)
        return Store(self.path, connection, [])

    def close(self) -> None:
        """Close the connection; more than once is fine."""
        self.connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Show one state of the store to all statements inside.

        Raises:
            StoreBusyError: somebody else did not finish in time.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Keep all of what the statements inside do, or none of it.

        Raises:
            StoreBusyError: somebody else did not finish in time; nothing was done.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            self.connection.execute(begin)
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise _explained(error, self.path) from error
        except json.JSONDecodeError as error:
            raise MigrationError(
                f"{self.path} is damaged: a column holds JSON that is none ({error}); 'stormlog db check' finds it",
                code="not_a_store",
                details={"path": str(self.path)},
            ) from error


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    # A question mark or a number sign in the name is part of it.
    address = file.absolute().as_uri()
    # Transactions are opened by `Store` alone.
    connection = sqlite3.connect(
        f"{address}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_MS / 1000,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _connect_to_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite does not wait for others who do the same just now."""
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _explained(error: Exception, file: Path) -> Exception:
    text, code = str(error), getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(f"{file} is being written to; try again", details={"path": str(file)})
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return MigrationError(
            f"{file} is damaged, or no tracker: {text}", code="not_a_store", details={"path": str(file)}
        )
    if text.startswith(_MISSING_PARTS):
        return MigrationError(
            f"{file} is damaged: {text}; restore a backup", code="not_a_store", details={"path": str(file)}
        )
    if isinstance(error, OSError) or code in _UNUSABLE:
        return SourceError(f"cannot use this tracker: {text}", path=str(file))
    return error
