"""A caller at the file of a tracker: who it is, what it may do, what time it is, and where its transactions begin."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from stormlog._paths import require_path
from stormlog.tracking.actors import PERMISSIONS, READ, WRITE, Actor, Permissions
from stormlog.tracking.database.store import Store, default_store_path

__all__ = ["TrackerSession"]


class TrackerSession:
    """What every verb of a tracker needs.

    Args:
        path: The file; by default ``STORMLOG_DB``, else one in the user's data directory.
        project: Name of the project that verbs are about.
        actor: Who changes are attributed to; by default what the environment says.
        permissions: What the caller may do: ``issues:read``, ``issues:write``.
        read_only: Open the file to read only; it must exist.
        group_shared: Whether the group may read and write a new file too; by default only its owner may, except in a
            directory that hands its group on. A file that exists keeps its mode.
        scratch: Work on a copy in memory; the file, if there is one, stays as it is.
        clock: Returns now, in nanoseconds since the Unix epoch.
        make_folder: Make the directory of a new file if it is not there; that of the usual place is always made.

    Raises:
        MigrationError: the store is newer than this version of Stormlog, or damaged.
        SourceError: the file cannot be opened.
        ValueError: an unknown permission.

    Source: docs/tracking.md.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        project: str = "default",
        actor: Actor | None = None,
        permissions: Iterable[str] = PERMISSIONS,
        read_only: bool = False,
        group_shared: bool = False,
        scratch: bool = False,
        clock: Callable[[], int] = time.time_ns,
        make_folder: bool = True,
    ) -> None:
        self.permissions = Permissions(permissions)
        self.actor = actor or Actor.from_environment()
        self.project = project
        self.clock = clock
        file = default_store_path() if path is None else require_path(path)
        if scratch:
            self.store = Store.open_copy(file)
        else:
            self.store = (
                Store.open_read_only(file)
                if read_only
                else Store.open(file, group_shared=group_shared, make_folder=make_folder)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; more than once is fine."""
        self.store.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Check the permission to read, and show one state of the store inside.

        Raises:
            PermissionDeniedError: ``issues:read`` is missing.
        """
        self.permissions.require(READ)
        with self.store.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Check the permission to write, and keep all or nothing of what is done inside.

        Raises:
            PermissionDeniedError: ``issues:write`` is missing.
            StoreBusyError: somebody else did not finish in time.
        """
        self.permissions.require(WRITE)
        with self.store.writing() as connection:
            yield connection
