"""One record as one line of a segment: keys sorted, nothing but ASCII, a line feed at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from stormlog.capture.plain_values import type_name
from stormlog.telemetry.schema import LONGEST_LINE_BYTES

__all__ = ["LineMaker", "line_of"]

#: What differs from one sample to the next, in the order of their keys on a line.
_NUMBERS = (
    "allocator_active_bytes",
    "allocator_allocated_bytes",
    "allocator_change_bytes",
    "allocator_inactive_bytes",
    "allocator_reserved_bytes",
    "device_free_bytes",
    "device_id",
    "device_total_bytes",
    "device_used_bytes",
    "timestamp_ns",
)
_numbers_of = itemgetter(*_NUMBERS)
#: Booleans are integers too, but written otherwise.
_WRITTEN_AS_DIGITS = frozenset((int, type(None)))

# A text of a value itself could be huge, and making it could wait for a device.
_encode = json.JSONEncoder(sort_keys=True, default=type_name).encode


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return the line of a record.

    Values that JSON has no form for are written as the name of their type; numbers that are not finite as ``NaN``
    and ``Infinity``, as stormlog 0.3.9 writes them.

    Raises:
        ValueError: it holds itself, is nested too deeply, has keys of several types, or is longer than 16 MiB.
    """
    try:
        line = _encode(record if type(record) is dict else dict(record)).encode("ascii") + b"\n"
    except (RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"the record cannot be written as JSON: {error}") from error
    if len(line) > LONGEST_LINE_BYTES:
        raise ValueError(
            f"the record is {len(line)} bytes long, and no reader takes more than {LONGEST_LINE_BYTES}"
        )
    return line


class LineMaker:
    """Makes the lines of the records of one session, as `line_of` does, but faster for samples.

    From one sample to the next only numbers change, mostly: they are put into the text of the line before. Encoding
    all of a record takes twice as long, beside a job that keeps the caches of the processor to itself.
    """

    def __init__(self) -> None:
        # Of the sample before: its metadata, the types of its numbers, and its form, once it has one.
        self._before: tuple[object, tuple[type, ...], str | None] = (None, (), None)

    def line_of(self, record: dict[str, Any]) -> bytes:
        """Return the line of a record.

        Args:
            record: As `RecordMaker` makes it; nobody changes it any more. Metadata that is the same object as in the
                sample before says the same.

        Raises:
            ValueError: as of `line_of`.
        """
        if record["event_type"] != "sample" or record["context"] is not None:
            return line_of(record)
        numbers = _numbers_of(record)
        kinds = tuple(map(type, numbers))
        metadata, kinds_before, form = self._before
        if record["metadata"] is metadata and kinds == kinds_before:
            if form is None:
                form = _form_of(record)
                self._before = (metadata, kinds, form)
            text: str = form % numbers
            return text.encode("ascii")
        line = line_of(record)
        # What is seen twice is worth a form.
        if _WRITTEN_AS_DIGITS.issuperset(kinds) and len(line) < LONGEST_LINE_BYTES // 2:
            self._before = (record["metadata"], kinds, None)
        return line


def _form_of(record: Mapping[str, Any]) -> str:
    """Return the line of a record with a place for each of its numbers."""
    pairs = []
    for key, value in sorted(record.items()):
        # The place of a null takes a value too, and shows nothing of it.
        place = "null%.0s" if value is None else "%d"
        text = place if key in _NUMBERS else _encode(value).replace("%", "%%")
        pairs.append(f"{_encode(key)}: {text}")
    return f"{{{', '.join(pairs)}}}\n"
