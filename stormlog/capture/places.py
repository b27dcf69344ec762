"""Which directory a process writes its sink to.

Source: docs/capture.md#sink.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from stormlog.capture.identity import Identity
from stormlog.capture.sink.claims import SinkInUseError
from stormlog.capture.sink.options import SinkOptions
from stormlog.capture.sink.writer import SinkWriter

__all__ = ["open_sink"]


def open_sink(
    place: str,
    identity: Identity,
    options: SinkOptions | None,
    on_problem: Callable[[str], None] | None = None,
) -> SinkWriter:
    """Open the sink of this process.

    Each rank of a job with several ones has ``rank-00000`` and so on below the place. A directory that another
    process is writing to is left to that one: this process gets ``pid-`` and its number below it.

    Args:
        place: Where sinks of the job lie.
        identity: Who writes.
        options: How it is written.
        on_problem: As of `SinkWriter`.

    Raises:
        OSError: it cannot be written.
    """
    directory = place if identity.world_size == 1 else os.path.join(place, f"rank-{identity.rank:05d}")
    try:
        return SinkWriter(directory, options, on_problem=on_problem)
    except SinkInUseError:
        return SinkWriter(os.path.join(directory, f"pid-{os.getpid()}"), options, on_problem=on_problem)
