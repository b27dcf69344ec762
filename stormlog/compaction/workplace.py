"""Directories beside a sink in which its compacted copy is made, and how it takes the place of the original.

Promise: whatever stops the process, the original or the finished copy can be read: under the name of the
sink, or, between two renames, under the name that `restore` undoes.

Source: docs/compaction.md#when-it-is-stopped.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stormlog._new_files import sync_path
from stormlog.artifacts.names import WORKPLACE_PREFIX
from stormlog.errors import SourceError

__all__ = ["place", "require_place_aside", "restore", "staging_directory", "swap"]


def restore(sink: Path) -> bool:
    """Undo a replacement that was cut short between its two renames; say whether there was one.

    Args:
        sink: Where the sink ought to be, absolute.
    """
    aside = _aside(sink)
    if os.path.lexists(sink) or not aside.is_dir():
        return False
    aside.rename(sink)
    sync_path(sink.parent)
    return True


def require_place_aside(sink: Path) -> None:
    """Raise if an original that was moved aside is still there: it may be all there is of it.

    Raises:
        SourceError: it is there.
    """
    aside = _aside(sink)
    if os.path.lexists(aside):
        raise SourceError(
            f"holds the original of {sink}, which an earlier --replace had put a compacted sink in place of "
            "when it was stopped; make sure that you do not need it, remove it, and try again",
            path=str(aside),
        )


@contextmanager
def staging_directory(target: Path) -> Iterator[Path]:
    """Make a directory beside ``target`` that readers ignore; remove it at the end if it is still there.

    Left-overs of processes that were killed are removed first.
    """
    _remove_leftovers(target)
    staging = target.parent / f"{WORKPLACE_PREFIX}{target.name}.{secrets.token_hex(4)}.new"
    staging.mkdir(0o700)
    # Tells others that this is no left-over; the system lets go of it when the process ends.
    descriptor = os.open(staging, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(descriptor)


def place(staging: Path, target: Path) -> None:
    """Give a finished directory its name.

    Raises:
        ValueError: something has that name by now.
    """
    if os.path.lexists(target):
        raise ValueError(f"{target} exists; choose another directory for the compacted sink")
    staging.rename(target)
    sync_path(target.parent)


def swap(staging: Path, sink: Path, check: Callable[[Path], None]) -> None:
    """Put a finished directory in the place of a sink, then remove the original.

    Args:
        staging: The finished directory.
        sink: The sink.
        check: Called with the original once nobody finds it under its name any more; raises if it changed meanwhile.

    Raises:
        OSError: a rename was refused; the original is in its place.
    """
    aside = _aside(sink)
    with _uninterrupted():
        sink.rename(aside)
        try:
            check(aside)
            sync_path(sink.parent)
            staging.rename(sink)
        except BaseException:
            aside.rename(sink)
            raise
        sync_path(sink.parent)
        # Under this name it is known to be replaced: whoever finds it may remove it.
        trash = sink.parent / f"{WORKPLACE_PREFIX}{sink.name}.{secrets.token_hex(4)}.trash"
        aside.rename(trash)
        sync_path(sink.parent)
    shutil.rmtree(trash, ignore_errors=True)


def _aside(sink: Path) -> Path:
    return sink.parent / f"{WORKPLACE_PREFIX}{sink.name}.old"


def _remove_leftovers(target: Path) -> None:
    prefix = f"{WORKPLACE_PREFIX}{target.name}."
    for name in os.listdir(target.parent):
        token, _, role = name.removeprefix(prefix).partition(".")
        if name.startswith(prefix) and token.isalnum() and role in ("new", "trash"):
            with suppress(OSError):
                _remove_unless_used(target.parent / name)


def _remove_unless_used(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    finally:
        os.close(descriptor)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until two renames that belong together are done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
