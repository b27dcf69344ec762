"""The tracker of PyTorch's devices, under the names and with the arguments that stormlog 0.4.3 has for it.

`stormlog.capture.MemoryTracker` records: this translates names, and keeps the last events for those who ask for them.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar

from stormlog import capture
from stormlog._former_names import refuse_name
from stormlog._tracked_events import ALERT_TYPES, TrackedEvents, TrackingEvent
from stormlog.capture.collectors.choosing import choose_collector
from stormlog.device_collectors import DeviceMemoryCollector, reading_collector
from stormlog.oom_flight_recorder import OOMFlightRecorderConfig, recorder_options_of
from stormlog.phases import PhaseHandle
from stormlog.telemetry import (
    SESSION_STATUS_COMPLETED,
    SESSION_STATUS_INCOMPLETE,
    SessionSummary,
    now_ns,
    update_session_summary,
)
from stormlog.telemetry_sink import TelemetrySinkConfig, retention_of, sink_options_of

__all__ = ["MemoryTracker", "SessionTracker", "TrackingEvent"]

__getattr__ = partial(refuse_name, __name__)

_Tracker = TypeVar("_Tracker", bound="SessionTracker")

_THRESHOLDS = {
    "memory_warning_percent": 80.0,
    "memory_critical_percent": 95.0,
    "memory_leak_threshold": 100.0 * 1024 * 1024,
    "fragmentation_threshold": 0.3,
}
#: A limit of growth is one between two samples: the window holds one of them, and the one before counts in any case.
_INTERVALS_OF_GROWTH = 0.5


class SessionTracker:
    """What the trackers of 0.4.3 have in common.

    Args:
        collector: Where readings come from.
        sampling_interval: Time between samples, in seconds.
        max_events: Events that are kept in memory.
        enable_alerts: Whether alerts are raised.
        telemetry_sink_config: Where telemetry is written, and how; None: nowhere.
        oom: How failures are recorded; None: they are not.
        tells_resident: Whether events tell resident memory as allocated.
        identity: ``job_id``, ``rank``, ``local_rank``, ``world_size``.
    """

    def __init__(
        self,
        collector: str | capture.Collector,
        *,
        sampling_interval: float,
        max_events: int,
        enable_alerts: bool,
        telemetry_sink_config: TelemetrySinkConfig | None,
        oom: capture.FlightRecorderOptions | None,
        tells_resident: bool,
        **identity: Any,
    ) -> None:
        if max_events < 1:
            raise ValueError(f"max_events must be at least 1, not {max_events}")
        self.sampling_interval = sampling_interval
        self.max_events = max_events
        self.enable_alerts = enable_alerts
        self.is_tracking = False
        self.alert_callbacks: list[Callable[[TrackingEvent], None]] = []
        self._thresholds = dict(_THRESHOLDS)
        self._events = TrackedEvents(max_events, tells_resident=tells_resident)
        self._session: SessionSummary | None = None
        self._started_at: float | None = None
        config = telemetry_sink_config
        self._tracker = capture.MemoryTracker(
            None if config is None else config.root_dir,
            interval=sampling_interval,
            collector=collector,
            alerts=self._alert_options(),
            sink_options=None if config is None else sink_options_of(config),
            oom=oom,
            # Failures are recorded where `capture_oom` or `handle_exception` is told of them, and nowhere else.
            hooks=False,
            on_record=self._note,
            **identity,
        )

    # ---- life ------------------------------------------------------------------------------------------

    def start_tracking(self) -> None:
        """Begin a session and sample from now on; nothing, if one has begun."""
        if self.is_tracking:
            return
        self._events.clear()
        self._started_at = time.time()
        self._begin()
        self.is_tracking = True

    def stop_tracking(self) -> None:
        """End the session; nothing, if none has begun."""
        self._stop(SESSION_STATUS_COMPLETED)

    def __enter__(self: _Tracker) -> _Tracker:
        self.start_tracking()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop(SESSION_STATUS_COMPLETED if exception is None else SESSION_STATUS_INCOMPLETE)

    # ---- phases ----------------------------------------------------------------------------------------

    def enter_phase(self, name: str, *, metadata: Mapping[str, Any] | None = None) -> PhaseHandle:
        """Begin a phase on this thread or task, inside the one that is open there.

        Args:
            name: Its name.
            metadata: Attributes of the phase.

        Raises:
            ValueError: the name is blank.
            RuntimeError: no session has begun.
        """
        if not self.is_tracking:
            raise RuntimeError("start_tracking() must come before a phase")
        return self._tracker.enter_phase(name, metadata)

    @contextlib.contextmanager
    def phase(self, name: str, *, metadata: Mapping[str, Any] | None = None) -> Iterator[PhaseHandle]:
        """Have a block run in a phase; see `enter_phase`."""
        handle = self.enter_phase(name, metadata=metadata)
        try:
            yield handle
        finally:
            handle.close()

    # ---- what was recorded -----------------------------------------------------------------------------

    @property
    def problems(self) -> list[str]:
        """What went wrong without failing the job, the oldest first."""
        return self._tracker.problems

    @property
    def events(self) -> list[TrackingEvent]:
        """The events that are kept, the oldest first."""
        return self._events.events()

    def get_events(
        self, event_type: str | None = None, last_n: int | None = None, since: float | None = None
    ) -> list[TrackingEvent]:
        """Return events that are kept, the oldest first; see `TrackedEvents.events`."""
        return self._events.events(event_type, last_n, since)

    def clear_events(self) -> None:
        """Forget the events that are kept, and what was counted."""
        self._events.clear()

    def get_memory_timeline(self, interval: float = 1.0) -> dict[str, list[Any]]:
        """Return the memory of each stretch of time; see `TrackedEvents.timeline`."""
        return self._events.timeline(interval)

    def export_events(self, filename: str, format: str = "csv") -> None:
        """Write the telemetry records of the events that are kept; see `TrackedEvents.export`."""
        self._events.export(filename, format)

    def get_session_summary(self) -> SessionSummary | None:
        """Return the session, or the last one; None before the first."""
        return self._session

    def get_statistics(self) -> dict[str, Any]:
        """Return what was counted, the memory of the last sample, and what the sink kept and deleted."""
        session = self._session
        return {
            **self._events.statistics(self._started_at),
            **retention_of(self._tracker.sink_diagnostics),
            "session_id": None if session is None else session.session_id,
            "session_status": None if session is None else session.status,
        }

    # ---- alerts ----------------------------------------------------------------------------------------

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The limits of alerts; `set_threshold` changes them."""
        return MappingProxyType(self._thresholds)

    def set_threshold(self, threshold_name: str, value: float) -> None:
        """Set a limit of alerts.

        Args:
            threshold_name: ``memory_warning_percent`` or ``memory_critical_percent`` (of the memory of the device, 0 to
                100), ``memory_leak_threshold`` (bytes between two samples), or ``fragmentation_threshold`` (0 to 1).
            value: The limit.

        Raises:
            ValueError: there is no such limit, or it cannot be that.
        """
        if threshold_name not in self._thresholds:
            raise ValueError(
                f"there is no threshold {threshold_name!r}; there are {', '.join(self._thresholds)}"
            )
        before = self._thresholds[threshold_name]
        self._thresholds[threshold_name] = value
        try:
            self._tracker.set_alerts(self._alert_options())
        except ValueError:
            self._thresholds[threshold_name] = before
            raise

    def add_alert_callback(self, callback: Callable[[TrackingEvent], None]) -> None:
        """Have a function called with each alert and error, on the thread that samples. What it raises is noted."""
        self.alert_callbacks.append(callback)

    def remove_alert_callback(self, callback: Callable[[TrackingEvent], None]) -> None:
        """Have it called no more."""
        if callback in self.alert_callbacks:
            self.alert_callbacks.remove(callback)

    def get_alerts(self, last_n: int | None = None) -> list[TrackingEvent]:
        """Return alerts and errors that are kept, the oldest first; at most the newest ``last_n``."""
        alerts = [event for event in self.events if event.event_type in ALERT_TYPES]
        return alerts[-last_n:] if last_n else alerts

    # ---- inside ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._tracker.start()
        self._session = self._tracker.session

    def _stop(self, status: str) -> None:
        if not self.is_tracking:
            return
        self.is_tracking = False
        self._end(status)

    def _end(self, status: str) -> None:
        self._tracker.stop(status)
        if self._session is not None:
            self._session = update_session_summary(self._session, status=status, ended_at_ns=now_ns())

    def _note(self, record: Mapping[str, Any]) -> None:
        alert = self._events.add(record)
        if alert is not None:
            for callback in list(self.alert_callbacks):
                callback(alert)

    def _alert_options(self) -> capture.AlertOptions | None:
        if not self.enable_alerts:
            return None
        critical = self._thresholds["memory_critical_percent"]
        # With a warning above it, the critical alert comes first, and no warning.
        warning = min(self._thresholds["memory_warning_percent"], critical)
        fragmentation = self._thresholds["fragmentation_threshold"]
        default = capture.AlertOptions()
        return capture.AlertOptions(
            warning_percent=warning,
            critical_percent=critical,
            margin_percent=min(default.margin_percent, warning / 2),
            fragmentation=fragmentation,
            fragmentation_margin=min(default.fragmentation_margin, fragmentation / 2),
            growth_bytes=int(self._thresholds["memory_leak_threshold"]),
            growth_window_seconds=_INTERVALS_OF_GROWTH * self.sampling_interval,
        )


