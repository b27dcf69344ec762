"""What may follow in a statement: views behind FROM, columns of the views that it names, functions, keywords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.query.store import QueryStore

__all__ = ["Vocabulary", "common_start", "completions", "ends_statement", "matching", "vocabulary_of"]

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


def vocabulary_of(store: QueryStore) -> Vocabulary:
    """Return the names that statements over a store may use now."""
    from stormlog.query.schema import function_names, view_columns

    own = {name.lower(): columns for name, columns in store.own_tables().items()}
    return Vocabulary({**view_columns(), **own}, function_names())


def ends_statement(text: str) -> bool:
    """Tell whether a text ends with a semicolon, and not within a text or a comment."""
    return _OPAQUE.sub(_blank, text).rstrip().endswith(";")


def completions(text: str, vocabulary: Vocabulary) -> tuple[list[str], int]:
    """Return what may stand in place of the last word of a text, and the length of that word.

    Args:
        text: What stands before the cursor.
        vocabulary: The names that there are.
    """
    plain = _OPAQUE.sub(_blank, text)
    found = _WORD_AT_END.search(plain)
    assert found is not None
    qualifier, word = found[1], found[2] or ""
    if qualifier is not None:
        return matching(_columns_of(qualifier, plain, vocabulary), word), len(word)
    before = plain[: len(plain) - len(word)]
    if _BEFORE_TABLES.search(before):
        return matching(vocabulary.columns, word), len(word)
    if not word:
        return [], 0
    named = [
        name for name in dict.fromkeys(map(str.lower, _NAMES.findall(plain))) if name in vocabulary.columns
    ]
    columns = [column for name in named for column in vocabulary.columns[name]]
    keywords = _KEYWORDS if word.isupper() else [keyword.lower() for keyword in _KEYWORDS]
    return matching([*columns, *vocabulary.columns, *vocabulary.functions, *keywords], word), len(word)


def _columns_of(qualifier: str, text: str, vocabulary: Vocabulary) -> Sequence[str]:
    """Return the columns of what stands before a point: a table, or another name for one."""
    aliases = {alias.lower(): table.lower() for table, alias in _ALIAS.findall(text)}
    name = aliases.get(qualifier.lower(), qualifier.lower())
    return vocabulary.columns.get(name, ())


def common_start(names: Sequence[str]) -> str:
    """Return what several names begin with, in lower case; a single name is returned as it is."""
    if len(names) == 1:
        return names[0]
    first, last = min(map(str.lower, names)), max(map(str.lower, names))
    length = next(
        (n for n, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first)
    )
    return first[:length]


def matching(names: Iterable[str], word: str) -> list[str]:
    """Return the names that begin with a word, in any case, each once."""
    return [name for name in dict.fromkeys(names) if name.lower().startswith(word.lower())]


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])
