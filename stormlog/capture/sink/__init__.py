"""The append-only sink: segments of JSON lines and a manifest, written while the job runs.

Source: docs/capture.md#sink.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