class MemoryTracker(SessionTracker):
    """Tracks a device of PyTorch: CUDA, ROCm or Apple's.

    Args:
        device: The device: an index, a name, a ``torch.device``; None: the current one.
        sampling_interval: Time between samples, in seconds.
        max_events: Events that are kept in memory.
        enable_alerts: Whether alerts are raised.
        enable_oom_flight_recorder: Whether `capture_oom` and `handle_exception` record failures.
        oom_dump_dir: Where bundles are written.
        oom_buffer_size: Events in a bundle; None: ``max_events``.
        oom_max_dumps: Bundles that are kept.
        oom_max_total_mb: MiB of bundles that are kept.
        job_id: Name of the job; None: what its launcher says, as for those that follow.
        rank: Rank of this process, from 0.
        local_rank: Rank on this host, from 0.
        world_size: Ranks of the job.
        enable_native_cuda_history: Whether a snapshot of PyTorch's allocator lies beside each bundle.
        native_history_max_entries: Allocations and frees that PyTorch remembers for it.
        telemetry_sink_config: Where telemetry is written, and how; None: nowhere.
        collector: Where samples come from instead of a device of PyTorch.

    Raises:
        ValueError: an argument is wrong.
        ImportError: PyTorch is needed and not installed.
        RuntimeError: PyTorch has no such device here; `stormlog.CPUMemoryTracker` needs none.

    Source: docs/compatibility.md#imports.
    """

    def __init__(
        self,
        device: Any = None,
        sampling_interval: float = 0.1,
        max_events: int = 10_000,
        enable_alerts: bool = True,
        enable_oom_flight_recorder: bool = False,
        oom_dump_dir: str = "oom_dumps",
        oom_buffer_size: int | None = None,
        oom_max_dumps: int = 5,
        oom_max_total_mb: int = 256,
        job_id: str | None = None,
        rank: int | None = None,
        local_rank: int | None = None,
        world_size: int | None = None,
        enable_native_cuda_history: bool = False,
        native_history_max_entries: int = 10_000,
        telemetry_sink_config: TelemetrySinkConfig | None = None,
        collector: DeviceMemoryCollector | None = None,
    ) -> None:
        if collector is not None and device is not None:
            raise ValueError("device and collector exclude one another")
        self.collector = collector
        found = _torch_collector(device, local_rank) if collector is None else reading_collector(collector)
        self.backend = found.backend
        if native_history_max_entries < 1:
            raise ValueError(
                f"native_history_max_entries must be at least 1, not {native_history_max_entries}"
            )
        if enable_native_cuda_history and not found.capabilities.native_history:
            raise ValueError(f"there is no history of allocations of {self.backend!r}")
        self._recorder = OOMFlightRecorderConfig(
            enabled=enable_oom_flight_recorder,
            dump_dir=oom_dump_dir,
            buffer_size=oom_buffer_size if oom_buffer_size and oom_buffer_size > 0 else max_events,
            max_dumps=oom_max_dumps,
            max_total_mb=oom_max_total_mb,
        )
        self.last_oom_dump_path: str | None = None
        super().__init__(
            found,
            sampling_interval=sampling_interval,
            max_events=max_events,
            enable_alerts=enable_alerts,
            telemetry_sink_config=telemetry_sink_config,
            oom=dataclasses.replace(
                recorder_options_of(self._recorder),
                allocator_snapshot=enable_native_cuda_history and enable_oom_flight_recorder,
                allocator_history=native_history_max_entries,
            ),
            tells_resident=False,
            job_id=job_id,
            rank=rank,
            local_rank=local_rank,
            world_size=world_size,
        )

    @property
    def oom_buffer_size(self) -> int:
        """Events in a bundle, at most."""
        return self._recorder.buffer_size

    def start_tracking(self) -> None:
        """Begin a session and sample from now on; nothing, if one has begun."""
        if not self.is_tracking:
            self.last_oom_dump_path = None
        super().start_tracking()

    def get_statistics(self) -> dict[str, Any]:
        """Return what was counted, the memory of the last sample, and what the sink kept and deleted."""
        return {
            **super().get_statistics(),
            "backend": self.backend,
            "oom_flight_recorder_enabled": self._recorder.enabled,
            "last_oom_dump_path": self.last_oom_dump_path,
        }

    def handle_exception(
        self, exc: BaseException, context: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> str | None:
        """Record an exception if it means that memory ran out, and the recorder is enabled.

        Before the first session, one is begun for it and ended.

        Args:
            exc: Any.
            context: Where in the job.
            metadata: Anything else to keep.

        Returns:
            Path of the bundle; None if nothing was recorded or no bundle could be written.
        """
        if not self._recorder.enabled or capture.oom_reason(exc) is None:
            return None
        is_alone = self._session is None
        if is_alone:
            self._begin()
        try:
            recorded = self._tracker.record_oom(exc, context=context, metadata=metadata)
        finally:
            if is_alone:
                self._end(SESSION_STATUS_INCOMPLETE)
        if recorded is None or recorded.bundle_path is None:
            return None
        self.last_oom_dump_path = recorded.bundle_path
        return recorded.bundle_path

    @contextlib.contextmanager
    def capture_oom(
        self, context: str = "runtime", metadata: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """Record the exception that leaves a block as `handle_exception` does, and let it pass."""
        try:
            yield
        except Exception as error:
            self.handle_exception(error, context=context, metadata=metadata)
            raise


def _torch_collector(device: Any, local_rank: int | None) -> capture.Collector:
    """Return the collector of a device of PyTorch."""
    try:
        torch: Any = import_module("torch")
    except ImportError as error:
        raise ImportError(
            "stormlog.MemoryTracker tracks a device of PyTorch, which is not installed; stormlog.CPUMemoryTracker or "
            "stormlog.capture.MemoryTracker need none"
        ) from error
    wanted = None if device is None or isinstance(device, int) else torch.device(device)
    index = device if isinstance(device, int) else getattr(wanted, "index", None)
    kind = "cuda" if isinstance(device, int) else getattr(wanted, "type", None)
    if kind not in (None, "cuda", "mps"):
        raise ValueError(
            f"device must be one of CUDA, ROCm or MPS, not {device!r}; stormlog.CPUMemoryTracker needs none"
        )
    found = choose_collector("auto", index, local_rank or 0)
    backend = found.backend
    if backend not in ("cuda", "rocm", "mps") or (kind is not None and (kind == "mps") != (backend == "mps")):
        raise RuntimeError(
            f"PyTorch has no {'GPU' if kind is None else kind} here; stormlog.CPUMemoryTracker needs none"
        )
    if kind == "cuda" and index is not None and not 0 <= index < torch.cuda.device_count():
        raise ValueError(f"there is no device {device!r}: PyTorch sees {torch.cuda.device_count()}")
    return found
