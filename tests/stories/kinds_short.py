"""Jobs with few samples, and what happened before or after the samples that count."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from tests.stories.expected import NOTHING, Containing, Story
from tests.stories.job import Job
from tests.stories.kinds import kind
from tests.stories.kinds_memory import FORWARD, flat, grown
from tests.stories.messages import cuda
from tests.stories.records import GIB
from tests.stories.shapes import constant, growing, jump, plus, training
from tests.stories.training import Plan, Shape


def _sampled(
    root: Path, rng: random.Random, ranks: int, version: int, samples: int, shape: Shape
) -> tuple[Job, Story]:
    """Write a job without phases and with so many samples, and return it with its story."""
    plan = Plan(seconds=160.0, interval=160.0 / samples, step=1.0, has_phases=False)
    job = Job(root, rng, ranks, version, plan=plan)
    job.sample_times = job.sample_times[:samples]
    job.until = job.sample_times[-1] + 0.4 * plan.interval
    job.work(shape, between=0.0)
    failure = job.out_of_memory(rng.randrange(ranks), cuda(4 * GIB))
    job.finish()
    expected = job.expected_failure([failure]).add("run", clock_spread_ns=NOTHING)
    return job, job.story(expected)


@kind()
def two_samples(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Two samples are no history: nothing is said of growth."""
    shape = plus(training(), growing("allocated", 60 * GIB))
    _, story = _sampled(root, rng, ranks, version, 2, shape)
    story.expected.add("memory", note=Containing("warm-up"))
    story.checks["pattern"] = (story.expected.values["memory.pattern"], None)
    return story


@kind()
def few_samples(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Six samples show what grew, but not how."""
    shape = plus(constant(15 * GIB, 3 * GIB, 2 * GIB), growing("allocated", 54 * GIB))
    _, story = _sampled(root, rng, ranks, version, 6, shape)
    story.checks["largest_growth"] = (story.expected.values["memory.largest_growth"], "allocated")
    story.checks["pattern"] = (story.expected.values["memory.pattern"], None)
    return story


@kind()
def short_leak(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Twenty-four samples of a leak."""
    shape = plus(constant(15 * GIB, 3 * GIB, 2 * GIB), growing("reserved_unused", 50 * GIB))
    job, story = _sampled(root, rng, ranks, version, 24, shape)
    return grown(job, story, "reserved_unused", 50 * 0.63 * GIB, "steady")


@kind()
def short_jump(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Twenty-four samples with a jump in the middle."""
    shape = plus(constant(15 * GIB, 3 * GIB, 2 * GIB), jump("outside_allocator", 40 * GIB, 0.6))
    job, story = _sampled(root, rng, ranks, version, 24, shape)
    return grown(job, story, "outside_allocator", 40 * GIB, "sudden")


@kind()
def jump_during_warm_up(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Memory goes up at once in the first twelfth of the time: that is warm-up and no growth."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(plus(training(), jump("allocated", 30 * GIB, 0.08)))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(44 * GIB, 15 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind(least=2)
def a_silent_rank_whose_file_is_fresh(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank wrote nothing for a minute by its records, but its file was written just now: it may still run."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    guilty, silent = rng.sample(range(ranks), 2)
    for rank in range(ranks):
        job.work(training(), [rank], until=job.until - 60 if rank == silent else job.until)
    failure = job.out_of_memory(guilty, cuda(70 * GIB, 30 * GIB))
    job.finish(running=[silent])
    story = job.story(job.expected_failure([failure], running=[silent]))
    now = time.time()
    for path in (root / job.of(silent).directory).iterdir():
        os.utime(path, (now, now))
    return story
