"""Small readers shared by discovery.

The promise: whatever a file holds, a reader answers a value or ``None``; only the operating
system's own refusals (``OSError``) come through, so that the caller can say where.
"""

from __future__ import annotations

import json
import os
from typing import Any

from stormlog._opening import OpenedPaths, read_artifact
from stormlog.artifacts.models import CatalogWarning

__all__ = [
    "WarningLog",
    "join_path",
    "optional_int",
    "optional_text",
    "read_json_object",
    "read_optional_object",
    "resolve_attachment_path",
]


#: A manifest takes some hundred bytes per segment, a description less; whatever is longer is something else.
MOST_COMPANION_BYTES = 256 << 20


class WarningLog:
    """Collects warnings in order, each (path, code) once."""

    def __init__(self) -> None:
        self.warnings: list[CatalogWarning] = []
        #: How often something was told, the same thing again included.
        self.told_count = 0
        self._seen: set[tuple[str, str]] = set()

    def add(self, path: str, code: str, message: str) -> None:
        """Append a warning unless this path already has one with this code."""
        self.told_count += 1
        if (path, code) not in self._seen:
            self._seen.add((path, code))
            self.warnings.append(CatalogWarning(path, message, code))

    def add_unreadable(self, path: str, error: OSError) -> None:
        """Append that the operating system refused to read ``path``."""
        self.add(path, "unreadable", f"cannot be read and was skipped: {error.strerror or error}")


def join_path(directory: str, name: str) -> str:
    """Return ``directory/name``, spelled as ``pathlib`` would (no leading ``./``)."""
    if directory == os.curdir:
        return name
    return directory + name if directory.endswith(os.sep) else directory + os.sep + name


def read_json_object(path: str, opened: OpenedPaths | None = None) -> dict[str, Any] | None:
    """Return the JSON object that a file holds, ``None`` if it holds anything else.

    A byte-order mark is accepted; of duplicate keys the last wins.

    Args:
        path: The file.
        opened: The paths that links may lead to; None where the caller named this very file.

    Raises:
        OSError: the file cannot be read, is no regular file, leads elsewhere, or has more than 256 MiB.
    """
    data = read_artifact(path, opened, most_bytes=MOST_COMPANION_BYTES)
    try:
        payload = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def read_optional_object(
    path: str, log: WarningLog, opened: OpenedPaths | None = None
) -> dict[str, Any] | None:
    """Return the JSON object of a companion file; ``None`` if it is missing, refused or something else.

    A refusal is logged as ``unreadable``.
    """
    try:
        return read_json_object(path, opened)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        log.add_unreadable(path, error)
        return None


def optional_text(value: object) -> str | None:
    """Return non-empty text as it is, else ``None``."""
    return value if isinstance(value, str) and value else None


def optional_int(value: object) -> int | None:
    """Return what ``int()`` makes of an integer, float or numeric text; ``None`` for all else.

    Booleans, infinities and NaN count as unknown.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def resolve_attachment_path(directory: str, path: str) -> str:
    """Return the absolute path of an attachment named relative to ``directory``, links resolved.

    Raises:
        ValueError: the text cannot be a path.
    """
    return os.path.realpath(os.path.join(directory, path))
