"""Jobs that lie just on one side of a limit of the definitions."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

from tests.stories.expected import NOTHING, EndingWith, Story
from tests.stories.job import Job
from tests.stories.kinds import kind
from tests.stories.kinds_memory import BACKWARD, FORWARD, grown
from tests.stories.messages import cuda
from tests.stories.records import GIB, SECOND
from tests.stories.shapes import constant, growing, plus, training
from tests.stories.training import of_size


def _last_words(root: Path, rng: random.Random, ranks: int, version: int, entered: int, last: float) -> Story:
    """Write a job in which a rank enters some phases after an OOM and writes its last record some seconds later.

    It has an earlier error that is no OOM: that is its failure if the OOM was survived.
    """
    plan = of_size(ranks, has_phases=False)
    job = Job(root, rng, ranks, version, plan=plan)
    job.work(training(), until=job.until)
    guilty = rng.randrange(ranks)
    recording = job.of(guilty)
    error = job.error(guilty, "Cannot read a shard, trying again", at=30.3)
    oom_at = job.until + 0.1
    recording.enter(job.begin_of(recording.host) + round((oom_at - 0.05) * SECOND), "train")
    oom = job.out_of_memory(guilty, cuda(70 * GIB, 30 * GIB), at=oom_at)
    for index in range(entered):
        time_ns = oom.time_ns + (index + 1) * 100_000_000
        recording.enter(time_ns, "retry")
        recording.leave(time_ns + 50_000_000)
    recording.add("sample", oom.time_ns + round(last * SECOND), None, "Collected telemetry sample.")
    job.finish(after=0.0, running=[guilty])
    is_survived = entered >= 5 or last >= 60
    expected = job.expected_failure([error if is_survived else oom])
    expected.add("run", clock_spread_ns=NOTHING)
    for name in ("odd_ranks", "near_full", "memory.pattern", "memory.largest_growth"):
        expected.values.pop(name, None)
    if is_survived:
        for name in [name for name in expected.values if name.startswith("memory.")]:
            expected.values.pop(name)
    return job.story(expected)


@kind(most=8)
def four_phases_are_no_survival(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    return _last_words(root, rng, ranks, version, 4, 2.0)


@kind(most=8)
def five_phases_are_survival(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    return _last_words(root, rng, ranks, version, 5, 2.0)


@kind(most=8)
def just_under_a_minute_is_no_survival(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    return _last_words(root, rng, ranks, version, 0, 59.999)


@kind(most=8)
def a_minute_is_survival(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    return _last_words(root, rng, ranks, version, 0, 60.0)


@kind()
def out_of_memory_twice_in_a_row(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank tries again after its OOM and fails at once: it failed at the first one, with that one's message.

    The bundle of the first OOM names the second in which it was, the other bundle a second that begins nearer.
    """
    job = Job(root, rng, ranks, version)
    second = int(job.until)
    job.until = second + 0.9
    job.work(training())
    rank = rng.randrange(ranks)
    failure = job.out_of_memory(rank, cuda(70 * GIB, 30 * GIB), at=second + 0.91)
    job.out_of_memory(rank, cuda(33 * GIB, 30 * GIB), at=second + 1.23)
    job.finish(after=1.0)
    return job.story(job.expected_failure([failure]))


