"""Reports to send: why the failed run failed and which issues there are, as a page, Markdown or an envelope."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
