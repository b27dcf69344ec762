"""Text of others in Markdown."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["markdown_text"]

#: What may begin a link, an image, a table cell, code, emphasis, a reference or a formula.
_SPECIAL: Final = re.compile(r"([\\`*_\[\]#|~$]|:(?=//)|(?<=www)\.)")


def markdown_text(text: str) -> str:
    """Return text that Markdown shows as it is, on one line and without control characters.

    It becomes neither link nor image, mention, HTML or other markup.
    """
    plain = "".join(character if character.isprintable() else " " for character in text)
    escaped = _SPECIAL.sub(r"\\\1", " ".join(plain.split()))
    # Entities come last: they have a sign of their own that Markdown would take for an escaped one.
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
