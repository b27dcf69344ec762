"""Which collector a tracker reads.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

from stormlog.capture.collectors.process import ProcessCollector
from stormlog.capture.collectors.readings import Collector

__all__ = ["choose_collector"]


def choose_collector(wanted: str | Collector, device: int | None) -> Collector:
    """Return the collector that is wanted, or the one that suits this process.

    Args:
        wanted: A name, ``auto``, or a collector.
        device: Index of the device; None: the current one.

    Raises:
        ValueError: there is no such collector, or it cannot be had here.
    """
    if not isinstance(wanted, str):
        return wanted
    if wanted in ("auto", "process"):
        return ProcessCollector()
    raise ValueError(f"there is no collector {wanted!r}")
