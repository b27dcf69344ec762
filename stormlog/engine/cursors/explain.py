"""EXPLAIN before a statement: it is written anew in one spelling, and what is behind it is judged like any other.

DuckDB and a pattern may disagree about where a comment ends. So the EXPLAIN that was found is not run; another one is,
before exactly the statement that was judged.
"""

from __future__ import annotations

import re

__all__ = ["explained_statement", "plain_statement"]

_BLANK = r"(?:\s|--[^\r\n]*[\r\n]|/\*(?:[^*]|\*(?!/))*\*/)"
_ANALYZE = r"\bANALY[SZ]E\b"
_OPTION = rf"(?:{_ANALYZE}|FORMAT\s+'?[a-z_]+'?)"
_WRITTEN = re.compile(
    rf"{_BLANK}*EXPLAIN\b(?P<options>(?:{_BLANK}+{_ANALYZE})?(?:{_BLANK}*\(\s*{_OPTION}(?:\s*,\s*{_OPTION})*\s*\))?)",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"\bFORMAT\s+'?([a-z_]+)", re.IGNORECASE)
_PLAIN = re.compile(r"EXPLAIN \((?:ANALYZE, )?FORMAT [a-z_]+\)\n")


def plain_statement(text: str) -> str:
    """Return the same statement with its EXPLAIN, if any, in the spelling that `explained_statement` knows.

    Semicolons before the statement are left out.
    """
    if text.lstrip().startswith(";"):
        text = text.lstrip("; \t\r\n")
    written = _WRITTEN.match(text)
    if written is None:
        return text
    options = written["options"]
    formats = _FORMAT.findall(options) or ["text"]
    analyze = "ANALYZE, " if re.search(_ANALYZE, options, re.IGNORECASE) else ""
    return f"EXPLAIN ({analyze}FORMAT {formats[-1].lower()})\n{text[written.end() :]}"


def explained_statement(text: str) -> str:
    """Return the statement behind the EXPLAIN of `plain_statement`; any other text is returned as it is."""
    plain = _PLAIN.match(text)
    return text if plain is None else text[plain.end() :]
