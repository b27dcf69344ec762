"""What is remembered of some paths in a cache directory: look at it, compare it with the files, remove it.

Source: docs/cache.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
