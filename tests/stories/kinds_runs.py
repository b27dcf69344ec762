"""Jobs that ran several times: attempts within a run, runs after each other, regressions."""

from __future__ import annotations

import random
from pathlib import Path

from tests.stories.expected import NOTHING, AtLeast, Mentioning, Near, OneOf, Story
from tests.stories.job import BEGIN_NS, DAY, Job
from tests.stories.kinds import kind
from tests.stories.kinds_memory import BACKWARD, FORWARD, grown
from tests.stories.messages import Message, cuda
from tests.stories.records import GIB, SECOND
from tests.stories.shapes import growing, plus, training
from tests.stories.training import Shape, of_size

TITLE = "pretraining of the small model"


@kind(most=16, alone=True)
def attempt_after_attempt(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A job was started again after its failure, in the same sinks under the same id, and failed again."""
    first = Job(root, rng, ranks, version).end_in(*BACKWARD)
    first.work(plus(training(), growing("allocated", 42 * GIB)))
    first.out_of_memory(rng.randrange(ranks), cuda(4 * GIB))
    _close_later(first)
    second = Job(root, rng, ranks, version, begin_ns=BEGIN_NS + 600 * SECOND)
    second.earlier, second.attempt = first.recordings, 2
    second.end_in(*FORWARD).work(plus(training(), growing("reserved_unused", 42 * GIB)))
    failure = second.out_of_memory(rng.randrange(ranks), cuda(6 * GIB))
    second.finish()
    expected = second.expected_failure([failure])
    expected.values["against_last_good"] = NOTHING
    return grown(second, second.story(expected), "reserved_unused", 42 * 0.65 * GIB, "steady")


@kind(least=3, most=16)
def fewer_ranks_in_the_next_attempt(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """The job went on with one rank fewer after the first attempt, which had not failed of memory."""
    first = Job(root, rng, ranks, version)
    first.work(training())
    _close_later(first)
    second = Job(root, rng, ranks - 1, version, begin_ns=BEGIN_NS + 900 * SECOND)
    second.earlier, second.attempt = first.recordings, 2
    second.end_in(*FORWARD).work(training())
    failure = second.out_of_memory(rng.randrange(ranks - 1), cuda(72 * GIB, 40 * GIB))
    second.finish()
    return second.story(second.expected_failure([failure]))


@kind(least=2, most=8, alone=True)
def two_jobs_of_one_id_at_once(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Two jobs carry the same id at the same time: nobody knows which session belongs to which."""
    jobs = []
    for number in range(2):
        begin_ns = BEGIN_NS + number * 20 * SECOND
        job = Job(root, rng, ranks, version, begin_ns=begin_ns, folder=f"job{number}").end_in(*BACKWARD)
        job.work(training())
        job.out_of_memory(number, cuda(72 * GIB, 40 * GIB))
        job.finish()
        jobs.append(job)
    events = sum(job.write() for job in jobs)
    expected = jobs[0].expected_run([])
    expected.values = {"run.ambiguous": True, "run.job_id": root.name}
    return Story([root], expected, events)


@kind(most=8, alone=True)
def recurrence_after_a_fix(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """1.3.0 leaks, 1.4.0 does not, 1.4.1 does again: the last run is explained, the fixed one compared with."""
    leak = plus(training(), growing("allocated", 42 * GIB))
    guilty = rng.randrange(ranks)
    runs = [
        write_run(root, rng, ranks, version, 0, "1.3.0", leak, guilty),
        write_run(root, rng, ranks, version, 1, "1.4.0", training(), None),
        write_run(root, rng, ranks, version, 2, "1.4.1", leak, guilty),
    ]
    last, events = runs[-1][0], sum(count for _, count in runs)
    expected = last.expected_failure([last.failures[-1]])
    against = _level_over(expected.values, 20 * GIB)
    expected.add("against_last_good", run_id="run-1.4.0", code_version="1.4.0")
    expected.add("", other_runs=Mentioning("run-1.3.0"))
    expected.add("against_last_good.growth", allocated=against)
    # Without a tracker there may be no such answer; where there is one, these are its values.
    expected.add(
        "?same_as",
        first_version="1.3.0",
        last_version_without="1.4.0",
        runs=OneOf(2, AtLeast(2), ["run-1.3.0", "run-1.4.1"], ["run-1.4.1", "run-1.3.0"]),
    )
    return grown(last, Story([root], expected, events), "allocated", 42 * 0.65 * GIB, "steady")


@kind(most=8, alone=True)
def regression_from_the_first_step(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """A new version needs 30 GiB more from the start: nothing grows, only the last good run shows it."""
    good = write_run(root, rng, ranks, version, 0, "2.0.0", training(), None)
    more = training(weights=50 * GIB)
    bad = write_run(root, rng, ranks, version, 1, "2.1.0", more, rng.randrange(ranks))
    last, events = bad[0], good[1] + bad[1]
    expected = last.expected_failure([last.failures[-1]])
    expected.add("against_last_good", run_id="run-2.0.0", code_version="2.0.0")
    expected.add("against_last_good.growth", allocated=Near(30 * GIB, 3 * GIB))
    story = Story([root], expected, events)
    story.checks["largest_growth"] = (expected.values["memory.largest_growth"], OneOf("request", None))
    story.checks["pattern"] = (expected.values["memory.pattern"], "flat")
    return story


@kind(most=8, alone=True)
def runs_without_envelopes(root: Path, rng: random.Random, ranks: int, version: int) -> Story:
    """Runs of one app and as many ranks, under other job ids and without envelopes: the last failed one counts."""
    leak = plus(training(), growing("allocated", 42 * GIB))
    first = Job(root, rng, ranks, version, job_id="job-1", folder="one", plan=of_size(ranks))
    first.metadata = {"code_version": "5.0"}
    first.work(training())
    first.finish()
    second = Job(root, rng, ranks, version, job_id="job-2", folder="two", begin_ns=BEGIN_NS + DAY)
    second.metadata = {"code_version": "5.1"}
    second.end_in(*BACKWARD).work(leak)
    failure = second.out_of_memory(rng.randrange(ranks), cuda(4 * GIB))
    second.finish()
    third = Job(root, rng, ranks, version, job_id="job-3", folder="three", begin_ns=BEGIN_NS + 2 * DAY)
    third.metadata = {"code_version": "5.2"}
    third.work(training())
    third.finish()
    expected = second.expected_failure([failure])
    expected.add("against_last_good", run_id="job:job-1", code_version="5.0")
    events = sum(job.write() for job in (first, second, third))
    return grown(second, Story([root], expected, events), "allocated", 42 * 0.65 * GIB, "steady")


def write_run(
    root: Path,
    rng: random.Random,
    ranks: int,
    version: int,
    number: int,
    code_version: str,
    shape: Shape,
    guilty: int | None,
    message: Message | None = None,
) -> tuple[Job, int]:
    """Write one run of a job, a day after the one before it, and return it with its number of events.

    The guilty rank runs out of memory at the end, if there is one.
    """
    job = Job(
        root,
        rng,
        ranks,
        version,
        job_id=f"job-{number}",
        run_id=f"run-{code_version}",
        begin_ns=BEGIN_NS + number * DAY,
        folder=f"{code_version}/ranks",
        metadata={"code_version": code_version},
    )
    job.end_in(*BACKWARD).work(shape)
    if guilty is not None:
        job.out_of_memory(guilty, message or cuda(26 * GIB, 6 * GIB))
    job.finish()
    events = job.write(title=TITLE, folder=code_version)
    return job, events


def _level_over(values: dict[str, object], good: float) -> Near:
    """Return how far the level in the end lies over that of a run that stayed at a level, with activations alike."""
    baseline, growth = values["memory.baseline.allocated"], values["memory.growth.allocated"]
    assert isinstance(baseline, Near) and isinstance(growth, Near)
    # Activations of up to 6 GiB are in both levels, at whatever place of the sawtooth.
    return Near(baseline.value + growth.value - good - 5 * GIB, 5 * GIB)


def _close_later(job: Job) -> None:
    """End an attempt whose ranks were killed: the next writer of their sinks calls them interrupted."""
    for recording in job.recordings:
        recording.status = "interrupted"
