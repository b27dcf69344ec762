"""Groups plain error texts that no kind of issue covers: version 1 of the text rules.

The promise: texts that differ in numbers, UUIDs, quoted parts, case and spacing alone share a digest, and the
digest of a text never changes. Whatever is meant to group differently is a new version with new ids.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

__all__ = ["TEXT_RULE_VERSION", "error_fingerprint_id", "message_digest", "normalize_message"]

TEXT_RULE_VERSION: Final = 1

_ID_PREFIX: Final = "error:"
_ID_DIGITS: Final = 24

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"\b\d+(?:\.\d+)*\b", re.ASCII)
_DOUBLE_QUOTED: Final = re.compile(r'"[^"]*"')
_SINGLE_QUOTED: Final = re.compile(r"'[^']*'")
# White space of ECMAScript. Python's own class adds U+001C to U+001F and U+0085 and lacks U+FEFF.
_SPACES: Final = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_SPACE: Final = re.compile(f"[{_SPACES}]+")


def normalize_message(text: str) -> str:
    """Return an error text without what varies from one hit to the next.

    UUIDs become ``<uuid>``, numbers ``<n>``, and what stands between quotes ``<s>``; letters are lower case,
    spacing is single. Digits that touch a letter stay, and so do digits other than 0 to 9. Half characters
    (lone surrogates) become U+FFFD.

    Source: docs/tracking.md#error-texts.
    """
    text = _UUID.sub("<uuid>", _well_formed(text))
    text = _NUMBER.sub("<n>", text)
    text = _DOUBLE_QUOTED.sub('"<s>"', text)
    text = _SINGLE_QUOTED.sub("'<s>'", text)
    return _SPACE.sub(" ", text.lower()).strip(" ")


def message_digest(message: str, module: str | None = None, discriminator: str | None = None) -> str:
    """Return 64 hex digits that all hits of one failure share.

    Args:
        message: The error text, as it is.
        module: Where it comes from; taken as it is. None and '' are the same.
        discriminator: What else tells failures apart, such as the type of an exception; normalised as the
            message is. None and '' differ.

    Source: docs/tracking.md#error-texts.
    """
    key = f"{module or ''}:{normalize_message(message)}"
    if discriminator is not None:
        key = f"{key}|{normalize_message(discriminator)}"
    return hashlib.sha256(_well_formed(key).encode("utf-8")).hexdigest()


def error_fingerprint_id(message: str, module: str | None = None, discriminator: str | None = None) -> str:
    """Return the fingerprint id of an error text: ``error:`` and the first 24 digits of its digest."""
    return _ID_PREFIX + message_digest(message, module, discriminator)[:_ID_DIGITS]


def _well_formed(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
