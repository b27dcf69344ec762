"""What a statement calls a view or a column that is not there: the nearest one that there is for users.

DuckDB suggests names of its own catalog and of inner tables, and only views that were asked before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from stormlog.engine.view_needs import public_columns, public_parameters
from stormlog.errors import QueryError

__all__ = ["with_near_names"]

_TABLE = re.compile(r'^Catalog Error: Table with name "?(?P<name>.+?)"? does not exist')
_COLUMN = re.compile(
    r'^Binder Error: (?:Referenced column|.*does not have a column named|[Cc]olumn) "(?P<name>[^"]+)"'
)
_QUALIFIER = re.compile(r'^Binder Error: Referenced table "(?P<name>[^"]+)" not found')
_PLACE = re.compile(r"\n\nLINE \d+:.*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def with_near_names(error: QueryError, text: str, own_tables: Mapping[str, Sequence[str]]) -> QueryError:
    """Return an error that suggests names that users may rely on; the same one where no name is to blame.

    Args:
        error: Why DuckDB refuses a statement.
        text: The statement.
        own_tables: Names of the user's own tables, and their columns.
    """
    message = str(error).removeprefix(f"{error.statement}: ")
    columns_of = {**public_columns(), **{name.lower(): list(columns) for name, columns in own_tables.items()}}
    found = _TABLE.match(message)
    sentence: str | None
    if found is not None:
        sentence = _about_table(found["name"], columns_of)
    else:
        found = _COLUMN.match(message) or _QUALIFIER.match(message)
        if found is None:
            return error
        is_column = _QUALIFIER.match(message) is None
        sentence = _about_column(found["name"], text, columns_of, is_column=is_column)
    if sentence is None:
        return error
    place = _PLACE.search(message)
    return QueryError(sentence + (place[0] if place else ""), statement=error.statement, sql=error.sql)


def _about_table(name: str, columns_of: Mapping[str, Sequence[str]]) -> str:
    parameters = public_parameters().get(name.lower())
    if parameters is not None:
        return f"{name} takes arguments: FROM {name}({', '.join(parameters)})"
    if name.lower() in columns_of:
        return f"there is no view or table {name} in that schema; {name.lower()} has none before it"
    near = get_close_matches(name.lower(), columns_of, n=1)
    if near:
        return f"there is no view or table {name}; did you mean {near[0]}?"
    return f"there is no view or table {name}; there are {', '.join(sorted(columns_of))}"


def _about_column(
    name: str, text: str, columns_of: Mapping[str, Sequence[str]], *, is_column: bool
) -> str | None:
    """Return what to say of a column, or of what stands before its point."""
    named = [view for view in {word.lower() for word in _WORD.findall(text)} if view in columns_of]
    if not is_column:
        near = get_close_matches(name.lower(), named, n=1)
        known = f"; did you mean {near[0]}?" if near else f"; the statement names {', '.join(sorted(named))}"
        return f"{name} is no table or alias of this statement{known if named else ''}"
    columns = {column.lower(): column for view in sorted(named) for column in columns_of[view]}
    if not columns or name.lower() in columns:
        # It is there, only not where the statement looks for it: DuckDB says so better.
        return None
    near = get_close_matches(name.lower(), columns, n=1)
    if near:
        return f"there is no column {name}; did you mean {columns[near[0]]}?"
    hint = f"; DESCRIBE {sorted(named)[0]} lists what there is"
    return f"there is no column {name} in {', '.join(sorted(named))}{hint}"
