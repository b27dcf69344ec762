"""Refuses values that the store cannot hold, before anything is done with them."""

from __future__ import annotations

__all__ = ["require_integer", "require_text"]

_LARGEST = 2**63 - 1


def require_text(value: str, name: str) -> str:
    """Return a text without surrounding blanks.

    Raises:
        ValueError: it is blank, or has bytes that are no text.
    """
    text = value.strip()
    if not text:
        raise ValueError(f"the {name} is blank")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the {name} {text!a} has bytes that are no text") from None
    return text


def require_integer(value: int, name: str, *, least: int = 0) -> int:
    """Return an integer of at most 64 bits.

    Raises:
        ValueError: it is something else, or less than ``least``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _LARGEST:
        raise ValueError(f"the {name} is an integer from {least} to 2^63 - 1, not {value!r}")
    return value
