"""Issues: what counts as a hit, which hits are the same issue, and how to describe it.

Works without DuckDB; `stormlog.query` answers the same questions for whole captures.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
