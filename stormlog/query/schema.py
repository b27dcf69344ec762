"""What the public views hold: columns with their types, units and meanings, and a statement to begin with.

It comes from the comments of the SQL files, and the types from binding them; no telemetry is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from stormlog._names import unit_of
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.engine import SqlFile
    from stormlog.query.store import QueryStore

__all__ = ["ColumnDescription", "ViewDescription", "describe_view", "describe_views"]
__all__ += ["function_names", "view_columns", "view_meanings"]

_TYPES = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main'"


@frozen_class
class ColumnDescription:
    """A column of a view, or an argument of one that takes some.

    Attributes:
        name: Its name.
        type: Its type, as DuckDB writes it.
        unit: Such as ``bytes`` or ``ns``; None where there is none.
        meaning: What it says.
    """

    name: str
    type: str
    unit: str | None
    meaning: str

    def as_dict(self) -> dict[str, Any]:
        """Return its fields, JSON-ready."""
        return {"name": self.name, "type": self.type, "unit": self.unit, "meaning": self.meaning}


@frozen_class
class ViewDescription:
    """A view that users may rely on.

    Attributes:
        name: Its name.
        meaning: What one row is.
        call: How statements name it, with its arguments if it takes any.
        arguments: What it takes.
        columns: What its rows hold.
        example: A statement to begin with.
    """

    name: str
    meaning: str
    call: str
    arguments: tuple[ColumnDescription, ...]
    columns: tuple[ColumnDescription, ...]
    example: str

    def as_dict(self) -> dict[str, Any]:
        """Return its fields, JSON-ready."""
        return {
            "name": self.name,
            "meaning": self.meaning,
            "call": self.call,
            "arguments": [argument.as_dict() for argument in self.arguments],
            "columns": [column.as_dict() for column in self.columns],
            "example": self.example,
        }


def describe_views(store: QueryStore | None = None) -> list[ViewDescription]:
    """Return all public views by name, those with arguments last.

    Args:
        store: Where to bind them; by default one without any telemetry.
    """
    files = _files()
    with _bound_in(store) as bound:
        types: dict[str, dict[str, str]] = {}
        for view, column, kind in bound.sql(_TYPES):
            types.setdefault(view, {})[column] = kind
        return [_described(file, types.get(file.name) or _types(file, bound)) for file in files]


def describe_view(name: str, store: QueryStore | None = None) -> ViewDescription:
    """Return one public view.

    Args:
        name: Its name.
        store: Where to bind it; by default one without any telemetry.

    Raises:
        ValueError: there is none of that name; the message suggests the nearest one.
    """
    files = {file.name: file for file in _files()}
    file = files.get(name.lower())
    if file is None:
        near = get_close_matches(name.lower(), files, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(files)}"
        raise ValueError(f"there is no view {name}; {hint}")
    with _bound_in(store) as bound:
        return _described(file, _types(file, bound))


def view_meanings() -> dict[str, str]:
    """Return what one row of each public view is, by how statements name it."""
    return {file.call: file.summary for file in _files()}


def _files() -> list[SqlFile]:
    from stormlog.engine import public_files

    return sorted(public_files(), key=lambda file: (bool(file.parameters), file.name))


@contextmanager
def _bound_in(store: QueryStore | None) -> Iterator[QueryStore]:
    if store is not None:
        yield store
        return
    import tempfile

    from stormlog.query.store import open as open_store

    with (
        tempfile.TemporaryDirectory(prefix="stormlog-") as nothing,
        open_store(nothing, cache=False) as empty,
    ):
        yield empty


def _types(file: SqlFile, store: QueryStore) -> dict[str, str]:
    """Return the types of the columns of a view."""
    arguments = ", ".join(f"CAST(NULL AS {kind})" for _, kind, _ in file.typed_parameters)
    call = f"{file.name}({arguments})" if arguments else file.name
    return {row[0]: row[1] for row in store.sql(f"DESCRIBE SELECT * FROM {call}")}


def _described(file: SqlFile, types: Mapping[str, str]) -> ViewDescription:
    return ViewDescription(
        name=file.name,
        meaning=file.summary,
        call=file.call,
        arguments=tuple(_column(*parameter) for parameter in file.typed_parameters),
        columns=tuple(_column(name, types.get(name, ""), text) for name, text in file.columns.items()),
        example=file.example,
    )


def _column(name: str, kind: str, meaning: str) -> ColumnDescription:
    return ColumnDescription(name, kind, unit_of(name), meaning)


def view_columns() -> dict[str, list[str]]:
    """Return the names of the columns of each public view and table macro."""
    return {file.name: list(file.columns) for file in _files()}


def function_names() -> list[str]:
    """Return the functions that statements of users may call, those with a name."""
    from stormlog.engine import allowed_functions

    return sorted(name for name in allowed_functions() if name.isidentifier())
