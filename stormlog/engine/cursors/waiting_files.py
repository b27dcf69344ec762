"""Refuses SQL of users that could wait for ever: DuckDB opens pipes, and nobody can stop it while it waits for them.

Patterns of file names skip pipes, but a statement may work out a name in any way. So no file is read with SQL while a
pipe lies in the opened paths.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator

from stormlog._opening import describe_special
from stormlog.errors import QueryError

__all__ = ["require_no_pipes"]

#: Functions that read files, and suffixes by which DuckDB takes a name for that of a file: more than enough.
_READS_FILES = re.compile(
    r"\b(?:read_[a-z]+|parquet_[a-z]+|sniff_csv)|\.(?:csv|tsv|json|jsonl|ndjson|parquet)\b", re.IGNORECASE
)


def require_no_pipes(text: str, opened: Iterable[str]) -> None:
    """Refuse a statement, or a part of one, that reads files while one of them is a pipe, a socket or a device.

    Args:
        text: SQL of a user.
        opened: The files and directories that it may read.

    Raises:
        QueryError: it names the pipe.
    """
    if _READS_FILES.search(text) is None:
        return
    for path, mode in _special_files(opened):
        raise QueryError(
            f"no file can be read with SQL as long as {path} is there: it is {describe_special(mode)}",
            statement="sql",
            sql=text,
        )


def _special_files(opened: Iterable[str]) -> Iterator[tuple[str, int]]:
    left = list(opened)
    while left:
        path = left.pop()
        try:
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                with os.scandir(path) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            left.append(entry.path)
                        elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink():
                            yield entry.path, entry.stat(follow_symlinks=False).st_mode
            elif not stat.S_ISREG(mode):
                yield path, mode
        except OSError:
            # It is gone, or nobody may look into it; then DuckDB may not either.
            continue
