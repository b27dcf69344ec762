"""Projected records, where stormlog 0.4.3 has them; they are those of `stormlog.telemetry`."""

from __future__ import annotations

from stormlog.telemetry import (
    TELEMETRY_PROJECTION_SCHEMA_VERSION,
    ProjectedTelemetryRecord,
    project_telemetry_mapping,
    projected_record_to_dict,
    unique_projected_correlations,
    unique_projected_resources,
)

__all__ = [
    "TELEMETRY_PROJECTION_SCHEMA_VERSION",
    "ProjectedTelemetryRecord",
    "project_telemetry_mapping",
    "projected_record_to_dict",
    "unique_projected_correlations",
    "unique_projected_resources",
]
