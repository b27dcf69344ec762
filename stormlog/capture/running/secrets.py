"""Leaves out of a text what looks like a secret.

Promise: the time that it takes grows with the length of the text, whatever the text is.

Source: docs/run.md#what-is-kept-of-its-output.
"""

from __future__ import annotations

import re

__all__ = ["without_private_keys", "without_secrets"]

_NAMES = r"(?:token|secret|passwd|password|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credential|authorization)"
_VALUE = r"""(?:(?:bearer|basic)\s++)?(?:"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[^\s"',;&]++)"""
_SECRETS = (
    # Names that say what they hold, with any value. A name is looked at once, from its beginning, and never again.
    re.compile(rf"(?i)(?<![\w-])(?=[\w-]*?{_NAMES})([\w-]++[\"']?\s*+[:=]\s*+){_VALUE}"),
    # Options of commands, whose values follow as arguments.
    re.compile(rf"(?i)(?<![\w-])(?=--[\w-]*?{_NAMES})([\w-]++\s++)(?!-){_VALUE}"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s++)[a-z0-9._~+/=-]{8,}"),
    # User and password of an address.
    re.compile(r"([a-z][a-z0-9+.-]{0,30}://)[^\s/@:]*+:[^\s/]+(?=@)"),
    # Keys that services give out, by how they begin.
    re.compile(
        r"()\b(?:hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{16,}"
        r"|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{12,}|AIza[\w-]{30,}|eyJ[\w-]{10,}+\.[\w-]{10,}+\.[\w-]*+)"
    ),
)
_PRIVATE_KEYS = re.compile(
    r"(?s)(-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----).*?(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY-----|\Z)"
)


def without_secrets(line: str) -> str:
    """Return a line in which what looks like a secret is replaced by asterisks."""
    for pattern in _SECRETS:
        line = pattern.sub(r"\1***", line)
    return line


def without_private_keys(text: str) -> str:
    """Return a text of several lines in which private keys, which take many, are replaced by asterisks."""
    return _PRIVATE_KEYS.sub(r"\1***", text)
