"""Where an export goes, and in which format: its name says so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from stormlog._new_files import require_writable_target
from stormlog._opening import OpenedPaths
from stormlog._paths import require_path
from stormlog._storable_text import is_storable

__all__ = ["FORMATS", "Target", "require_target", "target_of"]

#: Ending of a name -> format.
FORMATS = {".duckdb": "duckdb", ".sqlite": "sqlite"}
#: The format of a directory.
_OF_FOLDERS = "parquet"
_PARQUET = ".parquet"
#: The file that every directory of an export has.
_MARK = "export_info.parquet"
#: Format -> endings of files beside a database that change it when it is opened.
_JOURNALS = {"duckdb": (".wal",), "sqlite": ("-journal", "-wal"), _OF_FOLDERS: ()}


class Target(NamedTuple):
    """Where an export goes.

    Attributes:
        path: The file or directory, without a slash at its end.
        format: ``duckdb``, ``sqlite``, or ``parquet`` for a directory of Parquet files.
    """

    path: str
    format: str

    @property
    def is_folder(self) -> bool:
        """Whether it is a directory."""
        return self.format == _OF_FOLDERS


def target_of(path: str | os.PathLike[str]) -> Target:
    """Return where a path says an export goes.

    A name with a known ending is a file. One without an ending, or with a slash at its end, is a directory, and so is
    one that is there.

    Raises:
        ValueError: the ending is none that is known, or it is ``-``.
    """
    text = require_path(path, "the target")
    if text == "-":
        raise ValueError("an export is a file or a directory, and cannot be printed: name one")
    stripped = text.rstrip(os.sep) or text
    ending = Path(stripped).suffix.lower()
    if text == stripped and ending in FORMATS and not os.path.isdir(stripped):
        return Target(stripped, FORMATS[ending])
    if ending and text == stripped and not os.path.isdir(stripped):
        raise ValueError(
            f"{text}: an export ends in {' or '.join(FORMATS)}, or is a directory of Parquet files, "
            f"written with a slash at its end: {text}{os.sep}"
        )
    return Target(stripped, _OF_FOLDERS)


def require_target(target: Target, *, replaces: bool, kept: OpenedPaths, tracker: str | None) -> None:
    """Refuse a target that must not be written.

    Args:
        target: Where an export is to go.
        replaces: Whether one that is there may be replaced.
        kept: Files and directories in which nothing is written.
        tracker: The tracker whose states are exported; it is not written to either.

    Raises:
        ValueError: DuckDB cannot name it, it is there already, holds something else than an export, lies in what is
            kept, or has no directory to lie in; or files beside it would change it when it is opened.
    """
    if tracker is not None and os.path.realpath(tracker) == os.path.realpath(target.path):
        raise ValueError(f"{target.path} is the tracker: export to another file")
    real_path = os.path.abspath(target.path)
    if not is_storable(real_path):
        raise ValueError(f"{target.path} is no UTF-8: choose another name, or another directory")
    if target.format == "duckdb" and "?" in real_path:
        raise ValueError(
            f"{real_path}: DuckDB takes what follows a question mark for settings; choose another name"
        )
    require_writable_target(target.path, replaces=replaces, kept=kept, is_folder=target.is_folder)
    if target.is_folder and os.path.lexists(target.path):
        _require_export(target.path)
    for ending in _JOURNALS[target.format]:
        if os.path.lexists(target.path + ending):
            raise ValueError(
                f"{target.path}{ending} is there: a program still uses {target.path}, or was stopped while it did; "
                "end it, or choose another name"
            )


def _require_export(path: str) -> None:
    """Refuse to replace a directory that holds something else than an export.

    Raises:
        ValueError: it does.
    """
    names = os.listdir(path)
    others = [name for name in names if not name.endswith(_PARQUET)]
    if others or _MARK not in names:
        raise ValueError(
            f"{path} holds {f'{min(others)!r}' if others else 'no export'}: only a directory that an export made is "
            "replaced; choose another name"
        )
