"""Text of others in what people and programs read line by line."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """Return text with control characters escaped: what comes from files must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
