"""Writes ``rollups.json`` of a sink anew.

Promise: the file is complete or as it was, whatever stops the program, and nothing else in the sink is touched. A sink
that somebody may still be writing to is refused, and so is a place that cannot be written to.

Source: docs/concepts.md#rollups.
"""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from stormlog._opening import OpenedPaths
from stormlog._values import frozen_class
from stormlog.artifacts.files import read_json_object
from stormlog.artifacts.manifests import describes_oom_bundle, describes_sink
from stormlog.artifacts.names import MANIFEST_NAME, ROLLUPS_NAME
from stormlog.errors import SourceError
from stormlog.rollups.building import DEFAULT_WINDOW_NS, build_rollups
from stormlog.telemetry import TelemetrySinkManifest, sink_manifest_from_payload

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RollupReport", "rebuild_rollups"]

_ELSEWHERE = "write the rollups elsewhere with --output FILE"


@frozen_class
class RollupReport:
    """What was written.

    Args:
        sink: The directory of the sink.
        output: The file with the rollups.
        session_count: Sessions that it describes.
        event_count: Events of these sessions.
        window_count: Windows with events.
        warnings: Lines that were skipped, as far as they are told one by one.
    """

    sink: str
    output: str
    session_count: int
    event_count: int
    window_count: int
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "warnings": list(self.warnings)}


def rebuild_rollups(
    sink: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    window_duration_ns: int = DEFAULT_WINDOW_NS,
    threads: int | None = None,
    memory_limit: str | None = None,
) -> RollupReport:
    """Count the events of a sink, and write their sums and peaks.

    Args:
        sink: Its directory.
        output: Where to write; ``rollups.json`` of the sink by default. Only there readers look for it.
        window_duration_ns: Length of a window in nanoseconds, 1 or more.
        threads: Threads of DuckDB.
        memory_limit: Memory limit of DuckDB, such as ``512MB``.

    Raises:
        SourceError: it is no sink, somebody may still be writing to it, it changed meanwhile, or the place cannot be
            written to.
        ValueError: the window is too short, or a setting that DuckDB does not take.
        QueryError: DuckDB failed.
    """
    import stormlog.query

    directory = os.path.abspath(sink)
    before = _manifest(directory)
    target = os.path.join(directory, ROLLUPS_NAME) if output is None else os.path.abspath(output)
    if output is None:
        _require_finished(before, directory)
    _require_place(target, is_elsewhere=output is not None)
    with stormlog.query.open([directory], cache=False, threads=threads, memory_limit=memory_limit) as store:
        document = build_rollups(
            store, directory, window_duration_ns=window_duration_ns, now_ns=time.time_ns()
        )
    if _manifest(directory) != before:
        raise SourceError("changed while it was counted; nothing was written", path=directory)
    _write(document, target, is_elsewhere=output is not None)
    sessions = document["sessions"]
    return RollupReport(
        sink=directory,
        output=target,
        session_count=len(sessions),
        event_count=sum(session["event_count"] for session in sessions),
        window_count=sum(len(session["windows"]) for session in sessions),
        warnings=tuple(sessions[0]["warnings"]) if sessions else (),
    )


def _manifest(directory: str) -> TelemetrySinkManifest:
    path = os.path.join(directory, MANIFEST_NAME)
    try:
        payload = read_json_object(path, OpenedPaths([os.path.realpath(directory)]))
    except OSError as error:
        if not os.path.isdir(directory):
            raise SourceError("is not the directory of a sink", path=directory) from None
        if isinstance(error, FileNotFoundError):
            raise SourceError(f"is not a sink: it has no {MANIFEST_NAME}", path=directory) from None
        raise SourceError(f"cannot be read: {error.strerror or error}", path=path) from None
    if payload is None or describes_oom_bundle(payload) or not describes_sink(payload):
        raise SourceError("is not the manifest of a sink", path=path)
    manifest = sink_manifest_from_payload(payload)
    assert manifest is not None
    return manifest


def _require_finished(manifest: TelemetrySinkManifest, directory: str) -> None:
    """Refuse a sink whose own writer will write the rollups when it closes."""
    for session in manifest.sessions:
        if session.status == "running":
            raise SourceError(
                f"session {session.session_id!r} is still running, and its writer writes {ROLLUPS_NAME} itself; "
                f"close the session first, or {_ELSEWHERE}",
                path=directory,
            )
    finished = {session.session_id for session in manifest.sessions}
    for segment in manifest.segments:
        if not segment.closed and segment.session_id not in finished:
            path = os.path.join(directory, segment.filename)
            raise SourceError(f"is still open; close its writer first, or {_ELSEWHERE}", path=path)


def _require_place(target: str, *, is_elsewhere: bool) -> None:
    if os.path.islink(target) or (os.path.exists(target) and not os.path.isfile(target)):
        raise SourceError("is no ordinary file, so it is not replaced", path=target)
    if not os.access(os.path.dirname(target), os.W_OK):
        _refuse(target, OSError(errno.EACCES, os.strerror(errno.EACCES)), is_elsewhere=is_elsewhere)


def _refuse(target: str, error: OSError, *, is_elsewhere: bool) -> None:
    way_out = "name another file with --output" if is_elsewhere else _ELSEWHERE
    raise SourceError(f"cannot be written: {error.strerror or error}; {way_out}", path=target)


def _write(document: Mapping[str, Any], target: str, *, is_elsewhere: bool) -> None:
    """Put a document in the place of a file, at once."""
    staging = f"{target}.{os.getpid()}.{uuid4().hex}.tmp"
    try:
        with open(staging, "x", encoding="utf-8") as stream:
            json.dump(document, stream, indent=2, sort_keys=True)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(staging, target)
        _sync_directory(os.path.dirname(target))
    except OSError as error:
        _refuse(target, error, is_elsewhere=is_elsewhere)
    finally:
        Path(staging).unlink(missing_ok=True)


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
