"""Answers as people read them: quantities, safe text, plots, and explanations and issues as a screen or Markdown."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
