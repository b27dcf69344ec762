"""Phases of a job: which piece of work memory belongs to.

Source: docs/capture.md#phases.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakKeyDictionary

from stormlog.phases import PhaseHandle, PhaseProtocolError

if TYPE_CHECKING:
    from stormlog.capture.tracker import MemoryTracker

__all__ = ["Phase", "origin_of_phases", "run_inside"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_task_numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_next_number = itertools.count(1)


def origin_of_phases() -> tuple[int, str]:
    """Return id and name of what phases are nested in: the current task of asyncio, or else the current thread.

    Tasks of one thread take turns, so that their phases are not nested in one another. They are numbered from 1, which
    no id of a thread is near to.
    """
    # Nobody runs a task without having imported asyncio.
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        if task is not None:
            number = _task_numbers.get(task)
            if number is None:
                number = _task_numbers[task] = next(_next_number)
            return number, str(task.get_name())
    return threading.get_ident(), threading.current_thread().name


class Phase:
    """A phase that can be entered again and again: a context manager, and a decorator of functions and coroutines.

    Args:
        tracker: What records it.
        name: Its name.
        metadata: Its attributes.
    """

    def __init__(self, tracker: MemoryTracker, name: str, metadata: Mapping[str, Any] | None) -> None:
        self._tracker = tracker
        self._name = name
        self._metadata = metadata
        # Each thread and task has handles of its own.
        self._open: dict[int, list[PhaseHandle]] = {}

    def __enter__(self) -> PhaseHandle:
        handle = self._tracker.enter_phase(self._name, self._metadata)
        self._open.setdefault(origin_of_phases()[0], []).append(handle)
        return handle

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        origin = origin_of_phases()[0]
        handles = self._open.get(origin)
        if handles is None:
            raise PhaseProtocolError(
                f"phase {self._name!r} was not entered on this thread or task, and cannot be left here"
            )
        handle = handles.pop()
        if not handles:
            del self._open[origin]
        if exception is not None:
            # Now, while the phase that it happened in is still open.
            self._tracker.record_oom(exception, context=handle.phase_path)
        handle.close()

    def __call__(self, function: _Function) -> _Function:
        """Have a function or coroutine run in this phase.

        Raises:
            TypeError: it is a generator: use the phase as a context manager inside it.
        """
        return run_inside(self, function)


def run_inside(context: AbstractContextManager[Any], function: _Function) -> _Function:
    """Return a function or coroutine that runs inside a context.

    Raises:
        TypeError: it is a generator, which runs in pieces, between which others run.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{function.__qualname__} is a generator: use 'with' inside it, around what does not yield"
        )
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited_inside(*arguments: Any, **named: Any) -> Any:
            with context:
                return await function(*arguments, **named)

        return cast(_Function, awaited_inside)

    @functools.wraps(function)
    def run_in_context(*arguments: Any, **named: Any) -> Any:
        with context:
            return function(*arguments, **named)

    return cast(_Function, run_in_context)
