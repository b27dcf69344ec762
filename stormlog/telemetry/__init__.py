"""Telemetry events: what a record is, how older forms are read, and how events are shown.

Everything here works with the standard library alone.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
