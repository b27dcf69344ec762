"""Pages of long lists: cursors that name the last row seen, so that no page skips or repeats one."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final, TypeVar

__all__ = ["DEFAULT_LIMIT", "MOST_ROWS", "cut", "read_cursor", "require_limit"]

DEFAULT_LIMIT: Final = 50
MOST_ROWS: Final = 200

Row = TypeVar("Row")


def require_limit(limit: int) -> int:
    """Return how many rows a page may have.

    Raises:
        ValueError: it is not between 1 and 200.
    """
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"a page has 1 to {MOST_ROWS} rows, not {limit}")
    return limit


def read_cursor(text: str, order: str) -> tuple[int | None, Any]:
    """Return sort value and id of the last row that was seen.

    Args:
        text: What `cut` returned.
        order: What the rows are sorted by.

    Raises:
        ValueError: it is none, or belongs to a list in another order.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(text.encode()))
        written, value, identity = found
    except (ValueError, TypeError, binascii.Error) as error:
        raise ValueError(f"{text!r} is no cursor of such a list") from error
    if written != order or not (value is None or type(value) is int) or not isinstance(identity, (int, str)):
        raise ValueError(f"{text!r} is no cursor of a list sorted by {order}")
    return value, identity


def cut(rows: list[Row], limit: int, order: str, value: str, identity: str) -> tuple[list[Row], str | None]:
    """Return a page, and the cursor of the next one if there is one.

    Args:
        rows: One more than a page, if there are as many.
        order: What they are sorted by.
        value: Name of the field with the sort value.
        identity: Name of the field that tells rows with equal values apart.
    """
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    place = json.dumps([order, getattr(last, value), getattr(last, identity)])
    return rows[:limit], base64.urlsafe_b64encode(place.encode()).decode()
