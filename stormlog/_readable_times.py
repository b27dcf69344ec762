"""Times and durations of rows as the standard library has them, beside the integers that they are made of.

Promise: the integer is the value, and the only one with nanoseconds. Reading the other never raises for a number that
it cannot hold: it is None then.
"""

from __future__ import annotations

# Type checkers take this name for true; importing it from typing would cost more than this module.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import overload

__all__ = ["ReadableDuration", "ReadableTime"]


class _Beside:
    """What is read from the field of the same name with ``_ns`` behind it."""

    __slots__ = ("_field",)

    def __set_name__(self, owner: type, name: str) -> None:
        self._field = f"{name}_ns"

    def __set__(self, row: object, value: object) -> None:
        # Events may be changed, and would then tell two times.
        raise AttributeError(f"it is read from {self._field}: change that")

    def _length(self, row: object) -> timedelta | None:
        value = getattr(row, self._field)
        if value is None:
            return None
        # Late: a command prints times without them.
        from datetime import timedelta

        try:
            return timedelta(microseconds=value // 1000)
        except OverflowError:
            return None


class ReadableTime(_Beside):
    """The time of a field: ``started_at = ReadableTime()`` stands beside ``started_at_ns``.

    Reading it returns a `datetime` in UTC, with microseconds: what is finer is cut off. It is None where the field is,
    and for times outside the years 1 to 9999.

    Source: docs/python.md#times.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, row: None, owner: type) -> ReadableTime: ...

        @overload
        def __get__(self, row: object, owner: type) -> datetime | None: ...

    def __get__(self, row: object, owner: type) -> ReadableTime | datetime | None:
        if row is None:
            return self
        since = self._length(row)
        if since is None:
            return None
        from datetime import UTC, datetime

        try:
            return datetime(1970, 1, 1, tzinfo=UTC) + since
        except OverflowError:
            return None


class ReadableDuration(_Beside):
    """The length of a field: ``lead = ReadableDuration()`` stands beside ``lead_ns``.

    Reading it returns a `timedelta`, with microseconds: what is finer is cut off. It is None where the field is, and
    for more than 999,999,999 days.

    Source: docs/python.md#times.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, row: None, owner: type) -> ReadableDuration: ...

        @overload
        def __get__(self, row: object, owner: type) -> timedelta | None: ...

    def __get__(self, row: object, owner: type) -> ReadableDuration | timedelta | None:
        return self if row is None else self._length(row)
