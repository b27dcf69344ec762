"""Looks at a sink and decides what happens to each of its files.

Promise: nothing is written, and a sink that holds anything but files and directories is refused: a link
copied to another place may mean something else there.

Source: docs/compaction.md#what-is-copied.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stormlog._opening import OpenedPaths, RefusedFileError
from stormlog._storable_text import is_storable
from stormlog.artifacts.files import WarningLog, read_json_object
from stormlog.artifacts.manifests import describes_oom_bundle, describes_sink
from stormlog.artifacts.names import MANIFEST_NAME
from stormlog.artifacts.sinks import choose_segments
from stormlog.artifacts.walk import scan_directory
from stormlog.errors import SourceError
from stormlog.telemetry import SEGMENT_SUFFIX, TelemetrySinkManifest, sink_manifest_from_payload

__all__ = ["FileState", "Plan", "PlannedSegment", "look_at", "parquet_name", "tree_of"]


@dataclass(frozen=True)
class FileState:
    """What tells that a file changed.

    Attributes:
        size: In bytes.
        modified_ns: Modification time.
        identity: Device and inode.
    """

    size: int
    modified_ns: int
    identity: tuple[int, int]

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        """Return the state that a status describes."""
        return cls(status.st_size, status.st_mtime_ns, (status.st_dev, status.st_ino))


@dataclass(frozen=True)
class PlannedSegment:
    """A segment, and why it is to be copied; None if it may become Parquet."""

    name: str
    reason: str | None


@dataclass(frozen=True)
class Plan:
    """A sink as it was found.

    Attributes:
        sink: Its directory, absolute and without links.
        payload: The manifest as written.
        manifest: The manifest as read.
        segments: Its segments in reading order.
        files: Every other and every segment file below it, relative, with its state.
        directories: Every directory below it, relative, parents first.
    """

    sink: Path
    payload: dict[str, Any]
    manifest: TelemetrySinkManifest
    segments: tuple[PlannedSegment, ...]
    files: dict[str, FileState]
    directories: tuple[str, ...]

    def require_finished(self) -> None:
        """Raise if a writer may still be at work.

        Raises:
            SourceError: a session is running, or an open segment belongs to no finished one.
        """
        for session in self.manifest.sessions:
            if session.status == "running":
                raise SourceError(
                    f"session {session.session_id!r} is still running, and its writer would lose its directory; "
                    "close the session first, or write a compacted copy with --output",
                    path=str(self.sink),
                )
        finished = {session.session_id for session in self.manifest.sessions}
        for segment in self.manifest.segments:
            if not segment.closed and segment.filename in self.files and segment.session_id not in finished:
                raise SourceError(
                    "is still open, and its writer would lose its directory; "
                    "write a compacted copy with --output",
                    path=str(self.sink / segment.filename),
                )


def look_at(sink: Path) -> Plan:
    """Return what is to be done with a sink.

    Args:
        sink: Its directory, absolute and without links.

    Raises:
        SourceError: it is no sink, or holds what cannot be carried over.
    """
    opened = OpenedPaths([str(sink)])
    if not sink.exists():
        raise SourceError("no such directory", path=str(sink))
    if not sink.is_dir():
        raise SourceError("is not the directory of a sink", path=str(sink))
    try:
        payload = read_json_object(str(sink / MANIFEST_NAME), opened)
    except FileNotFoundError:
        raise SourceError(f"is not a sink: it has no {MANIFEST_NAME}", path=str(sink)) from None
    except RefusedFileError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=str(sink / MANIFEST_NAME)) from None
    if payload is None or describes_oom_bundle(payload) or not describes_sink(payload):
        raise SourceError("is not the manifest of a sink", path=str(sink / MANIFEST_NAME))
    manifest = sink_manifest_from_payload(payload)
    assert manifest is not None
    # After the manifest: a file that it does not know yet is one that it need not know.
    files, directories = tree_of(sink)
    listing = scan_directory(str(sink), str(sink), str(sink), opened, WarningLog())
    assert listing is not None
    chosen, _ = choose_segments(listing, manifest, WarningLog())
    closed: dict[str, bool] = {}
    for segment in manifest.segments:
        closed[segment.filename] = segment.closed and closed.get(segment.filename, True)
    segments = tuple(PlannedSegment(name, _reason(name, closed, files)) for name in chosen if name in files)
    return Plan(sink, payload, manifest, segments, files, tuple(directories))


def parquet_name(name: str) -> str:
    """Return what a segment of lines is called as Parquet."""
    return name.removesuffix(SEGMENT_SUFFIX) + ".parquet"


def _reason(name: str, closed: dict[str, bool], files: dict[str, FileState]) -> str | None:
    """Return why a segment has to stay as it is; None if it may become Parquet."""
    if name.endswith(".parquet"):
        return "is Parquet already"
    if not name.endswith(SEGMENT_SUFFIX) or name == SEGMENT_SUFFIX or not is_storable(name):
        return f"its name does not end in {SEGMENT_SUFFIX}"
    if name not in closed:
        return "the manifest does not list it"
    if not closed[name]:
        return "is still open"
    if parquet_name(name) in files:
        return f"{parquet_name(name)} lies beside it"
    return "is empty" if files[name].size == 0 else None


def tree_of(sink: Path) -> tuple[dict[str, FileState], list[str]]:
    """Return the files and directories below a sink, relative to it.

    Raises:
        SourceError: something is neither.
        OSError: something cannot be read.
    """
    files: dict[str, FileState] = {}
    directories: list[str] = []
    pending = [""]
    while pending:
        parent = pending.pop()
        with os.scandir(sink / parent) as entries:
            for entry in entries:
                name = os.path.join(parent, entry.name)
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    files[name] = FileState.of(status)
                elif stat.S_ISDIR(status.st_mode):
                    directories.append(name)
                    pending.append(name)
                else:
                    kind = "a link" if stat.S_ISLNK(status.st_mode) else "neither a file nor a directory"
                    raise SourceError(
                        f"is {kind}, which a copy of the sink cannot keep; move it out of the sink first",
                        path=str(sink / name),
                    )
    return files, sorted(directories)
