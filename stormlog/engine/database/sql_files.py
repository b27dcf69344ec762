"""Reads the SQL files of Stormlog.

Promise: what a file says is what runs. A file holds one macro or one view and is called like it; the leading
comment is its documentation, and what follows ``-- Tests`` is run by the test suite only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

from stormlog._resources import resource_directory
from stormlog._values import frozen_class

__all__ = [
    "SqlFile",
    "comments",
    "load_sql_files",
    "python_functions_of",
    "quote_identifier",
    "quote_literal",
    "view_query",
]

_CREATE = re.compile(r"^CREATE OR REPLACE (MACRO|VIEW) ([a-z0-9_.]+)", re.MULTILINE)
#: A column, or an argument, which has a type.
_DESCRIBED = re.compile(r"^--   ([a-z0-9_]+)(?: [A-Z]+)?: (.+)$")
_TABLE_MACRO = re.compile(r"\) AS TABLE\n")
#: Lines of the comment that list names, and go on in lines that are indented.
_LIST = re.compile(r"^-- (Reads|Calls|Needs): (.+(?:\n--   .+)*)$", re.MULTILINE)

_TYPED = re.compile(r"^--   ([a-z0-9_]+) ([A-Z]+): (.+)$", re.MULTILINE)
#: A statement, which goes on in lines that are indented.
_EXAMPLE = re.compile(r"^-- Example: (.+(?:\n--   .+)*)$", re.MULTILINE)

#: Folder of views -> schema of the views in it. Schemas of macros are called like their folders, but `public`.
_VIEW_SCHEMAS = {
    "raw": "raw",
    "stage": "stage",
    "gaps": "stage",
    "phases": "stage",
    "memory": "stage",
    "runs": "stage",
    "public": "",
    "tracking": "tracking",
}


@frozen_class
class SqlFile:
    """One macro or view.

    Attributes:
        path: Where the file is.
        kind: ``MACRO``, ``TABLE MACRO`` (a view with parameters) or ``VIEW``.
        name: Name with its schema, for example ``issues.error_stem``; views and table macros of users have none.
        summary: First line of the comment.
        parameters: Parameters of a table macro and their descriptions.
        columns: Column name -> description, for views and table macros that document them.
        statement: The CREATE statement.
        tests: Statements that raise when the file is wrong.
        is_materialised: Whether the engine keeps the view's rows as a table.
        reads: Tables and views that a view selects from.
        calls: Macros that the statement calls, and functions of Python, which have no schema.
        needs: What has to be filled before what users may name answers; see `stormlog.engine.view_needs`.
        typed_parameters: Parameters of a table macro: name, type, description.
        stated_example: The statement that the comment gives as an example; None if it gives none.
    """

    path: Path
    kind: str
    name: str
    summary: str
    parameters: dict[str, str]
    columns: dict[str, str]
    statement: str
    tests: str
    is_materialised: bool
    reads: tuple[str, ...]
    calls: tuple[str, ...]
    needs: tuple[str, ...]
    typed_parameters: tuple[tuple[str, str, str], ...]
    stated_example: str | None

    @property
    def call(self) -> str:
        """How statements name a view, with the arguments of a table macro."""
        return f"{self.name}({', '.join(self.parameters)})" if self.parameters else self.name

    @property
    def example(self) -> str:
        """A statement to begin with."""
        return self.stated_example or f"SELECT * FROM {self.call} LIMIT 5"

    @property
    def python_functions(self) -> list[str]:
        """Functions of Python among what is called."""
        return [name for name in self.calls if "." not in name]

    @property
    def table_name(self) -> str:
        """Name under which statements select from a view: that of its table, if it is materialised."""
        return self.name.removesuffix("_view") if self.is_materialised else self.name

    @property
    def query(self) -> str:
        """The SELECT of a view or a table macro, without what creates it."""
        start = " AS TABLE\n" if self.kind == "TABLE MACRO" else " AS\n"
        return self.statement.partition(start)[2].removesuffix(";")


def quote_literal(text: str) -> str:
    """Return ``text`` as an SQL string literal, for DDL where values cannot be bound."""
    return "'" + text.replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """Return ``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@cache
