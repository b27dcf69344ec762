"""Programs written for stormlog 0.4.3 record here what they recorded there, and names that mean something else are
refused with what to use instead."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import stormlog
import stormlog.query
from stormlog._former_names import NAMES, REFUSED_MODULES, REFUSED_NAMES
from stormlog.telemetry import load_csv_sessions, load_telemetry_sessions, validate_telemetry_record
from tests.capture.fake_torch import FakeTorch

COMPATIBILITY = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
GIB = 1024**3


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def issues_of(*places: str) -> list[tuple[str, str, int]]:
    """Return kind, text and hits of issues, by their texts."""
    store = stormlog.query.open(places)
    return sorted(
        (issue.kind, str(issue.fingerprint.dimensions.get("reason") or issue.title), issue.hit_count)
        for issue in store.list_issues()
    )


def _device_collector(allocated: list[int | None], **capabilities: bool) -> Any:
    """Return a collector as a program for 0.4.3 writes it, that samples what the list says, the last value for ever."""
    from stormlog.device_collectors import (
        DeviceMemoryCapabilities,
        DeviceMemoryCollector,
        DeviceMemorySample,
    )

    class RuntimeCollector(DeviceMemoryCollector):
        def name(self) -> str:
            return "cuda"

        def is_available(self) -> bool:
            return True

        def capabilities(self) -> DeviceMemoryCapabilities:
            known = capabilities or {
                "supports_allocator_allocated": True,
                "supports_allocator_reserved": True,
            }
            return DeviceMemoryCapabilities(
                backend="cuda",
                telemetry_collector="stormlog.cuda_tracker",
                sampling_source="a test",
                supports_device_used=True,
                supports_device_free=True,
                supports_device_total=True,
                **known,
            )

        def sample(self) -> DeviceMemorySample:
            size = allocated.pop(0) if len(allocated) > 1 else allocated[0]
            if size is None:
                raise RuntimeError("the driver is gone")
            knows_allocator = self.capabilities().supports_allocator_allocated
            return DeviceMemorySample(
                device_id=0,
                allocated_bytes=size if knows_allocator else None,
                reserved_bytes=size if knows_allocator else None,
                active_bytes=None,
                inactive_bytes=None,
                used_bytes=size,
                free_bytes=10 * GIB - size,
                total_bytes=10 * GIB,
            )

    return RuntimeCollector()


# ---- programs ------------------------------------------------------------------------------------------


def test_a_tracker_with_a_sink_records_alerts_and_phases() -> None:
    from stormlog import MemoryTracker
    from stormlog.telemetry_sink import TelemetrySinkConfig

    seen = []
    tracker = MemoryTracker(
        sampling_interval=0.002,
        max_events=500,
        enable_alerts=True,
        telemetry_sink_config=TelemetrySinkConfig(root_dir=Path("live_sink"), flush_every_events=10),
        collector=_device_collector([GIB, GIB, 2 * GIB, GIB, 9 * GIB]),
    )
    tracker.set_threshold("memory_leak_threshold", 3 * GIB)
    tracker.add_alert_callback(lambda event: seen.append((event.event_type, event.context)))
    tracker.start_tracking()
    with tracker.phase("train", metadata={"epoch": 1}), tracker.phase("forward") as handle:
        assert handle.path == ("train", "forward")
        until(lambda: len(seen) == 2)
    tracker.stop_tracking()

    assert sorted(seen) == [
        ("warning", "Large allocation detected: 8.00 GB"),
        ("warning", "WARNING: Memory usage at 90.0%"),
    ]
    assert [event.context for event in tracker.get_alerts()] == [context for _, context in seen]
    statistics = tracker.get_statistics()
    assert statistics["alert_count"] == 2
    assert statistics["peak_memory"] == 9 * GIB
    assert statistics["total_allocation_bytes"] - statistics["total_deallocation_bytes"] == 8 * GIB
    assert statistics["final_retained_files"] == 1
    assert statistics["session_status"] == "completed"
    assert statistics["backend"] == "cuda"
    assert (
        issues_of("live_sink")
        == [
            ("alert", "alert: critical large allocation", 1),
            ("alert", "alert: memory usage", 1),
        ]
        or [(kind, hits) for kind, _, hits in issues_of("live_sink")] == [("alert", 1)] * 2
    )
    [session] = load_telemetry_sessions("live_sink")
    assert session.summary.session_id == statistics["session_id"]
    phases = [event for event in session.events if event.event_type.startswith("phase_")]
    assert [event.event_type for event in phases] == [
        "phase_enter",
        "phase_enter",
        "phase_exit",
        "phase_exit",
    ]


def test_an_out_of_memory_failure_that_a_block_lets_out_is_an_issue() -> None:
    from stormlog.telemetry_sink import TelemetrySinkConfig
    from stormlog.tracker import MemoryTracker

    tracker = MemoryTracker(
        sampling_interval=60,
        enable_oom_flight_recorder=True,
        oom_dump_dir="dumps",
        oom_max_dumps=3,
        telemetry_sink_config=TelemetrySinkConfig(root_dir="live_sink"),
        collector=_device_collector([GIB]),
    )
    with tracker:
        where = {"context": "train-step", "metadata": {"mode": "simulated"}}
        with pytest.raises(RuntimeError, match="simulated"), tracker.capture_oom(**where):
            raise RuntimeError("simulated out of memory for demo")
        with pytest.raises(ValueError), tracker.capture_oom():
            raise ValueError("another failure")
    assert tracker.last_oom_dump_path is not None
    bundle = Path(tracker.last_oom_dump_path)
    assert [bundle] == list(Path("dumps").absolute().iterdir())
    said = json.loads((bundle / "metadata.json").read_text())
    assert (said["context"], said["custom_metadata"]["mode"]) == ("train-step", "simulated")
    assert said["session_id"] == tracker.get_session_summary().session_id
    assert issues_of("live_sink", "dumps") == [("oom", "message_pattern:out of memory", 2)]
    assert tracker.get_statistics()["last_oom_dump_path"] == str(bundle)


@pytest.mark.parametrize("is_enabled", [True, False])
def test_an_exception_that_is_handed_over_is_recorded_if_the_recorder_is_enabled(is_enabled: bool) -> None:
    from stormlog import MemoryTracker

    tracker = MemoryTracker(
        enable_oom_flight_recorder=is_enabled, sampling_interval=60, collector=_device_collector([GIB])
    )
    # No session has begun, as in programs that record nothing but failures.
    assert tracker.handle_exception(ValueError("no")) is None
    assert not Path("oom_dumps").exists()
    path = tracker.handle_exception(RuntimeError("CUDA out of memory."), context="step")
    assert (path is not None) == is_enabled == Path("oom_dumps").exists()
    assert tracker.last_oom_dump_path == path
    if is_enabled:
        assert [kind for kind, _, _ in issues_of("oom_dumps")] == ["oom"]
        assert json.loads((Path(str(path)) / "metadata.json").read_text())["session_id"]
    assert not tracker.is_tracking


def test_a_failure_is_recorded_by_nothing_but_what_is_told_of_it() -> None:
    from stormlog import MemoryTracker

    hooks = sys.excepthook
    tracker = MemoryTracker(
        enable_oom_flight_recorder=True, sampling_interval=60, collector=_device_collector([GIB])
    )
    with pytest.raises(RuntimeError), tracker:
        assert sys.excepthook is hooks
        with tracker.phase("step"):
            raise RuntimeError("CUDA out of memory.")
    assert not Path("oom_dumps").exists()
    summary = tracker.get_session_summary()
    assert summary is not None
    assert summary.status == "incomplete"


def test_a_cpu_tracker_tells_resident_memory_and_exports_it() -> None:
    from stormlog import CPUMemoryTracker
    from stormlog.phases import parse_phase_boundary

    tracker = CPUMemoryTracker(sampling_interval=0.002)
    with pytest.raises(RuntimeError, match="start_tracking"):
        tracker.enter_phase("early")
    tracker.start_tracking()
    tracker.start_tracking()
    with tracker.phase("train", metadata={"epoch": 1}):
        until(lambda: tracker.get_events("sample"))
        held = bytearray(64 * 1024**2)
        until(lambda: tracker.get_statistics()["peak_memory"] > len(held))
    tracker.stop_tracking()

    statistics = tracker.get_statistics()
    assert statistics["mode"] == "cpu"
    assert statistics["total_events"] == len(tracker.events) == statistics["history_retained_events"]
    assert statistics["final_retained_files"] == 0
    sample = tracker.get_events("sample", last_n=1)[0]
    assert sample.memory_allocated == sample.memory_reserved == sample.device_used
    assert tracker.get_events(since=sample.timestamp + 3600) == []
    peak = max(event.memory_allocated or 0 for event in tracker.get_events("peak"))
    assert peak == statistics["peak_memory"]
    timeline = tracker.get_memory_timeline(interval=3600)
    assert timeline["allocated"] == [tracker.events[-1].memory_allocated]

    tracker.export_events("events.json", format="json")
    tracker.export_events("track.csv")
    assert tracker.export_events_with_timestamp(".", "json").startswith("./cpu_tracker_")
    records = json.loads(Path("events.json").read_text())
    assert len(records) == statistics["total_events"]
    for record in records:
        validate_telemetry_record(record)
    boundaries = [boundary for boundary in map(parse_phase_boundary, records) if boundary is not None]
    assert [(boundary.path, boundary.attributes) for boundary in boundaries] == [
        (("train",), {"epoch": 1})
    ] * 2
    sessions, warnings = load_csv_sessions("track.csv")
    assert [len(session.events) for session in sessions] == [len(records)]
    assert warnings == []
    with pytest.raises(ValueError, match="csv or json"):
        tracker.export_events("events.xml", format="xml")


def test_a_second_session_begins_anew() -> None:
    from stormlog import CPUMemoryTracker
    from stormlog.telemetry_sink import TelemetrySinkConfig

    tracker = CPUMemoryTracker(
        sampling_interval=60, telemetry_sink_config=TelemetrySinkConfig("sink"), job_id="job", rank=0
    )
    ids = []
    for _ in range(2):
        tracker.start_tracking()
        tracker.stop_tracking()
        assert [event.event_type for event in tracker.events] == ["start", "stop"]
        ids.append(tracker.get_statistics()["session_id"])
    # The newest first.
    assert [session.summary.session_id for session in load_telemetry_sessions("sink")] == ids[::-1]
    assert {session.summary.job_id for session in load_telemetry_sessions("sink")} == {"job"}
    tracker.clear_events()
    assert tracker.events == []
    assert tracker.get_memory_timeline() == {
        name: []
        for name in ("timestamps", "allocated", "reserved", "device_used", "device_free", "device_total")
    }


def test_a_collector_that_knows_no_allocator_and_fails_for_a_while() -> None:
    from stormlog import MemoryTracker
    from stormlog.telemetry_sink import TelemetrySinkConfig

    tracker = MemoryTracker(
        sampling_interval=0.002,
        telemetry_sink_config=TelemetrySinkConfig(root_dir="sink"),
        collector=_device_collector([GIB, None, GIB], supports_bounded_profiling=False),
    )
    tracker.start_tracking()
    assert tracker.get_statistics()["peak_memory"] is None
    until(lambda: tracker.get_events("collector_recovered"))
    tracker.stop_tracking()
    assert [event.event_type for event in tracker.get_events() if event.event_type.startswith("coll")] == [
        "collector_degraded",
        "collector_recovered",
    ]
    statistics = tracker.get_statistics()
    assert statistics["peak_memory"] is statistics["total_allocations"] is None
    assert statistics["current_device_used"] == GIB
    assert statistics["collector_health_status"] == "healthy"
    assert issues_of("sink") == [("collector_degradation", "Collector degradation", 1)]
    [session] = load_telemetry_sessions("sink")
    assert {event.schema_version for event in session.events} == {4}
    assert {event.allocator_allocated_bytes for event in session.events} == {None}


# ---- devices of PyTorch --------------------------------------------------------------------------------


def _torch(*, has_cuda: bool) -> Any:
    stats = {
        "allocated_bytes": {"all": {"current": 1, "peak": 2}},
        "reserved_bytes": {"all": {"current": 3}},
        "active_bytes": {"all": {"current": 1}},
        "inactive_split_bytes": {"all": {"current": 0}},
    }
    return SimpleNamespace(
        version=SimpleNamespace(hip=None),
        backends=SimpleNamespace(),
        device=lambda text: SimpleNamespace(
            type=text.partition(":")[0], index=int(text.partition(":")[2]) if ":" in text else None
        ),
        cuda=SimpleNamespace(
            is_available=lambda: has_cuda,
            is_initialized=lambda: True,
            current_device=lambda: 0,
            device_count=lambda: 2 if has_cuda else 0,
            memory_stats_as_nested_dict=lambda device: stats,
            mem_get_info=lambda device: (60 + device, 100),
        ),
    )


@pytest.mark.parametrize(
    ("device", "free"),
    [(None, 60), (1, 61), ("cuda", 60), ("cuda:1", 61)],
    ids=["none", "1", "cuda", "cuda:1"],
)
def test_a_device_of_pytorch_is_tracked(device: Any, free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from stormlog import MemoryTracker, detect_torch_runtime_backend

    monkeypatch.setitem(sys.modules, "torch", _torch(has_cuda=True))
    assert detect_torch_runtime_backend() == "cuda"
    with MemoryTracker(device=device, sampling_interval=60) as tracker:
        pass
    assert tracker.backend == "cuda"
    assert {event.device_free for event in tracker.events} == {free}


@pytest.mark.parametrize(
    ("device", "has_cuda", "error", "text"),
    [
        (None, False, RuntimeError, "no GPU here; stormlog.CPUMemoryTracker"),
        ("mps", True, RuntimeError, "no mps here"),
        (0, False, RuntimeError, "no cuda here"),
        ("cpu", True, ValueError, "must be one of CUDA, ROCm or MPS"),
        ("cuda:7", True, ValueError, "PyTorch sees 2"),
        (-1, True, ValueError, "PyTorch sees 2"),
    ],
)
def test_a_device_that_is_not_there_is_refused(
    device: Any, has_cuda: bool, error: type[Exception], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stormlog import MemoryTracker

    monkeypatch.setitem(sys.modules, "torch", _torch(has_cuda=has_cuda))
    with pytest.raises(error, match=text):
        MemoryTracker(device=device)


def test_without_pytorch_the_error_says_what_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from stormlog import MemoryTracker

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"stormlog\.CPUMemoryTracker"):
        MemoryTracker()


def test_a_snapshot_of_the_allocator_lies_beside_the_bundle_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from stormlog import MemoryTracker

    torch: Any = FakeTorch()
    monkeypatch.setitem(sys.modules, "torch", torch)
    tracker = MemoryTracker(
        enable_oom_flight_recorder=True,
        enable_native_cuda_history=True,
        native_history_max_entries=77,
        sampling_interval=60,
    )
    with pytest.raises(RuntimeError), tracker.capture_oom(context="train-step"):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
    assert tracker.last_oom_dump_path is not None
    assert "cuda_allocator_snapshot.pickle" in [
        path.name for path in Path(tracker.last_oom_dump_path).iterdir()
    ]
    assert [call.get("max_entries") for call in torch.history] == [77, None]
    with pytest.raises(ValueError, match="no history of allocations of 'cuda'"):
        MemoryTracker(collector=_device_collector([GIB]), enable_native_cuda_history=True)
    with pytest.raises(ValueError, match="native_history_max_entries"):
        MemoryTracker(native_history_max_entries=0)


# ---- limits and wrong arguments ------------------------------------------------------------------------


def test_limits_of_alerts_change_while_a_session_runs() -> None:
    from stormlog import MemoryTracker

    tracker = MemoryTracker(sampling_interval=0.002, collector=_device_collector([5 * GIB]))
    with tracker:
        until(lambda: tracker.get_events("sample"))
        assert tracker.get_alerts() == []
        # The warning is above the critical limit for a moment, as in programs that set one after the other.
        tracker.set_threshold("memory_warning_percent", 99)
        tracker.set_threshold("memory_critical_percent", 40.0)
        until(tracker.get_alerts)
    assert [event.event_type for event in tracker.get_alerts(last_n=5)] == ["critical"]
    assert tracker.thresholds["memory_critical_percent"] == 40
    for name, value, text in (
        ("memory_critical", 1.0, "there is no threshold"),
        ("memory_critical_percent", 140.0, "at most 100"),
        ("fragmentation_threshold", 2.0, "at most 1"),
        ("memory_leak_threshold", 0, "at least 1"),
    ):
        with pytest.raises(ValueError, match=text):
            tracker.set_threshold(name, value)
    assert tracker.thresholds["memory_critical_percent"] == 40
    with pytest.raises(TypeError):
        tracker.thresholds["memory_critical_percent"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize(
    "arguments",
    [{"sampling_interval": 0}, {"max_events": 0}, {"device": 0, "collector": 1}, {"rank": -1}],
    ids=lambda arguments: ",".join(arguments),
)
def test_wrong_arguments_of_a_tracker_are_refused(arguments: dict[str, Any]) -> None:
    from stormlog import MemoryTracker

    with pytest.raises(ValueError):
        MemoryTracker(**{"collector": _device_collector([GIB]), **arguments})


@pytest.mark.parametrize(
    "arguments",
    [
        {"flush_every_events": 0},
        {"max_buffer_bytes": 0},
        {"failure_backoff_seconds": 0},
        {"failure_backoff_max_seconds": 0.5},
        {"rollup_window_seconds": 0},
        {"retention_max_files": 0},
    ],
    ids=lambda arguments: ",".join(arguments),
)
def test_wrong_settings_of_a_sink_are_refused(arguments: dict[str, Any]) -> None:
    from stormlog.telemetry_sink import TelemetrySinkConfig

    with pytest.raises(ValueError, match=next(iter(arguments))):
        TelemetrySinkConfig(Path("sink"), **arguments)


SAMPLE = {
    "allocated_bytes": 1,
    "reserved_bytes": 2,
    "used_bytes": None,
    "free_bytes": None,
    "total_bytes": None,
}


@pytest.mark.parametrize(
    ("changes", "partial", "text"),
    [
        ({}, (), None),
        ({"reserved_bytes": None}, ("allocator_reserved_bytes",), None),
        ({"reserved_bytes": None}, (), "not among the partial fields"),
        ({}, ("allocator_reserved_bytes",), "has a value, but is missing"),
        ({"used_bytes": 1}, (), "not supported"),
        ({}, ("device_used_bytes",), "not supported"),
        ({"allocated_bytes": -1}, (), "negative"),
        ({}, ("no_such_counter",), "no counters no_such_counter"),
        (
            {"allocated_bytes": None, "reserved_bytes": None},
            ("allocator_allocated_bytes", "allocator_reserved_bytes"),
            "has no counters",
        ),
    ],
)
def test_samples_say_what_their_collector_can_know(
    changes: dict[str, Any], partial: tuple[str, ...], text: str | None
) -> None:
    from stormlog.device_collectors import (
        DeviceMemoryCapabilities,
        DeviceMemorySample,
        validate_device_memory_sample,
    )

    can = DeviceMemoryCapabilities(
        "cuda", "c", "s", supports_allocator_allocated=True, supports_allocator_reserved=True
    )
    sample = DeviceMemorySample(
        **{**SAMPLE, "active_bytes": None, "inactive_bytes": None, "device_id": 0, **changes}
    )
    if text is None:
        validate_device_memory_sample(sample, can, partial_fields=partial)
    else:
        with pytest.raises(ValueError, match=text):
            validate_device_memory_sample(sample, can, partial_fields=partial)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, "allocated memory, or used memory"),
        (
            {"supports_device_used": True, "supports_fragmentation_analysis": True},
            "need allocated and reserved",
        ),
        ({"backend": " "}, "backend must not be blank"),
    ],
)
def test_capabilities_that_contradict_one_another_are_refused(known: dict[str, Any], text: str) -> None:
    from stormlog.device_collectors import DeviceMemoryCapabilities

    with pytest.raises(ValueError, match=text):
        DeviceMemoryCapabilities(
            **{"backend": "b", "telemetry_collector": "c", "sampling_source": "s", **known}
        )


# ---- sink and recorder by themselves -------------------------------------------------------------------


def test_a_sink_is_written_as_its_settings_say() -> None:
    from stormlog.telemetry_sink import (
        AppendOnlyTelemetrySink,
        TelemetrySinkConfig,
        read_telemetry_sink_manifest,
    )

    sink = AppendOnlyTelemetrySink(TelemetrySinkConfig("sink", rollover_max_events=2, retention_max_files=2))
    session = sink.start_session()
    assert sink.current_session() == session
    for number in range(6):
        sink.append({"session_id": session.session_id, "number": number})
        sink.flush(force=True)
    sink.append({"session_id": session.session_id, "number": 6})
    sink.flush()
    assert sink.failure_diagnostics()["buffered_records"] == 1
    with pytest.raises(ValueError, match="is active"):
        sink.append({"session_id": "another"})
    sink.close("interrupted")
    assert sink.get_diagnostics() == {
        "rollover_count": 3,
        "pruned_segment_count": 2,
        "pruned_bytes": sum(
            len(f'{{"number": {n}, "session_id": "{session.session_id}"}}\n') for n in range(4)
        ),
        "final_retained_files": 2,
        "final_retained_bytes": sum(path.stat().st_size for path in Path("sink").glob("segment-*")),
    }
    assert sink.failure_diagnostics() == {
        "buffered_records": 0,
        "buffered_bytes": 0,
        "dropped_records": 0,
        "dropped_bytes": 0,
        "flush_failures": 0,
        "last_flush_error": None,
    }
    manifest = read_telemetry_sink_manifest("sink")
    assert manifest is not None
    assert [item.status for item in manifest.sessions] == ["interrupted"]
    assert sink.current_session() is None


def test_a_flight_recorder_writes_the_events_that_it_was_given() -> None:
    from stormlog import OOMFlightRecorder, OOMFlightRecorderConfig, classify_oom_exception

    recorder = OOMFlightRecorder(OOMFlightRecorderConfig(enabled=True, dump_dir="dumps", buffer_size=2))
    events = [{"timestamp": float(number), "memory_allocated": number, "mine": True} for number in range(3)]
    for event in events:
        recorder.record_event(event)
    assert recorder.snapshot_events() == events[1:]
    failure = RuntimeError("HIP out of memory")
    classified = classify_oom_exception(failure)
    assert (classified.is_oom, classified.reason) == (True, "message_pattern:out of memory")
    path = recorder.dump(
        reason=str(classified.reason), exception=failure, context="step", backend="rocm", metadata={"a": 1}
    )
    bundle = Path(str(path))
    assert json.loads((bundle / "events.json").read_text()) == events[1:]
    assert json.loads((bundle / "manifest.json").read_text())["backend"] == "rocm"
    recorder.clear()
    assert recorder.snapshot_events() == []
    arguments: dict[str, Any] = {"reason": "r", "exception": failure, "context": None, "backend": "cuda"}
    assert OOMFlightRecorder(OOMFlightRecorderConfig()).dump(**arguments) is None
    Path("file").touch()
    with pytest.raises(OSError, match="no bundle was written"):
        OOMFlightRecorder(OOMFlightRecorderConfig(enabled=True, dump_dir="file/dumps")).dump(**arguments)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (-1536, "-1.50 KB"), (5 * 1024**6, "5120.00 PB")],
)
def test_sizes_are_written_with_their_largest_unit(size: int, text: str) -> None:
    assert stormlog.format_bytes(size) == text  # type: ignore[operator]


def test_sizes_are_converted() -> None:
    from stormlog.utils import convert_bytes

    assert convert_bytes(3, "GB", "MB") == 3072
    assert convert_bytes(512, "KB", "MB") == 0.5
    with pytest.raises(ValueError, match="units are B, KB"):
        convert_bytes(1, "PB", "B")


# ---- names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_package_work(name: str) -> None:
    assert getattr(stormlog, name) is getattr(importlib.import_module(NAMES[name]), name)


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in REFUSED_NAMES.items() for name in names]
)
def test_names_that_mean_something_else_are_refused_with_what_to_use(module: str, name: str) -> None:
    with pytest.raises(ImportError) as caught:
        exec(f"from {module} import {name}")
    assert f"{module}.{name} of stormlog 0.4.3 is not in this version" in str(caught.value)
    assert REFUSED_NAMES[module][name] in str(caught.value)


@pytest.mark.parametrize("module", REFUSED_MODULES)
def test_modules_that_are_not_here_are_refused_with_what_to_use(module: str) -> None:
    for name in (f"stormlog.{module}", f"stormlog.{module}.inner"):
        with pytest.raises(
            ModuleNotFoundError, match=f"stormlog.{module} of stormlog 0.4.3 is not"
        ) as caught:
            importlib.import_module(name)
        assert REFUSED_MODULES[module] in str(caught.value)


def test_what_nobody_has_is_missing_as_usual() -> None:
    assert not hasattr(stormlog, "no_such_name")
    assert not hasattr(importlib.import_module("stormlog.tracker"), "no_such_name")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'stormlog\.no_such_module'"):
        importlib.import_module("stormlog.no_such_module")


def test_the_documentation_has_every_name() -> None:
    text = COMPATIBILITY.read_text(encoding="utf-8")
    names = {f"stormlog.{name}" for name in NAMES} | {
        f"{module}.{name}" for module, refused in REFUSED_NAMES.items() for name in refused
    }
    names |= {f"stormlog.{name}" for name in REFUSED_MODULES}
    section = text[text.index("## Imports") :].split("\n## ")[0]
    missing = sorted(
        name for name in names if f"`{name.rpartition('.')[2]}`" not in section and f"`{name}`" not in section
    )
    assert missing == []
