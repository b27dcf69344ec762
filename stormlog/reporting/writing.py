"""Writes a report to a file: whole or not at all, and never over telemetry."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stormlog._paths import require_path
from stormlog.errors import SourceError

if TYPE_CHECKING:
    from stormlog.query import QueryStore

__all__ = ["check_target", "write_report"]


def write_report(
    path: str | os.PathLike[str],
    text: str,
    store: QueryStore,
    *,
    tracker: str | None = None,
    replace: bool = False,
) -> None:
    """Write a report.

    Args:
        path: The file. A pipe or a device is written to as it is.
        text: What it will hold.
        store: What the report is about: its files are never written to, nor is anything put into its sinks and bundles.
        tracker: A tracker, which is never written to either.
        replace: Whether a file that is there already may be replaced.

    Raises:
        ValueError: the file is there already, is a directory, or belongs to the telemetry.
        SourceError: it cannot be written.

    Source: docs/report.md#the-file.
    """
    name = require_path(path)
    found = check_target(name, store, tracker=tracker, replace=replace)
    data = text.encode("utf-8", "backslashreplace")
    try:
        if found is not None and not stat.S_ISREG(found.st_mode):
            with open(name, "wb") as stream:
                stream.write(data)
        else:
            _put(os.path.realpath(name), data, replace=replace)
    except FileExistsError:
        raise _there_already(name) from None
    except OSError as error:
        raise SourceError(f"cannot be written: {error.strerror or error}", path=name) from error


def check_target(
    path: str, store: QueryStore, *, tracker: str | None = None, replace: bool = False
) -> os.stat_result | None:
    """Refuse what `write_report` would not write to, before anything is read for the report.

    Args:
        path: The file.
        store: What the report is about.
        tracker: See `write_report`.
        replace: Likewise.

    Returns:
        What is there now.

    Raises:
        ValueError: see `write_report`.
        SourceError: the directory does not exist.
    """
    target = os.path.realpath(path)
    there = _file_state(target)
    for kept in _kept_paths(store, tracker):
        real = os.path.realpath(kept)
        state = _file_state(real)
        # A file may have several names.
        is_same = target == real or (
            there is not None and state is not None and os.path.samestat(there, state)
        )
        is_inside = state is not None and stat.S_ISDIR(state.st_mode) and target.startswith(f"{real}{os.sep}")
        if is_same or is_inside:
            raise ValueError(f"{path} belongs to what is reported on ({kept}): write the report elsewhere")
    if there is None and not os.path.isdir(os.path.dirname(target)):
        raise SourceError("cannot be written: there is no such directory", path=path)
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise ValueError(
            f"{path} is a directory: name a file in it, such as {os.path.join(path, 'report.html')}"
        )
    if there is not None and stat.S_ISREG(there.st_mode) and not replace:
        raise _there_already(path)
    return there


def _there_already(path: str) -> ValueError:
    return ValueError(f"{path} is there already: choose another name, or say --force to replace it")


def _file_state(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _kept_paths(store: QueryStore, tracker: str | None) -> Iterator[str]:
    """Yield the files that were opened, and the directories of sinks and bundles."""
    catalog = store.catalog
    for source in catalog.sources:
        yield str(source.path)
        yield from map(str, source.event_paths)
        if source.manifest_path is not None:
            yield str(source.manifest_path)
    for bundle in catalog.oom_bundles:
        yield str(bundle.bundle_path)
    yield from (str(envelope.path) for envelope in catalog.run_envelopes)
    yield from {attachment.sidecar_path for attachment in catalog.attachments}
    yield from map(str, catalog.issue_sidecars)
    for path in catalog.paths:
        if not path.is_dir():
            yield str(path)
    if tracker is not None:
        yield from (tracker, f"{tracker}-wal", f"{tracker}-shm")


def _put(target: str, data: bytes, *, replace: bool) -> None:
    """Put a file into its place in one step.

    Raises:
        FileExistsError: one is there already, and it may not be replaced.
        OSError: the system refuses.
    """
    if not replace and os.path.lexists(target):
        raise FileExistsError
    partial = os.path.join(os.path.dirname(target), f".stormlog-report-{secrets.token_hex(8)}")
    try:
        with open(partial, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(partial, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(partial, target)
        else:
            _put_new(partial, target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


def _put_new(partial: str, target: str) -> None:
    """Name a file so that no other one is lost that was made meanwhile."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links.
        if os.path.lexists(target):
            raise FileExistsError from None
        os.replace(partial, target)
