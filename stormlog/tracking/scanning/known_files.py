"""The files that scans have read: how far, and what is to be read again.

The promise: a file that did not change is known by its size, its time and its first bytes; nothing else of it
is read.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stormlog._opening import open_artifact
from stormlog._storable_text import storable_text
from stormlog.telemetry.schema import LONGEST_LINE_BYTES
from stormlog.tracking.database.ids import new_id

__all__ = [
    "Consumed",
    "Seen",
    "SourceFile",
    "compare",
    "consumed",
    "is_same_file",
    "missing",
    "quiet_since_ns",
    "rotated",
    "rows_of_known_files",
    "size_seen_ns",
    "write_row",
]

_SAMPLE_BYTES = 4096

Seen = Literal["unchanged", "appended", "replaced", "new"]


@dataclass(frozen=True)
class SourceFile:
    """A file that a scan looks at.

    Attributes:
        path: True path, without links.
        source_path: True path of the sink, file or bundle that it belongs to.
        kind: What it is: sink, telemetry_jsonl, ..., manifest or oom_bundle.
        state: Device, inode, size and time of modification when it was looked at; None if it is gone.
        may_grow: Whether lines may be added to it.
    """

    path: str
    source_path: str
    kind: str
    state: tuple[int, int, int, int] | None
    may_grow: bool = False

    @property
    def key(self) -> str:
        """The path as it is stored: bytes that are no text cannot be stored."""
        return storable_text(self.path)


@dataclass(frozen=True)
class Consumed:
    """How far a file was read.

    Attributes:
        bytes: End of the last complete line.
        head_sha256: Of the first 4 KiB of that.
        tail_sha256: Of the last 4 KiB of that.
        is_pending: Whether there is a beginning of a line behind it.
    """

    bytes: int
    head_sha256: str
    tail_sha256: str
    is_pending: bool


def rows_of_known_files(connection: sqlite3.Connection, project_id: str) -> dict[str, sqlite3.Row]:
    """Return path -> row of ``scan_sources`` of a project."""
    rows = connection.execute("SELECT * FROM scan_sources WHERE project_id = ?", [project_id])
    return {row["path"]: row for row in rows}


def compare(file: SourceFile, row: sqlite3.Row | None) -> Seen:
    """Tell what happened to a file since it was recorded; one that was only touched counts as appended."""
    if row is None or file.state is None:
        return "new"
    _, _, size, mtime_ns = file.state
    end = row["consumed_bytes"]
    if size < end or _sample(file.path, 0, min(_SAMPLE_BYTES, end)) != row["head_sha256"]:
        return "replaced"
    if size == row["size_bytes"] and mtime_ns == row["mtime_ns"]:
        return "unchanged"
    start = max(end - _SAMPLE_BYTES, 0)
    return "appended" if _sample(file.path, start, end - start) == row["tail_sha256"] else "replaced"


def size_seen_ns(file: SourceFile, row: sqlite3.Row | None, seen: Seen, now_ns: int) -> int:
    """Return when a scan first saw a file in its size: by the clock of the tracker, and never in the future."""
    assert file.state is not None
    if row is not None and seen in ("unchanged", "appended") and row["size_bytes"] == file.state[2]:
        stamp: int | None = row["size_seen_ns"]
        if stamp is not None and stamp <= now_ns:
            return stamp
    return now_ns


def quiet_since_ns(file: SourceFile, row: sqlite3.Row | None, seen: Seen, now_ns: int) -> int:
    """Return since when a file has not grown, as far as can be told.

    That is the time of the file, or the time when a scan first saw this size if that is earlier. Clocks of file
    servers may be ahead: a time in the future says nothing. They may also stand still: what grew since a scan did
    not grow before it.
    """
    if file.state is None:
        return 0
    _, _, size, modified_ns = file.state
    since_ns = size_seen_ns(file, row, seen, now_ns)
    if modified_ns <= now_ns:
        since_ns = min(since_ns, modified_ns)
    if row is not None and (seen == "replaced" or row["size_bytes"] != size):
        before_ns: int | None = row["size_seen_ns"]
        if before_ns is not None and before_ns <= now_ns:
            since_ns = max(since_ns, before_ns)
    return since_ns


def consumed(file: SourceFile) -> Consumed:
    """Return how far a file counts as read: up to its last complete line."""
    size = 0 if file.state is None else file.state[2]
    end, is_pending = size, False
    if file.may_grow and size:
        fragment = _last_fragment(file.path, size)
        if fragment and not _is_complete(fragment):
            end, is_pending = size - len(fragment), True
    start = max(end - _SAMPLE_BYTES, 0)
    return Consumed(
        end,
        _sample(file.path, 0, min(_SAMPLE_BYTES, end)),
        _sample(file.path, start, end - start),
        is_pending,
    )


def write_row(
    connection: sqlite3.Connection,
    file: SourceFile,
    read: Consumed,
    *,
    project_id: str,
    scan_id: str,
    options_json: str,
    line_count: int,
    skipped_count: int,
    quiet_since_ns: int | None,
    size_seen_ns: int,
    session_key: str | None,
    was_rewritten: bool,
) -> None:
    """Record how far a file was read, in the transaction that records what was in it."""
    assert file.state is not None
    device, inode, size, mtime_ns = file.state
    values = {
        "kind": file.kind,
        "source_path": storable_text(file.source_path),
        "device": device,
        "inode": inode,
        "size_bytes": size,
        "mtime_ns": mtime_ns,
        "consumed_bytes": read.bytes,
        "head_sha256": read.head_sha256,
        "tail_sha256": read.tail_sha256,
        "line_count": line_count,
        "skipped_count": skipped_count,
        "is_pending": int(read.is_pending),
        "quiet_since_ns": quiet_since_ns,
        "size_seen_ns": size_seen_ns,
        "session_key": session_key,
        "was_rewritten": int(was_rewritten),
        "options_json": options_json,
        "missing_since_ns": None,
        "scan_id": scan_id,
    }
    names = ", ".join(values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    connection.execute(
        f"INSERT INTO scan_sources (source_id, project_id, path, {names}) "
        f"VALUES (?, ?, ?, {', '.join('?' * len(values))}) ON CONFLICT (project_id, path) DO UPDATE SET {changes}",
        [new_id(), project_id, file.key, *values.values()],
    )


def rotated(
    files: Iterable[SourceFile], rows: Mapping[str, sqlite3.Row], present: Collection[str]
) -> dict[str, str]:
    """Return new path -> old path of files that were only moved: the same file, or the same first and last bytes.

    Args:
        files: Files that are there.
        rows: What `rows_of_known_files` returns.
        present: Paths of everything that is there.
    """
    # What lies outside of what is scanned may be another name of the same file.
    gone = {path: row for path, row in rows.items() if path not in present and not os.path.lexists(path)}
    if not gone:
        return {}
    new = [file for file in files if file.key not in rows and file.state is not None]
    moves = _pair(new, gone, lambda row: (row["device"], row["inode"]), _inode, is_same_file)
    # Another file system gives a file another inode.
    sizes = {row["size_bytes"] for row in gone.values()}
    left = [file for file in new if file.key not in moves and file.state and file.state[2] in sizes]
    return moves | _pair(left, gone, _bytes_of_row, _bytes_of_file, lambda *_: True)


def _pair(
    files: Iterable[SourceFile],
    gone: dict[str, sqlite3.Row],
    property_of_row: Callable[[sqlite3.Row], Any],
    property_of_file: Callable[[SourceFile], Any],
    is_same: Callable[[SourceFile, sqlite3.Row], bool],
) -> dict[str, str]:
    """Return new path -> old path of files that share a property with a row, and are the same; take out these rows."""
    rows_by: dict[Any, list[sqlite3.Row]] = {}
    for row in gone.values():
        rows_by.setdefault((row["kind"], property_of_row(row)), []).append(row)
    moves: dict[str, str] = {}
    for file in files:
        rows = rows_by.get((file.kind, property_of_file(file)), [])
        found = next((row for row in rows if is_same(file, row)), None)
        if found is not None and file.key not in moves:
            rows.remove(found)
            del gone[found["path"]]
            moves[file.key] = found["path"]
    return moves


def _inode(file: SourceFile) -> tuple[int, int] | None:
    return None if file.state is None else file.state[:2]


def is_same_file(file: SourceFile, row: sqlite3.Row) -> bool:
    """Return whether a file still begins with all that was read of it, under whatever name."""
    return compare(file, row) in ("unchanged", "appended")


def _bytes_of_row(row: sqlite3.Row) -> Any:
    return row["size_bytes"], row["consumed_bytes"], row["head_sha256"], row["tail_sha256"]


def _bytes_of_file(file: SourceFile) -> Any:
    read = consumed(file)
    # Empty files are all the same.
    return read.bytes and (file.state and file.state[2], read.bytes, read.head_sha256, read.tail_sha256)


def missing(
    rows: Mapping[str, sqlite3.Row], roots: Iterable[str], present: Collection[str]
) -> list[sqlite3.Row]:
    """Return the rows of files below some paths that are gone.

    Args:
        rows: What `rows_of_known_files` returns.
        roots: True paths.
        present: Paths of everything that is there.
    """
    given = tuple(roots)
    prefixes = tuple(f"{root.rstrip(os.sep)}{os.sep}" for root in given)
    return [
        row
        for path, row in rows.items()
        if path not in present and (path in given or path.startswith(prefixes))
    ]


def _sample(path: str, start: int, length: int) -> str:
    try:
        with open_artifact(path) as file:
            file.seek(start)
            return hashlib.sha256(file.read(length)).hexdigest()
    except OSError:
        # Gone or closed to us meanwhile: it does not look like anything that was seen.
        return ""


def _last_fragment(path: str, size: int) -> bytes:
    """Return what follows the last line end of the first ``size`` bytes."""
    try:
        with open_artifact(path) as file:
            length = _SAMPLE_BYTES
            while True:
                start = max(size - length, 0)
                file.seek(start)
                text = file.read(size - start)
                found = max(text.rfind(b"\n"), text.rfind(b"\r"))
                if found >= 0 or start == 0 or length >= LONGEST_LINE_BYTES:
                    return text[found + 1 :]
                length *= 16
    except OSError:
        return b""


def _is_complete(fragment: bytes) -> bool:
    import json

    try:
        json.loads(fragment)
    except (ValueError, RecursionError):
        # Blanks, those beyond ASCII included, are no line at all.
        return not fragment.decode("utf-8", "replace").strip()
    return True
