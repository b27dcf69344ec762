"""A job of which only an export is left, as old tools wrote it."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path

from tests.stories.expected import NOTHING, Story
from tests.stories.job import Job
from tests.stories.kinds import kind
from tests.stories.kinds_memory import grown
from tests.stories.records import GIB
from tests.stories.shapes import growing, plus, training
from tests.stories.training import of_size


@kind(most=1, versions=(3,), alone=True)
def csv_export(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A CSV export of a session: its metadata are unreadable, so that the failure is an error and no OOM."""
    job = Job(root, rng, 1, version, job_id=None, plan=of_size(1, has_phases=False))
    job.work(plus(training(), growing("allocated", 42 * GIB)))
    failure = job.out_of_memory(0, has_bundle=False)
    job.finish()
    expected = job.expected_failure([failure])
    expected.add("run", clock_spread_ns=NOTHING)
    expected.add("first_failure", kind="error", phase=None, requested_bytes=None, free_bytes=None)
    for name in ("fingerprint_id", "source_path", "line_number"):
        expected.values.pop(f"first_failure.{name}")
    events = job.recordings[0].events
    root.mkdir(parents=True)
    path = root / "telemetry_events.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(events[0]))
        writer.writeheader()
        # Exporters write a dictionary as Python shows it, which is no JSON.
        writer.writerows(events)
    last_ns = events[-1]["timestamp_ns"]
    os.utime(path, ns=(last_ns, last_ns))
    story = Story([root], expected, len(events))
    return grown(job, story, "allocated", 42 * 0.65 * GIB, "steady")
