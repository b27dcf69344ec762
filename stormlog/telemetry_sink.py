"""The sink, under the names and with the arguments that stormlog 0.4.3 has for it.

`stormlog.capture.SinkWriter` writes it: nothing but names is translated here.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stormlog.capture import SinkDiagnostics, SinkOptions, SinkWriter
from stormlog.telemetry import (
    MANIFEST_FILENAME,
    SEGMENT_PREFIX,
    SEGMENT_SUFFIX,
    SESSION_STATUS_COMPLETED,
    SINK_SCHEMA_VERSION,
    SessionSummary,
    TelemetrySinkManifest,
    TelemetrySinkSegment,
    read_telemetry_sink_manifest,
    resolve_telemetry_sink_manifest_path,
    resolve_telemetry_sink_segment_paths,
)

__all__ = [
    "MANIFEST_FILENAME",
    "SEGMENT_PREFIX",
    "SEGMENT_SUFFIX",
    "SINK_SCHEMA_VERSION",
    "AppendOnlyTelemetrySink",
    "TelemetrySinkConfig",
    "TelemetrySinkManifest",
    "TelemetrySinkSegment",
    "read_telemetry_sink_manifest",
    "resolve_telemetry_sink_manifest_path",
    "resolve_telemetry_sink_segment_paths",
    "retention_of",
    "sink_options_of",
]

_NO_RETENTION = {
    "rollover_count": 0,
    "pruned_segment_count": 0,
    "pruned_bytes": 0,
    "final_retained_files": 0,
    "final_retained_bytes": 0,
}
#: Settings that have other names here than there.
_FORMER_NAMES = {
    "buffer_max_bytes": "max_buffer_bytes",
    "retry_seconds": "failure_backoff_seconds",
    "retry_max_seconds": "failure_backoff_max_seconds",
}


@dataclasses.dataclass
class TelemetrySinkConfig:
    """How a sink is written.

    Attributes:
        root_dir: Its directory.
        flush_every_events: As of `SinkOptions`, as for those that follow.
        flush_every_seconds: Likewise.
        rollover_max_bytes: Likewise.
        rollover_max_events: Likewise.
        retention_max_files: Likewise.
        retention_max_total_bytes: Likewise.
        write_rollups: Has no effect: `stormlog rollups` makes them.
        rollup_window_seconds: Likewise.
        max_buffer_bytes: ``buffer_max_bytes`` of `SinkOptions`; None: its default, for memory is always bounded here.
        failure_backoff_seconds: ``retry_seconds`` of `SinkOptions`.
        failure_backoff_max_seconds: ``retry_max_seconds`` of `SinkOptions`.

    Raises:
        ValueError: a number is too small.
    """

    root_dir: Path
    flush_every_events: int = 50
    flush_every_seconds: float = 2.0
    rollover_max_bytes: int = 64 * 1024 * 1024
    rollover_max_events: int = 10_000
    retention_max_files: int = 8
    retention_max_total_bytes: int = 512 * 1024 * 1024
    write_rollups: bool = True
    rollup_window_seconds: int = 60
    max_buffer_bytes: int | None = None
    failure_backoff_seconds: float = 1.0
    failure_backoff_max_seconds: float = 60.0

    def __post_init__(self) -> None:
        self.root_dir = Path(self.root_dir)
        if self.rollup_window_seconds < 1:
            raise ValueError(f"rollup_window_seconds must be at least 1, not {self.rollup_window_seconds}")
        try:
            sink_options_of(self).check()
        except ValueError as error:
            text = str(error)
            for name, former_name in _FORMER_NAMES.items():
                text = text.replace(name, former_name)
            raise ValueError(text) from None


def sink_options_of(config: TelemetrySinkConfig) -> SinkOptions:
    """Return the same settings as `SinkWriter` takes them."""
    limit = config.max_buffer_bytes
    return SinkOptions(
        flush_every_events=config.flush_every_events,
        flush_every_seconds=config.flush_every_seconds,
        rollover_max_bytes=config.rollover_max_bytes,
        rollover_max_events=config.rollover_max_events,
        retention_max_files=config.retention_max_files,
        retention_max_total_bytes=config.retention_max_total_bytes,
        retry_seconds=config.failure_backoff_seconds,
        retry_max_seconds=config.failure_backoff_max_seconds,
        buffer_max_bytes=SinkOptions.buffer_max_bytes if limit is None else limit,
    )


def retention_of(diagnostics: SinkDiagnostics | None) -> dict[str, int]:
    """Return what a writer kept and deleted, by the names of 0.4.3; zeros if there is no writer."""
    return {
        name: zero if diagnostics is None else getattr(diagnostics, name)
        for name, zero in _NO_RETENTION.items()
    }


class AppendOnlyTelemetrySink:
    """A sink that is written to.

    Args:
        config: Where and how.

    Raises:
        OSError: the directory cannot be made, read or written.
    """

    def __init__(self, config: TelemetrySinkConfig) -> None:
        self.config = config
        self.root_dir = config.root_dir
        self._writer = SinkWriter(config.root_dir, sink_options_of(config))

    def start_session(self, summary: SessionSummary | None = None) -> SessionSummary:
        """Begin a session, unless one is active; see `SinkWriter.start_session`."""
        return self._writer.start_session(summary)

    def current_session(self) -> SessionSummary | None:
        """Return the session that records belong to now, or None."""
        return self._writer.current_session

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record to the active session; see `SinkWriter.append`."""
        self._writer.append(record)

    def flush(self, force: bool = False) -> None:
        """Write what waits: now, or only if it is due."""
        if force:
            self._writer.flush()
        else:
            self._writer.flush_if_due()

    def close(self, session_status: str = SESSION_STATUS_COMPLETED) -> None:
        """Write what waits, and end the session; see `SinkWriter.close`."""
        self._writer.close(session_status)

    def get_diagnostics(self) -> dict[str, int]:
        """Return how many segments and bytes were kept and deleted."""
        return retention_of(self._writer.diagnostics)

    def failure_diagnostics(self) -> dict[str, int | str | None]:
        """Return what waits, what was given up, and how many writes failed."""
        found = self._writer.diagnostics
        return {
            "buffered_records": found.waiting_record_count,
            "buffered_bytes": found.waiting_bytes,
            "dropped_records": found.dropped_record_count,
            "dropped_bytes": found.dropped_bytes,
            "flush_failures": found.failed_write_count,
            "last_flush_error": found.last_error,
        }
