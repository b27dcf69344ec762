"""What Stormlog takes and answers, as data for programs: JSON Schemas of every answer, and a description of it all."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
