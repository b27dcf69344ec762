"""How much of the machine a store may use."""

from __future__ import annotations

import re

from stormlog._values import frozen_class

__all__ = ["Settings"]

_SIZE = re.compile(r"[1-9][0-9]{0,5} ?([KMGT]i?)?B", re.IGNORECASE)


@frozen_class
class Settings:
    """Limits of the engine; None leaves a limit to DuckDB.

    Attributes:
        threads: Most threads.
        memory_limit: Most memory, such as ``512MB``.
        spill_directory: Where rows go that do not fit; by default the system's temporary directory.
        spill_limit: Most bytes there, such as ``10GB``.
    """

    threads: int | None = None
    memory_limit: str | None = None
    spill_directory: str | None = None
    spill_limit: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the values are such that DuckDB surely takes them; of all others it is asked at once."""
        sizes = (self.memory_limit, self.spill_limit)
        return (
            (self.threads is None or 1 <= self.threads <= 256)
            and all(size is None or _SIZE.fullmatch(size) for size in sizes)
            and self.spill_directory is None
        )
