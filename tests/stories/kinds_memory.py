"""Jobs that differ in where the memory went."""

from __future__ import annotations

import random
from pathlib import Path

from tests.stories.expected import Near, OneOf, Story
from tests.stories.job import Job
from tests.stories.kinds import kind
from tests.stories.messages import cuda
from tests.stories.records import GIB
from tests.stories.shapes import breathing, growing, jump, peaks, plus, training, warm_up
from tests.stories.training import Moment, of_size

FORWARD, BACKWARD, OPTIMIZER = ("train", "forward"), ("train", "backward"), ("train", "optimizer")


def grown(job: Job, story: Story, component: str, size: float, pattern: object) -> Story:
    """Check that the oracle sees what was built in: what grew, by how much, and how."""
    values = story.expected.values
    growth = values[f"memory.growth.{component}"]
    story.checks["largest_growth"] = (values["memory.largest_growth"], component)
    story.checks["growth"] = (growth.value, Near(size, 0.15 * size + 0.01 * 80 * GIB))
    story.checks["pattern"] = (values["memory.pattern"], pattern)
    return story


def flat(story: Story, cause: object) -> Story:
    """Check that the oracle sees no growth."""
    values = story.expected.values
    story.checks["largest_growth"] = (values["memory.largest_growth"], cause)
    story.checks["pattern"] = (values["memory.pattern"], "flat")
    return story


