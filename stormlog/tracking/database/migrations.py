"""Brings a store from any earlier version to this one, one file of ``migrations/`` at a time.

The promise: each file is applied once, in a transaction of its own; all of them in one where a store is made, so
that nobody sees half of it. What was applied is compared with its checksum, a copy is taken before the first change
of an existing store, and a newer store is never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stormlog._resources import resource_directory
from stormlog._sqlite import connect, explaining, migrating, tell_damage
from stormlog.errors import MigrationError, SourceError
from stormlog.tracking.database.file_modes import copy_mode

__all__ = [
    "Migration",
    "applied_versions",
    "back_up",
    "free_backup_path",
    "load_migrations",
    "migrate",
    "pending",
    "require_current",
]

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

_MIGRATIONS_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    applied_at TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Migration:
    """One step.

    Attributes:
        version: Its number; they count up from 1 without gaps.
        name: What it is about.
        script: SQL of SQLite.
    """

    version: int
    name: str
    script: str

    @property
    def sha256(self) -> str:
        """Checksum of the script; line ends do not count, because checkouts change them."""
        return hashlib.sha256(self.script.replace("\r\n", "\n").encode()).hexdigest()


def load_migrations(directory: Path | None = None) -> list[Migration]:
    """Return all steps in order.

    Args:
        directory: Where they are; by default those that belong to this version of Stormlog.

    Raises:
        ValueError: a name is not ``NNNN_words.sql``, or a number is missing or used twice.
    """
    found = []
    for path in sorted((directory or resource_directory("migrations")).glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name}: migrations are called NNNN_words.sql")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("the numbers of migrations count up from 0001 without gaps")
    return found


def applied_versions(connection: sqlite3.Connection) -> dict[int, tuple[str, str, str]]:
    """Return version -> name, checksum and time of what was applied."""
    known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
    if connection.execute(known).fetchone() is None:
        return {}
    rows = connection.execute(
        "SELECT version, name, sha256, applied_at FROM schema_migrations ORDER BY version"
    )
    return {version: (name, sha256, applied_at) for version, name, sha256, applied_at in rows}


def pending(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] | None = None
) -> list[Migration]:
    """Return the steps that a store lacks.

    Raises:
        MigrationError: it is newer than this version, something else, or a step was other than it is now.
    """
    known = load_migrations() if migrations is None else migrations
    # Asked first: whoever makes the store meanwhile makes its tables and the list of its migrations at once.
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    applied = applied_versions(connection)
    newest = known[-1].version
    if applied and max(applied) > newest:
        raise MigrationError(
            f"{path} has version {max(applied)} and this Stormlog knows {newest}: install a newer Stormlog",
            code="store_too_new",
            details={"path": str(path), "store_version": max(applied), "known_version": newest},
        )
    # The list of migrations is empty where the first one was cut short.
    if not applied and tables.difference({"schema_migrations"}):
        raise MigrationError(
            f"{path} is a database of something else", code="not_a_store", details={"path": str(path)}
        )
    for migration in known:
        if migration.version in applied and applied[migration.version][1] != migration.sha256:
            raise MigrationError(
                f"{path}: step {migration.version} ({migration.name}) was another one when it was applied; "
                "restore a backup or the files of that Stormlog",
                code="checksum_mismatch",
                details={"path": str(path), "version": migration.version},
            )
    return [migration for migration in known if migration.version not in applied]


def require_current(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a store that is not exactly of this version.

    Raises:
        MigrationError: see `pending`; or a step is missing.
        SourceError: nothing is in it yet.
    """
    missing = pending(connection, path)
    if missing and not applied_versions(connection):
        raise SourceError("no such tracker yet; 'stormlog scan' makes one", path=str(path))
    if missing:
        raise MigrationError(
            f"{path} has an older version; {migrating(path)}",
            code="store_too_old",
            details={"path": str(path), "pending": [migration.version for migration in missing]},
        )


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] | None = None
) -> list[Migration]:
    """Apply the steps that a store lacks, each in one transaction; all in one where there is no store yet.

    Args:
        connection: In autocommit mode.
        path: Its file, for the backup and messages.
        migrations: The steps; by default those of this version.

    Returns:
        The steps that were applied.

    Raises:
        MigrationError: see `pending`; or a step failed, and everything is as before it.
    """
    steps = pending(connection, path, migrations)
    if not steps:
        return []
    if not applied_versions(connection):
        return _apply(connection, path, steps)
    back_up(connection, free_backup_path(path), original=path)
    return [done for step in steps for done in _apply(connection, path, [step])]


def back_up(connection: sqlite3.Connection, target: Path, *, original: Path) -> Path:
    """Copy a store, also while others write to it; the copy appears whole or not at all.

    Args:
        connection: To the store.
        target: The copy; one that is there is replaced.
        original: The file of the store; nobody may do more with the copy than with that.

    Raises:
        MigrationError: the store is damaged.
        SourceError: the target cannot be written.
    """
    partial = None
    try:
        # For its owner alone until it is whole.
        descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(descriptor)
        with (
            explaining(original, doing=f"write the copy {target}"),
            contextlib.closing(connect(partial, "rw")) as copy,
        ):
            connection.backup(copy)
            # A sound copy is not replaced by a damaged one.
            (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise tell_damage(original, verdict)
        with contextlib.suppress(PermissionError):
            os.chmod(partial, copy_mode(target, original=original))
        os.replace(partial, target)
    except OSError as error:
        raise SourceError(f"cannot write the copy: {error}", path=str(target)) from error
    finally:
        if partial is not None:
            with contextlib.suppress(OSError):
                os.unlink(partial)
    return target


def free_backup_path(path: Path) -> Path:
    """Return where a copy of a store is kept beside it: a name with the time that no file has."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    names = (
        f"{path.name}.{stamp}{'' if number == 0 else f'-{number}'}.backup" for number in itertools.count()
    )
    return next(free for name in names if not (free := path.with_name(name)).exists())


def _apply(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> list[Migration]:
    """Apply steps in one transaction, and return those that nobody else has applied meanwhile."""
    step = steps[0]
    done = []

    def failed(error: sqlite3.Error) -> MigrationError:
        return MigrationError(
            f"{path}: step {step.version} ({step.name}) failed, nothing was changed: {error}",
            code="migration_failed",
            details={"path": str(path), "version": step.version},
        )

    with explaining(path, unclear=failed):
        # A new store is locked before its first table exists: of two who make it, one waits.
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(_MIGRATIONS_TABLE)
            for step in steps:
                if _apply_step(connection, step):
                    done.append(step)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return done


def _apply_step(connection: sqlite3.Connection, step: Migration) -> bool:
    known = "SELECT 1 FROM schema_migrations WHERE version = ?"
    if connection.execute(known, [step.version]).fetchone() is not None:
        return False
    for statement in _statements(step.script):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
        [step.version, step.name, step.sha256, datetime.now(UTC).isoformat(timespec="seconds")],
    )
    return True


def _statements(script: str) -> list[str]:
    """Split a script; `executescript` would commit before it starts."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    if current.strip():
        statements.append(current)
    return statements
