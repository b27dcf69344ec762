"""A tracker as queries see it: its tables, read only, without the package that writes them.

The promise: nothing is written, nobody who writes has to wait, and a tracker that this version does not know
is refused rather than misread.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stormlog._resources import resource_directory
from stormlog._sqlite import connect_to_memory, connect_to_read, explaining, migrating
from stormlog.errors import LifecycleError, MigrationError, SourceError
from stormlog.issues.sidecar import TrackedState
from stormlog.issues.state import STATE_OF_STATUS

if TYPE_CHECKING:
    from stormlog.issues import IgnoreRule

__all__ = ["SELECT_STATES", "TrackerFile", "empty_tracker", "state_of_row", "tables_of"]

_READING: Final = "read this tracker"

#: One row per fingerprint of a project: what is tracked of it. The parameter is the name of the project.
SELECT_STATES: Final = """
SELECT
    f.fingerprint_id, i.status, a.name AS app, f.is_dev, i.issue_id, f.kind, f.schema_version, f.dimensions_json,
    f.severity, f.title, f.title_ns, i.fix_version, i.ignore_until_json, i.assignee, i.occurrence_count, i.hit_count,
    i.run_count, i.unique_user_count, i.recurred_count, i.first_seen_ns, i.last_seen_ns, i.first_seen_version,
    i.last_seen_version, n.number
FROM issue_fingerprints AS f
INNER JOIN issues AS i ON f.issue_id = i.issue_id
INNER JOIN apps AS a ON f.app_id = a.app_id
INNER JOIN projects AS p ON i.project_id = p.project_id
INNER JOIN issue_numbers AS n ON i.issue_id = n.issue_id AND n.is_former = 0
WHERE p.name = ?
ORDER BY f.fingerprint_id, a.name, f.is_dev
"""

#: Numbers of issues that were merged are for exports alone.
_ALL_FIELDS = frozenset(TrackedState.__dataclass_fields__) - {"given", "former_numbers"}


def state_of_row(row: sqlite3.Row) -> TrackedState:
    """Return a row of `SELECT_STATES` as a value."""
    fields: dict[str, Any] = dict(row)
    dimensions, ignore_until = fields.pop("dimensions_json"), fields.pop("ignore_until_json")
    return TrackedState(
        **{
            **fields,
            "state": STATE_OF_STATUS[fields["status"]],
            "is_dev": bool(fields["is_dev"]),
            "dimensions": json.loads(dimensions),
            "ignore_until": None if ignore_until is None else json.loads(ignore_until),
            "given": _ALL_FIELDS,
        }
    )


class TrackerFile:
    """A connection to a tracker that only reads.

    Args:
        path: The file.

    Raises:
        MigrationError: it is newer or older than this version of Stormlog, damaged, or something else.
        SourceError: it is missing, nothing is in it yet, or it cannot be opened.
        StoreBusyError: somebody else did not finish in time.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._identity = _identity(path)
        if self._identity is None:
            raise SourceError("no such tracker; 'stormlog scan' makes one", path=path)
        with explaining(path, doing=_READING):
            self._connection = connect_to_read(path)
            try:
                self._require_known()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the connection; more than once is fine."""
        with explaining(self.path, doing=_READING):
            self._connection.close()

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the file that is open."""
        return _identity(self.path) == self._identity

    def data_version(self) -> int:
        """Return a number that is another one once somebody has changed the file."""
        with explaining(self.path, doing=_READING):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Show the tracker to all statements inside as it is now, `data_version` included."""
        with explaining(self.path, doing=_READING):
            self._connection.execute("BEGIN")
            try:
                # Only this chooses the moment.
                self._connection.execute("SELECT 1 FROM projects LIMIT 1").fetchone()
                yield self._connection
            finally:
                # Some errors end a transaction.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def states(self, project: str) -> list[TrackedState]:
        """Return what is tracked of a project; call it inside `reading`.

        Raises:
            LifecycleError: there are projects, and none of that name.
        """
        names = [name for (name,) in self._connection.execute("SELECT name FROM projects ORDER BY name")]
        if names and project not in names:
            raise LifecycleError(
                f"{self.path} has no project {project!r}; there are {', '.join(names)}",
                code="not_found",
                details={"project": project},
            )
        return [state_of_row(row) for row in self._connection.execute(SELECT_STATES, [project])]

    def ignore_rules(self, project: str) -> tuple[IgnoreRule, ...]:
        """Return the rules by which issues of a project are ignored; call it inside `reading`."""
        rows = self._connection.execute(
            "SELECT r.rule_json FROM ignore_rules AS r INNER JOIN projects AS p ON p.project_id = r.project_id "
            "WHERE p.name = ? ORDER BY r.rule_id",
            [project],
        ).fetchall()
        if not rows:
            return ()
        from stormlog.issues import ignore_rule_of

        return tuple(ignore_rule_of(json.loads(text)) for (text,) in rows)

    def _require_known(self) -> None:
        tables = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            raise SourceError("no such tracker yet; 'stormlog scan' makes one", path=self.path)
        if not {"schema_migrations", "issues", "issue_fingerprints", "apps", "projects"} <= tables:
            raise MigrationError(
                f"{self.path} is no tracker", code="not_a_store", details={"path": self.path}
            )
        known = max(_migrations())
        version = self._connection.execute("SELECT max(version) FROM schema_migrations").fetchone()[0] or 0
        details = {"path": self.path, "store_version": version, "known_version": known}
        if version > known:
            raise MigrationError(
                f"{self.path} has version {version} and this Stormlog knows {known}: install a newer Stormlog",
                code="store_too_new",
                details=details,
            )
        if version < known:
            raise MigrationError(
                f"{self.path} has the older version {version}; {migrating(self.path)}",
                code="store_too_old",
                details=details,
            )


def tables_of(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """Return the tables of a tracker: name -> column -> DuckDB type."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    return {
        name: {
            column: "BIGINT" if kind == "INTEGER" else "VARCHAR"
            for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({name})")
        }
        for (name,) in names
    }


def empty_tracker() -> sqlite3.Connection:
    """Return a tracker in memory without any rows, for its tables."""
    connection = connect_to_memory()
    connection.execute(
        "CREATE TABLE schema_migrations (version INTEGER, name TEXT, sha256 TEXT, applied_at TEXT)"
    )
    for _, script in sorted(_migrations().items()):
        connection.executescript(script.read_text(encoding="utf-8"))
    return connection


@cache
def _migrations() -> dict[int, Path]:
    found = resource_directory("migrations").glob("*.sql")
    return {int(match[1]): path for path in found if (match := re.match(r"(\d{4})_", path.name))}


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
