"""Files in, tables out: the only code that fills DuckDB."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
