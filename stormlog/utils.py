"""Sizes in bytes for people, under the name that stormlog 0.4.3 has for them.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

from functools import partial

from stormlog._former_names import refuse_name

__all__ = ["convert_bytes", "format_bytes"]

__getattr__ = partial(refuse_name, __name__)

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def convert_bytes(value: float, from_unit: str, to_unit: str) -> float:
    """Return a size in another unit.

    Args:
        value: The size.
        from_unit: Its unit, ``B`` to ``TB``, each 1024 of the one before.
        to_unit: The wanted unit.

    Raises:
        ValueError: there is no such unit.
    """
    known = _UNITS[:5]
    if from_unit not in known or to_unit not in known:
        raise ValueError(f"units are {', '.join(known)}, not {from_unit!r} and {to_unit!r}")
    return value * 1024.0 ** (known.index(from_unit) - known.index(to_unit))


def format_bytes(bytes_value: float, precision: int = 2) -> str:
    """Return a size with the largest unit that keeps it at 1 or more: ``1.25 GB``.

    Args:
        bytes_value: Bytes; below 0 for a loss.
        precision: Digits after the point.
    """
    if bytes_value == 0:
        return "0 B"
    size, unit = abs(bytes_value), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{'-' if bytes_value < 0 else ''}{size:.{precision}f} {_UNITS[unit]}"
