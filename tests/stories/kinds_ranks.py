"""Jobs that differ in what their ranks, hosts, devices and collectors do."""

from __future__ import annotations

import random
from pathlib import Path

from tests.stories.expected import Near, OneOf, Story
from tests.stories.job import Job
from tests.stories.kinds import kind
from tests.stories.kinds_memory import BACKWARD, FORWARD, grown
from tests.stories.messages import cpu_allocator, cuda, mps
from tests.stories.records import GIB, SECOND, Levels, Recording
from tests.stories.shapes import constant, growing, plus, training
from tests.stories.training import Shape, of_size


@kind(least=2)
def clocks_of_hosts_apart(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The clock of one host is 3.4 seconds behind, so that the second failure carries the earlier time."""
    offset = -3.4
    job = Job(root, rng, ranks, version, clock_offsets={"node-b": offset}).end_in(*BACKWARD)
    until = job.until
    second = rng.choice([rank for rank in range(ranks) if job.host_of(rank) == "node-b"])
    first = rng.choice([rank for rank in range(ranks) if job.host_of(rank) == "node-a"])
    for rank in range(ranks):
        job.work(training(), [rank], until=until if rank == first else until + 3)
    failures = [
        job.out_of_memory(second, cuda(66 * GIB, 30 * GIB), at=until + 2),
        job.out_of_memory(first, cuda(67 * GIB, 30 * GIB), at=until),
    ]
    assert failures[0].time_ns < failures[1].time_ns
    job.finish(after=3.4)
    expected = job.expected_failure(failures, certain=False)
    expected.add("run", clock_spread_ns=Near(-offset * SECOND, 50_000_000))
    return job.story(expected)


@kind(least=2)
def clocks_apart_and_failures_far_apart(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Clocks differ by seconds, the failures by more: the order is certain all the same."""
    job = Job(root, rng, ranks, version, clock_offsets={"node-b": 2.6}).end_in(*FORWARD)
    until = job.until
    late = rng.choice([rank for rank in range(ranks) if job.host_of(rank) == "node-b"])
    early = rng.choice([rank for rank in range(ranks) if job.host_of(rank) == "node-a"])
    for rank in range(ranks):
        job.work(training(), [rank], until=until if rank == early else until + 12)
    failures = [
        job.out_of_memory(early, cuda(66 * GIB, 30 * GIB), at=until),
        job.out_of_memory(late, cuda(67 * GIB, 30 * GIB), at=until + 12),
    ]
    job.finish(after=13)
    expected = job.expected_failure(failures)
    expected.add("run", clock_spread_ns=Near(2.6 * SECOND, 50_000_000))
    return job.story(expected)


@kind(least=4)
def ranks_of_a_host_out_of_step(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Ranks of one host enter the same phase at times a second apart: their clocks cannot be compared."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    for rank in range(ranks):
        late = round((rank % 2) * 1.1 * SECOND)
        job.work(training(), [rank], begin_ns=job.begin_ns + late)
    failure = job.out_of_memory(0, cuda(70 * GIB, 30 * GIB))
    job.finish(after=2.0)
    expected = job.expected_failure([failure]).add("run", clock_spread_ns=None)
    return job.story(expected)


@kind(least=2)
def staggered_starts(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Ranks start up to 20 seconds apart and work in step from then on; the last one to come leaks."""
    job = Job(root, rng, ranks, version, plan=of_size(ranks, setup=26.0, seconds=200.0)).end_in(*BACKWARD)
    assert job.plan is not None
    for rank in range(ranks):
        delay = 20.0 * rank / max(1, ranks - 1)
        leak = growing("allocated", 44 * GIB, since=0.1)
        job.work(
            plus(training(), leak) if rank == ranks - 1 else training(),
            [rank],
            samples=[at for at in job.sample_times if at >= delay],
            phases_from=job.plan.setup,
        )
    failure = job.out_of_memory(ranks - 1, cuda(4 * GIB))
    job.finish()
    story = job.story(job.expected_failure([failure]))
    return grown(job, story, "allocated", 44 * 0.68 * GIB, "steady")


@kind(least=2)
def lost_rank(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """One rank fell silent a minute before another one failed."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    guilty, lost = rng.sample(range(ranks), 2)
    for rank in range(ranks):
        job.work(training(), [rank], until=job.until - 60 if rank == lost else job.until)
    failure = job.out_of_memory(guilty, cuda(70 * GIB, 30 * GIB))
    job.finish(running=[lost])
    return job.story(job.expected_failure([failure], lost=[lost]))


@kind(least=2)
def interrupted_rank(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The ledger calls a rank interrupted that wrote until the failure of another one."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    job.work(training())
    guilty, lost = rng.sample(range(ranks), 2)
    failure = job.out_of_memory(guilty, cuda(70 * GIB, 30 * GIB))
    job.finish(interrupted=[lost])
    return job.story(job.expected_failure([failure], lost=[lost]))


@kind(least=2)
def lost_ranks_only(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """No rank says that it failed; one fell silent long before the others stopped."""
    job = Job(root, rng, ranks, version)
    lost = rng.randrange(ranks)
    for rank in range(ranks):
        job.work(training(), [rank], until=job.until - 70 if rank == lost else job.until)
    job.finish(running=[lost])
    expected = job.expected_run([], lost=[lost])
    expected.values["first_failure"] = None
    return job.story(expected)


@kind(least=3)
def missing_and_running_ranks(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Nothing was seen of one rank; another one was killed together with the one that failed."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    guilty, missing, running = rng.sample(range(ranks), 3)
    job.work(training(), [rank for rank in range(ranks) if rank != missing])
    failure = job.out_of_memory(guilty, cuda(70 * GIB, 30 * GIB))
    job.finish(running=[running, guilty])
    return job.story(job.expected_failure([failure], missing=[missing], running=[running]))


@kind(least=2)
def still_running(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Nobody failed; some ranks have not written their end."""
    job = Job(root, rng, ranks, version)
    job.work(training())
    running = sorted(rng.sample(range(ranks), ranks // 2))
    job.finish(running=running)
    expected = job.expected_run([], running=running)
    expected.values["first_failure"] = None
    return job.story(expected)


@kind(least=2)
def clean_run(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Nothing happened: the account is that of the sample in which most was used."""
    job = Job(root, rng, ranks, version)
    job.work(training(), between=0.0)
    job.finish()
    expected = job.expected_run([])
    expected.values["first_failure"] = None
    every = [sample for recording in job.recordings for sample in recording.samples]
    peak = max(every, key=lambda sample: (sample["device_used_bytes"], -sample["timestamp_ns"]))
    expected.add(
        "memory",
        timestamp_ns=peak["timestamp_ns"],
        total=peak["device_total_bytes"],
        allocated=peak["allocator_allocated_bytes"],
        free=peak["device_free_bytes"],
    )
    return job.story(expected)


@kind(least=4)
def pipeline_stages(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Stages of a pipeline hold different weights by design: they differ since the start."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    for rank in range(ranks):
        job.work(stage(rank), [rank])
    failure = job.out_of_memory(rng.randrange(ranks), cuda(72 * GIB, 30 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    rows = expected.values["odd_ranks"]
    assert len(rows) == len([rank for rank in range(ranks) if rank % 4 in (0, 3)])
    for row in rows:
        row["since_start"] = True
    return job.story(expected)


@kind(least=4)
def pipeline_stages_and_a_leak(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """One of the middle stages leaks: it comes before those that differ by more, by design."""
    job = Job(root, rng, ranks, version).end_in(*FORWARD)
    guilty = rng.choice([rank for rank in range(ranks) if rank % 4 == 1])
    for rank in range(ranks):
        leak = growing("outside_allocator", 12 * GIB, since=0.2)
        job.work(plus(stage(rank), leak) if rank == guilty else stage(rank), [rank])
    failure = job.out_of_memory(guilty, cuda(40 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    rows = expected.values["odd_ranks"]
    for row in rows:
        row["since_start"] = row["rank"] != guilty
    expected.values["odd_ranks"] = sorted(rows, key=lambda row: row["since_start"])
    return job.story(expected)


def stage(rank: int) -> Shape:
    """Return the memory of a rank that holds one of four stages; the first and the last one are odd."""
    weights = (10, 24, 24, 38)[rank % 4] * GIB
    return training(weights=weights, saw=3 * GIB)


@kind(most=8)
def host_memory(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A collector of the host sees one number only, that of the process, and no total; the process grows."""
    return _host(root, rng, ranks, version, None)


@kind(most=8)
def host_memory_with_a_total(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The collector of the host knows how much there is in all."""
    return _host(root, rng, ranks, version, 128 * GIB)


def _host(root: Path, rng: random.Random, ranks: int, version: int, total: int | None) -> Story:
    job = Job(root, rng, ranks, version, backend="cpu", total=total).end_in(*BACKWARD)
    job.work(plus(constant(12 * GIB), growing("allocated", 50 * GIB)))
    for recording in job.recordings:
        recording.device_id = -1
        for event in recording.events:
            event["device_id"] = -1
    failure = job.out_of_memory(rng.randrange(ranks), cpu_allocator(80 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    expected.add("memory", reserved_unused=None, outside_allocator=None)
    return grown(job, job.story(expected), "process", 50 * 0.65 * GIB, "steady")


@kind(most=8)
def used_copied_from_the_allocator(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The collector cannot see the device and writes what is reserved as used: nobody knows what is outside."""
    job = Job(root, rng, ranks, version, backend="mps", total=None).end_in(*FORWARD)
    leak = growing("allocated", 30 * GIB)
    job.work(plus(constant(10 * GIB, unused=3 * GIB), leak))
    failure = job.out_of_memory(rng.randrange(ranks), mps(1 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    expected.add("memory", outside_allocator=None, free=None, total=None)
    return grown(job, job.story(expected), "allocated", 30 * 0.65 * GIB, "steady")


@kind(most=8, versions=(4,))
def unknown_total_and_free(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The collector knows what is used, not how much there is."""
    job = Job(root, rng, ranks, version, total=None).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 30 * GIB)))
    failure = job.out_of_memory(rng.randrange(ranks), cuda(4 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    expected.add("memory", free=None, total=None)
    return grown(job, job.story(expected), "allocated", 30 * 0.65 * GIB, "steady")


@kind(most=8, versions=(4,))
def counters_unknown_at_the_end(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The collector failed before the rank did: the account is that of the last complete sample."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 42 * GIB)))
    guilty = rng.randrange(ranks)
    recording = job.of(guilty)
    failure = job.out_of_memory(guilty, cuda(4 * GIB))
    for event in recording.samples[-3:]:
        _forget(event)
    degraded = recording.add("collector_degraded", recording.samples[-3]["timestamp_ns"] - 1_000_000)
    degraded["context"] = "Collector unavailable; telemetry paused until recovery."
    degraded["metadata"]["collector_health_status"] = "unhealthy"
    degraded["metadata"]["collector_last_error"] = "NVML error: driver not loaded"
    recording.sort()
    job.finish()
    expected = job.expected_failure([failure])
    job.expect_before(expected, 1)
    # Whether a sample without counters is a last sample of its rank is left open.
    expected.values.pop("odd_ranks", None)
    expected.values.pop("near_full", None)
    story = job.story(expected)
    assert job.plan is not None
    age = expected.values["memory.age_ns"] / 1e9
    story.checks["age"] = (2.9 * job.plan.interval < age < 4.1 * job.plan.interval, True)
    return grown(job, story, "allocated", 42 * 0.63 * GIB, "steady")


def _forget(event: dict[str, object]) -> None:
    for name in event:
        if name.startswith(("allocator_", "device_")) and name.endswith("_bytes"):
            event[name] = None


@kind(most=8)
def many_devices_of_a_rank(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Each rank samples four devices; one of them fills up, and its request fails."""
    job = Job(root, rng, ranks, version).end_in(*BACKWARD)
    job.work(training())
    guilty, device = rng.randrange(ranks), rng.randrange(1, 4)
    for recording in job.recordings:
        grows = device if recording.rank == guilty else None
        _add_devices(recording, grows, rng)
    failure = job.out_of_memory(guilty, cuda(4 * GIB), device_id=device)
    job.finish()
    expected = job.expected_failure([failure])
    expected.values.pop("odd_ranks", None)
    expected.values.pop("near_full", None)
    return grown(job, job.story(expected), "allocated", 44 * 0.65 * GIB, "steady")


def _add_devices(recording: Recording, grows: int | None, rng: random.Random) -> None:
    """Sample devices 1 to 3 beside device 0, a little later each; one of them may grow by 44 GiB."""
    total = 80 * GIB
    samples = recording.samples
    last_ns, first_ns = samples[-1]["timestamp_ns"], samples[0]["timestamp_ns"]
    for sample in samples:
        for device in range(1, 4):
            share = (sample["timestamp_ns"] - first_ns) / (last_ns - first_ns)
            allocated = round((20 + (44 * share if device == grows else 0) + rng.uniform(0, 0.2)) * GIB)
            used = allocated + 5 * GIB
            levels = Levels(allocated, allocated + 3 * GIB, used, total - used, total)
            time_ns = sample["timestamp_ns"] + device * 20_000
            recording.add("sample", time_ns, levels, "Collected telemetry sample.", None, device)
    recording.sort()


@kind(least=2, most=2, versions=(3, 4))
def two_ranks_in_one_session(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Two ranks write under one session id into one sink; the second one leaks."""
    job = Job(root, rng, ranks, version, hosts=1).end_in(*FORWARD)
    job.work(training(), [0])
    job.work(plus(training(), growing("allocated", 42 * GIB)), [1])
    failure = job.out_of_memory(1, cuda(4 * GIB))
    job.finish()
    one, two = job.recordings
    for event in two.events:
        scope = event["metadata"].get("phase_scope", {})
        for name in ("scope_id", "parent_scope_id"):
            if scope.get(name):
                # Scope ids name the session and a number: those of the ranks must not be the same.
                scope[name] = scope[name].replace(two.session_id + ":", one.session_id + ":9")
        event["session_id"] = one.session_id
    two.session_id = one.session_id
    expected = job.expected_failure([failure])
    expected.values.pop("first_failure.line_number")
    expected.values.pop("first_failure.source_path")
    expected.values["ranks"] = {1: {"host": two.host, "failed_ns": failure.time_ns}}
    expected.add("run", clock_spread_ns=OneOf(None, 0), ambiguous=OneOf(False, None))
    job.recordings = [one]
    one.events = sorted([*one.events, *two.events], key=lambda event: event["timestamp_ns"])
    one.bundles = two.bundles
    story = job.story(expected)
    return grown(job, story, "allocated", 42 * 0.65 * GIB, "steady")


@kind(most=8)
def a_session_without_a_job_id(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Nothing names the job: the session is its own run."""
    job = Job(root, rng, 1, version, job_id=None).end_in(*BACKWARD)
    job.work(plus(training(), growing("allocated", 42 * GIB)))
    failure = job.out_of_memory(0, cuda(4 * GIB))
    job.finish()
    expected = job.expected_failure([failure])
    story = job.story(expected)
    story.checks["run"] = (expected.values["run.run_id"], f"session:{job.of(0).session_id}")
    return story
