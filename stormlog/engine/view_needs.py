"""What has to be filled before a view answers, as its file says in the line ``-- Needs: ...``."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from stormlog.engine.database.sql_files import SqlFile, load_sql_files

__all__ = [
    "ATTACHMENTS",
    "CATALOG",
    "FAILURES",
    "FILES",
    "ISSUES",
    "PHASES",
    "ROLLUPS",
    "RUNS",
    "SESSIONS",
    "TEXTS",
    "WITHOUT_EVENTS",
    "needs_of",
    "public_columns",
    "public_files",
    "public_names",
    "public_parameters",
    "view_names",
]

#: Sources, ledgers and bundles.
CATALOG = "catalog"
#: What is attached to runs, and the segments of sinks.
ATTACHMENTS = "attachments"
#: What rollups.json of sinks say.
ROLLUPS = "rollups"
#: The records of all files, and what reading skipped.
FILES = "files"
#: The same, with the texts of all records.
TEXTS = "texts"
#: Evidence, and the fingerprints of its issues.
ISSUES = "issues"
#: The spans of all phases.
PHASES = "phases"
#: Which sessions belong together.
RUNS = "runs"
#: How ranks failed.
FAILURES = "failures"
#: What the ledgers leave open: `FILES` where two list the same session, `TEXTS` where none lists those of a file.
SESSIONS = "sessions"

#: What is filled without a look at events.
WITHOUT_EVENTS = {CATALOG, ATTACHMENTS, ROLLUPS}

#: What inner views need, for users who name one: mostly only its schema is looked at. Runs need much more than evidence
#: does, so views over runs are named one by one.
_NEEDS_OF_INNER = {
    "raw": (FILES, ATTACHMENTS, ROLLUPS),
    "stage": (ISSUES,),
    **dict.fromkeys(("hit_places", "session_places"), (ISSUES, RUNS)),
}


@cache
def _public_files() -> dict[str, SqlFile]:
    return {file.name: file for file in load_sql_files() if file.kind != "MACRO" and "." not in file.name}


def public_files() -> list[SqlFile]:
    """Return the files of the public views, and of the public table macros."""
    return list(_public_files().values())


def public_names() -> list[str]:
    """Return the names of the public views, and of the public table macros."""
    return list(_public_files())


def view_names() -> list[str]:
    """Return the names of the public views."""
    return [name for name, file in _public_files().items() if file.kind == "VIEW"]


def needs_of(names: Collection[str]) -> set[str]:
    """Return what the public views, table macros and schemas among some names need; other names need nothing."""
    needs = _NEEDS_OF_INNER | {name: file.needs for name, file in _public_files().items()}
    return {need for name in names for need in needs.get(name, ())}


def public_columns() -> dict[str, list[str]]:
    """Return the columns of each public view, as its file describes them."""
    return {name: list(file.columns) for name, file in _public_files().items() if file.kind == "VIEW"}


def public_parameters() -> dict[str, list[str]]:
    """Return the arguments of each public table macro."""
    return {name: list(file.parameters) for name, file in _public_files().items() if file.parameters}
