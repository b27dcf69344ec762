"""Keeps the last events of a job in memory, and writes them down when memory runs out.

Promises: recording an event takes a moment and a bounded amount of memory; nothing that fails here hides the
failure that is recorded.

Source: docs/capture.md#out-of-memory.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.oom.allocator_snapshots import AllocatorSnapshots
from stormlog.capture.oom.bundles import OomFailure, prune_bundles, write_bundle
from stormlog.capture.oom.classification import first_of_memory, text_of
from stormlog.capture.plain_values import plain_metadata
from stormlog.capture.processes import leave_in_child
from stormlog.telemetry import SessionSummary

__all__ = ["FlightRecorder", "FlightRecorderOptions", "RecordedOom"]

_MARK = "_stormlog_recorded_oom"
_DIRECTORY = "oom_dumps"
#: Of an exception, in a bundle.
_MAX_MESSAGE_LENGTH = 100_000
#: An exception this much later, in seconds, is another failure than the one that was seen before it was raised.
_RAISED_WITHIN_SECONDS = 5.0


@frozen_class
class FlightRecorderOptions:
    """What a flight recorder goes by.

    Attributes:
        directory: Where bundles are written; None: ``oom_dumps`` of the sink, or of the working directory without one.
        buffer_size: Events that are kept in memory, at least 1.
        max_bundles: Bundles of the directory that are kept; 0 or less: all.
        max_total_bytes: Bytes of them together; 0 or less: any number. The newest is kept in any case.
        allocator_snapshot: Whether PyTorch's allocator is asked, on CUDA and ROCm, which pieces of memory it holds, for
            a file beside those of the bundle.
        allocator_history: Allocations and frees, with their Python stacks, that PyTorch is told to remember for it; 0:
            none. What the job itself has told PyTorch to remember stays as it is.
        max_snapshot_bytes: Bytes of that file at most.
    """

    directory: str | None = None
    buffer_size: int = 10_000
    max_bundles: int = 5
    max_total_bytes: int = 256 * 1024 * 1024
    allocator_snapshot: bool = False
    allocator_history: int = 10_000
    max_snapshot_bytes: int = 64 * 1024 * 1024


@frozen_class
class RecordedOom:
    """An out-of-memory failure that was recorded.

    Attributes:
        failure: What is known of it.
        bundle_path: Path of its bundle; null if none could be written.
        error: Why none could be written; null if it was.
        snapshot_path: Path of the allocator snapshot in it; null without one.
        snapshot_error: Why there is none; null if none was wanted, or if the job uses no device.
    """

    failure: OomFailure
    bundle_path: str | None
    error: str | None
    snapshot_path: str | None = None
    snapshot_error: str | None = None


class FlightRecorder:
    """The last events of a job, for the moment when memory runs out. Methods can be called from any thread.

    Args:
        options: Where bundles are written, and how much is kept.
        session: Returns the session that runs now, or None; asked when a bundle is written.
        backend: Returns what allocates, for example ``cuda``; likewise.
        on_oom: Called after each failure was recorded. What it raises is ignored.
        facts: What all records say in their metadata, such as ``app`` and ``code_version``: it stands in bundles too,
            or readers would take the same failure of a bundle and of a record for those of two programs.

    Source: docs/capture.md#out-of-memory.
    """

    def __init__(
        self,
        options: FlightRecorderOptions | None = None,
        *,
        session: Callable[[], SessionSummary | None] = lambda: None,
        backend: Callable[[], str] = lambda: "cpu",
        on_oom: Callable[[RecordedOom], None] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.options = options or FlightRecorderOptions()
        self._session = session
        self._backend = backend
        self._on_oom = on_oom
        self._facts = dict(facts or {})
        self._events: deque[Mapping[str, Any]] = deque(maxlen=max(1, self.options.buffer_size))
        # A signal handler may record a failure while another one is recorded.
        self._lock = threading.RLock()
        self._count = 0
        self._snapshots = (
            AllocatorSnapshots(self.options.allocator_history, self.options.max_snapshot_bytes)
            if self.options.allocator_snapshot
            else None
        )
        self._not_raised_yet = threading.local()
        leave_in_child(self)

    def record(self, event: Mapping[str, Any]) -> None:
        """Keep an event, instead of the oldest if there is no room. It must not be changed afterwards.

        Args:
            event: A telemetry record, or an event as it stands in bundles.
        """
        self._events.append(event)

    def begin_history(self) -> None:
        """Have PyTorch remember allocations, if options ask for it and the job uses a device by now.

        Raises:
            Exception: what PyTorch raises, once.
        """
        if self._snapshots is not None:
            self._snapshots.begin_history()

    def end_history(self) -> None:
        """Have PyTorch forget what `begin_history` had it remember.

        Raises:
            Exception: what PyTorch raises.
        """
        if self._snapshots is not None:
            self._snapshots.end_history()

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """The events that are kept, the oldest first."""
        return list(self._events)

    def record_exception(
        self,
        exception: BaseException,
        *,
        context: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> RecordedOom | None:
        """Write a bundle if an exception means that memory ran out, once for each exception.

        Args:
            exception: Any.
            context: Where in the job.
            metadata: Anything else to keep.

        Returns:
            What was recorded, now or before; None if memory did not run out.
        """
        before = getattr(exception, _MARK, None)
        if before is not None:
            return before if isinstance(before, RecordedOom) else None
        found = first_of_memory(exception)
        if found is None:
            return None
        failed, reason = found
        # It may have been recorded before another one was raised from it.
        before = getattr(failed, _MARK, None)
        if isinstance(before, RecordedOom):
            return before
        recorded = self._seen_before_it_was_raised(reason) or self.record_failure(
            reason,
            exception_type=type(failed).__name__,
            exception_module=type(failed).__module__,
            message=text_of(failed),
            context=context,
            metadata=metadata,
        )
        for marked in (exception, failed):
            with contextlib.suppress(Exception):
                setattr(marked, _MARK, recorded)
        return recorded

    def record_failure(
        self,
        reason: str,
        *,
        exception_type: str | None = None,
        exception_module: str | None = None,
        message: str | None = None,
        context: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        is_raised_next: bool = False,
    ) -> RecordedOom:
        """Write a bundle for a failure that is known to be one of memory.

        Args:
            reason: By what that was told; see `OomClassification`.
            exception_type: As of `OomFailure`, as are all that follow.
            exception_module: Likewise.
            message: Likewise.
            context: Likewise.
            metadata: Likewise.
            is_raised_next: Whether this thread raises the exception of this failure as soon as this returns; it is
                not recorded a second time then.

        Returns:
            What was recorded; an error in it if no bundle could be written.
        """
        failure = OomFailure(
            reason,
            exception_type,
            exception_module,
            None if message is None else message[:_MAX_MESSAGE_LENGTH],
            context,
            self._backend(),
            plain_metadata(metadata or {})[0],
        )
        with self._lock:
            self._count += 1
            try:
                directory = os.path.abspath(self.options.directory or _DIRECTORY)
                # A host without memory has none for what the device holds.
                snapshots = None if exception_type == "MemoryError" else self._snapshots
                told = replace(failure, metadata={**self._facts, **failure.metadata})
                written = write_bundle(directory, self._count, told, self.events, self._session(), snapshots)
                recorded = RecordedOom(
                    failure, written.path, None, written.snapshot_path, written.snapshot_error
                )
            except Exception as error:  # A full disk, no memory, a value that cannot be shown.
                recorded = RecordedOom(failure, None, f"{type(error).__name__}: {error}")
            else:
                with contextlib.suppress(OSError):
                    prune_bundles(
                        directory,
                        written.path,
                        max_bundles=self.options.max_bundles,
                        max_total_bytes=self.options.max_total_bytes,
                    )
        if is_raised_next:
            self._not_raised_yet.recorded = (time.monotonic(), recorded)
        if self._on_oom is not None:
            with contextlib.suppress(Exception):
                self._on_oom(recorded)
        return recorded

    def leave_to_parent(self) -> None:
        """Go on in a forked child, whose parent may have been recording a failure."""
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def watch(self, context: str | None = None, **metadata: Any) -> Iterator[None]:
        """Record the exception that leaves a block if memory ran out, and let it pass.

        Args:
            context: Where in the job.
            metadata: Anything else to keep.
        """
        try:
            yield
        except BaseException as exception:
            self.record_exception(exception, context=context, metadata=metadata)
            raise

    def _seen_before_it_was_raised(self, reason: str) -> RecordedOom | None:
        moment, recorded = getattr(self._not_raised_yet, "recorded", (0.0, None))
        if recorded is None or recorded.failure.reason != reason:
            return None
        self._not_raised_yet.recorded = (0.0, None)
        return recorded if time.monotonic() - moment < _RAISED_WITHIN_SECONDS else None
