"""Answers as people read them: quantities, safe text, and explanations as a screen, Markdown or one line."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
