"""Records the jobs of a training library that calls back: their sessions, phases and failures.

Promise: after the callback was made, nothing here raises into the job; what failed is kept in `JobRecording.problems`.

Source: docs/launchers.md.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from stormlog.capture.problems import Problems
from stormlog.capture.tracker import MemoryTracker
from stormlog.phases import PhaseHandle
from stormlog.telemetry import (
    SESSION_STATUS_COMPLETED,
    SESSION_STATUS_INCOMPLETE,
    SESSION_STATUS_INTERRUPTED,
)

__all__ = ["JobRecording", "RecordingCallback", "base_class", "kept_from_job"]

_RANKS = ("rank", "local_rank", "world_size")


def base_class(name: str, *modules: str) -> type:
    """Return the class that a library wants its callbacks to have as a base.

    The library goes by ``isinstance`` in a few places, and calls every hook it knows: the base answers those that the
    callback leaves out.

    Args:
        name: Name of the class.
        modules: Where it may be. One that the job has imported goes before one that is only installed: a library can
            be installed under two names, and mixing them is refused.

    Returns:
        ``object`` without the library: what calls the same hooks is recorded just as well.
    """
    for module in sorted(modules, key=lambda module: module not in sys.modules):
        # A library that is half installed must not keep the job from starting.
        with contextlib.suppress(Exception):
            return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    return object


class JobRecording:
    """One tracker from the begin of a job to its end, and the phases that are open in it.

    There is an outer phase (``train``) with at most one inner phase in it (``forward``) at a time.

    Args:
        sink: As of `stormlog.capture.MemoryTracker`.
        options: Its other arguments.

    Raises:
        TypeError: it has no such argument.
        ValueError: one of them is wrong.
    """

    def __init__(self, sink: str | os.PathLike[str] | None, options: Mapping[str, Any]) -> None:
        # Wrong arguments are told where the job is put together, not when it runs. How many ranks there are is not
        # known before.
        MemoryTracker(sink, **{name: value for name, value in options.items() if name not in _RANKS})
        self._sink = sink
        self._options = dict(options)
        self._phases: list[PhaseHandle] = []
        self._problems = Problems()
        self.tracker: MemoryTracker | None = None
        """What records the job that is running, or ran last; None before the first."""

    def __getstate__(self) -> dict[str, Any]:
        # Libraries copy callbacks into processes that they start: these record for themselves.
        return {**self.__dict__, "tracker": None, "_phases": []}

    @property
    def problems(self) -> list[str]:
        """What went wrong without failing the job, the oldest first."""
        return [*self._problems, *(self.tracker.problems if self.tracker is not None else ())]

    @property
    def has_phase(self) -> bool:
        """Whether a phase is open."""
        return bool(self._phases)

    @property
    def is_running(self) -> bool:
        """Whether a session is being recorded."""
        return self.tracker is not None and self.tracker.session is not None

    def start(self, app: str, *, rank: int, local_rank: int, world_size: int) -> None:
        """Begin a session; go on with the one that is running, as a library that tries again does.

        Args:
            app: Name of the program, where neither the options nor ``STORMLOG_APP`` say one.
            rank: Rank of this process for the library, where the options do not say it; likewise those that follow.
            local_rank: Rank on this host.
            world_size: Ranks of the job.
        """
        self.end_phase()
        if self.is_running:
            return
        options = dict(self._options)
        found = {"rank": rank, "local_rank": local_rank, "world_size": world_size}
        for name, value in {**found, "app": os.environ.get("STORMLOG_APP", "").strip() or app}.items():
            if options.get(name) is None:
                options[name] = value
        try:
            self.tracker = MemoryTracker(self._sink, **options).start()
        except Exception as error:
            self.note("starting", error)
            warnings.warn(f"stormlog records nothing of this job: {error}", RuntimeWarning, stacklevel=2)

    def stop(self, exception: BaseException | None = None) -> None:
        """End the session and its phases; nothing, if none is running.

        Args:
            exception: What ended the job; None if it went well.
        """
        tracker = self.tracker
        if tracker is None or not self.is_running:
            return
        status = SESSION_STATUS_COMPLETED
        if exception is not None:
            # Now, while the phase that it happened in is open.
            tracker.record_oom(exception, context=self._phases[-1].phase_path if self._phases else None)
            is_interrupt = isinstance(exception, KeyboardInterrupt)
            status = SESSION_STATUS_INTERRUPTED if is_interrupt else SESSION_STATUS_INCOMPLETE
        self.end_phase()
        tracker.stop(status)

    def begin_phase(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Begin an outer phase; one that is open was left by a failure that the library has caught."""
        self.end_phase()
        self._enter(name, attributes)

    def begin_inner_phase(self, name: str) -> None:
        """Begin a phase inside the outer one; the inner one before it ends."""
        self.end_inner_phase()
        if self._phases:
            self._enter(name, None)

    def end_inner_phase(self) -> None:
        """End the inner phase, if one is open."""
        self._leave_until(1)

    def end_phase(self) -> None:
        """End the outer phase and the one inside it, if they are open."""
        self._leave_until(0)

    def note(self, doing: str, error: Exception) -> None:
        """Keep what failed for people to look at."""
        self._problems.note_error(doing, error)

    def _enter(self, name: str, attributes: Mapping[str, Any] | None) -> None:
        if self.tracker is not None:
            self._phases.append(self.tracker.enter_phase(name, attributes))

    def _leave_until(self, depth: int) -> None:
        while len(self._phases) > depth:
            handle = self._phases.pop()
            try:
                handle.close()
            except Exception as error:
                self.note(f"ending phase {handle.phase_path}", error)


def kept_from_job(hook: Callable[..., None]) -> Callable[..., None]:
    """Have a hook of a `RecordingCallback` note what it raises, instead."""

    @functools.wraps(hook)
    def harmless(self: RecordingCallback, *arguments: Any, **named: Any) -> None:
        try:
            hook(self, *arguments, **named)
        except Exception as error:
            self._recording.note(hook.__name__, error)

    return harmless


class RecordingCallback:
    """What callbacks for all libraries have.

    Args:
        sink: As of `stormlog.capture.MemoryTracker`.
        options: Its other arguments. Rank, local rank and world size are those of the library by default.

    Raises:
        TypeError: it has no such argument.
        ValueError: one of them is wrong.
    """

    def __init__(self, sink: str | os.PathLike[str] | None = "telemetry", **options: Any) -> None:
        super().__init__()
        self._recording = JobRecording(sink, options)

    @property
    def tracker(self) -> MemoryTracker | None:
        """What records the job that is running, or ran last; None before the first."""
        return self._recording.tracker

    @property
    def problems(self) -> list[str]:
        """What went wrong without failing the job, the oldest first."""
        return self._recording.problems

    def phase(
        self, name: str, metadata: Mapping[str, Any] | None = None
    ) -> contextlib.AbstractContextManager[Any]:
        """Return a phase of your own as a context manager, inside the one that the library is in.

        Args:
            name: Its name.
            metadata: Its attributes.
        """
        tracker = self._recording.tracker
        return contextlib.nullcontext() if tracker is None else tracker.phase(name, metadata)
