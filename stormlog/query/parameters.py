"""Values of parameters as people write them on one line: ``kind=oom``, ``limit=5``, ``ids=["a", "b"]``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

__all__ = ["parse_parameters"]

_NAMED = re.compile(r"\$?([A-Za-z_][A-Za-z0-9_]*|[1-9][0-9]*)=(.*)", re.DOTALL)
#: Integers that a statement can take: DuckDB has 128 bits.
_MOST = 2**127


def parse_parameters(texts: Iterable[str]) -> dict[str, Any]:
    """Return the values of ``name=value``, by name.

    A value that is JSON is what JSON makes of it: a number, ``true``, ``false``, ``null``, a text in double quotes, a
    list or an object. Anything else is text as it stands, ``007`` and ``2026-11-26`` among it.

    Raises:
        ValueError: a text is no such pair, a name occurs twice, or an integer has more than 128 bits.

    Source: docs/sql.md#parameters.
    """
    found: dict[str, Any] = {}
    for text in texts:
        matched = _NAMED.fullmatch(text)
        if matched is None:
            raise ValueError(f"{text!r} is no parameter: write name=value, as in kind=oom")
        name, value = matched.groups()
        if name in found:
            raise ValueError(f"parameter {name} is given twice")
        found[name] = _value(name, value)
    return found


def _value(name: str, text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, int) and not isinstance(value, bool) and not -_MOST <= value < _MOST:
        raise ValueError(
            f"parameter {name} has more than 128 bits; in double quotes it is a text: '{name}=\"...\"'"
        )
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
