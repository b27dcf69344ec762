"""Cuts long texts of a document, so that one message of a megabyte does not make a report that nobody can send."""

from __future__ import annotations

from typing import Any

__all__ = ["MOST_TEXT_CHARACTERS", "cut_long_texts"]

#: Longer texts are cut; paths, ids and commands are shorter.
MOST_TEXT_CHARACTERS = 2_000


def cut_long_texts(document: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return a document whose texts are bounded, and how many were cut.

    Args:
        document: Mappings with text as keys, lists, tuples, texts and other plain values.

    Returns:
        The same document, in which each text that had more than `MOST_TEXT_CHARACTERS` has its beginning and says how
        many characters are left out.
    """
    count = 0

    def bounded(value: Any) -> Any:
        nonlocal count
        if isinstance(value, str):
            if len(value) <= MOST_TEXT_CHARACTERS:
                return value
            count += 1
            left_out = len(value) - MOST_TEXT_CHARACTERS
            return f"{value[:MOST_TEXT_CHARACTERS]}… [{left_out:,} more characters]"
        if isinstance(value, dict):
            return {key: bounded(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [bounded(item) for item in value]
        return value

    found: dict[str, Any] = bounded(document)
    return found, count
