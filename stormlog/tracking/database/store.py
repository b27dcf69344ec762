"""The SQLite file behind a tracker: how it is opened, and how its transactions begin and end.

The promise: many short writers and readers that stay open do not lose or block one another. Every write is
one transaction that takes its lock at once, so that it waits for others before it starts and not half way.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from stormlog._sqlite import (
    connect,
    connect_to_memory,
    connect_to_read,
    explaining,
    use_write_ahead_log,
)
from stormlog.errors import SourceError
from stormlog.tracking.database.file_modes import create_store, mode_of
from stormlog.tracking.database.migrations import applied_versions, migrate, pending, require_current
from stormlog.tracking.database.network_files import is_on_network

__all__ = ["Store", "default_store_path"]


def default_store_path() -> Path:
    """Return ``$STORMLOG_DB``, else ``stormlog/tracker.db`` in the user's data directory."""
    named = os.environ.get("STORMLOG_DB")
    return Path(named) if named else _usual_path()


def _usual_path() -> Path:
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
    def open(
        cls, path: str | os.PathLike[str], *, group_shared: bool = False, make_folder: bool = True
    ) -> Store:
        """Open a store to write; it is made, or brought up to date, if need be.

        Args:
            path: The file. A new one is for its owner alone.
            group_shared: Whether the group may read and write a new one too.
            make_folder: Whether its directory may be made; that of the usual place is.

        Raises:
            MigrationError: it is newer than this version of Stormlog, damaged, or another kind of file.
            SourceError: the file cannot be made or opened.
        """
        file = Path(path)
        warnings = []
        try:
            if make_folder or file == _usual_path():
                file.parent.mkdir(parents=True, exist_ok=True)
            _require_folder(file)
            is_new = create_store(file, is_shared=group_shared)
            if group_shared and not is_new and mode_of(file) & 0o060 != 0o060:
                warnings.append(f"{file} exists already and keeps its mode {mode_of(file):o}")
        except OSError as error:
            reason = error.strerror or error
            raise SourceError(f"cannot use this tracker: {reason}", path=str(file)) from error
        with explaining(file), contextlib.ExitStack() as opened:
            connection = opened.enter_context(contextlib.closing(connect(file, "rw")))
            # What is refused stays as it is, also how its journal is kept.
            pending(connection, file)
            if is_on_network(file):
                # Write-ahead logs need memory that all processes share, on whatever machine they are.
                connection.execute("PRAGMA journal_mode = DELETE")
                warnings.append(
                    f"{file} is on a network file system: locks are only as good as those of that system"
                )
            else:
                use_write_ahead_log(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection, file)
            opened.pop_all()
        return cls(file, connection, warnings)

    @classmethod
    def open_read_only(cls, path: str | os.PathLike[str], *, may_be_older: bool = False) -> Store:
        """Open a store to read; it works without the right to write.

        Args:
            path: The file.
            may_be_older: Whether steps may be missing that this version of Stormlog would take.

        Raises:
            MigrationError: it is newer or older than this version of Stormlog, damaged, or something else.
            SourceError: there is none, nothing is in it yet, or it cannot be opened.
            StoreBusyError: somebody else did not finish in time.
        """
        file = Path(path)
        if not file.exists():
            raise SourceError("no such tracker; 'stormlog scan' makes one", path=str(file))
        with explaining(file), contextlib.ExitStack() as opened:
            connection = opened.enter_context(contextlib.closing(connect_to_read(file)))
            # One moment: somebody may be making the store.
            connection.execute("BEGIN")
            (pending if may_be_older else require_current)(connection, file)
            connection.execute("COMMIT")
            opened.pop_all()
        return cls(file, connection, [])

    @classmethod
    def open_copy(cls, path: str | os.PathLike[str]) -> Store:
        """Open a copy of a store in memory, an empty one if there is none; the file is not touched.

        Raises:
            MigrationError, SourceError: see `open_read_only`.
        """
        file = Path(path)
        if file.exists():
            with contextlib.closing(cls.open_read_only(file, may_be_older=True)) as original:
                with original.reading() as connection:
                    is_made = bool(applied_versions(connection))
                    if is_made:
                        require_current(connection, file)
                if is_made:
                    return original.copy_in_memory()
        store = cls(file, _new_in_memory(), [])
        migrate(store.connection, file)
        return store

    def copy_in_memory(self) -> Store:
        """Return a copy that nobody else sees and that is gone when it is closed."""
        connection = _new_in_memory()
        with explaining(self.path):
            self.connection.backup(connection)
        return Store(self.path, connection, [])

    def close(self) -> None:
        """Close the connection; more than once is fine."""
        with explaining(self.path):
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
        with explaining(self.path):
            self.connection.execute(begin)
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise


def _require_folder(file: Path) -> None:
    if not file.parent.exists():
        raise SourceError(
            f"cannot use this tracker: there is no directory {file.parent}; make it, or correct the path",
            path=str(file),
        )


def _new_in_memory() -> sqlite3.Connection:
    connection = connect_to_memory()
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
