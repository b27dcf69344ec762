"""Which collector a tracker reads: the one of the device that the job computes on.

Promise: nothing is imported that the job has not imported, but for nvidia-ml-py where it is asked for.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from stormlog.capture.collectors.jax_device import JaxCollector
from stormlog.capture.collectors.nvidia import NvidiaCollector
from stormlog.capture.collectors.process import ProcessCollector
from stormlog.capture.collectors.readings import Collector
from stormlog.capture.collectors.torch_device import TorchCudaCollector, TorchMpsCollector

__all__ = ["COLLECTORS", "choose_collector"]

#: What can be asked for by name.
COLLECTORS = ("auto", "process", "cuda", "rocm", "mps", "jax", "nvidia")


def choose_collector(wanted: str | Collector, device: int | None, local_rank: int) -> Collector:
    """Return the collector that is wanted, or the one that suits this process.

    Args:
        wanted: One of `COLLECTORS`, or a collector.
        device: Index of the device; None: the one that PyTorch has made current, else that of the local rank.
        local_rank: Rank on this host.

    Raises:
        ValueError: there is no such collector, or the job does not compute with it.
        ImportError: ``nvidia`` without nvidia-ml-py.
    """
    if not isinstance(wanted, str):
        return wanted
    if wanted not in COLLECTORS:
        raise ValueError(f"there is no collector {wanted!r}; there are {', '.join(COLLECTORS)}")
    if wanted == "process":
        return ProcessCollector()
    if wanted == "nvidia":
        return NvidiaCollector(local_rank if device is None else device)
    if wanted == "auto":
        # A library that is half installed must not keep the job from starting.
        with contextlib.suppress(Exception):
            found = _torch_collector(device, local_rank) or (
                _jax_collector(device) if _jax_has_started() else None
            )
            if found is not None:
                return found
        return ProcessCollector()
    found = _jax_collector(device) if wanted == "jax" else _torch_collector(device, local_rank)
    if found is None or found.backend != wanted:
        module = "jax" if wanted == "jax" else "torch"
        raise ValueError(
            f"{wanted} needs {module}, imported before the tracker starts, and a device that it can use"
        )
    return found


def _torch_collector(device: int | None, local_rank: int) -> Collector | None:
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if torch is None or cuda is None:
        return None
    # `is_available` would start the driver, after which forked processes of the job could not use it.
    if cuda.device_count() > 0:
        return TorchCudaCollector(torch, _cuda_device(cuda, local_rank) if device is None else device)
    mps = getattr(getattr(torch, "backends", None), "mps", None)
    if mps is not None and mps.is_available() and hasattr(torch, "mps"):
        return TorchMpsCollector(torch)
    return None


def _cuda_device(cuda: Any, local_rank: int) -> int:
    # Asking for the current device would start one.
    if cuda.is_initialized():
        return int(cuda.current_device())
    return local_rank if local_rank < cuda.device_count() else 0


def _jax_has_started() -> bool:
    """Say whether the job has used JAX: asking for devices before would start them, and take most of their memory."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    has_started = getattr(bridge, "backends_are_initialized", None)
    return has_started is not None and bool(has_started())


def _jax_collector(device: int | None) -> Collector | None:
    jax = sys.modules.get("jax")
    if jax is None:
        return None
    devices = jax.local_devices()
    try:
        return JaxCollector(devices[0 if device is None else device])
    except (ValueError, IndexError):
        return None
