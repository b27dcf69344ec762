"""Compaction: the closed segments of a sink as Parquet, with the same answers.

    report = stormlog.compaction.compact_sink("runs/sink", "runs/sink-compact")

Source: docs/compaction.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stormlog._lazy import lazy_names

if TYPE_CHECKING:
    from stormlog.compaction.compact import compact_sink
    from stormlog.compaction.models import CompactionReport, SegmentReport

__all__ = ["CompactionReport", "SegmentReport", "compact_sink"]

_MODULES = {
    "compact": ("compact_sink",),
    "models": ("CompactionReport", "SegmentReport"),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
