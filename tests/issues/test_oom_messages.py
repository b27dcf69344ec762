"""Bytes asked and bytes free, as the messages of libraries say them."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator

import pytest

from stormlog.issues.oom_messages import free_bytes, requested_bytes

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40

#: Message, bytes asked, bytes free.
MESSAGES = {
    "cuda": (
        "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.15 GiB of which 1.20 GiB is "
        "free. Process 7 has 77.90 GiB memory in use. Of the allocated memory 70.00 GiB is allocated by PyTorch, and "
        "3.00 GiB is reserved by PyTorch but unallocated.",
        2684354560,
        1288490189,
    ),
    "cuda before 2.1": (
        "CUDA out of memory. Tried to allocate 1024.00 KiB (GPU 0; 15.78 GiB total capacity; 14.56 GiB already "
        "allocated; 38.44 MiB free; 14.70 GiB reserved in total by PyTorch)",
        MIB,
        40307261,
    ),
    "cuda, nothing free": (
        "CUDA out of memory. Tried to allocate 192.00 MiB (GPU 0; 4.00 GiB total capacity; 3.08 GiB already allocated; "
        "0 bytes free; 3.47 GiB reserved in total by PyTorch)",
        192 * MIB,
        0,
    ),
    "cuda, few bytes": ("CUDA out of memory. Tried to allocate 512 bytes.", 512, None),
    "cuda, asynchronous": (
        "Allocation on device 0 would exceed allowed memory. (out of memory)\nCurrently allocated     : 6.72 GiB\n"
        "Requested               : 31.50 MiB\nDevice limit            : 8.00 GiB\nFree (according to CUDA): 0 bytes\n"
        "PyTorch limit (set by user-supplied memory fraction)\n                        : 17179869184.00 GiB",
        33030144,
        0,
    ),
    "hip": (
        "HIP out of memory. Tried to allocate 978.00 MiB. GPU 0 has a total capacity of 15.98 GiB of which 630.00 MiB "
        "is free. Of the allocated memory 0 bytes is allocated by PyTorch",
        978 * MIB,
        630 * MIB,
    ),
    "xpu": (
        "XPU out of memory. Tried to allocate 16.00 MiB. GPU 0 has a total capacity of 11.93 GiB of which 7.50 MiB is "
        "free.",
        16 * MIB,
        7864320,
    ),
    "mps": (
        "MPS backend out of memory (MPS allocated: 17.50 GB, other allocations: 613.56 MB, max allowed: 18.13 GB). "
        "Tried to allocate 512.00 MB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit",
        512 * MIB,
        None,
    ),
    "mps in binary units": (
        "MPS backend out of memory (MPS allocated: 42.28 GiB, other allocations: 720.00 KiB, max allowed: 42.43 GiB). "
        "Tried to allocate 384.00 MiB on shared pool.",
        384 * MIB,
        None,
    ),
    "xla": (
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4294967296 bytes.\nBufferAssignment OOM Debugging."
        "\n  parameter allocation:    6.00MiB",
        4 * GIB,
        None,
    ),
    "xla in units": ("RESOURCE_EXHAUSTED: Out of memory allocating 16.00GiB.", 16 * GIB, None),
    "xla, request": (
        "RESOURCE_EXHAUSTED: Failed to allocate request for 7.45GiB (7999999999B) on device ordinal 0",
        7999999999,
        None,
    ),
    "xla on tpu": (
        "RESOURCE_EXHAUSTED: Error allocating device buffer: Attempting to allocate 8.00G. That was not possible. "
        "There are 27.50M free.; (0x0x0_HBM0)",
        8 * GIB,
        28835840,
    ),
    "xla on tpu, program": (
        "RESOURCE_EXHAUSTED: Error loading program 'jit_step': Attempting to reserve 29.50G at the bottom of memory. "
        "That was not possible. There are 147.50M free, 0B reserved, and 147.50M reservable.",
        31675383808,
        154664960,
    ),
    "cpu": (
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 34359738368 bytes. Error code 12 (Cannot allocate memory)",
        32 * GIB,
        None,
    ),
    "cpu on windows": (
        "[enforce fail at ..\\c10\\core\\CPUAllocator.cpp:72] data. DefaultCPUAllocator: not enough memory: you tried "
        "to allocate 12000000000 bytes. Buy new RAM!",
        12 * 10**9,
        None,
    ),
    "cpu before 1.0": (
        "$ Torch: not enough memory: you tried to allocate 13GB. Buy new RAM!",
        13 * GIB,
        None,
    ),
    "numpy": (
        "Unable to allocate 7.45 GiB for an array with shape (1000000000,) and data type float64",
        7999376589,
        None,
    ),
    "numpy behind other words": (
        "MemoryError while collating batch: Unable to allocate 1.00 TiB for an array with shape (1,)",
        TIB,
        None,
    ),
    "cupy": (
        "Out of memory allocating 34,359,738,368 bytes (allocated so far: 512 bytes, limit set to: 1,024 bytes).",
        32 * GIB,
        None,
    ),
    "tensorflow, a tensor": (
        "OOM when allocating tensor with shape[32,1024,64,64] and type float on /job:localhost/replica:0/task:0/"
        "device:GPU:0 by allocator GPU_0_bfc",
        None,
        None,
    ),
    "tensorflow, bytes": (
        "Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.00GiB (rounded to 2147483648)requested by op",
        2 * GIB,
        None,
    ),
    "paddle": (
        "ResourceExhaustedError: \n\nOut of memory error on GPU 0. Cannot allocate 27.000000MB memory on GPU 0, "
        "10.906372GB memory has been allocated and available memory is only 4.062500MB.",
        27 * MIB,
        4259840,
    ),
    "buffer": ("Failed to allocate memory for requested buffer of size 2147483648 bytes", 2 * GIB, None),
    "duckdb": (
        "Out of Memory Error: failed to allocate data of size 16.0 MiB (32.0 MiB/38.1 MiB used)\nDatabase is",
        16 * MIB,
        None,
    ),
    "decimal units": ("cannot allocate 1.5 GB for the buffer", 1500000000, None),
    "lower-case kilo": ("cannot allocate 3 kB", 3000, None),
    "wrapped lines": (
        "Tried to allocate\n  2.00 GiB. GPU 0 has a total capacity\n of 4.00 GiB of which\n  1.00 GiB is free.",
        2 * GIB,
        GIB,
    ),
}

#: Texts that say no size in a way that can be relied on.
UNKNOWN = [
    *("", "Killed", "std::bad_alloc", "NCCL error: out of memory while building ring 3", "out of memory"),
    "CUDA error: out of memory",
    "CUDA out of memory. Tried to allocate GiB of which GiB is free",
    "CUDA out of memory. Tried to allocate a lot",
    "CUDA out of memory. Tried to allocate 2.50. GPU 0 has 79.15 of which 1.20 is free",
    "CUDA out of memory. Tried to allocate -2.50 GiB. of which -1.20 GiB is free",
    "CUDA out of memory. Tried to allocate 1e999 GiB of which 1e999 GiB is free",
    "CUDA out of memory. Tried to allocate nan GiB of which inf GiB is free",
    "CUDA out of memory. Tried to allocate 2,50 GiB of which 1,20 GiB is free",
    "CUDA out of memory. Tried to allocate 2.5.0 GiB of which 1.2.0 GiB is free",
    "CUDA out of memory. Tried to allocate 99999999999999999999 GiB of which 99999999999999999999 GiB is free",
    "CUDA out of memory. Tried to allocate 8 EiB of which 8 EiB is free",
    "CUDA out of memory. Tried to allocate 2 Gibberish of which 1 GiBs is free",
    "CUDA out of memory. Tried to allocate ２.５０ GiB of which １ GiB is free",
    "CUDA-Speicher erschöpft: 2,50 GiB angefordert, 1,20 GiB frei",
    "显存不足：尝试分配 2.50 GiB，剩余 1.20 GiB",
    "deallocate 2 GiB",
    "3.00 GiB is allocated by PyTorch; 14.56 GiB already allocated",
    "allocate 8 G",
]


@pytest.mark.parametrize(("message", "requested", "free"), MESSAGES.values(), ids=MESSAGES)
def test_sizes_are_read_as_the_library_means_them(message: str, requested: int, free: int) -> None:
    assert (requested_bytes(message), free_bytes(message)) == (requested, free)


@pytest.mark.parametrize(("message", "requested", "free"), MESSAGES.values(), ids=MESSAGES)
def test_other_text_around_a_message_changes_nothing(message: str, requested: int, free: int) -> None:
    text = f"Traceback (most recent call last):\n  File 'a.py', line 3\nRuntimeError: {message}\n[rank3] exit 1 MiB"
    assert (requested_bytes(text), free_bytes(text)) == (requested, free)


@pytest.mark.parametrize("message", UNKNOWN)
def test_what_no_message_says_is_unknown(message: str) -> None:
    assert (requested_bytes(message), free_bytes(message)) == (None, None)


def test_no_message_says_nothing() -> None:
    assert (requested_bytes(None), free_bytes(None)) == (None, None)


@pytest.fixture
def hang_limit() -> Iterator[None]:
    """End the process if a pattern takes half a minute instead of milliseconds: the square of what it should."""
    faulthandler.dump_traceback_later(30, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "allocate ",
            "allocate",
            "allocate for a ",
            "allocate 1",
            "9",
            "9,999",
            "1.",
            " ",
            "\n",
            "; ",
            ";" * 7,
        ),
        *(
            "of which 9",
            "allocate 9" + "9" * 30,
            "allocate of size",
            "Requested ",
            "Requested : ",
            "There are ",
        ),
        *("Free (according to CUDA)", "reserve ", "tried to allocate 1e", "\ud800", "٣"),
    ],
)
def test_long_texts_without_a_size_are_read_quickly(piece: str, hang_limit: None) -> None:
    text = piece * (2**18 // len(piece))
    assert (requested_bytes(text), free_bytes(text)) == (None, None)


def test_a_size_behind_a_long_text_is_found(hang_limit: None) -> None:
    text = "allocate for " * 2**16 + MESSAGES["cuda"][0]
    assert (requested_bytes(text), free_bytes(text)) == MESSAGES["cuda"][1:]
