"""Checks of single values; each returns the value it accepts and raises otherwise.

Integers are Python integers that are not booleans, of any size; text is never trimmed.
"""

from __future__ import annotations

from typing import TypeGuard

from stormlog.telemetry.errors import TelemetryRecordError

__all__ = [
    "is_integer",
    "is_non_blank_text",
    "require_integer",
    "require_minimum",
    "require_optional_text",
    "require_text",
]


def is_integer(value: object) -> TypeGuard[int]:
    """Tell whether ``value`` is an integer and not a boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_non_blank_text(value: object) -> TypeGuard[str]:
    """Tell whether ``value`` is text with at least one visible character."""
    return isinstance(value, str) and bool(value.strip())


def require_integer(value: object, field: str) -> int:
    """Return ``value`` if it is an integer.

    Raises:
        TelemetryRecordError: ``not_integer:<field>``.
    """
    if is_integer(value):
        return value
    raise TelemetryRecordError(
        f"not_integer:{field}", f"{field} must be an integer, not {type(value).__name__} ({value!r:.60})"
    )


def require_minimum(value: object, minimum: int, field: str) -> int:
    """Return ``value`` if it is an integer of at least ``minimum``.

    Raises:
        TelemetryRecordError: ``not_integer:<field>`` or ``below_minimum:<field>:<minimum>``.
    """
    number = require_integer(value, field)
    if number < minimum:
        raise TelemetryRecordError(
            f"below_minimum:{field}:{minimum}", f"{field} must be at least {minimum}, not {number}"
        )
    return number


def require_text(value: object, field: str) -> str:
    """Return ``value`` untrimmed if it is non-blank text.

    Raises:
        TelemetryRecordError: ``blank_or_missing_string:<field>`` or ``not_string:<field>``.
    """
    if isinstance(value, str):
        if value.strip():
            return value
    elif value is not None:
        raise TelemetryRecordError(
            f"not_string:{field}", f"{field} must be text, not {type(value).__name__} ({value!r:.60})"
        )
    raise TelemetryRecordError(f"blank_or_missing_string:{field}", f"{field} must be text that is not blank")


def require_optional_text(value: object, field: str) -> str | None:
    """Return ``value`` if it is null or text (blank text included).

    Raises:
        TelemetryRecordError: ``not_string:<field>``.
    """
    if value is None or isinstance(value, str):
        return value
    raise TelemetryRecordError(
        f"not_string:{field}", f"{field} must be text or null, not {type(value).__name__} ({value!r:.60})"
    )