@kind()
def leak_on_one_rank(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Allocated memory of one rank grows evenly until nothing is left of it."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    guilty = rng.randrange(ranks)
    for rank in range(ranks):
        job.work(plus(training(), growing("allocated", 44 * GIB)) if rank == guilty else training(), [rank])
    failure = job.out_of_memory(guilty, cuda(4 * GIB, 512 * 2**20))
    running = [rank for rank in range(ranks) if rank != guilty and rng.random() < 0.3]
    job.finish(running=[*running, guilty])
    expected = job.expected_failure([failure], running=running)
    if ranks >= 3:
        assert [row["rank"] for row in expected.values["odd_ranks"]] == [guilty]
        expected.values["odd_ranks"][0]["since_start"] = False
    return grown(job, job.story(expected), "allocated", 44 * 0.64 * GIB, "steady")


@kind()
def leak_on_all_ranks(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """All ranks grow alike; one of them fails first, another one some seconds later."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(plus(training(), growing("allocated", 40 * GIB, since=0.05)))
    first = rng.randrange(ranks)
    failures = [job.out_of_memory(first, cuda(2 * GIB), unwound=True)]
    if ranks > 1:
        failures.append(job.out_of_memory((first + 1) % ranks, cuda(2 * GIB), at=job.until + 4))
    job.finish(after=6)
    story = job.story(job.expected_failure(failures))
    assert story.expected.values["odd_ranks"] == []
    return grown(job, story, "allocated", 40 * 0.66 * GIB, "steady")


@kind()
def sawtooth_and_a_large_request(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A high sawtooth in every step, nothing grows, and then one request is too large."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(training(weights=30 * GIB, saw=24 * GIB))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(60 * GIB, 20 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind()
def sawtooth_with_leak(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A high sawtooth in every step hides memory that is never given back."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(weights=12 * GIB, saw=20 * GIB), growing("allocated", 36 * GIB)))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(8 * GIB))
    job.finish()
    return grown(job, job.story(job.expected_failure([failure])), "allocated", 36 * 0.66 * GIB, "steady")


@kind()
def sawtooth_without_phases(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The sawtooth with a leak once more, but no phases were recorded."""
    job = Job(root, rng, ranks, version, plan=of_size(ranks, has_phases=False))
    job.until -= 0.1
    job.work(plus(training(weights=12 * GIB, saw=16 * GIB), growing("allocated", 40 * GIB)))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(8 * GIB))
    job.finish()
    expected = job.expected_failure([failure]).add("run", clock_spread_ns=None)
    return grown(job, job.story(expected), "allocated", 40 * 0.66 * GIB, "steady")


@kind()
def long_warm_up_then_flat(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Memory comes up over the first ninth of the time and stays; then a request is too large."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(plus(training(weights=2 * GIB), warm_up(40 * GIB, 0.11, unused=6 * GIB)))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(40 * GIB, 20 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind()
def evaluation_peaks(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Every evaluation needs much memory and gives it back; training fails of a request."""
    job = Job(root, rng, ranks, version, plan=of_size(ranks, evaluate_every=2)).end_in(*BACKWARD)
    job.work(plus(training(), peaks("allocated", 30 * GIB, "evaluate")))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(64 * GIB, 40 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind(most=16)
def fails_in_evaluation(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The job fails within an evaluation, which needs no more than the evaluations before it."""
    plan = of_size(ranks, evaluate_every=2, evaluate=8.0)
    job = Job(root, rng, ranks, version, plan=plan).end_in("evaluate")
    job.work(plus(training(), peaks("allocated", 30 * GIB, "evaluate")))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(48 * GIB, 20 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind()
def checkpoint_peaks(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Every checkpoint takes a copy outside of the allocator for a moment."""
    plan = of_size(ranks, checkpoint_every=4, checkpoint=2.5)
    job = Job(root, rng, ranks, version, plan=plan).end_in(*OPTIMIZER)
    job.work(plus(training(), peaks("outside_allocator", 24 * GIB, "checkpoint")))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(64 * GIB, 40 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind()
def breathing_cache(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The cache of the allocator fills and empties all the time, and grows no further."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(plus(training(), breathing(14 * GIB, periods=9.5 + rng.random())))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(70 * GIB, 30 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind()
def fragmentation(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """What the allocator holds and cannot use grows evenly, what it hands out does not."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    guilty = rng.randrange(ranks)
    for rank in range(ranks):
        lost = growing("reserved_unused", 40 * GIB)
        job.work(plus(training(), lost) if rank == guilty else training(), [rank])
    failure = job.out_of_memory(guilty, cuda(12 * GIB))
    job.finish()
    story = job.story(job.expected_failure([failure]))
    return grown(job, story, "reserved_unused", 40 * 0.64 * GIB, "steady")


@kind()
def another_process_on_the_device(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Somebody else takes the device: its use grows, the allocator holds what it held."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    guilty = rng.randrange(ranks)
    for rank in range(ranks):
        other = growing("outside_allocator", 46 * GIB, since=0.1)
        job.work(plus(training(), other) if rank == guilty else training(), [rank])
    failure = job.out_of_memory(guilty, cuda(4 * GIB), unwound=True)
    job.finish()
    story = job.story(job.expected_failure([failure]))
    return grown(job, story, "outside_allocator", 46 * 0.71 * GIB, "steady")


@kind()
def request_too_large(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Nothing grew; the request would not have fitted from the start."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(training(saw=1 * GIB))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(70 * GIB, 50 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


@kind()
def nothing_that_the_samples_show(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Nothing grew and the request would have fitted: what happened was too quick for the samples."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(training())
    failure = job.out_of_memory(rng.randrange(ranks), cuda(2 * GIB, 1 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), None)


@kind()
def one_off_spike(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Memory went up once for a short while in the middle; later a request is too large."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)

    def spike(moment: Moment) -> tuple[float, float, float]:
        return (25 * GIB if 0.6 < moment.share < 0.65 else 0.0), 0.0, 0.0

    job.work(plus(training(), spike))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(72 * GIB, 40 * GIB))
    job.finish()
    return flat(job.story(job.expected_failure([failure])), "request")


def _jump(root: Path, rng: random.Random, ranks: int, version: int, at: float, component: str) -> Story:
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    guilty = rng.randrange(ranks)
    for rank in range(ranks):
        more = jump(component, 30 * GIB, at)
        job.work(plus(training(saw=3 * GIB), more) if rank == guilty else training(saw=3 * GIB), [rank])
    failure = job.out_of_memory(guilty, cuda(4 * GIB))
    job.finish()
    story = job.story(job.expected_failure([failure]))
    return grown(job, story, component, 30 * GIB, "sudden")


@kind()
def jump_early(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Memory goes up at once just after what counts as the baseline, and stays."""
    return _jump(root, rng, ranks, version, 0.44, "allocated")


@kind()
def jump_in_the_middle(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    return _jump(root, rng, ranks, version, 0.62, rng.choice(["allocated", "outside_allocator"]))


@kind()
def jump_in_the_last_sample(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Only the last sample before the failure is high."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    assert job.plan is not None
    last = max(at for at in job.sample_times if at <= job.until)
    return _jump_of(job, last / job.plan.seconds)


def _jump_of(job: Job, at: float) -> Story:
    guilty = job.rng.randrange(job.ranks)
    for rank in range(job.ranks):
        more = jump("allocated", 30 * GIB, at - 1e-9)
        job.work(plus(training(saw=3 * GIB), more) if rank == guilty else training(saw=3 * GIB), [rank])
    failure = job.out_of_memory(guilty, cuda(24 * GIB))
    job.finish()
    return grown(job, job.story(job.expected_failure([failure])), "allocated", 30 * GIB, "sudden")


@kind()
def steady_then_steeper(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Two things grow; the one outside of the allocator grows more, and names the cause."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    both = plus(growing("allocated", 10 * GIB), growing("outside_allocator", 34 * GIB))
    job.work(plus(training(saw=2 * GIB), both))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(8 * GIB))
    job.finish()
    story = job.story(job.expected_failure([failure]))
    return grown(job, story, "outside_allocator", 34 * 0.65 * GIB, OneOf("steady"))
