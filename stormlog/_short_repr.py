"""What values say of themselves in a prompt, a notebook or a log: of a bounded length, whatever they hold.

Promise: telemetry may be a megabyte on one line, and lists may have millions of rows; what is printed is a few lines of
printable text. Nothing is read or worked out for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from reprlib import Repr

__all__ = ["hits", "repr_of_fields", "repr_of_rows", "repr_of_titled", "short_repr"]

#: Characters of a text, and of anything else that is no list.
_TEXT, _OTHER = 120, 400
#: Members of a list, and of a mapping; levels of lists in lists.
_MEMBERS, _KEYS, _LEVELS = 4, 8, 3
#: Rows of a list, one on each line.
_ROWS = 5

_shortening = Repr()
_shortening.maxstring = _TEXT
_shortening.maxother = _OTHER
_shortening.maxlevel = _LEVELS
_shortening.maxlist = _shortening.maxtuple = _shortening.maxset = _shortening.maxfrozenset = _MEMBERS
_shortening.maxdict = _KEYS


def short_repr(value: object) -> str:
    """Return the ``repr`` of a value; long texts lose their middle, long lists and mappings their end."""
    text = _shortening.repr(value)
    return text if len(text) <= _OTHER else f"{text[: _OTHER - 3]}..."


def repr_of_fields(value: object, names: Iterable[str]) -> str:
    """Return ``Class(field=..., ...)``, each field as `short_repr` shows it."""
    shown = (f"{name}={short_repr(getattr(value, name))}" for name in names)
    return f"{type(value).__qualname__}({', '.join(shown)})"


def repr_of_titled(value: object, words: Iterable[object], title: str) -> str:
    """Return ``<Class words: 'title'>``.

    Args:
        value: What is shown.
        words: What it is, in a few words; they may come from telemetry.
        title: One line for people.
    """
    # Printable, as everything that repr returns.
    texts = (short_repr(str(word))[1:-1] for word in words)
    return f"<{type(value).__qualname__} {' '.join(texts)}: {short_repr(title)}>"


def hits(count: int) -> str:
    """Return a number of hits."""
    return f"{count:,} {'hit' if count == 1 else 'hits'}"


def repr_of_rows(rows: Sequence[object]) -> str:
    """Return a list with one row on each line, and how many there are beyond the first ones."""
    # One more takes no more lines than to say that there is one.
    shown = rows if len(rows) <= _ROWS + 1 else rows[:_ROWS]
    lines = [short_repr(row) for row in shown]
    hidden = len(rows) - len(shown)
    if hidden:
        lines.append(f"... {hidden:,} more")
    return f"[{f',{chr(10)} '.join(lines)}]"
