"""Finds the files that Stormlog needs beside its code, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["resource_directory"]


@cache
def resource_directory(name: str) -> Path:
    """Return the folder of files called ``name``.

    A wheel carries it inside the package (``stormlog/_sql``), a checkout beside it (``sql``).

    Args:
        name: ``sql``, ``migrations`` or ``schemas``.

    Raises:
        FileNotFoundError: neither place has it; the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / f"_{name}", package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"Stormlog's {name!r} files are missing beside {package}; install it again")
