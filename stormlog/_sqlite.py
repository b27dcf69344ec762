"""How SQLite files are opened, and what an error of SQLite says about the file.

The promise: whoever writes a tracker and whoever reads one for a query gets the same error of `stormlog.errors` for
the same trouble. An error that is passed on as it came is a defect of Stormlog: the file was checked, and is sound.

Source: docs/tracking.md#the-file.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from stormlog.errors import MigrationError, SourceError, StoreBusyError

__all__ = [
    "connect",
    "connect_to_memory",
    "connect_to_read",
    "explained",
    "explaining",
    "migrating",
    "tell_damage",
    "use_write_ahead_log",
]

#: How long a statement waits for others who write.
BUSY_S = 5.0

_Trouble = Literal["busy", "damaged", "unusable", "unclear"]

#: Primary result code of SQLite -> what it says about the file; any other one is unclear.
_TROUBLES: Final[dict[int, _Trouble]] = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    # Another process starts or recovers the log, or changes tables, again and again.
    sqlite3.SQLITE_PROTOCOL: "busy",
    sqlite3.SQLITE_SCHEMA: "busy",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_FORMAT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_CANTOPEN: "unusable",
    sqlite3.SQLITE_FULL: "unusable",
    sqlite3.SQLITE_IOERR: "unusable",
    sqlite3.SQLITE_NOLFS: "unusable",
    sqlite3.SQLITE_PERM: "unusable",
    sqlite3.SQLITE_READONLY: "unusable",
}

#: Kinds of ``SQLITE_IOERR`` that are about what is in the file, not about the device.
_DAMAGED_PAGES: Final = ("SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_CORRUPTFS", "SQLITE_IOERR_DATA")

#: Errors without a code of their own that statements of ours meet in damaged files only. Temporary tables are ours.
_DAMAGED_TEXT: Final = re.compile(
    r"no such (table|column): (?!temp\.)|table \S+ has no column|unsupported file format|malformed|"
    r"Could not decode to UTF-8"
)

#: What Python raises for values of a type that no column should have.
_PUZZLED: Final = (ArithmeticError, AttributeError, LookupError, TypeError)


def connect(path: str | os.PathLike[str], mode: str) -> sqlite3.Connection:
    """Open a file in autocommit mode, with rows that know their columns.

    Args:
        path: The file.
        mode: ``mode`` of an address of SQLite, such as ``ro`` or ``rwc``.

    Raises:
        sqlite3.Error: see `explaining`.
        SourceError: it is a pipe, a socket or a device: reading it might not end.
        ValueError: the path has a character that no file name can have.
    """
    # A question mark or a number sign in the name is part of it.
    address = Path(path).absolute().as_uri()
    if "%00" in address:
        raise ValueError(f"{str(path)!r} is no file name")
    # SQLite itself refuses directories.
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise SourceError("cannot use this tracker: not a regular file", path=str(path))
    connection = sqlite3.connect(
        f"{address}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S
    )
    connection.row_factory = sqlite3.Row
    return connection


def connect_to_read(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Open a file to read, also one that nobody may write.

    Raises:
        sqlite3.Error: see `explaining`.
    """
    try:
        return _looked_at(connect(path, "ro"))
    except sqlite3.OperationalError as error:
        # Where nothing can be written there is no place for the shared memory of a log. Without a log nothing is
        # missed.
        if _trouble_of(error) != "unusable" or _has_log(path):
            raise
        if os.access(os.path.dirname(os.fspath(path)) or ".", os.W_OK):
            raise
    return _looked_at(connect(path, "ro&immutable=1"))


