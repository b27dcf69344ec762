"""Reads the statements of the store, one file each; apart from `sql_files`: no macro or view is read for them."""

from __future__ import annotations

from functools import cache

from stormlog._resources import resource_directory

__all__ = ["is_own_query", "load_query"]

_loaded: set[str] = set()


@cache
def load_query(name: str) -> str:
    """Return the statement of ``sql/queries/<name>.sql`` without its comment."""
    text = (resource_directory("sql") / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    query = "\n".join(lines[start:]).strip().removesuffix(";")
    _loaded.add(query)
    return query


def is_own_query(text: str) -> bool:
    """Return whether `load_query` returned this statement: it is known to read only."""
    return text in _loaded
