"""A leak is told of the phase that keeps memory, and of none where phases take turns in allocating and freeing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stormlog.explaining import MemoryAccount
from stormlog.phases import PhaseRecorder
from tests.apps.cli.samples import START_NS, event
from tests.engine.reading.mutations import capabilities
from tests.explaining.beside import Cases, write_apart

MIB = 1 << 20
STEPS = 20
#: Those from a quarter of the time on.
COUNTED = 15

#: What each phase of a step changes, in MiB, by the names of the phase and of those around it.
Step = list[tuple[str, int]]


def write_job(
    folder: Path,
    step: Step,
    *,
    threads: int = 1,
    steps: int = STEPS,
    device_id: int = 0,
    unknown_at: int | None = None,
    reserved_mib: int = 0,
    others_mib: int = 0,
    **counters: int,
) -> None:
    """Write a job of so many steps.

    Args:
        reserved_mib: What forward reserves more in each step, beside what it allocates.
        others_mib: What other processes take of the device meanwhile.
    """
    recorder = PhaseRecorder()
    records: list[dict[str, Any]] = []
    open_scopes: list[str] = []
    allocated, reserved, others = 1000, 50, 150

    def write(**fields: Any) -> None:
        sizes: dict[str, Any] = {
            "allocator_allocated_bytes": allocated * MIB,
            "allocator_reserved_bytes": (allocated + reserved) * MIB,
            "device_used_bytes": (allocated + reserved + others) * MIB,
            "device_total_bytes": 10_000 * MIB,
        }
        time_ns = START_NS + len(records) * 10**8
        if len(records) == unknown_at:
            fields["schema_version"] = 4
            fields["metadata"]["memory_capabilities"] = capabilities(supports_allocator_allocated=False)
            sizes |= {"allocator_allocated_bytes": None, "allocator_change_bytes": None}
        records.append(
            event(
                **{
                    "session_id": "s",
                    "job_id": "j",
                    "timestamp_ns": time_ns,
                    "device_id": device_id,
                    **sizes,
                    **counters,
                },
                **fields,
            )
        )

    def boundary(action: str, name: str = "", thread: int = 1) -> None:
        of_thread = {"session_id": "s", "rank": 0, "thread_id": thread}
        made = (
            recorder.enter_phase(name=name, thread_name="t", **of_thread)
            if action == "enter"
            else recorder.exit_phase(scope_id=open_scopes.pop(), **of_thread)
        )
        if action == "enter":
            open_scopes.append(made.scope_id)
        write(event_type=made.event_type, context=made.context, metadata={"backend": "cuda", **made.metadata})

    for number in range(steps):
        boundary("enter", "train", 1 + number % threads)
        for name, change in step:
            if name:
                boundary("enter", name, 1 + number % threads)
            allocated += change
            if name == "forward":
                reserved, others = reserved + reserved_mib, others + others_mib
            if name:
                boundary("exit", thread=1 + number % threads)
        boundary("exit", thread=1 + number % threads)
        write(event_type="sample")
    write_apart(folder, *records)


case = Cases()
#: Steps, and the phase that keeps memory with how much.
STEPS_AND_PHASES: list[tuple[Step, str | None, int | None]] = [
    ([("forward", 100), ("backward", 0)], "train / forward", 100 * COUNTED),
    # A little that is freed elsewhere does not hide it.
    ([("forward", 100), ("backward", -20)], "train / forward", 100 * COUNTED),
    # Activations that backward frees are no leak of forward: nobody knows which of the two keeps the rest.
    ([("forward", 500), ("backward", -400)], "train", 100 * COUNTED),
    # Outside of the inner phases.
    ([("forward", 0), ("", 100), ("backward", 0)], "train", 100 * COUNTED),
    ([("forward", 50), ("backward", 50)], "train", 100 * COUNTED),
    ([("forward", 400), ("backward", -400)], None, None),
    ([("forward", -10), ("backward", 0)], None, None),
    # Less than a tenth of what is in use.
    ([("forward", 3)], None, None),
]
for number, (step, _, _) in enumerate(STEPS_AND_PHASES):
    case[f"step_{number}"] = partial(write_job, step=step)
case["ten_steps"] = partial(write_job, step=[("forward", 200)], steps=10)
case["eleven_steps"] = partial(write_job, step=[("forward", 200)], steps=11)
case["two_threads"] = partial(write_job, step=[("forward", 100)], threads=2)
# What the C library says is as old as its last answer.
case["no_device"] = partial(
    write_job, step=[("forward", 100)], device_id=-1, allocator_allocated_bytes=5 * MIB
)
case["allocated"] = partial(write_job, step=[("forward", 100)], reserved_mib=7, others_mib=13)
case["reserved_unused"] = partial(write_job, step=[("forward", 7)], reserved_mib=100, others_mib=13)
case["others"] = partial(write_job, step=[("forward", 7)], reserved_mib=13, others_mib=100)
case["a_boundary_without_a_number"] = partial(write_job, step=[("forward", 100)], unknown_at=25)

AccountOf = Callable[[str], MemoryAccount]


@pytest.fixture(scope="module")
def account_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountOf]:
    with case.open(tmp_path_factory.mktemp("cases")) as store:
        assert [reject.reason for reject in store.rejects()] == []

        def of_case(name: str) -> MemoryAccount:
            memory = store.explain(run_id=f"job:{name} j").memory
            assert memory is not None
            return memory

        yield of_case


@pytest.mark.parametrize("number", range(len(STEPS_AND_PHASES)))
def test_the_phase_that_keeps_memory(account_of: AccountOf, number: int) -> None:
    _, phase, mib = STEPS_AND_PHASES[number]
    memory = account_of(f"step_{number}")
    assert memory.growth_phase == phase
    assert memory.growth_phase_bytes == (None if mib is None else mib * MIB)
    assert memory.growth_phase_count == (None if mib is None else COUNTED)


@pytest.mark.parametrize(("name", "phase"), [("ten_steps", None), ("eleven_steps", "train / forward")])
def test_a_few_steps_tell_nothing(account_of: AccountOf, name: str, phase: str | None) -> None:
    assert account_of(name).growth_phase == phase


def test_phases_of_several_threads_tell_nothing(account_of: AccountOf) -> None:
    assert account_of("two_threads").growth_phase is None


def test_without_a_device_memory_in_use_counts(account_of: AccountOf) -> None:
    memory = account_of("no_device")
    assert (memory.growth_phase, memory.growth_phase_bytes) == ("train / forward", 100 * COUNTED * MIB)


@pytest.mark.parametrize("name", ["allocated", "reserved_unused", "others"])
def test_of_the_part_that_grew_the_phase_is_told(account_of: AccountOf, name: str) -> None:
    memory = account_of(name)
    assert (memory.growth_phase, memory.growth_phase_bytes) == ("train / forward", 100 * COUNTED * MIB)


def test_a_boundary_without_a_number_leaves_the_phase_open(account_of: AccountOf) -> None:
    assert account_of("a_boundary_without_a_number").growth_phase is None
