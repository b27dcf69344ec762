"""Writes telemetry from inside a training job: with the standard library alone, and without ever failing the job.

Source: docs/capture.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
