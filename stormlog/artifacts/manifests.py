"""What a ``manifest.json`` describes, judged by its keys alone.

The promise: recognition looks at key presence and at the sink's format text, never at values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SINK_FORMAT", "describes_diagnose_bundle", "describes_oom_bundle", "describes_sink"]

SINK_FORMAT = "stormlog.append_only_telemetry_sink"
_OOM_KEYS = ("bundle_name", "reason", "backend", "event_count")
_DIAGNOSE_KEYS = ("command_line", "files", "risk_detected", "session_id")


def describes_oom_bundle(manifest: Mapping[str, Any]) -> bool:
    """Say whether a manifest is that of an OOM bundle."""
    return all(key in manifest for key in _OOM_KEYS)


def describes_diagnose_bundle(manifest: Mapping[str, Any]) -> bool:
    """Say whether a manifest is that of a diagnose bundle."""
    return all(key in manifest for key in _DIAGNOSE_KEYS)


def describes_sink(manifest: Mapping[str, Any]) -> bool:
    """Say whether a manifest is that of a sink."""
    return "segments" in manifest or manifest.get("format") == SINK_FORMAT
