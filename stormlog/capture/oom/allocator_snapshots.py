"""Asks PyTorch's allocator which pieces of memory it holds and who asked for them, for the bundle of a failure.

Promises: CUDA is not started for it; what is written is bounded; history that the job records itself stays its own.

Source: docs/capture.md#allocator-snapshots.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

__all__ = ["SNAPSHOT_FILENAME", "AllocatorSnapshots", "cuda_in_use"]

#: The name that stormlog 0.4.3 gives it too.
SNAPSHOT_FILENAME = "cuda_allocator_snapshot.pickle"
_HISTORY_KEYS = ("device_traces", "host_traces")


def cuda_in_use() -> Any:
    """Return ``torch.cuda`` if the job has imported PyTorch and used a device of it by now, else None."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    is_initialized = getattr(cuda, "is_initialized", None)
    return cuda if is_initialized is not None and is_initialized() else None


class AllocatorSnapshots:
    """Snapshots of the caching allocator of PyTorch on CUDA or ROCm.

    Args:
        history: Allocations and frees, with their Python stacks, that PyTorch is told to remember; 0: none.
        max_bytes: Most bytes of a file.
    """

    def __init__(self, history: int, max_bytes: int) -> None:
        self._history = history
        self._max_bytes = max_bytes
        self._is_begun = False
        self._is_ours = False

    def begin_history(self) -> None:
        """Have PyTorch remember from now on, once the job uses a device; nothing, if the job has it do that.

        Raises:
            Exception: what PyTorch raises, once.
        """
        if self._is_begun or self._history < 1 or (cuda := cuda_in_use()) is None:
            return
        self._is_begun = True
        is_on = getattr(getattr(sys.modules.get("torch"), "_C", None), "_cuda_isHistoryEnabled", None)
        if is_on is not None and is_on():
            return
        cuda.memory._record_memory_history(
            enabled="all", context="alloc", stacks="python", max_entries=self._history
        )
        self._is_ours = True

    def end_history(self) -> None:
        """Have PyTorch forget what it was told to remember here.

        Raises:
            Exception: what PyTorch raises.
        """
        is_ours, self._is_ours, self._is_begun = self._is_ours, False, False
        if is_ours and (cuda := cuda_in_use()) is not None:
            cuda.memory._record_memory_history(enabled=None)

    def write(self, path: str) -> bool:
        """Write a snapshot, without the history if it were too large with it.

        Args:
            path: The file, which is not there.

        Returns:
            Whether there is one: False if the job uses no device.

        Raises:
            Exception: it is too large, cannot be written, or PyTorch cannot make it. No file is left.
        """
        cuda = cuda_in_use()
        if cuda is None:
            return False
        snapshot: Mapping[str, Any] = cuda.memory._snapshot()
        try:
            try:
                self._dump(snapshot, path)
            except _TooLargeError:
                without = {name: value for name, value in snapshot.items() if name not in _HISTORY_KEYS}
                self._dump({**without, "device_traces": []}, path)
        except BaseException:
            if os.path.exists(path):
                os.unlink(path)
            raise
        return True

    def _dump(self, snapshot: Mapping[str, Any], path: str) -> None:
        # Late: few jobs need it. PyTorch's viewer wants a pickle; Stormlog never reads one.
        import pickle

        with open(path, "wb") as file:
            pickle.dump(snapshot, _BoundedFile(file, self._max_bytes))
            file.flush()
            os.fsync(file.fileno())


class _TooLargeError(Exception):
    """A file would be larger than it may be."""


class _BoundedFile:
    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file = file
        self._limit = self._room = room

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise _TooLargeError(f"it is larger than {self._limit:,} bytes")
        return self._file.write(data)