def _looked_at(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Let SQLite look at the file; connecting alone does not."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _has_log(path: str | os.PathLike[str]) -> bool:
    try:
        return os.stat(f"{os.fspath(path)}-wal").st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True


def connect_to_memory() -> sqlite3.Connection:
    """Make a database that only this connection sees, in autocommit mode."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite does not wait for others who do the same just now.

    Raises:
        sqlite3.Error: see `explaining`.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if _trouble_of(error) != "busy" or time.monotonic() > until:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def explaining(
    path: str | os.PathLike[str],
    *,
    doing: str = "use this tracker",
    reads_values: bool = True,
    unclear: Callable[[sqlite3.Error], Exception] | None = None,
) -> Iterator[None]:
    """Raise what is wrong with a file in place of what SQLite, or Python with a value from the file, says of it.

    Args:
        path: The file.
        doing: What cannot be done if it cannot be read or written.
        reads_values: Whether Python works on values of the file inside, and not on those of other files.
        unclear: Returns the error to raise for one whose code says nothing about the file; by default it is passed on
            if the file is sound.

    Raises:
        MigrationError: code ``not_a_store``: the file is damaged, or of something else.
        SourceError: it cannot be read or written: rights, a full disk, a broken one.
        StoreBusyError: somebody else writes to it.
    """
    try:
        yield
    except sqlite3.Error as error:
        if unclear is not None and _trouble_by_code(error) == "unclear":
            raise unclear(error) from error
        found = explained(error, path, doing)
        if found is error:
            raise
        raise found from error
    except json.JSONDecodeError as error:
        if not reads_values:
            raise
        raise tell_damage(path, f"a column holds JSON that is none ({error})") from error
    except _PUZZLED as error:
        if not reads_values or _is_sound(path):
            raise
        raise tell_damage(path, str(error)) from error


def explained(
    error: sqlite3.Error, path: str | os.PathLike[str], doing: str = "use this tracker"
) -> Exception:
    """Return the error of `stormlog.errors` for one of SQLite, or the same one if the file is not to blame.

    Args:
        error: What a statement raised.
        path: The file that it was about.
        doing: As of `explaining`.
    """
    if getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_NOMEM":
        return MemoryError(str(error))
    trouble = _trouble_of(error)
    if trouble == "busy":
        return StoreBusyError(f"{path} is in use by another process ({error}); try again", details=_of(path))
    if trouble == "unusable":
        return SourceError(f"cannot {doing}: {_reason(error)}", path=str(path))
    if trouble == "damaged" or not _is_sound(path):
        return tell_damage(path, str(error))
    return error


def _reason(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
        # SQLite calls it so as well where only the directory, in which it keeps a journal, may not be written.
        return f"{error}; writing needs the permission for the file and for its directory"
    return str(error)


def tell_damage(path: str | os.PathLike[str], reason: str) -> MigrationError:
    """Return the error for a file that is damaged, or of something else."""
    # There is nothing in it that a check could look at.
    looking = "" if "not a database" in reason else "'stormlog db check' looks for more, "
    return MigrationError(
        f"{path} is damaged, or no tracker: {reason}; {looking}'stormlog db restore' puts a backup in its place",
        code="not_a_store",
        details=_of(path),
    )


def migrating(path: str | os.PathLike[str]) -> str:
    """Return what to do about a store of an older version, as the end of a message."""
    import shlex

    return f"run: stormlog db migrate --db {shlex.quote(os.fspath(path))}"


def _of(path: str | os.PathLike[str]) -> dict[str, str]:
    return {"path": str(path)}


def _trouble_of(error: sqlite3.Error) -> _Trouble:
    trouble = _trouble_by_code(error)
    return "damaged" if trouble == "unclear" and _DAMAGED_TEXT.search(str(error)) else trouble


def _trouble_by_code(error: sqlite3.Error) -> _Trouble:
    if getattr(error, "sqlite_errorname", "") in _DAMAGED_PAGES:
        return "damaged"
    # Only errors that SQLite itself raised have a code; its lowest byte is the primary one.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return "unclear" if code is None else _TROUBLES.get(code & 0xFF, "unclear")


def _is_sound(path: str | os.PathLike[str]) -> bool:
    """Ask SQLite whether a file is sound; true where there is none, or where nobody can tell."""
    if not os.path.exists(path):
        return True
    try:
        with contextlib.closing(connect_to_read(path)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            return verdict == "ok" and connection.execute("PRAGMA foreign_key_check").fetchone() is None
    except sqlite3.Error as error:
        return _trouble_of(error) != "damaged"
