"""Lines that wait to be written, of a bounded size: the oldest are dropped for the newest, and counted.

The newest are worth more: they are what happened last before a job died.
"""

from __future__ import annotations

from collections import deque

__all__ = ["LineBuffer"]


class LineBuffer:
    """Lines of one session in the order they came.

    Args:
        max_bytes: Bytes of all lines together. The last line is kept even if it is longer.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lines: deque[bytes] = deque()
        self.size_bytes = 0
        self.dropped_records = 0
        self.dropped_bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: bytes) -> None:
        """Append a line, and drop the oldest ones that there is no room for."""
        self._lines.append(line)
        self.size_bytes += len(line)
        self._keep_within_bounds()

    def take(self) -> list[bytes]:
        """Return all lines and hold none."""
        lines = list(self._lines)
        self._lines.clear()
        self.size_bytes = 0
        return lines

    def put_back(self, lines: list[bytes]) -> None:
        """Hold lines again that could not be written, before those that came meanwhile."""
        self._lines.extendleft(reversed(lines))
        self.size_bytes += sum(map(len, lines))
        self._keep_within_bounds()

    def drop_all(self) -> None:
        """Give up all lines, and count them as dropped."""
        while self._lines:
            self._drop_oldest()

    def _keep_within_bounds(self) -> None:
        while self.size_bytes > self._max_bytes and len(self._lines) > 1:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        size = len(self._lines.popleft())
        self.size_bytes -= size
        self.dropped_records += 1
        self.dropped_bytes += size
