"""Opens the in-memory database of a store and closes every door it does not need."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stormlog.query.library import quote_literal

if TYPE_CHECKING:
    import duckdb

__all__ = ["connect", "lock"]


def connect(threads: int | None, memory_limit: str | None) -> duckdb.DuckDBPyConnection:
    """Return a connection to an empty database in memory.

    Raises:
        ValueError: DuckDB does not take the number of threads or the memory limit.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # The default is a folder in the working directory, which is not ours to write to.
        "temp_directory": os.path.join(tempfile.gettempdir(), f"stormlog-{os.getpid()}-spill"),
    }
    if threads is not None:
        settings["threads"] = threads
    if memory_limit is not None:
        settings["memory_limit"] = memory_limit
    try:
        connection = duckdb.connect(":memory:", config=settings)
    except duckdb.Error as error:
        raise ValueError(f"DuckDB refuses the settings: {error}") from error
    # Progress is measured for those who ask; DuckDB itself would print it to stdout.
    connection.execute(
        "SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET progress_bar_time = 0"
    )
    return connection


def lock(connection: duckdb.DuckDBPyConnection, paths: Iterable[str]) -> None:
    """Let the database read the given files and directories only, and freeze its settings.

    Reading needs temporary copies of damaged files, so the system's temporary directory of this
    process is readable too.
    """
    directories, files = set(), set()
    for path in paths:
        for spelling in (path, os.path.abspath(path), os.path.realpath(path)):
            if os.path.isdir(spelling):
                directories.add(spelling.rstrip("/") + "/")
            else:
                files.add(spelling)
    connection.execute(
        f"""
        SET allowed_directories = [{", ".join(quote_literal(path) for path in sorted(directories))}];
        SET allowed_paths = [{", ".join(quote_literal(path) for path in sorted(files))}];
        SET enable_external_access = false;
        SET lock_configuration = true;
        """
    )
