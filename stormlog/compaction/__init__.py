"""Compaction: the closed segments of a sink as Parquet, with the same answers.

    report = stormlog.compaction.compact_sink("runs/sink", "runs/sink-compact")

Source: docs/compaction.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
