"""Why a run failed: the account of one attempt, made of the public views."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
