"""Writes OOM bundles: what happened before memory ran out, in a directory of its own.

Promise: a bundle has its name only once it is whole, and deleting old ones never deletes the newest.

Source: docs/capture.md#out-of-memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.oom.allocator_snapshots import SNAPSHOT_FILENAME, AllocatorSnapshots
from stormlog.capture.plain_values import plain_metadata, text_of_value
from stormlog.telemetry import SessionSummary, session_summary_to_dict

__all__ = ["BUNDLE_PREFIX", "OomFailure", "WrittenBundle", "prune_bundles", "write_bundle"]

BUNDLE_PREFIX = "oom_dump_"
#: Readers pass over directories of this name.
_UNFINISHED_PREFIX = ".stormlog-bundle-"
#: An unfinished bundle that is older, in seconds, is of a process that was killed.
_ABANDONED_SECONDS = 3600
_SCHEMA_VERSION = 2
_FILES = ("manifest.json", "events.json", "metadata.json", "environment.json")
_NAME = re.compile(r"oom_dump_[0-9]{8}T[0-9]{6}Z_[0-9]+_.+_[0-9]+")

#: What counters of records are called in the events of a bundle.
_EVENT_NAMES = {
    "event_type": "event_type",
    "session_id": "session_id",
    "allocator_allocated_bytes": "memory_allocated",
    "allocator_reserved_bytes": "memory_reserved",
    "allocator_change_bytes": "memory_change",
    "device_id": "device_id",
    "context": "context",
    "job_id": "job_id",
    "rank": "rank",
    "local_rank": "local_rank",
    "world_size": "world_size",
    "metadata": "metadata",
    "allocator_active_bytes": "active_memory",
    "allocator_inactive_bytes": "inactive_memory",
    "device_used_bytes": "device_used",
    "device_free_bytes": "device_free",
    "device_total_bytes": "device_total",
}


@frozen_class
class OomFailure:
    """What is known of a failure.

    Attributes:
        reason: Of `stormlog.capture.OomClassification`.
        exception_type: Name of the class of the exception; null if there was none.
        exception_module: Its module; null likewise.
        message: Its text; null likewise.
        context: Where in the job; null if that is not known.
        backend: What allocated: ``cuda``, ``rocm``, ``mps``, ``cpu`` and so on.
        metadata: Anything else.
    """

    reason: str
    exception_type: str | None
    exception_module: str | None
    message: str | None
    context: str | None
    backend: str
    metadata: Mapping[str, Any]


@frozen_class
class WrittenBundle:
    """A bundle that was written.

    Attributes:
        path: Its directory.
        snapshot_path: The allocator snapshot in it; null without one.
        snapshot_error: Why there is none; null if none was wanted or possible.
    """

    path: str
    snapshot_path: str | None
    snapshot_error: str | None


def write_bundle(
    directory: str,
    number: int,
    failure: OomFailure,
    events: Iterable[Mapping[str, Any]],
    session: SessionSummary | None,
    snapshots: AllocatorSnapshots | None = None,
) -> WrittenBundle:
    """Write one bundle.

    Args:
        directory: Where bundles lie; made if it is not there.
        number: Which bundle of this process it is, from 1.
        failure: What happened.
        events: The telemetry records before it, the oldest first; or events as they stand in bundles.
        session: Their session, if there is one.
        snapshots: What makes an allocator snapshot, if there is to be one. A bundle without it is one too.

    Returns:
        What was written.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    os.makedirs(directory, exist_ok=True)
    moment = time.gmtime()
    backend = re.sub(r"[^a-zA-Z0-9_-]+", "_", failure.backend) or "unknown"
    stem = f"{BUNDLE_PREFIX}{time.strftime('%Y%m%dT%H%M%SZ', moment)}_{os.getpid()}_{backend}_"
    while os.path.lexists(path := os.path.join(directory, f"{stem}{number}")):
        number += 1
    name = os.path.basename(path)
    shown = [_event_of_bundle(event, failure.backend) for event in events]
    of_session = {
        "session_id": session.session_id if session else None,
        "session_status": session.status if session else None,
        "session": session_summary_to_dict(session) if session else None,
    }
    unfinished = os.path.join(directory, f"{_UNFINISHED_PREFIX}{name}")
    Path(unfinished).mkdir()
    try:
        try:
            _write_json(unfinished, "events.json", shown)
        except (TypeError, ValueError, RecursionError):
            # One that JSON has no form for must not cost the others.
            _write_json(unfinished, "events.json", [plain_metadata(event)[0] for event in shown])
        environment = {"pid": os.getpid(), "cwd": _working_directory(), "system": _system()}
        _write_json(unfinished, "environment.json", environment)
        has_snapshot, snapshot_error = _write_snapshot(unfinished, snapshots)
        snapshot_files = [SNAPSHOT_FILENAME] if has_snapshot else []
        of_snapshot: dict[str, Any] = {}
        if has_snapshot:
            of_snapshot = {"native_history_enabled": True, "native_history_files": snapshot_files}
        elif snapshot_error is not None:
            of_snapshot = {"allocator_snapshot_error": snapshot_error}
        metadata = {
            "reason": failure.reason,
            "exception_type": failure.exception_type,
            "exception_module": failure.exception_module,
            "exception_message": failure.message,
            "context": failure.context,
            "backend": failure.backend,
            "captured_event_count": len(shown),
            **of_session,
            "custom_metadata": {**failure.metadata, **of_snapshot},
        }
        _write_json(unfinished, "metadata.json", metadata)
        manifest = {
            "schema_version": _SCHEMA_VERSION,
            "bundle_name": name,
            "created_at_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment),
            "reason": failure.reason,
            "backend": failure.backend,
            "event_count": len(shown),
            **of_session,
            "files": [*_FILES, *snapshot_files],
            **(of_snapshot if has_snapshot else {}),
        }
        _write_json(unfinished, "manifest.json", manifest)
        os.rename(unfinished, path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return WrittenBundle(
        path, os.path.join(path, SNAPSHOT_FILENAME) if has_snapshot else None, snapshot_error
    )


def _write_json(directory: str, filename: str, content: object) -> None:
    with open(os.path.join(directory, filename), "w", encoding="utf-8") as file:
        # ASCII: a text with half a surrogate pair has no other form.
        json.dump(content, file, indent=2, default=text_of_value)
        file.flush()
        os.fsync(file.fileno())


def _write_snapshot(directory: str, snapshots: AllocatorSnapshots | None) -> tuple[bool, str | None]:
    """Return whether there is a snapshot, and what went wrong."""
    if snapshots is None:
        return False, None
    try:
        return snapshots.write(os.path.join(directory, SNAPSHOT_FILENAME)), None
    except Exception as error:  # A full disk, no memory, a PyTorch that works otherwise.
        return False, f"{type(error).__name__}: {error}"


def prune_bundles(directory: str, newest: str, *, max_bundles: int, max_total_bytes: int) -> None:
    """Delete the oldest bundles of a directory; never the newest one, nor anything that is no bundle.

    Args:
        directory: Where bundles lie.
        newest: Path of the bundle that stays.
        max_bundles: How many stay; 0 or less: any number.
        max_total_bytes: Bytes of all together; 0 or less: any number.
    """
    found = []
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if name.startswith(_UNFINISHED_PREFIX) and not os.path.islink(path):
            if os.stat(path).st_mtime < time.time() - _ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
        elif _NAME.fullmatch(name) and path != newest and os.path.isdir(path) and not os.path.islink(path):
            found.append((os.stat(path).st_mtime_ns, path, _size_of(path)))
    # The newest first, as far as there is room.
    found.sort(reverse=True)
    room = max_total_bytes - _size_of(newest)
    for position, (_, path, size) in enumerate(found, start=2):
        room -= size
        if (max_bundles > 0 and position > max_bundles) or (max_total_bytes > 0 and room < 0):
            shutil.rmtree(path, ignore_errors=True)


def _event_of_bundle(record: Mapping[str, Any], backend: str) -> dict[str, Any]:
    if "timestamp_ns" not in record:
        return dict(record)
    moment = record["timestamp_ns"]
    event: dict[str, Any] = {"timestamp": moment / 1e9 if isinstance(moment, int) else None}
    for name, name_in_bundle in _EVENT_NAMES.items():
        event[name_in_bundle] = record.get(name)
    event["backend"] = backend
    return event


def _working_directory() -> str | None:
    with contextlib.suppress(OSError):
        return os.getcwd()
    return None


def _system() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    return {
        "platform": platform.system(),
        "architecture": platform.machine(),
        "python_version": platform.python_version(),
        "torch_version": getattr(torch, "__version__", None) and str(getattr(torch, "__version__", None)),
    }


def _size_of(path: str) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
