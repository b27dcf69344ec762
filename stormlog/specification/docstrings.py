"""What docstrings say, for programs: one place says what a value means, and help, schemas and guides repeat it."""

from __future__ import annotations

import inspect
import re
from typing import Any

from stormlog._values import frozen_class

__all__ = ["Docstring", "docstring_of"]

#: Headings of sections that explain names one by one.
_NAMES = ("Args", "Attributes")
_HEADING = re.compile(r"([A-Z][a-z]+):$")
_ENTRY = re.compile(r"    (\w+): (.*)")


@frozen_class
class Docstring:
    """A docstring in its parts; each is one line of text.

    Attributes:
        summary: Everything before the first section.
        names: Name of a field or argument -> what it means.
    """

    summary: str
    names: dict[str, str]


def docstring_of(thing: Any) -> Docstring:
    """Return what the docstring of a class or function says, parts that it does not have being empty."""
    summary: list[str] = []
    names: dict[str, list[str]] = {}
    section = name = ""
    for line in inspect.cleandoc(thing.__doc__ or "").splitlines():
        heading, entry = _HEADING.fullmatch(line), _ENTRY.fullmatch(line)
        if heading is not None:
            section, name = heading[1], ""
        elif line.startswith("Source: "):
            section = "Source"
        elif not section:
            summary.append(line)
        elif section in _NAMES and entry is not None:
            name = entry[1]
            names[name] = [entry[2]]
        elif name and line.startswith(" " * 8):
            names[name].append(line)
    return Docstring(_one_line(summary), {name: _one_line(lines) for name, lines in names.items()})


def _one_line(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split()).replace("``", "`")