@kind()
def a_sample_at_the_moment_of_the_failure(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The last sample has the very time of the failure: it counts."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 42 * GIB)), between=0.0)
    guilty = rng.randrange(ranks)
    at_ns = job.of(guilty).samples[-1]["timestamp_ns"]
    at = (at_ns - job.begin_ns) / SECOND
    failure = job.out_of_memory(guilty, cuda(4 * GIB), at=at)
    assert failure.time_ns == at_ns
    job.finish()
    expected = job.expected_failure([failure]).add("memory", age_ns=0)
    return grown(job, job.story(expected), "allocated", 42 * 0.65 * GIB, "steady")


@kind(most=16)
def a_failure_between_two_phases(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A phase ends at the moment of the failure and another one begins: both are of that moment."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(training())
    guilty = rng.randrange(ranks)
    recording = job.of(guilty)
    time_ns = job.begin_of(recording.host) + round(job.until * 1e6) * 1000
    recording.leave(time_ns)
    recording.enter(time_ns, "backward")
    failure = job.out_of_memory(guilty, cuda(72 * GIB, 30 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    # Both ends belong to a phase: one that ends now is of this moment, and perhaps left as well.
    expected.values.pop("first_failure.phase_left")
    story = job.story(expected)
    story.checks["phase"] = (
        story.expected.values["first_failure.phase"],
        "(likely) train / backward",
    )
    return story


@kind(most=8)
def lines_out_of_order(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Threads of a tracker wrote some lines before others that are older."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 42 * GIB)))
    guilty = rng.randrange(ranks)
    failure = job.out_of_memory(guilty, cuda(4 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    for recording in job.recordings:
        events = recording.events
        for index in range(20, len(events) - 20, 7):
            events[index], events[index + 1] = events[index + 1], events[index]
        failing = next((i for i, event in enumerate(events) if event is failure.event), None)
        if failing is not None:
            events[failing - 3], events[failing] = events[failing], events[failing - 3]
            expected.add("first_failure", line_number=(failing - 3) % 400 + 1)
            path = f"{recording.directory}/segment-{(failing - 3) // 400 + 1:06d}.jsonl"
            expected.add("first_failure", source_path=EndingWith(path))
    return grown(job, job.story(expected), "allocated", 42 * 0.65 * GIB, "steady")


@kind()
def used_at_the_limit(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """One rank uses 95 percent of its device to the byte, the others one byte less."""
    total = 100 * GIB
    job = Job(root, rng, ranks, version, total=total).end_in(*BACKWARD)
    full = rng.randrange(ranks)
    for rank in range(ranks):
        shape = constant(90 * GIB, 3 * GIB, 2 * GIB - (rank != full))
        job.work(shape, [rank], noise=0.0, between=0.0)
    failure = job.out_of_memory(rng.randrange(ranks), cuda(7 * GIB, 5 * GIB))
    job.finish()
    story = job.story(job.expected_failure([failure]))
    story.checks["near_full"] = (story.expected.values["near_full"], [full])
    return story


@kind(least=4)
def a_lost_rank_that_was_odd(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank that fell silent held more than the others: its last sample is too old to be compared."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    guilty, lost = rng.sample(range(ranks), 2)
    for rank in range(ranks):
        odd = plus(training(), constant(20 * GIB))
        job.work(
            odd if rank == lost else training(),
            [rank],
            until=job.until - 60 if rank == lost else job.until,
        )
    failure = job.out_of_memory(guilty, cuda(70 * GIB, 30 * GIB))
    job.finish(running=[lost])
    story = job.story(job.expected_failure([failure], lost=[lost]))
    story.checks["odd_ranks"] = (story.expected.values["odd_ranks"], [])
    return story


@kind(versions=(3, 4), most=16)
def flat_files(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Every rank wrote one file of lines, without a ledger."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 42 * GIB)))
    guilty = rng.randrange(ranks)
    failure = job.out_of_memory(guilty, cuda(4 * GIB))
    running = [rank for rank in range(ranks) if rank != guilty and rank % 2]
    job.finish(running=running)
    expected = job.expected_failure([failure], running=running)
    line = next(i for i, event in enumerate(job.of(guilty).events, 1) if event is failure.event)
    expected.add("first_failure", line_number=line, source_path=EndingWith(f"rank{guilty}.jsonl"))
    root.mkdir(parents=True)
    for recording in job.recordings:
        path = root / f"rank{recording.rank}.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in recording.events), encoding="utf-8")
        last_ns = recording.events[-1]["timestamp_ns"]
        os.utime(path, ns=(last_ns, last_ns))
    job.write_bundles()
    story = Story([root], expected, sum(len(recording.events) for recording in job.recordings))
    return grown(job, story, "allocated", 42 * 0.65 * GIB, "steady")
