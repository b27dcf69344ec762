"""Whether a change may pass: the rules of the gate and their report."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
