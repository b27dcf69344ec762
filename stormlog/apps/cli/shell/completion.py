"""What may follow in a statement: views behind FROM, columns of the views that it names, functions, keywords.

No terminal is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from stormlog._values import frozen_class

__all__ = ["COMMANDS", "Vocabulary", "completions", "is_complete"]

#: Commands of the shell, and what they do.
COMMANDS = {
    ".help": "show this",
    ".tables": "list the views, and your own tables",
    ".schema": "show the columns of a view or a table, as in .schema issues",
    ".attach": "make a table of a file, as in .attach hosts=hosts.csv",
    ".format": "print rows as table, json, jsonl, csv or markdown",
    ".limit": "print at most so many rows of each statement, 0 for all",
    ".refresh": "look at the paths again",
    ".quit": "leave, as Ctrl-D does",
}
_WORDS = """
    SELECT FROM WHERE GROUP BY ORDER LIMIT OFFSET HAVING QUALIFY WITH AS JOIN LEFT INNER USING ON AND OR NOT IN IS NULL
    LIKE ILIKE BETWEEN CASE WHEN THEN ELSE END DISTINCT UNION ALL EXCEPT INTERSECT DESC ASC FILTER OVER PARTITION
    EXCLUDE REPLACE DESCRIBE SUMMARIZE EXPLAIN SHOW TABLES VALUES CAST
"""
_KEYWORDS = tuple(_WORDS.split())
#: Words behind which a table stands.
_BEFORE_TABLES = re.compile(r"\b(?:from|join|describe|desc|summarize|table)\s+$", re.IGNORECASE)
_WORD_AT_END = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*)\.)?([A-Za-z_][A-Za-z0-9_]*)?$")
_ALIAS = re.compile(
    r"\b(?:from|join)\s+([A-Za-z_]\w*)(?:\s*\([^()]*\))?\s+(?:as\s+)?([A-Za-z_]\w*)", re.IGNORECASE
)
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Texts, quoted names and comments, also those that are not closed yet.
_OPAQUE = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|--[^\n]*|/\*(?:.*?\*/|.*\Z)", re.DOTALL
)


@frozen_class
class Vocabulary:
    """The names that a statement may use.

    Args:
        columns: Columns by view or table.
        functions: Names of functions.
    """

    columns: Mapping[str, Sequence[str]]
    functions: Sequence[str]


def is_complete(text: str) -> bool:
    """Tell whether a text can be run: it is blank, a command of the shell, or ends with a semicolon."""
    stripped = text.strip()
    return not stripped or stripped.startswith(".") or _OPAQUE.sub(_blank, text).rstrip().endswith(";")


def completions(text: str, vocabulary: Vocabulary) -> tuple[list[str], int]:
    """Return what may stand in place of the last word of a text, and the length of that word.

    Args:
        text: What stands before the cursor.
        vocabulary: The names that there are.
    """
    if text.lstrip().startswith("."):
        return _of_command(text.lstrip(), vocabulary)
    plain = _OPAQUE.sub(_blank, text)
    found = _WORD_AT_END.search(plain)
    assert found is not None
    qualifier, word = found[1], found[2] or ""
    if qualifier is not None:
        return _matching(_columns_of(qualifier, plain, vocabulary), word), len(word)
    before = plain[: len(plain) - len(word)]
    if _BEFORE_TABLES.search(before):
        return _matching(vocabulary.columns, word), len(word)
    if not word:
        return [], 0
    named = [
        name for name in dict.fromkeys(map(str.lower, _NAMES.findall(plain))) if name in vocabulary.columns
    ]
    columns = [column for name in named for column in vocabulary.columns[name]]
    keywords = _KEYWORDS if word.isupper() else [keyword.lower() for keyword in _KEYWORDS]
    return _matching([*columns, *vocabulary.columns, *vocabulary.functions, *keywords], word), len(word)


def _of_command(text: str, vocabulary: Vocabulary) -> tuple[list[str], int]:
    command, blank, argument = text.partition(" ")
    if not blank:
        return _matching(COMMANDS, command), len(command)
    if command == ".schema":
        return _matching(vocabulary.columns, argument), len(argument)
    if command == ".format":
        return _matching(("table", "json", "jsonl", "csv", "markdown"), argument), len(argument)
    return [], 0


def _columns_of(qualifier: str, text: str, vocabulary: Vocabulary) -> Sequence[str]:
    """Return the columns of what stands before a point: a table, or another name for one."""
    aliases = {alias.lower(): table.lower() for table, alias in _ALIAS.findall(text)}
    name = aliases.get(qualifier.lower(), qualifier.lower())
    return vocabulary.columns.get(name, ())


def _matching(names: Iterable[str], word: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.lower().startswith(word.lower())]


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])
