"""Names of stormlog 0.4.3: where those are that work here, and what to use in place of the others.

Promise: a name that means something else here is refused with a sentence that says what to use; none is silently
another thing.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["NAMES", "REFUSED_MODULES", "REFUSED_NAMES", "former_name", "refuse_module", "refuse_name"]

#: What `stormlog` itself offered, and the module that it comes from here.
NAMES = {
    "CPUMemoryTracker": "stormlog.cpu_profiler",
    "DeviceMemoryCapabilities": "stormlog.device_collectors",
    "DeviceMemoryCollector": "stormlog.device_collectors",
    "DeviceMemorySample": "stormlog.device_collectors",
    "GapFinding": "stormlog.issues",
    "MemoryTracker": "stormlog.tracker",
    "OOMExceptionClassification": "stormlog.oom_flight_recorder",
    "OOMFlightRecorder": "stormlog.oom_flight_recorder",
    "OOMFlightRecorderConfig": "stormlog.oom_flight_recorder",
    "TelemetryEventV2": "stormlog.telemetry",
    "TelemetryEventV3": "stormlog.telemetry",
    "TelemetryEventV4": "stormlog.telemetry",
    "classify_oom_exception": "stormlog.oom_flight_recorder",
    "convert_bytes": "stormlog.utils",
    "detect_torch_runtime_backend": "stormlog.device_collectors",
    "format_bytes": "stormlog.utils",
    "load_telemetry_events": "stormlog.telemetry",
    "resolve_distributed_identity": "stormlog.telemetry",
    "telemetry_event_from_record": "stormlog.telemetry",
    "telemetry_event_to_dict": "stormlog.telemetry",
    "validate_telemetry_record": "stormlog.telemetry",
}

_PROFILER = (
    "torch.profiler for single functions; phases of stormlog.capture.MemoryTracker for pieces of a job"
)
_CPU_PROFILER = "tracemalloc for single functions; phases of stormlog.CPUMemoryTracker for pieces of a job"
_PICTURES = "stormlog report, or store.relation('events').df() and a plotting library"
_ANALYSIS = "stormlog query issues, stormlog why, or stormlog.query.open(paths).list_issues()"
_MARKERS = "stormlog.query.open(paths).list_timeline_markers()"
_GPU = "torch.cuda.mem_get_info() and torch.cuda.get_device_properties()"
_SYSTEM = "stormlog.device_collectors.detect_torch_runtime_backend() for the backend; platform and psutil for the rest"
_WATCHDOG = "tracker.add_alert_callback(), and torch.cuda.empty_cache() in the callback"
_COLLECTOR = "stormlog.capture.MemoryTracker(collector='cuda'), or 'rocm', 'mps'"

#: Names of modules that are here, and what to use instead.
REFUSED_NAMES = {
    "stormlog": {
        "CPUMemoryProfiler": _CPU_PROFILER,
        "GPUMemoryProfiler": _PROFILER,
        "MemoryAnalyzer": _ANALYSIS,
        "MemorySnapshot": _PROFILER,
        "MemoryVisualizer": _PICTURES,
        "ProfileResult": _PROFILER,
        "TimelineMarker": _MARKERS,
        "build_device_memory_collector": _COLLECTOR,
        "derive_session_timeline_markers": _MARKERS,
        "derive_timeline_markers": _MARKERS,
        "get_gpu_info": _GPU,
        "profile_context": _PROFILER,
        "profile_function": _PROFILER,
        "timeline_marker_to_dict": _MARKERS,
    },
    "stormlog.cpu_profiler": {
        "CPUMemoryProfiler": _CPU_PROFILER,
        "CPUMemorySnapshot": _CPU_PROFILER,
        "CPUProfileResult": _CPU_PROFILER,
    },
    "stormlog.device_collectors": {
        "CudaDeviceCollector": _COLLECTOR,
        "MPSDeviceCollector": _COLLECTOR,
        "ROCmDeviceCollector": _COLLECTOR,
        "build_device_memory_collector": _COLLECTOR,
    },
    "stormlog.tracker": {"MemoryWatchdog": _WATCHDOG},
    "stormlog.utils": {
        "MemoryContext": _PROFILER,
        "check_memory_fragmentation": _ANALYSIS,
        "get_gpu_info": _GPU,
        "get_system_info": _SYSTEM,
        "memory_summary": "torch.cuda.memory_summary()",
        "suggest_memory_optimization": _ANALYSIS,
    },
}

#: Modules that are not here, and what to use instead.
REFUSED_MODULES = {
    "analyzer": _ANALYSIS,
    "collective_attribution": "stormlog why, which compares the ranks of a job",
    "context_profiler": _PROFILER,
    "correlation": "stormlog.query, which has the same filters, evidence and results",
    "cuda_native_debug": "stormlog.capture.FlightRecorderOptions(allocator_snapshot=True)",
    "derived_fields": "list_derived_fields() of stormlog.query",
    "diagnose": "stormlog doctor, and stormlog why",
    "distributed_analysis": "stormlog why, which compares the ranks of a job",
    "exit_codes": "the exit codes of docs/cli.md#exit-status",
    "formatting": "stormlog.utils.format_bytes",
    "gap_analysis": "stormlog.issues.analyze_hidden_memory_gaps",
    "infer": "stormlog 0.4.3 in an environment of its own: inference servers are not profiled here",
    "jax": "stormlog.capture.MemoryTracker(collector='jax'); jax.profiler shows single functions",
    "mlflow_integration": "mlflow.log_artifacts() with the directory of the sink or a report",
    "mlx": "stormlog 0.4.3 in an environment of its own: there is no collector for MLX here",
    "profiler": _PROFILER,
    "query_cli": "the command stormlog query",
    "report": "json.load(); stormlog report writes the same envelope",
    "run_catalog": "list_runs() and list_run_attachments() of stormlog.query",
    "scrub": "nothing: stormlog run redacts secrets in what it keeps",
    "system_info": _SYSTEM,
    "telemetry_classification": "stormlog.issues, which has the same functions",
    "telemetry_rollups": "stormlog.rollups, or the command stormlog rollups",
    "tensorflow": "stormlog.capture.MemoryTracker(collector='nvidia'), which sees the device, or collector='process'",
    "timeline_markers": _MARKERS,
    "tui": "the command stormlog tui",
    "visualizer": _PICTURES,
    "wandb_integration": "wandb.log_artifact() with the directory of the sink or a report",
}


def former_name(name: str) -> object:
    """Return what the package itself offered in 0.4.3.

    Args:
        name: Any.

    Raises:
        ImportError: 0.4.3 had it, and here it would mean something else.
        AttributeError: neither has it.
    """
    if name in NAMES:
        return getattr(import_module(NAMES[name]), name)
    return refuse_name("stormlog", name)


def refuse_name(module: str, name: str) -> object:
    """Raise what asking a module for a name that it does not have raises.

    Args:
        module: Full name of the module.
        name: Any.

    Raises:
        ImportError: 0.4.3 had it there.
        AttributeError: neither has it.
    """
    instead = REFUSED_NAMES.get(module, {}).get(name)
    if instead is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    # Not an AttributeError: `from module import name` would replace it by one that does not say what to do.
    raise ImportError(_sentence(f"{module}.{name}", instead), name=module)


def refuse_module(name: str) -> None:
    """Raise for a module of 0.4.3 that is not here; any other is for others to miss.

    Args:
        name: Full name of the module.

    Raises:
        ModuleNotFoundError: 0.4.3 had it.
    """
    instead = REFUSED_MODULES.get(name.removeprefix("stormlog."))
    if instead is not None:
        raise ModuleNotFoundError(_sentence(name, instead), name=name)


def _sentence(name: str, instead: str) -> str:
    return (
        f"{name} of stormlog 0.4.3 is not in this version, {sys.modules['stormlog'].__version__}. "
        f"Use instead: {instead}. All such names: docs/compatibility.md#imports"
    )
