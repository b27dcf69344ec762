# The public names of this package, and where they are: see stormlog/_lazy.py.

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
