"""What a database can hold of a text, and can name."""

from __future__ import annotations

import re

__all__ = ["GLOB_CHARACTERS", "is_storable", "storable_text"]

#: What DuckDB takes for a pattern in a path.
GLOB_CHARACTERS = frozenset("*?[")

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Return whether a text has no halves of characters (or bytes of a path that are no text)."""
    try:
        # Faster than any search.
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def storable_text(text: str) -> str:
    """Return a text with every half of a character replaced by U+FFFD."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
