# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.capture.oom.classification import (
    OomClassification as OomClassification,
    classify_oom as classify_oom,
    classify_oom_text as classify_oom_text,
    oom_reason as oom_reason,
)
from stormlog.capture.alerts import (
    AlertOptions as AlertOptions,
)
from stormlog.capture.collectors.readings import (
    Collector as Collector,
    MemoryCapabilities as MemoryCapabilities,
    MemoryReading as MemoryReading,
)
from stormlog.capture.frameworks.hugging_face import (
    HuggingFaceCallback as HuggingFaceCallback,
)
from stormlog.capture.frameworks.lightning import (
    LightningCallback as LightningCallback,
)
from stormlog.capture.identity import (
    Identity as Identity,
    find_identity as find_identity,
)
from stormlog.capture.oom.bundles import (
    OomFailure as OomFailure,
)
from stormlog.capture.oom.hooks import (
    OomHooks as OomHooks,
)
from stormlog.capture.oom.recorder import (
    FlightRecorder as FlightRecorder,
    FlightRecorderOptions as FlightRecorderOptions,
    RecordedOom as RecordedOom,
)
from stormlog.capture.running.endings import (
    Ending as Ending,
)
from stormlog.capture.running.run import (
    Run as Run,
    run_command as run_command,
)
from stormlog.capture.sink.claims import (
    SinkInUseError as SinkInUseError,
)
from stormlog.capture.sink.options import (
    SinkOptions as SinkOptions,
)
from stormlog.capture.sink.writer import (
    SinkDiagnostics as SinkDiagnostics,
    SinkWriter as SinkWriter,
)
from stormlog.capture.tracker import (
    MemoryTracker as MemoryTracker,
)
