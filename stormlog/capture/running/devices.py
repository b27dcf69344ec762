"""Devices that a command can use, as their driver sees them.

Source: docs/run.md#what-is-measured.
"""

from __future__ import annotations

import contextlib

from stormlog.capture.collectors.nvidia import NvidiaCollector

__all__ = ["visible_nvidia_devices"]

_MOST_DEVICES = 64


def visible_nvidia_devices() -> list[NvidiaCollector]:
    """Return the NVIDIA devices that a command sees; none without nvidia-ml-py or a driver."""
    found: list[NvidiaCollector] = []
    with contextlib.suppress(Exception):
        for device in range(_MOST_DEVICES):
            found.append(NvidiaCollector(device))
    return found
