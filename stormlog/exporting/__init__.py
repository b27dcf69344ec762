"""Exports: what a store says, in files that other tools open.

    report = store.export("runs.duckdb")

Source: docs/export.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
