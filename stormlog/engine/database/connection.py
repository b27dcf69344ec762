"""Opens the in-memory database of a store and closes every door it does not need."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stormlog.engine.database.settings import Settings
from stormlog.engine.database.sql_files import quote_literal

if TYPE_CHECKING:
    import duckdb

__all__ = ["connect", "lock"]


def connect(limits: Settings, spill: str) -> duckdb.DuckDBPyConnection:
    """Return a connection to an empty database in memory.

    Args:
        limits: How much of the machine it may use.
        spill: Folder for rows that do not fit into memory.

    Raises:
        ValueError: DuckDB does not take one of the limits.
        MemoryError: the system gives no memory.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # The default is a folder in the working directory, which is not ours to write to.
        "temp_directory": spill,
    }
    for name, size in (("memory limit", limits.memory_limit), ("spill limit", limits.spill_limit)):
        if size is not None and size.lstrip().startswith("-"):
            # DuckDB takes anything that begins with a minus for no limit at all.
            raise ValueError(f"{size!r} is no {name}: give a size such as 512MB or 10GB")
    if limits.threads is not None:
        settings["threads"] = limits.threads
    if limits.memory_limit is not None:
        settings["memory_limit"] = limits.memory_limit
    if limits.spill_limit is not None:
        settings["max_temp_directory_size"] = limits.spill_limit
    try:
        connection = duckdb.connect(":memory:", config=settings)
    except duckdb.Error as error:
        if "Allocation failure" in str(error):
            raise MemoryError(str(error)) from error
        raise ValueError(f"DuckDB refuses the settings: {error}") from error
    # Progress is measured for those who ask; DuckDB itself would print it to stdout.
    # Lines are joined with their shapes, and their numbers are the order in which they come out: lines must stay the
    # side that streams through, however few they are.
    connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
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
