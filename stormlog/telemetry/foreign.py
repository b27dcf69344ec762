"""Recognises what other programs, and other parts of stormlog, write into files that could hold telemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["foreign_format"]

#: Keys at the top of a batch in the JSON encoding of OpenTelemetry's protocol.
_OTLP_KEYS = ("resourceLogs", "resourceSpans", "resourceMetrics")


def foreign_format(record: Any) -> str | None:
    """Return what a JSON object is that is no record of memory telemetry; None if it could be a damaged one.

    Known are whatever names its own format as ``stormlog.<something>`` (reports, profiles, records of ``stormlog
    infer watch``), the events of ``stormlog infer``, and OTLP.

    Args:
        record: A parsed line or document that is not valid telemetry.
    """
    if not isinstance(record, Mapping) or "allocator_allocated_bytes" in record:
        return None
    if any(isinstance(record.get(key), list) for key in _OTLP_KEYS):
        return "OTLP of OpenTelemetry"
    named, event_type = record.get("format"), record.get("event_type")
    if isinstance(named, str) and named.startswith("stormlog."):
        return named
    if isinstance(event_type, str) and event_type.startswith("infer."):
        return "events of stormlog infer"
    return None
