"""Has a flight recorder see the failures that nobody catches, and those that PyTorch sees before they are raised.

Source: docs/capture.md#out-of-memory.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from types import TracebackType
from typing import Any

from stormlog.capture.oom.allocator_snapshots import cuda_in_use
from stormlog.capture.oom.classification import TORCH_REASON
from stormlog.capture.oom.recorder import FlightRecorder

__all__ = ["OomHooks"]


class OomHooks:
    """Hooks of the interpreter, of threads and of PyTorch that a flight recorder listens to.

    Hooks that were there before are called as before.

    Args:
        recorder: What records the failures.
    """

    def __init__(self, recorder: FlightRecorder) -> None:
        self._recorder = recorder
        self._before: Any = None
        self._before_of_threads: Any = None
        self._is_installed = False
        self._observes_torch = False
        #: Whether the main thread ended by an exception.
        self.saw_exception = False

    def install(self) -> None:
        """Listen from now on. PyTorch is listened to once the job uses a device; call again after it did."""
        if not self._is_installed:
            self._before, self._before_of_threads = sys.excepthook, threading.excepthook
            sys.excepthook = self._on_exception
            threading.excepthook = self._on_thread_exception
            self._is_installed = True
        if not self._observes_torch:
            self._observes_torch = self._observe_torch()

    def remove(self) -> None:
        """Listen no more. Hooks that others put over these stay; PyTorch's observer stays and does nothing."""
        if self._is_installed:
            if sys.excepthook == self._on_exception:
                sys.excepthook = self._before
            if threading.excepthook == self._on_thread_exception:
                threading.excepthook = self._before_of_threads
            self._is_installed = False

    def _on_exception(
        self, kind: type[BaseException], exception: BaseException, traceback: TracebackType | None
    ) -> None:
        self.saw_exception = True
        self._record(exception, "uncaught exception")
        self._before(kind, exception, traceback)

    def _on_thread_exception(self, arguments: Any) -> None:
        if arguments.exc_value is not None:
            name = arguments.thread.name if arguments.thread is not None else "unknown"
            self._record(arguments.exc_value, f"uncaught exception in thread {name}")
        self._before_of_threads(arguments)

    def _record(self, exception: BaseException, context: str) -> None:
        if self._is_installed:
            # The report of what went wrong must appear, whatever happens here.
            with contextlib.suppress(Exception):
                self._recorder.record_exception(exception, context=context)

    def _observe_torch(self) -> bool:
        # An interface that PyTorch does not document, and that some builds lack.
        attach = getattr(
            getattr(sys.modules.get("torch"), "_C", None), "_cuda_attach_out_of_memory_observer", None
        )
        # Attaching starts the device, or reaches no allocator where none was started.
        if attach is None or cuda_in_use() is None:
            return False
        try:
            attach(self._on_torch_oom)
        except Exception:
            return False
        return True

    def _on_torch_oom(self, device: int, requested: int, allocated: int, free: int) -> None:
        if not self._is_installed:
            return
        with contextlib.suppress(Exception):
            self._recorder.record_failure(
                TORCH_REASON,
                exception_type="OutOfMemoryError",
                exception_module="torch.cuda",
                message=f"CUDA out of memory. Tried to allocate {requested} bytes.",
                context="seen by the allocator of PyTorch",
                metadata={
                    "device_id": device,
                    "requested_bytes": requested,
                    "device_allocated_bytes": allocated,
                    "device_free_bytes": free,
                },
                is_raised_next=True,
            )
