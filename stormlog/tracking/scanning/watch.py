"""Scans again and again, until somebody says stop.

The promise: nothing is open while it sleeps, a stop ends it after the source that is being recorded, and what
keeps failing is reported once and tried less and less often.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from stormlog.errors import StormlogError

if TYPE_CHECKING:
    from stormlog.tracking.models import ScanReport

__all__ = ["watch"]

_JITTER = 0.1
_LONGEST_DELAY = 32


def watch(
    scan_once: Callable[[], ScanReport],
    *,
    interval_s: float,
    stop: threading.Event,
    on_report: Callable[[ScanReport], None],
    on_error: Callable[[StormlogError], None],
) -> None:
    """Scan until ``stop`` is set.

    Args:
        scan_once: Opens the tracker, scans, and closes it.
        interval_s: Seconds between two scans, give or take a tenth.
        stop: Set by others; also ends the sleep.
        on_report: Called after each scan.
        on_error: Called when a scan fails in a way that the one before did not.
    """
    said: str | None = None
    delay = 1
    while not stop.is_set():
        try:
            report = scan_once()
        except StormlogError as error:
            delay = min(delay * 2, _LONGEST_DELAY)
            if str(error) != said:
                said = str(error)
                on_error(error)
        else:
            said, delay = None, 1
            on_report(report)
        stop.wait(interval_s * delay * random.uniform(1 - _JITTER, 1 + _JITTER))
