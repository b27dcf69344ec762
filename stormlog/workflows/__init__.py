"""What front ends do in more than one step, each in the same way: scan then notify, gate then report, explain a run by
an issue, show an issue with its telemetry.

Source: docs/architecture.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
