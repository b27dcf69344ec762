"""Jobs that differ in what says that a rank failed, and when."""

from __future__ import annotations

import random
from pathlib import Path

from tests.stories import messages
from tests.stories.expected import NOTHING, Containing, Expected, Story
from tests.stories.job import Job
from tests.stories.kinds import KINDS, Kind, kind
from tests.stories.kinds_memory import BACKWARD, FORWARD
from tests.stories.messages import Message, cuda
from tests.stories.oracle_phases import phase_spans, phase_text
from tests.stories.records import GIB, LOADER_THREAD, MAIN_THREAD, MIB, SECOND
from tests.stories.shapes import constant, growing, plus, training, warm_up
from tests.stories.training import of_size


@kind()
def out_of_memory_in_the_first_step(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The first step never ends: no phase was entered twice, and so nothing can have grown."""
    job = Job(root, rng, ranks, version)
    assert job.plan is not None
    job.until = job.plan.setup + 0.6 * job.plan.step
    job.work(plus(training(), warm_up(40 * GIB, 0.06)))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(30 * GIB, 6 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    expected.add("run", clock_spread_ns=NOTHING).add("memory", note=Containing("warm-up"))
    story = job.story(expected)
    story.checks["growth"] = (expected.values["memory.growth.allocated"], None)
    story.checks["largest_growth"] = (expected.values["memory.largest_growth"], "request")
    return story


@kind()
def out_of_memory_before_the_first_sample(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank fails when nothing was sampled yet: the counters of the failure are all there is."""
    job = Job(root, rng, ranks, version)
    job.until = 3.0
    guilty = rng.randrange(ranks)
    job.work(training())
    recording = job.of(guilty)
    recording.events = [event for event in recording.events if event["event_type"] != "sample"]
    failure = job.out_of_memory(guilty, cuda(30 * GIB, 6 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    event = failure.event
    expected.add("run", clock_spread_ns=NOTHING)
    expected.add(
        "memory",
        timestamp_ns=failure.time_ns,
        age_ns=0,
        total=event["device_total_bytes"],
        allocated=event["allocator_allocated_bytes"],
        reserved_unused=event["allocator_reserved_bytes"] - event["allocator_allocated_bytes"],
        outside_allocator=event["device_used_bytes"] - event["allocator_reserved_bytes"],
        free=event["device_free_bytes"],
    )
    expected.values.pop("memory.largest_growth")
    expected.values.pop("near_full", None)
    return job.story(expected)


@kind()
def survived_by_going_on(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank catches an OOM and enters many more phases; 40 seconds later it fails of a second one."""
    job = Job(root, rng, ranks, version, plan=of_size(ranks, step=4.0)).end_in(*FORWARD)
    job.work(plus(training(), growing("allocated", 40 * GIB)))
    rank = rng.randrange(ranks)
    job.out_of_memory(rank, cuda(3 * GIB), at=job.until - 40.03)
    failure = job.out_of_memory(rank, cuda(5 * GIB), has_bundle=True)
    job.finish()
    expected = job.expected_failure([failure])
    job.expect_before(expected, 1)
    return job.story(expected)


@kind()
def survived_by_time(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """No phases are recorded, and a rank writes for more than a minute after its first OOM."""
    job = Job(root, rng, ranks, version, plan=of_size(ranks, has_phases=False))
    job.work(plus(training(), growing("allocated", 40 * GIB)))
    rank = rng.randrange(ranks)
    job.out_of_memory(rank, cuda(3 * GIB), at=job.until - 75.3)
    failure = job.out_of_memory(rank, cuda(5 * GIB))
    job.finish()
    expected = job.expected_failure([failure]).add("run", clock_spread_ns=NOTHING)
    job.expect_before(expected, 1)
    return job.story(expected)


@kind(least=2)
def survived_on_one_rank_failed_on_another(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The rank with the earlier OOM went on until the end; another one is the first that failed."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(training())
    survivor, guilty = rng.sample(range(ranks), 2)
    job.out_of_memory(survivor, cuda(3 * GIB), at=30.2)
    failure = job.out_of_memory(guilty, cuda(70 * GIB, 20 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    job.expect_before(expected, 1)
    return job.story(expected)


@kind()
def survived_only(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """An OOM was survived, and nothing else went wrong: then it is what there is to explain."""
    job = Job(root, rng, ranks, version)
    job.work(training())
    rank = rng.randrange(ranks)
    failure = job.out_of_memory(rank, cuda(70 * GIB, 20 * GIB), at=90.3)
    job.finish()
    return job.story(job.expected_failure([failure]))


@kind()
def goes_on_a_little_after_the_failure(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank writes samples and some phases after its OOM, but for less than a minute and fewer than five."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    assert job.plan is not None
    end, job.until = job.until, job.until + 50.0
    job.plan = of_size(ranks, seconds=end + 60.0, step=120.0, setup=5.0)
    job.sample_times = job.plan.samples(rng)
    job.work(training())
    failure = job.out_of_memory(rng.randrange(ranks), cuda(70 * GIB, 20 * GIB), at=end)
    job.finish()
    expected = job.expected_failure([failure]).add("run", clock_spread_ns=NOTHING)
    return job.story(expected)


@kind(least=2)
def bundle_second_below_its_event(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """One rank fails at .4 of a second and another at .9: both bundles say the whole second."""
    job = Job(root, rng, ranks, version)
    second = int(job.until)
    job.until = second + 0.95
    job.work(training())
    late, early = rng.sample(range(ranks), 2)
    failures = [
        job.out_of_memory(early, cuda(66 * GIB, 30 * GIB), at=second + 0.41),
        job.out_of_memory(late, cuda(67 * GIB, 30 * GIB), at=second + 0.91),
    ]
    job.finish()
    return job.story(job.expected_failure(failures, certain=job.host_of(early) == job.host_of(late)))


@kind()
def bundle_only(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """No event tells of the failure: only the bundle does, to the second."""
    job = Job(root, rng, ranks, version)
    second = second_within(job, "backward")
    job.until = second + 0.6
    job.work(training())
    rank = rng.randrange(ranks)
    job.out_of_memory(rank, cuda(70 * GIB, 30 * GIB), at=second + 0.5, has_event=False)
    job.finish()
    return job.story(expected_of_bundle(job, rank, second, cuda(70 * GIB, 30 * GIB)))


@kind(least=2)
def events_come_before_bundles(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """One rank has only a bundle, of an earlier second than the event of another: the event is first."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(training())
    silent, guilty = rng.sample(range(ranks), 2)
    job.out_of_memory(silent, cuda(1 * GIB), at=job.until - 7, has_event=False)
    failure = job.out_of_memory(guilty, cuda(70 * GIB, 30 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    expected.values["run.ranks_failed"] = sorted([silent, guilty])
    expected.values.pop("first_failure.lead_ns")
    expected.values["ranks"].pop(silent)
    # A bundle of another host within the same seconds makes the order doubtful for some readers.
    expected.values.pop("first_failure.certain")
    return job.story(expected)


@kind(least=2)
def two_bundles_of_one_second(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Two ranks have nothing but bundles of one second: nobody knows which was first."""
    job = Job(root, rng, ranks, version)
    second = int(job.until)
    job.until = second + 0.95
    job.work(training())
    both = sorted(rng.sample(range(ranks), 2))
    for rank in both:
        job.out_of_memory(rank, at=second + rng.choice([0.2, 0.8]), has_event=False)
    job.finish()
    expected = job.expected_run([])
    expected.values["run.ranks_failed"] = both
    expected.values["run.failed_ns"] = job.begin_ns + second * SECOND
    for rank in both:
        expected.values["ranks"].pop(rank)
    expected.add(
        "first_failure",
        rank=None,
        candidates=both,
        certain=False,
        time_source="bundle",
        timestamp_ns=job.begin_ns + second * SECOND,
    )
    return job.story(expected)


@kind()
def an_error_that_is_no_oom(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank fails of something else; warnings before it are no failures."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(training())
    rank, other = rng.randrange(ranks), rng.randrange(ranks)
    for seconds in (20.25, 50.25):
        add_alert(job, other, seconds, "critical", "High memory usage: 97.1%")
    failure = job.error(rank, "NCCL watchdog: collective operation timed out")
    job.finish()
    expected = job.expected_failure([failure])
    expected.add("first_failure", requested_bytes=None, free_bytes=None)
    job.expect_before(expected, 2)
    return job.story(expected)


@kind()
def an_error_before_the_oom(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A rank wrote an error that was no OOM early on; it failed of the OOM at the end."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 40 * GIB)))
    rank = rng.randrange(ranks)
    job.error(rank, "Cannot read a shard, trying again", at=40.3)
    failure = job.out_of_memory(rank, cuda(4 * GIB))
    job.finish()
    return job.story(job.expected_failure([failure]))


@kind(most=8)
def a_flood_of_alerts(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Hundreds of alerts come before the failure."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(training())
    count = 600
    for index in range(count):
        at = 10 + (job.until - 11) * index / count
        add_alert(job, rng.randrange(ranks), at, "warning", f"High memory usage: {rng.uniform(90, 99):.1f}%")
    failure = job.out_of_memory(rng.randrange(ranks), cuda(72 * GIB, 30 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    job.expect_before(expected, count)
    return job.story(expected)


@kind(most=8)
def two_threads(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A loader works beside the trainer; the event of the failure names the thread of the trainer."""
    return _threads(root, rng, ranks, version, MAIN_THREAD)


@kind(most=8)
def two_threads_and_no_origin(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A loader works beside the trainer, and nothing says which of them failed."""
    return _threads(root, rng, ranks, version, None)


def _threads(root: Path, rng: random.Random, ranks: int, version: int, origin: int | None) -> Story:
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 42 * GIB)))
    for recording in job.recordings:
        time_ns = recording.events[-1]["timestamp_ns"]
        recording.enter(time_ns + 1_000_000, "prefetch", LOADER_THREAD)
    metadata = {} if origin is None else {"origin_thread_id": origin}
    failure = job.out_of_memory(rng.randrange(ranks), cuda(4 * GIB), metadata=metadata)
    job.finish()
    expected = job.expected_failure([failure], origin=origin)
    phase = expected.values["first_failure.phase"]
    story = job.story(expected)
    story.checks["phase"] = (phase, "train / backward" if origin else "(likely) prefetch")
    return story


WORDINGS = {
    "older_cuda": ("cuda", messages.older_cuda(1280 * MIB)),
    "hip": ("rocm", messages.hip(3 * GIB)),
    "mps": ("mps", messages.mps(768 * MIB)),
    "xla": ("jax", messages.xla(12_345_678_901)),
    "cpu_allocator": ("cpu", messages.cpu_allocator(1_125_899_906_842_624)),
    "without_numbers": ("cuda", messages.without_numbers()),
    "other_language": ("cuda", messages.other_language()),
}


def _worded(name: str, backend: str, message: Message) -> None:
    def write(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
        job = Job(root, rng, ranks, version, backend=backend).end_in(*FORWARD)
        job.work(training())
        failure = job.out_of_memory(rng.randrange(ranks), message)
        job.finish()
        return job.story(job.expected_failure([failure]))

    KINDS[f"wording_{name}"] = Kind(f"wording_{name}", write, 1, 1, (3,))


for _name, (_backend, _message) in WORDINGS.items():
    _worded(_name, _backend, _message)


@kind(most=8)
def counters_that_contradict_each_other(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The allocator says that it gave more than it holds: what cannot be is not explained, and still adds up."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(), constant(4 * GIB)))
    rank = rng.randrange(ranks)
    for event in job.of(rank).events:
        event["allocator_reserved_bytes"] = event["allocator_allocated_bytes"] - 3 * GIB
    failure = job.out_of_memory(rank, cuda(75 * GIB, 50 * GIB))
    job.finish()
    story = job.story(job.expected_failure([failure]))
    story.checks["unexplained"] = (story.expected.values["memory.unexplained"], -3 * GIB)
    return story


def add_alert(job: Job, rank: int, at: float, event_type: str, text: str) -> None:
    """Add an alert of a rank at a second, in its place in time."""
    recording = job.of(rank)
    recording.add(event_type, job.begin_of(recording.host) + round(at * 1e6) * 1000, None, text)
    recording.sort()


def second_within(job: Job, name: str) -> int:
    """Return a late whole second that lies with half a second after it within a phase of a name."""
    assert job.plan is not None
    for phase in reversed(job.plan.phases()):
        second = int(phase.end - 0.65)
        inside = phase.begin + 0.2 < second and second < job.plan.seconds
        if phase.path[-1] == name and inside:
            return second
    raise ValueError(f"no whole second lies within a phase {name}")


def expected_of_bundle(job: Job, rank: int, second: int, message: Message) -> Expected:
    """Return what is expected where a bundle of a rank is all that tells of the failure."""
    recording = job.of(rank)
    time_ns = job.begin_of(recording.host) + second * SECOND
    expected = job.expected_run([])
    expected.values["run.ranks_failed"] = [rank]
    expected.values["run.failed_ns"] = time_ns
    expected.values["ranks"].pop(rank)
    expected.add(
        "first_failure",
        rank=rank,
        host=recording.host,
        session_id=recording.session_id,
        timestamp_ns=time_ns,
        time_source="bundle",
        certain=False,
        kind="oom",
        phase=phase_text(phase_spans(recording.events), time_ns),
        exception_type=message.exception_type,
        exception_message=message.text,
        requested_bytes=message.requested,
        free_bytes=message.free,
        candidates=NOTHING,
    )
    job.expect_memory(expected, recording, time_ns, message)
    return expected
