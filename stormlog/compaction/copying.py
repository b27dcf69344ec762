"""Copies files of a sink as they are, and notices when they change meanwhile.

Source: docs/compaction.md#what-is-copied.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path

from stormlog.compaction.plan import FileState
from stormlog.errors import CompactionError, SourceError

__all__ = ["copy_file", "copy_growing_segment", "require_unchanged"]

_BLOCK = 1 << 20


def copy_file(source: Path, target: Path, state: FileState) -> None:
    """Copy a file byte by byte, with its times and permissions.

    Raises:
        SourceError: it changed since it was looked at.
        CompactionError: the copy holds something else.
    """
    try:
        shutil.copy2(source, target, follow_symlinks=False)
        is_same = filecmp.cmp(source, target, shallow=False)
    except FileNotFoundError:
        raise _changed(source) from None
    finally:
        filecmp.clear_cache()
    require_unchanged(source, state)
    if not is_same:
        raise CompactionError(f"{source}: its copy {target} differs; nothing was changed")


def copy_growing_segment(source: Path, target: Path, state: FileState) -> bool:
    """Copy a segment that may be written to: as it was when it was looked at.

    Of a segment that has grown since, a last line that was not finished then is left out: it is the
    beginning of one that the original has whole by now.

    Returns:
        Whether it has grown.

    Raises:
        SourceError: it changed in another way than by growing.
    """
    try:
        with open(source, "rb") as reading, open(target, "wb") as writing:
            left = state.size
            while left and (block := reading.read(min(left, _BLOCK))):
                writing.write(block)
                left -= len(block)
        now = FileState.of(os.stat(source, follow_symlinks=False))
    except FileNotFoundError:
        raise _changed(source) from None
    if now == state and not left:
        shutil.copystat(source, target)
        return False
    if now.identity != state.identity or now.size < state.size:
        raise _changed(source)
    data = target.read_bytes()
    target.write_bytes(data[: data.rfind(b"\n") + 1])
    return True


def require_unchanged(path: Path, state: FileState | None) -> None:
    """Raise unless a file is as it was.

    Raises:
        SourceError: it is not.
    """
    try:
        now = FileState.of(os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        now = None
    if now != state:
        raise _changed(path)


def _changed(path: Path) -> SourceError:
    return SourceError(
        "changed while the sink was compacted; try again, when nothing writes to it", path=str(path)
    )
