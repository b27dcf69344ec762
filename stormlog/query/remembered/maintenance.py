"""Looks at indexes and removes them: what a cache directory holds, of which paths, and how much.

Promise: nothing outside the folder `LAYOUT` of the cache directory, where all indexes lie, is ever removed, and no link
is followed there. Removing an index costs nobody an answer: who reads it goes on from the files.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypedDict

from stormlog._readable_times import ReadableTime
from stormlog.engine import INDEX_FILE_NAME, LAYOUT, engine_id, index_folder, peek_document
from stormlog.errors import SourceError

__all__ = [
    "Cleared",
    "IndexState",
    "IndexSummary",
    "clear_all",
    "clear_folder",
    "clear_paths",
    "describe_index",
    "indexes_of",
    "list_indexes",
]

_NAME = re.compile(r"[0-9a-f]{24}")
#: Names of folders that are being removed.
_GONE = ".gone-"


@dataclass(frozen=True)
class IndexSummary:
    """One index.

    Attributes:
        paths: The opened paths as they were spelled; None if the index file cannot be read.
        absolute_paths: The same from the root.
        folder: Where it is.
        size_bytes: What its files take.
        file_count: Files with events that it knows.
        part_count: Parts: folders of Parquet files with rows.
        answer_count: Answers that it keeps.
        last_used_ns: When it was used last, nanoseconds since the Unix epoch.
        is_of_this_engine: Whether this installation wrote it; any other one begins anew.
    """

    paths: list[str] | None
    absolute_paths: list[str] | None
    folder: str
    size_bytes: int
    file_count: int
    part_count: int
    answer_count: int
    last_used_ns: int
    is_of_this_engine: bool
    last_used = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return asdict(self)


@dataclass(frozen=True)
class IndexState(IndexSummary):
    """One index, and what is new below its paths.

    Attributes:
        rows_bytes: What the rows in its parts take.
        changed_files: Files that have to be read, new ones included.
        gone_files: Files that it knows and that are not there any more.
        unread_bytes: What has to be read.
        is_current: Whether nothing has to be read, and nothing is gone.
    """

    rows_bytes: int
    changed_files: int
    gone_files: int
    unread_bytes: int
    is_current: bool


class ClearedDocument(TypedDict):
    """What `Cleared.as_dict` returns.

    Attributes:
        removed: The indexes.
    """

    removed: list[Annotated[dict[str, Any], IndexSummary]]
    freed_bytes: int
    left_alone: list[str]


@dataclass(frozen=True)
class Cleared:
    """What was removed.

    Attributes:
        indexes: The indexes.
        freed_bytes: What they took.
        left_alone: Names in the folder of the indexes that are no indexes: links, and whatever else lies there.
    """

    indexes: list[IndexSummary]
    freed_bytes: int
    left_alone: list[str]

    def as_dict(self) -> ClearedDocument:
        """Return all fields, JSON-ready; the indexes are called ``removed``."""
        return {
            "removed": [index.as_dict() for index in self.indexes],
            "freed_bytes": self.freed_bytes,
            "left_alone": self.left_alone,
        }


def list_indexes(root: str) -> list[IndexSummary]:
    """Return the indexes of a cache directory, the one used last first."""
    found = [_summary(folder) for folder in _index_folders(root)]
    return sorted(found, key=lambda index: (-index.last_used_ns, index.folder))


def indexes_of(root: str, paths: Sequence[str]) -> list[IndexSummary]:
    """Return the indexes of some paths, however they were spelled and ordered when they were opened."""
    exact = index_folder(root, paths)
    wanted = {os.path.abspath(path) for path in paths}
    return [
        index
        for index in list_indexes(root)
        if index.folder == exact or set(index.absolute_paths or ()) == wanted
    ]


def describe_index(root: str, paths: Sequence[str]) -> IndexState | None:
    """Return what is known of some paths, and what is new there now.

    Args:
        root: The cache directory.
        paths: Opened paths, in the spelling in which they are opened.

    Returns:
        None if there is no index.
    """
    from stormlog.artifacts import ArtifactCatalog
    from stormlog.artifacts.snapshot import Snapshot
    from stormlog.engine import Index, plan_reading

    folder = index_folder(root, paths)
    if folder not in _index_folders(root):
        return None
    summary = _summary(folder)
    index = Index.peek(folder, paths)
    snapshot = Snapshot.take(ArtifactCatalog(list(paths)))
    plan = plan_reading(snapshot.origins, snapshot.states, index.pieces, index.next_id)
    gone = index.pieces.keys() - plan.pieces.keys()
    # The unfinished last line of a file is read every time, and nothing new for that.
    changed = [task for task in plan.tasks if task.start == 0 or task.state != task.piece.state]
    return IndexState(
        **summary.as_dict(),
        rows_bytes=sum(part.size for part in index.parts),
        changed_files=len(changed),
        gone_files=len(gone),
        unread_bytes=sum(task.size for task in changed),
        is_current=not changed and not gone,
    )


def clear_all(root: str) -> Cleared:
    """Remove every index of a cache directory.

    Raises:
        SourceError: the folder of the indexes is a link.
    """
    indexes = list_indexes(root)
    cleared = _clear(root, indexes)
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(os.path.join(root, LAYOUT))):
            if entry.name.startswith(_GONE) and entry.is_dir(follow_symlinks=False):
                # Whoever began to remove it was stopped.
                shutil.rmtree(entry.path, ignore_errors=True)
    return cleared


def clear_paths(root: str, paths: Sequence[str]) -> Cleared:
    """Remove the indexes of some paths, see `indexes_of`.

    Raises:
        SourceError: the folder of the indexes is a link.
    """
    return _clear(root, indexes_of(root, paths))


def clear_folder(root: str, folder: str) -> Cleared:
    """Remove the index in one folder of a cache directory.

    Raises:
        SourceError: the folder of the indexes is a link.
    """
    return _clear(root, [index for index in list_indexes(root) if index.folder == folder])


def _clear(root: str, indexes: Sequence[IndexSummary]) -> Cleared:
    _require_no_link(root)
    removed = []
    for index in indexes:
        gone = os.path.join(root, LAYOUT, f"{_GONE}{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            # In one step, so that nobody takes half of it for an index. A link put here meanwhile would be
            # renamed itself, and removing trees refuses links.
            os.rename(index.folder, gone)
            shutil.rmtree(gone)
            removed.append(index)
    return Cleared(removed, sum(index.size_bytes for index in removed), _others(root))


def _require_no_link(root: str) -> None:
    folder = os.path.join(root, LAYOUT)
    if os.path.islink(folder):
        raise SourceError("is a link, and none is followed here; put a directory in its place", path=folder)


def _index_folders(root: str) -> list[str]:
    _require_no_link(root)
    return [
        entry.path
        for entry in _entries(root)
        if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
    ]


def _others(root: str) -> list[str]:
    return [
        entry.name
        for entry in _entries(root)
        if not entry.name.startswith(_GONE)
        and not (_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False))
    ]


def _entries(root: str) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(os.path.join(root, LAYOUT)), key=lambda entry: entry.name)
    except OSError:
        return []


def _summary(folder: str) -> IndexSummary:
    writer, document = peek_document(os.path.join(folder, INDEX_FILE_NAME))
    known: dict[str, Any] = document if isinstance(document, dict) else {}
    size = last_used_ns = answer_count = 0
    for path, found in _files(folder):
        size += found.st_size
        last_used_ns = max(last_used_ns, found.st_mtime_ns)
        answer_count += path.endswith(".json") and os.path.basename(os.path.dirname(path)) == "answers"
    return IndexSummary(
        paths=known.get("paths"),
        absolute_paths=known.get("absolute_paths"),
        folder=folder,
        size_bytes=size,
        file_count=len(known.get("pieces", ())),
        part_count=len(known.get("parts", ())),
        answer_count=answer_count,
        last_used_ns=last_used_ns,
        is_of_this_engine=writer == engine_id(),
    )


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):
                yield path, os.lstat(path)
