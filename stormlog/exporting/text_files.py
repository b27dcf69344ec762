"""Exports that are lines of text.

Promise: the file appears whole or not at all, whoever reads it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stormlog._new_files import new_file
from stormlog.errors import ExportError

if TYPE_CHECKING:
    from stormlog._opening import OpenedPaths

__all__ = ["write_text_file"]


def write_text_file(path: str, texts: Iterable[str], *, replaces: bool, kept: OpenedPaths) -> None:
    """Write texts to a file, one behind the other.

    Args:
        path: The file.
        texts: What it will hold, made while it is written.
        replaces: Whether a file that is there may be replaced.
        kept: Files and directories in which nothing is written.

    Raises:
        ValueError: it exists already, is no regular file, lies in what is kept, or has no directory to lie in.
        ExportError: it cannot be written.
    """
    try:
        # A full disk may show only when the file is completed.
        with new_file(path, replaces=replaces, kept=kept) as stream:
            stream.writelines(map(str.encode, texts))
    except OSError as error:
        raise ExportError(f"{path} cannot be written, and nothing was: {error.strerror or error}") from error
