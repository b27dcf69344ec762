"""Jobs about which something certain is asked: a run, a session, an issue, a time."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.stories import oracle
from tests.stories.expected import NOTHING, Story
from tests.stories.job import Job
from tests.stories.kinds import kind
from tests.stories.kinds_memory import BACKWARD, grown
from tests.stories.kinds_runs import write_run
from tests.stories.messages import cuda, older_cuda
from tests.stories.records import GIB, SECOND
from tests.stories.shapes import growing, plus, training


@kind(most=8, alone=True)
def asked_for_an_earlier_run(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Of three runs of which two failed, the first one is asked for."""
    return _of_the_first(root, rng, ranks, version, lambda job: {"run_id": job.run_id})


@kind(most=8, alone=True)
def asked_for_an_issue(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The issue that is asked for was seen in the first run only."""
    fingerprint_id = oracle.oom_fingerprint("cuda", older_cuda(GIB).reason)
    return _of_the_first(root, rng, ranks, version, lambda _: {"issue": fingerprint_id})


@kind(most=8, alone=True)
def asked_for_a_session(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The session of the rank that failed in the first run is asked for."""
    return _of_the_first(
        root, rng, ranks, version, lambda job: {"session_id": job.failures[0].recording.session_id}
    )


def _of_the_first(
    root: Path, rng: random.Random, ranks: int, version: int, arguments: Callable[[Job], dict[str, object]]
) -> Story:
    leak = plus(training(), growing("allocated", 42 * GIB))
    guilty = rng.randrange(ranks)
    # The runs fail with other reasons, which are other issues.
    first, one = write_run(root, rng, ranks, version, 0, "1.3.0", leak, guilty, older_cuda(26 * GIB))
    _, two = write_run(root, rng, ranks, version, 1, "1.4.0", training(), None)
    _, three = write_run(root, rng, ranks, version, 2, "1.4.1", leak, guilty, cuda(26 * GIB))
    expected = first.expected_failure(first.failures)
    expected.values["against_last_good"] = NOTHING
    story = Story([root], expected, one + two + three, arguments(first))
    return grown(first, story, "allocated", 42 * 0.65 * GIB, "steady")


@kind()
def asked_for_a_time(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A time in the middle of a run that failed later: no failure is told, but the memory of every rank."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(training())
    job.out_of_memory(rng.randrange(ranks), cuda(70 * GIB, 30 * GIB))
    job.finish()
    at_ns = job.begin_ns + 70 * SECOND + 123_456_789
    expected = job.expected_run([])
    for name in ("failed_ns", "ranks_failed", "clock_spread_ns"):
        expected.values.pop(f"run.{name}", None)
    expected.values["first_failure"] = None
    expected.values["ranks"] = {
        recording.rank: {
            "used_bytes": [s for s in recording.samples if s["timestamp_ns"] <= at_ns][-1][
                "device_used_bytes"
            ]
        }
        for recording in job.recordings
    }
    story = job.story(expected)
    story.arguments = {"at_ns": at_ns}
    return story