def load_sql_files() -> tuple[SqlFile, ...]:
    """Return all macros, then all views, each by path.

    Raises:
        ValueError: a file's path and content disagree.
    """
    root = resource_directory("sql")
    return tuple(
        _parse(path) for kind in ("macros", "views") for path in sorted((root / kind).glob("*/*.sql"))
    )


def python_functions_of(names: Iterable[str]) -> set[str]:
    """Return the functions of Python that some views and table macros call, or the views that they select from."""
    functions: set[str] = set()
    for name in names:
        functions |= _python_functions_of(name)
    return functions


@cache
def _python_functions_of(name: str) -> frozenset[str]:
    file = _files_by_name().get(name)
    if file is None:
        return frozenset()
    return frozenset(file.python_functions).union(*map(_python_functions_of, file.reads))


@cache
def _files_by_name() -> dict[str, SqlFile]:
    return {file.table_name: file for file in load_sql_files() if file.kind != "MACRO"}


def view_query(name: str) -> str:
    """Return the SELECT of a view, for statements that are its only user: creating it would bind it once more."""
    return next(file.query for file in load_sql_files() if file.kind == "VIEW" and file.name == name)


def comments() -> Iterator[str]:
    """Yield statements that attach every file's documentation to its macro or view."""
    for file in load_sql_files():
        if file.is_materialised:
            continue
        kind = "MACRO TABLE" if file.kind == "TABLE MACRO" else file.kind
        yield f"COMMENT ON {kind} {file.name} IS {quote_literal(file.summary)};"
        if file.kind != "VIEW":
            continue
        for column, text in file.columns.items():
            yield f"COMMENT ON COLUMN {file.name}.{column} IS {quote_literal(text)};"


def _parse(path: Path) -> SqlFile:
    text = path.read_text(encoding="utf-8")
    head, _, tests = text.partition("\n-- Tests\n")
    created = _CREATE.search(head)
    if created is None:
        raise ValueError(f"{path}: no CREATE OR REPLACE MACRO or VIEW")
    kind, name = created.groups()
    if kind == "MACRO" and _TABLE_MACRO.search(head):
        kind = "TABLE MACRO"
    header = head[: created.start()]
    comment = header.splitlines()
    lists = {title: tuple(names.replace("\n--  ", "").split(", ")) for title, names in _LIST.findall(header)}
    example = _EXAMPLE.search(header)
    is_materialised = "-- Materialised: yes" in comment
    folder = path.parent.name
    schema = folder if kind == "MACRO" else _VIEW_SCHEMAS.get(folder)
    if name != f"{schema}.{path.stem}{'_view' if is_materialised else ''}".lstrip("."):
        raise ValueError(f"{path}: creates {name}, which is not what the file is called")
    return SqlFile(
        path=path,
        kind=kind,
        name=name,
        summary=comment[0].removeprefix("-- "),
        parameters=_described(comment, "Args") if kind == "TABLE MACRO" else {},
        columns=_described(comment, "Columns"),
        statement=head[created.start() :].strip(),
        tests=tests,
        is_materialised=is_materialised,
        reads=lists.get("Reads", ()),
        calls=lists.get("Calls", ()),
        needs=lists.get("Needs", ()),
        typed_parameters=tuple(_TYPED.findall(_part(header, "Args"))) if kind == "TABLE MACRO" else (),
        stated_example=" ".join(example[1].replace("\n--  ", "").split()) if example else None,
    )


def _part(header: str, title: str) -> str:
    """Return what stands below a title, up to the next one."""
    return header.partition(f"-- {title}:\n")[2].partition("--\n")[0]


def _described(comment: list[str], title: str) -> dict[str, str]:
    """Return what a comment describes below a title, by name."""
    if f"-- {title}:" not in comment:
        return {}
    lines = comment[comment.index(f"-- {title}:") + 1 :]
    matches = takewhile(lambda match: match is not None, map(_DESCRIBED.match, lines))
    return {match[1]: match[2] for match in matches if match is not None}
