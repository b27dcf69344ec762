"""One line that says which issues are meant, in the words of the command line: ``--kind oom --since 2h fragmentation``.

Promise: what is written back is read as the same. A word that is no option is text to look for; an option that there is
not, or whose value is missing, is refused with those there are.

Source: docs/tui.md#the-filter.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from stormlog.issues.kinds import kind_named

__all__ = ["FILTER_OPTIONS", "filter_text", "parse_filter"]

#: Options of ``stormlog query issues`` that take a value -> the field of `stormlog.query.IssueFilter`.
FILTER_OPTIONS: Final[Mapping[str, str]] = {
    "kind": "kind",
    "state": "state",
    "severity": "severity",
    "since": "since",
    "until": "until",
    "run": "run",
    "job-id": "job_id",
    "rank": "rank",
    "host": "host",
    "app": "app",
    "session-id": "session_id",
    "fingerprint-id": "fingerprint_id",
    "search": "search",
    "sort": "sort",
}
_FLAGS: Final[Mapping[str, tuple[str, bool]]] = {
    "dev": ("is_dev", True),
    "prod": ("is_dev", False),
    "hide-ignored": ("hide_ignored", True),
}
#: Other names of options.
_OTHER_NAMES: Final = {"session": "session-id", "production": "prod"}
#: Fields that take one value; all others take several.
_SINGLE: Final = ("since", "until", "search", "sort")

_ASSIGNED: Final = re.compile(r"(--)?([A-Za-z][A-Za-z_-]*)=(.*)", re.DOTALL)


def parse_filter(text: str) -> dict[str, Any]:
    """Return the fields of `stormlog.query.IssueFilter` that a line asks for.

    ``kind=oom`` is the same as ``--kind oom``. Options of words and ranks may be repeated, and mean any of their
    values.

    Args:
        text: Options with their values, and text to look for.

    Raises:
        ValueError: an unknown option, a missing or second value, a rank that is no number, or a quotation mark without
            its other one.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("a quotation mark has no other one") from None
    fields: dict[str, Any] = {}
    searched: list[str] = []
    rest = iter(words)
    for word in rest:
        assigned = _ASSIGNED.fullmatch(word)
        if assigned is not None and (assigned[1] or _option(assigned[2]) in FILTER_OPTIONS):
            _put(fields, _known(assigned[2]), assigned[3])
        elif word.startswith("--"):
            option = _known(word[2:])
            if option in _FLAGS:
                _raise_flag(fields, option)
                continue
            value = next(rest, None)
            if value is None:
                raise ValueError(f"--{option} needs a value")
            _put(fields, option, value)
        else:
            searched.append(word)
    if searched:
        _put(fields, "search", " ".join(searched))
    return fields


def filter_text(fields: Mapping[str, Any]) -> str:
    """Return the line that asks for some fields, as it can be typed behind ``stormlog query issues PATH``.

    Args:
        fields: What `parse_filter` returns.
    """
    words: list[str] = []
    for option, field in FILTER_OPTIONS.items():
        values = fields.get(field)
        if values is None:
            continue
        for value in values if isinstance(values, (list, tuple)) else (values,):
            words += [f"--{option}", shlex.quote(str(value))]
    words += [f"--{option}" for option, (field, value) in _FLAGS.items() if fields.get(field) is value]
    return " ".join(words)


def _option(name: str) -> str:
    name = name.replace("_", "-").lower()
    return _OTHER_NAMES.get(name, name)


def _known(name: str) -> str:
    option = _option(name)
    if option not in FILTER_OPTIONS and option not in _FLAGS:
        known = ", ".join(f"--{option}" for option in (*FILTER_OPTIONS, *_FLAGS))
        raise ValueError(f"there is no filter --{option}: choose from {known}; other words are looked for")
    return option


def _put(fields: dict[str, Any], option: str, value: str) -> None:
    if option in _FLAGS:
        raise ValueError(f"--{option} takes no value")
    if not value.strip():
        raise ValueError(f"--{option} needs a value")
    field = FILTER_OPTIONS[option]
    if field in _SINGLE:
        if field in fields:
            raise ValueError(f"--{option} is there twice" if field != "search" else "two texts to look for")
        fields[field] = value
        return
    known: Any = kind_named(value) if field == "kind" else value
    if field == "rank":
        if not re.fullmatch("[0-9]{1,9}", value):
            raise ValueError(f"--rank takes a number, not {value!r}")
        known = int(value)
    fields[field] = [*fields.get(field, ()), known]


def _raise_flag(fields: dict[str, Any], option: str) -> None:
    field, value = _FLAGS[option]
    if fields.get(field, value) is not value:
        raise ValueError("choose one of --dev and --prod: they exclude each other")
    fields[field] = value
