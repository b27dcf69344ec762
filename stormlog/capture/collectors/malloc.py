"""What the allocator of the C library holds for this process, where it is the one of GNU.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

import ctypes

__all__ = ["Malloc", "find_malloc"]

_NAMES = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks"),
    "keepcost",
)


class _Mallinfo2(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_size_t) for name in _NAMES)


class Malloc:
    """The allocator; see `find_malloc`."""

    def __init__(self, mallinfo2: ctypes._FuncPointer) -> None:
        mallinfo2.restype = _Mallinfo2
        mallinfo2.argtypes = ()
        self._mallinfo2 = mallinfo2

    def read(self) -> tuple[int, int]:
        """Return bytes that are allocated, and bytes that are held: allocated or free for the next allocation."""
        info = self._mallinfo2()
        return info.uordblks + info.hblkhd, info.arena + info.hblkhd


def find_malloc() -> Malloc | None:
    """Return the allocator; null where the C library does not tell (musl, macOS, glibc before 2.33)."""
    try:
        return Malloc(ctypes.CDLL(None).mallinfo2)
    except (OSError, AttributeError, TypeError):
        return None
