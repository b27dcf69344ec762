"""How much of the machine a store may use."""

from __future__ import annotations

import os
import re

from stormlog._values import frozen_class
from stormlog.engine.database.unpack_limit import UnpackLimit, parse_unpack_limit

__all__ = ["Settings"]

_SIZE = re.compile(r"([1-9][0-9]{0,5}) ?([KMGT]?)(i?)B", re.IGNORECASE)
_POWERS = " KMGT"
#: Bytes of files that are read at a time: few enough for their rows to fit into memory, many enough to hide the
#: cost of statements.
_MOST_BATCH_BYTES = 1 << 30
_LEAST_BATCH_BYTES = 1 << 26
#: The same where the texts of all records are kept, which take several times the room of what issues need.
_MOST_SPARING_BATCH_BYTES = 1 << 26
_LEAST_SPARING_BATCH_BYTES = 1 << 24

#: Bytes of files below which one thread answers sooner than several, which have to be started and waited for.
#: Measured with two cores: 5 % sooner at 10 MB, the same at 20 MB.
_LITTLE_BYTES = 1 << 24

#: What is enough to read and sort any number of records while others are kept in files.
_SPARING_MEMORY = "256MB"
_MOST_SPARING_THREADS = 4


@frozen_class
class Settings:
    """Limits of the engine; None leaves a limit to DuckDB.

    Attributes:
        threads: Most threads; without a number, one for little data and else all cores.
        memory_limit: Most memory, such as ``512MB``.
        spill_directory: Where rows go that do not fit; by default the system's temporary directory.
        spill_limit: Most bytes there, such as ``10GB``.
        unpack_limit: Most bytes that one packed file may hold, such as ``4GB``; without one, the environment
            (``STORMLOG_UNPACK_LIMIT``) or the default decides.
        is_sparing: Whether files are read in small batches.
    """

    threads: int | None = None
    memory_limit: str | None = None
    spill_directory: str | None = None
    spill_limit: str | None = None
    unpack_limit: str | None = None
    is_sparing: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the values are such that DuckDB surely takes them; of all others it is asked at once."""
        sizes = (self.memory_limit, self.spill_limit)
        return (
            (self.threads is None or 1 <= self.threads <= 256)
            and all(size is None or _SIZE.fullmatch(size) for size in sizes)
            and self.spill_directory is None
        )

    def sparing(self) -> Settings:
        """Return the same settings, for reading all texts in small batches and within a limit of memory."""
        threads = self.threads
        if threads is None and self.memory_limit is None:
            # Each thread needs some of the memory.
            threads = min(os.cpu_count() or 1, _MOST_SPARING_THREADS)
        limit = self.memory_limit or _SPARING_MEMORY
        return Settings(
            threads, limit, self.spill_directory, self.spill_limit, self.unpack_limit, is_sparing=True
        )

    def for_bytes(self, size: int) -> Settings:
        """Return the same settings, for files of ``size`` bytes: with one thread where more would only cost."""
        if self.threads is not None or size >= _LITTLE_BYTES:
            return self
        return Settings(
            1, self.memory_limit, self.spill_directory, self.spill_limit, self.unpack_limit, self.is_sparing
        )

    @property
    def limit_of_unpacking(self) -> UnpackLimit:
        """Return how much a packed file may hold.

        Raises:
            ValueError: the setting, or what the environment says, is no size.
        """
        if self.unpack_limit is not None:
            return parse_unpack_limit(self.unpack_limit)
        text = os.environ.get("STORMLOG_UNPACK_LIMIT")
        return parse_unpack_limit(text) if text else UnpackLimit()

    @property
    def sparing_batch_bytes(self) -> int:
        """Bytes of files to read at a time where texts are kept and little memory is to be used."""
        return min(self.batch_bytes, _MOST_SPARING_BATCH_BYTES)

    @property
    def batch_bytes(self) -> int:
        """Bytes of files to read at a time."""
        found = _SIZE.fullmatch(self.memory_limit or "")
        if found is None:
            return _MOST_SPARING_BATCH_BYTES if self.is_sparing else _MOST_BATCH_BYTES
        number, power, _ = found.groups()
        limit = int(number) * int(1000 ** _POWERS.index(power.upper() or " "))
        if self.is_sparing:
            return min(max(limit // 8, _LEAST_SPARING_BATCH_BYTES), _MOST_SPARING_BATCH_BYTES)
        return min(max(limit // 2, _LEAST_BATCH_BYTES), _MOST_BATCH_BYTES)
