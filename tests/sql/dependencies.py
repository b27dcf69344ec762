"""Says what the SQL of a file selects from and calls, as DuckDB parses it.

Run ``python tests/sql/dependencies.py`` after changing a file: it writes the lines ``Reads`` and ``Calls`` of all
headers. A test compares them with the SQL.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb

from stormlog.engine.database.sql_files import SqlFile, load_sql_files

__all__ = ["calls_of", "ctes_of", "reads_of", "with_header"]

_LINES = re.compile(r"^-- (?:Reads|Calls): .+\n(?:--   .+\n)*", re.MULTILINE)


def reads_of(file: SqlFile) -> list[str]:
    """Return the tables and views that a file selects from, by name."""
    nodes = _nodes(_tree(file))
    named = {_name(node, "table_name") for node in nodes if node.get("type") == "BASE_TABLE"}
    return sorted(named - set(ctes_of(file)))


def ctes_of(file: SqlFile) -> list[str]:
    """Return the names of the common table expressions of a file."""
    maps = [node["cte_map"]["map"] for node in _nodes(_tree(file)) if "cte_map" in node]
    return [str(entry["key"]) for entries in maps for entry in entries]


def calls_of(file: SqlFile) -> list[str]:
    """Return the macros that a file calls, by name, then the functions of Python."""
    named = {_name(node, "function_name") for node in _nodes(_tree(file)) if node.get("class") == "FUNCTION"}
    macros = sorted(name for name in named if "." in name)
    return [*macros, *sorted(name for name in named if name.startswith("stormlog_"))]


def with_header(file: SqlFile) -> str:
    """Return the text of a file with the lines ``Reads`` and ``Calls`` as they should be."""
    text = _LINES.sub("", file.path.read_text(encoding="utf-8"))
    lines = _header_lines("Reads", reads_of(file)) + _header_lines("Calls", calls_of(file))
    place = re.search(r"^-- (?:Needs|Source): ", text, re.MULTILINE)
    assert place is not None, f"{file.path}: no Source"
    return text[: place.start()] + "".join(f"{line}\n" for line in lines) + text[place.start() :]


def _header_lines(title: str, names: list[str]) -> list[str]:
    if not names:
        return []
    first, *others = textwrap.wrap(", ".join(names), width=100)
    return [f"-- {title}: {first}", *(f"--   {line}" for line in others)]


def _name(node: dict[str, Any], key: str) -> str:
    schema = node["schema_name" if key == "table_name" else "schema"]
    return f"{schema}.{node[key]}" if schema else str(node[key])


def _tree(file: SqlFile) -> Any:
    if file.kind == "MACRO":
        body = re.split(r"\sAS\s", file.statement, maxsplit=1)[1].removesuffix(";")
        return _tree_of_query(f"SELECT ({body})")
    return _tree_of_query(file.query)


@cache
def _tree_of_query(query: str) -> Any:
    row = duckdb.execute("SELECT json_serialize_sql($query)", {"query": query}).fetchone()
    assert row is not None
    tree = json.loads(row[0])
    assert not tree["error"], f"{tree}: {query}"
    return tree


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _nodes(item)


if __name__ == "__main__":
    for library_file in load_sql_files():
        library_file.path.write_text(with_header(library_file), encoding="utf-8")
