"""Messages of allocators that could not give what was asked, with the bytes that stand in them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.stories.records import GIB, MIB


@dataclass(frozen=True)
class Message:
    """A message; ``requested`` and ``free`` are the bytes it names, None where it names none."""

    text: str
    requested: int | None
    free: int | None
    exception_type: str = "OutOfMemoryError"
    reason: str = "torch.cuda.OutOfMemoryError"


def size(number: int) -> str:
    """Write bytes as PyTorch does: MiB below a GiB, two decimals."""
    return f"{number / GIB:.2f} GiB" if number >= GIB else f"{number / MIB:.2f} MiB"


def cuda(requested: int, free: int = 256 * MIB, total: int = 80 * GIB, *, name: str = "CUDA") -> Message:
    """Return a message as PyTorch writes it today; free is rounded to what two decimals can say."""
    shown = size(free)
    text = (
        f"{name} out of memory. Tried to allocate {size(requested)}. GPU 0 has a total capacity of {size(total)} "
        f"of which {shown} is free. Including non-PyTorch memory, this process has {size(total - free)} memory in "
        f"use. Of the allocated memory {size((total - free) // 10 * 9)} is allocated by PyTorch, and "
        f"{size((total - free) // 20)} is reserved by PyTorch but unallocated."
    )
    return Message(text, requested, free)


def hip(requested: int, free: int = 512 * MIB) -> Message:
    message = cuda(requested, free, 64 * GIB, name="HIP")
    return Message(message.text, requested, free, "RuntimeError", "message_pattern:out of memory")


def older_cuda(requested: int, free: int = 128 * MIB) -> Message:
    """Return a message as older versions of PyTorch write it: sizes in brackets."""
    text = (
        f"CUDA out of memory. Tried to allocate {size(requested)} (GPU 0; {size(80 * GIB)} total capacity; "
        f"{size(70 * GIB)} already allocated; {size(free)} free; {size(78 * GIB)} reserved in total by PyTorch)"
    )
    return Message(text, requested, free, "RuntimeError", "message_pattern:out of memory")


def mps(requested: int) -> Message:
    text = (
        "MPS backend out of memory (MPS allocated: 17.50 GiB, other allocations: 384.00 MiB, max allowed: "
        f"18.13 GiB). Tried to allocate {size(requested)} on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 "
        "to disable upper limit for memory allocations (may cause system failure)."
    )
    return Message(text, requested, None, "RuntimeError", "message_pattern:out of memory")


def xla(requested: int) -> Message:
    text = f"RESOURCE_EXHAUSTED: Out of memory while trying to allocate {requested} bytes."
    return Message(text, requested, None, "XlaRuntimeError", "message_pattern:out of memory")


def cpu_allocator(requested: int) -> Message:
    text = (
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        f"allocate {requested} bytes. Error code 12 (Cannot allocate memory)"
    )
    return Message(text, requested, None, "RuntimeError", "message_pattern:failed to allocate")


def without_numbers() -> Message:
    return Message("std::bad_alloc", None, None, "RuntimeError", "message_pattern:std::bad_alloc")


def other_language() -> Message:
    text = "Nicht genügend Speicher verfügbar, die Anforderung wurde abgelehnt"
    return Message(text, None, None, "RuntimeError", "message_pattern:out of memory")
