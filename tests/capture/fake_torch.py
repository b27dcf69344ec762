"""As much of PyTorch as recording talks to, with a device that runs out of memory when it is told to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

__all__ = ["FakeTorch"]


class FakeTorch:
    """Stands for the module ``torch``.

    Attributes:
        observers: What was attached to the allocator.
        history: How ``_record_memory_history`` was called; the last call counts.
        snapshot: What the allocator answers; an exception is raised.
    """

    def __init__(self, *, initialized: bool = True) -> None:
        self.is_initialized = initialized
        self.observers: list[Any] = []
        self.history: list[dict[str, Any]] = []
        self.snapshot: Any = {"segments": [{"address": 1, "blocks": []}], "device_traces": [[]]}
        self.version = SimpleNamespace(hip=None)
        self.cuda = SimpleNamespace(
            OutOfMemoryError=type("OutOfMemoryError", (RuntimeError,), {}),
            is_initialized=lambda: self.is_initialized,
            device_count=lambda: 1,
            current_device=lambda: 0,
            memory_stats_as_nested_dict=lambda device: {
                f"{name}_bytes": {"all": {"current": size, "peak": size}}
                for name, size in (
                    ("allocated", 900),
                    ("reserved", 950),
                    ("active", 910),
                    ("inactive_split", 40),
                )
            },
            mem_get_info=lambda device: (50, 1000),
            memory=SimpleNamespace(
                _snapshot=self._answer,
                _record_memory_history=lambda **named: self.history.append(named),
            ),
        )
        self._C = SimpleNamespace(
            _cuda_attach_out_of_memory_observer=self._attach,
            _cuda_isHistoryEnabled=lambda: bool(self.history) and self.history[-1]["enabled"] is not None,
        )

    def _attach(self, observer: Any) -> None:
        assert self.is_initialized, "attaching starts the device"
        self.observers.append(observer)

    def _answer(self) -> Any:
        if isinstance(self.snapshot, BaseException):
            raise self.snapshot
        return self.snapshot

    def run_out_of_memory(self) -> None:
        """Do what the allocator does when it has no memory left."""
        for observer in self.observers:
            observer(0, 1024, 900, 100)
        raise self.cuda.OutOfMemoryError("CUDA out of memory.")
