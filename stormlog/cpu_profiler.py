"""The tracker of this process's memory, under the name and with the arguments that stormlog 0.4.3 has for it.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from stormlog._former_names import refuse_name
from stormlog.telemetry_sink import TelemetrySinkConfig
from stormlog.tracker import SessionTracker, TrackingEvent

__all__ = ["CPUMemoryTracker", "TrackingEvent"]

__getattr__ = partial(refuse_name, __name__)


class CPUMemoryTracker(SessionTracker):
    """Tracks the memory of this process. Its events tell resident memory as allocated and reserved.

    Args:
        sampling_interval: Time between samples, in seconds.
        max_events: Events that are kept in memory.
        enable_alerts: Whether alerts are raised.
        job_id: Name of the job; None: what its launcher says, as for those that follow.
        rank: Rank of this process, from 0.
        local_rank: Rank on this host, from 0.
        world_size: Ranks of the job.
        telemetry_sink_config: Where telemetry is written, and how; None: nowhere.

    Raises:
        ValueError: an argument is wrong.

    Source: docs/compatibility.md#imports.
    """

    def __init__(
        self,
        sampling_interval: float = 0.5,
        max_events: int = 10_000,
        enable_alerts: bool = True,
        job_id: str | None = None,
        rank: int | None = None,
        local_rank: int | None = None,
        world_size: int | None = None,
        telemetry_sink_config: TelemetrySinkConfig | None = None,
    ) -> None:
        super().__init__(
            "process",
            sampling_interval=sampling_interval,
            max_events=max_events,
            enable_alerts=enable_alerts,
            telemetry_sink_config=telemetry_sink_config,
            oom=None,
            tells_resident=True,
            job_id=job_id,
            rank=rank,
            local_rank=local_rank,
            world_size=world_size,
        )

    def get_statistics(self) -> dict[str, Any]:
        """Return what was counted, the memory of the last sample, and what the sink kept and deleted."""
        return {"mode": "cpu", **super().get_statistics()}

    def export_events_with_timestamp(self, directory: str, format: str) -> str:
        """Write the telemetry records of the events that are kept into a file named after the time.

        Args:
            directory: Where it is written.
            format: As of `export_events`.

        Returns:
            Path of the file.
        """
        filename = f"{directory}/cpu_tracker_{time.strftime('%Y%m%d_%H%M%S')}.{format}"
        self.export_events(filename, format)
        return filename
