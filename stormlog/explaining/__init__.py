"""Why a run failed, and what is known of one issue: accounts made of the public views."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
