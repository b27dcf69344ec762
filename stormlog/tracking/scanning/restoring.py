"""Puts a copy in the place of a store, which no scan may change meanwhile.

The promise: the copy is checked before anything is done, what the store was is kept, and whoever has the store open
sees what it was or what it is, and nothing in between.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from stormlog._sqlite import connect, explaining, tell_damage
from stormlog.errors import MigrationError, SourceError
from stormlog.tracking.database.maintenance import check_store
from stormlog.tracking.database.migrations import applied_versions, back_up, free_backup_path, pending
from stormlog.tracking.database.store import Store
from stormlog.tracking.scanning.lock import scan_lock

__all__ = ["restore_store"]


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
