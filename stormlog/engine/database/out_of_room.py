"""Turns failures for want of memory or disk space into errors that say which setting helps."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from stormlog.errors import OutOfRoomError, QueryError

if TYPE_CHECKING:
    import duckdb

    from stormlog.engine.database.settings import Settings

__all__ = ["out_of_room"]

_SETTINGS = "SELECT current_setting('memory_limit'), current_setting('max_temp_directory_size')"


def out_of_room(
    error: QueryError, connection: duckdb.DuckDBPyConnection, settings: Settings
) -> OutOfRoomError | None:
    """Return a failure in terms of the settings that help, None if it has another reason.

    Args:
        error: What a statement raised.
        connection: Where it ran.
        settings: What the connection was made with.
    """
    import duckdb

    cause = error.__cause__
    text = str(cause)
    is_disk_full = isinstance(cause, duckdb.IOException) and "No space left on device" in text
    if not isinstance(cause, duckdb.OutOfMemoryException) and not is_disk_full:
        return None
    try:
        found = connection.execute(_SETTINGS).fetchone()
    except duckdb.Error:
        found = None
    memory, spill = found or (settings.memory_limit or "unknown", settings.spill_limit or "unknown")
    is_spill_full = is_disk_full or "max_temp_directory_size" in text
    return OutOfRoomError(
        memory_limit=memory,
        spill_directory=settings.spill_directory or tempfile.gettempdir(),
        spill_limit=spill if is_spill_full else None,
        statement=error.statement,
        sql=error.sql,
    )
