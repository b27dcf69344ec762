"""Finds sinks, bundles, sidecars and flat telemetry under the paths a caller opens.

Standard library only, and no telemetry file is opened: a catalog of thousands of segments is
built in milliseconds.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
