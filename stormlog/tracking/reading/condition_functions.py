"""The functions that a condition may call.

The promise: each takes time in proportion to its values, or to the product of two. SQLite's own `LIKE`, `GLOB` and
`trim` do not, and nothing can stop them before they are through: others with the same answers take their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

__all__ = ["FUNCTIONS", "REPLACED", "PatternError"]

#: Names as SQLite has them, operators among them. Left out is what has a side effect, answers by chance, makes values
#: of a wanted size (``printf`` counts to it even if it may not make it), or tells of the database.
_NAMES: Final = """
-> ->> abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat concat_ws cos cosh count
cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp first_value floor
glob group_concat hex ifnull iif instr json json_array json_array_length json_error_position json_extract
json_group_array json_group_object json_object json_quote json_type json_valid julianday lag last_value lead
length like likelihood likely ln log log10 log2 lower ltrim max min mod nth_value ntile nullif octet_length
percent_rank pi pow power quote radians rank replace round row_number rtrim sign sin sinh sqrt strftime
string_agg substr substring sum tan tanh time timediff total trim trunc typeof unicode unixepoch unlikely upper
"""
FUNCTIONS: Final = frozenset(_NAMES.split())

#: How long a pattern may be, in characters.
LONGEST_PATTERN: Final = 500


class PatternError(ValueError):
    """A pattern of LIKE or GLOB is longer than allowed, or its escape character is none."""


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _like(pattern: object, value: object, *escapes: object) -> bool | None:
    if pattern is None or value is None or None in escapes:
        return None
    escape = _text(escapes[0]) if escapes else None
    if escape is not None and len(escape) != 1:
        raise PatternError("ESCAPE takes a single character")
    expression = _like_expression(_bounded(pattern), escape)
    return expression is not None and expression.match(_text(value)) is not None


def _glob(pattern: object, value: object) -> bool | None:
    if pattern is None or value is None:
        return None
    expression = _glob_expression(_bounded(pattern))
    return expression is not None and expression.match(_text(value)) is not None


def _bounded(pattern: object) -> str:
    text = _text(pattern)
    if len(text) > LONGEST_PATTERN:
        raise PatternError(f"a pattern has more than {LONGEST_PATTERN} characters")
    return text


@lru_cache(maxsize=64)
def _like_expression(pattern: str, escape: str | None) -> re.Pattern[str] | None:
    """Return None for a pattern that nothing matches: it ends with the escape character."""
    pieces, characters = [""], iter(pattern)
    for character in characters:
        if character == escape:
            escaped = next(characters, None)
            if escaped is None:
                return None
            pieces[-1] += re.escape(escaped)
        elif character == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if character == "_" else re.escape(character)
    # Only ASCII letters match in either case.
    return _compiled(pieces, re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=64)
def _glob_expression(pattern: str) -> re.Pattern[str] | None:
    """Return None for a pattern that nothing matches: it has a bracket that does not end."""
    pieces, position = [""], 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            pieces.append("")
        elif character == "[":
            found = re.compile(r"(\^?+)(\]?+[^\]]*+)\]").match(pattern, position)
            if found is None:
                return None
            position = found.end()
            pieces[-1] += _one_of(found[2], is_negated=bool(found[1]))
        else:
            pieces[-1] += "." if character == "?" else re.escape(character)
    return _compiled(pieces, 0)


def _one_of(members: str, *, is_negated: bool) -> str:
    """Return the expression for one character among some; ``a-z`` stands for all between."""
    parts, position = [], 0
    while position < len(members):
        first, last = members[position], members[position]
        if members[position + 1 : position + 2] == "-" and position + 2 < len(members):
            last = members[position + 2]
            position += 2
        position += 1
        if first <= last:
            parts.append(f"{re.escape(first)}-{re.escape(last)}")
    if not parts:
        return "." if is_negated else "(?!)"
    return f"[{'^' if is_negated else ''}{''.join(parts)}]"


def _compiled(pieces: list[str], flags: int) -> re.Pattern[str]:
    """Return an expression for pieces with anything between them.

    Each piece but the last is looked for once, at the first place where it fits: a later one could not help.
    """
    first, *others = pieces
    if not others:
        return re.compile(rf"{first}\Z", flags | re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(rf"{first}{middle}.*{others[-1]}\Z", flags | re.DOTALL)


def _trimming(strip: Callable[[str, str], str]) -> Callable[[object, object], str | None]:
    def trim(value: object, characters: object) -> str | None:
        if value is None or characters is None:
            return None
        # Each character once: the time does not depend on how often it is named.
        return strip(_text(value), "".join(set(_text(characters))))

    return trim


#: Name, number of arguments, and what is called.
REPLACED: Final[tuple[tuple[str, int, Callable[..., str | int | None]], ...]] = (
    ("like", 2, _like),
    ("like", 3, _like),
    ("glob", 2, _glob),
    ("trim", 2, _trimming(str.strip)),
    ("ltrim", 2, _trimming(str.lstrip)),
    ("rtrim", 2, _trimming(str.rstrip)),
)
