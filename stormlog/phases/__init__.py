"""Workload phases: record them while a job runs, rebuild them afterwards, attribute events to them."""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
