"""A job that writes numbered records to a sink and says which it was told are written, until it is killed."""

from __future__ import annotations

import sys

from stormlog.capture import SinkOptions, SinkWriter

if __name__ == "__main__":
    directory, events_per_flush = sys.argv[1], int(sys.argv[2])
    writer = SinkWriter(
        directory,
        SinkOptions(
            flush_every_events=events_per_flush,
            flush_every_seconds=0.001,
            rollover_max_events=40,
            retention_max_files=10_000,
        ),
    )
    for number in range(1_000_000):
        writer.append({"number": number, "padding": "x" * (number % 97)})
        if number % 23 == 0:
            writer.flush()
            print(number, flush=True)
