"""Reads out of an out-of-memory message how much memory was asked for and how much was free.

Promise: numbers are taken where the message of a known library says what they are, in the units of that library;
everything else is unknown. Time grows with the length of the message and nothing else.
"""

from __future__ import annotations

import re

__all__ = ["free_bytes", "requested_bytes"]

#: Most bytes that a column of the database can hold.
_MOST_BYTES = 2**63 - 1

#: A number and its unit: "2.50 GiB", "16.00GiB", "4294967296 bytes", "8.00G", "34,359,738,368 bytes".
_SIZE = (
    r"(?P<number>[0-9]{1,3}(?:,[0-9]{3}){1,6}(?=\s?bytes)|[0-9]{1,20}(?:\.[0-9]{1,20})?)"
    r"\s?(?P<unit>[KMGTPE]iB|[kKMGTPE]B|[Bb]ytes?|B|(?<=[0-9])[KMGT])(?![A-Za-z0-9])"
)
#: What may stand between a verb and the size.
_OBJECT = r"(?:(?:a|an|about|additional|for|memory|of|request)\s{1,8}){0,4}"

#: The first that is found counts. Libraries behind each: PyTorch on CUDA, HIP, XPU and MPS, its CPU allocator, XLA,
#: NumPy, CuPy, TensorFlow, Paddle; XLA on TPU; allocators that name the size of a buffer; cudaMallocAsync in PyTorch.
_REQUESTED = [
    rf"\b[Aa]llocat(?:e|ing)\s{{1,8}}{_OBJECT}{_SIZE}(?:\s?\((?P<exact>[0-9]{{1,20}})\s?(?:B|bytes)\))?",
    rf"\b[Rr]eserve\s{{1,8}}{_SIZE}",
    rf"\b[Aa]llocat(?:e|ing)\b[^\n]{{1,60}}?\bof size:?\s{{1,8}}{_SIZE}",
    rf"\bRequested\s{{0,40}}:\s{{0,8}}{_SIZE}",
]
#: PyTorch since 2.1; PyTorch before; cudaMallocAsync in PyTorch; XLA on TPU; Paddle.
_FREE = [
    rf"\bof which\s{{1,8}}{_SIZE}\s{{1,8}}is free\b",
    rf";\s{{0,8}}{_SIZE}\s{{1,8}}free\s{{0,8}};",
    rf"\bFree \(according to CUDA\)\s{{0,40}}:\s{{0,8}}{_SIZE}",
    rf"\bThere are\s{{1,8}}{_SIZE}\s{{1,8}}free\b",
    rf"\bavailable memory is only\s{{1,8}}{_SIZE}",
]
#: Libraries that write KB, MB and GB for powers of 1024: early PyTorch on MPS, Paddle, PyTorch before 1.0.
_BINARY = ("MPS backend out of memory", "Out of memory error on ", "$ Torch: not enough memory")


def requested_bytes(message: str | None) -> int | None:
    """Return how many bytes the allocation that failed had asked for.

    Args:
        message: Text of the exception, in full; None if it is not known.

    Returns:
        Whole bytes, as exact as the message is; None if it does not say it in a known way.

    Source: docs/concepts.md#bytes-of-a-message.
    """
    return _first_size(_REQUESTED, message)


def free_bytes(message: str | None) -> int | None:
    """Return how many bytes of the device were free when the allocation failed, as `requested_bytes` does."""
    return _first_size(_FREE, message)


def _first_size(patterns: list[str], message: str | None) -> int | None:
    if not message:
        return None
    for pattern in patterns:
        # Compiled when it is needed: most messages fit the first.
        found = re.search(pattern, message)
        if found is not None:
            exact = found.groupdict().get("exact")
            size = int(exact) if exact else _size(found["number"], found["unit"], message)
            return size if size <= _MOST_BYTES else None
    return None


def _size(number: str, unit: str, message: str) -> int:
    """Return the whole bytes nearest to a size."""
    whole, _, decimals = number.replace(",", "").partition(".")
    scale: int = 10 ** len(decimals)
    numerator = int(whole + decimals) * _unit_bytes(unit, message)
    return (2 * numerator + scale) // (2 * scale)


def _unit_bytes(unit: str, message: str) -> int:
    power = " KMGTPE".find(unit[0].upper())
    if power < 0 or unit.lower().startswith("byte"):
        return 1
    is_decimal = len(unit) == 2 and not any(words in message for words in _BINARY)
    return int((1000 if is_decimal else 1024) ** power)
