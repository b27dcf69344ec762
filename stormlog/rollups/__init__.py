"""Rollups: the sums and peaks of a sink, beside its events in ``rollups.json``.

    report = stormlog.rollups.rebuild_rollups("runs/sink")

Source: docs/concepts.md#rollups.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
