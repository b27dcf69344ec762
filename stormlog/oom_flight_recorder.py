"""The flight recorder, under the names and with the arguments that stormlog 0.4.3 has for it.

`stormlog.capture.FlightRecorder` keeps the events and writes the bundles: nothing but names is translated here.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from stormlog.capture import FlightRecorder, FlightRecorderOptions
from stormlog.capture import OomClassification as OOMExceptionClassification
from stormlog.capture import classify_oom as classify_oom_exception
from stormlog.telemetry import SessionSummary

__all__ = [
    "OOMExceptionClassification",
    "OOMFlightRecorder",
    "OOMFlightRecorderConfig",
    "classify_oom_exception",
    "recorder_options_of",
]

_MIB = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class OOMFlightRecorderConfig:
    """What a flight recorder goes by.

    Attributes:
        enabled: Whether bundles are written.
        dump_dir: ``directory`` of `FlightRecorderOptions`.
        buffer_size: As there.
        max_dumps: ``max_bundles`` there.
        max_total_mb: ``max_total_bytes`` there, in MiB.
    """

    enabled: bool = False
    dump_dir: str = "oom_dumps"
    buffer_size: int = 10_000
    max_dumps: int = 5
    max_total_mb: int = 256


def recorder_options_of(config: OOMFlightRecorderConfig) -> FlightRecorderOptions:
    """Return the same settings as `FlightRecorder` takes them."""
    return FlightRecorderOptions(
        directory=config.dump_dir,
        buffer_size=config.buffer_size,
        max_bundles=config.max_dumps,
        max_total_bytes=config.max_total_mb * _MIB,
    )


class OOMFlightRecorder:
    """The last events of a job, for the moment when memory runs out.

    Args:
        config: Where bundles are written, and how much is kept.
    """

    def __init__(self, config: OOMFlightRecorderConfig) -> None:
        self.config = config
        self._backend = "unknown"
        self._session: SessionSummary | None = None
        self.clear()

    def record_event(self, event: Mapping[str, Any]) -> None:
        """Keep an event, instead of the oldest if there is no room.

        Args:
            event: As it stands in ``events.json`` of a bundle, with ``memory_allocated`` and so on.
        """
        self._recorder.record(dict(event))

    def snapshot_events(self) -> list[dict[str, Any]]:
        """Return the events that are kept, the oldest first."""
        return [dict(event) for event in self._recorder.events]

    def clear(self) -> None:
        """Forget the events."""
        self._recorder = FlightRecorder(
            recorder_options_of(self.config), session=lambda: self._session, backend=lambda: self._backend
        )

    def dump(
        self,
        *,
        reason: str,
        exception: BaseException,
        context: str | None,
        backend: str,
        metadata: Mapping[str, Any] | None = None,
        session_summary: SessionSummary | None = None,
    ) -> str | None:
        """Write a bundle.

        Args:
            reason: Of the classification.
            exception: The failure.
            context: Where in the job; None if that is not known.
            backend: What allocates.
            metadata: Anything else.
            session_summary: The session.

        Returns:
            Path of the bundle; None if the recorder is not enabled.

        Raises:
            OSError: it could not be written.
        """
        if not self.config.enabled:
            return None
        self._backend, self._session = backend, session_summary
        recorded = self._recorder.record_failure(
            reason,
            exception_type=type(exception).__name__,
            exception_module=type(exception).__module__,
            message=str(exception),
            context=context,
            metadata=metadata,
        )
        if recorded.bundle_path is None:
            raise OSError(f"no bundle was written: {recorded.error}")
        return recorded.bundle_path
