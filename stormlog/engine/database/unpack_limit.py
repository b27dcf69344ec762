"""How much a packed file may hold: one that holds more could fill the machine."""

from __future__ import annotations

from stormlog._sizes import parse_size
from stormlog._values import frozen_class

__all__ = ["UnpackLimit", "parse_unpack_limit"]


@frozen_class
class UnpackLimit:
    """How much a packed file may hold.

    Attributes:
        most_bytes: Unpacked bytes of one file.
        most_ratio: Unpacked bytes per packed byte; None if any.
        free_bytes: Unpacked bytes up to which the ratio does not matter.
    """

    #: Sinks rotate long before this size.
    most_bytes: int = 4 << 30
    #: Lines of telemetry shrink to a fiftieth, the most uniform ones to a two-hundredth.
    most_ratio: int | None = 500
    free_bytes: int = 64 << 20

    def of(self, packed_bytes: int) -> int:
        """Return how many bytes a file of this size may hold."""
        if self.most_ratio is None:
            return self.most_bytes
        return min(self.most_bytes, max(self.free_bytes, self.most_ratio * packed_bytes))


def parse_unpack_limit(text: str) -> UnpackLimit:
    """Return the limit that a text such as ``4GB`` or ``512MiB`` stands for; then any ratio is fine.

    Raises:
        ValueError: it is no size.
    """
    most_bytes = parse_size(text)
    if most_bytes is None:
        raise ValueError(f"{text!r} is no unpack limit: give a size such as 4GB or 512MiB")
    return UnpackLimit(most_bytes, None)
