"""Any value as one line of text."""

from __future__ import annotations

from typing import Any

from stormlog.apps.cli.printing.json_text import json_line
from stormlog.presenting import printable

__all__ = ["cell_text"]


def cell_text(value: Any) -> str:
    """Return any value as one line of text: ``-`` for null, JSON for lists and mappings."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple, dict)):
        return json_line(value)
    return printable(str(value))
