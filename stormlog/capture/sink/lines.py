"""One record as one line of a segment: keys sorted, nothing but ASCII, a line feed at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stormlog.capture.plain_values import type_name
from stormlog.telemetry.schema import LONGEST_LINE_BYTES

__all__ = ["line_of"]


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
