"""Conditions that people write in SQL about issues.

The promise: what is let through is one expression over the columns of an issue. It runs in a database of its own, in
memory, that holds these columns and nothing else: it cannot write, read other tables, keep others waiting, go on for
ever, or make values of any size. Ctrl-C stops it.

Source: docs/tracking.md#conditions.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Final

from stormlog._sqlite import connect_to_memory
from stormlog.tracking.models import TrackedIssue
from stormlog.tracking.reading.condition_functions import FUNCTIONS, REPLACED, PatternError
from stormlog.tracking.reading.lookup import ISSUE_COLUMNS

__all__ = ["Condition"]

#: How long a condition may take, in seconds.
DEADLINE_S = 10.0

#: How long a condition may be, and how long its values, in bytes. What works on a value cannot be stopped half way:
#: with values of this size nothing of it takes a second.
LONGEST_CONDITION: Final = 10_000
LONGEST_VALUE: Final = 128 * 1024

#: So many steps of SQLite pass between two looks at the clock and at signals.
_STEPS: Final = 50

# A text that closes a parenthesis which it did not open fits into the second form only, one that ends the CASE into
# the first.
_FORMS: Final = ("(\n{}\n)", "CASE WHEN\n{}\nTHEN 1 END")

#: What SQLite takes for one word, or skips. Within double quotes: a name, or a text if there is no such name.
_TOKEN: Final = re.compile(
    r"""'(?:[^']|'')*(?:'|\Z)|"(?P<name>(?:[^"]|"")*)"|`(?:[^`]|``)*(?:`|\Z)|\[[^\]]*(?:\]|\Z)"""
    r"""|--[^\n]*|/\*.*?(?:\*/|\Z)|(?P<word>\w+)|(?P<parenthesis>[()])""",
    re.DOTALL,
)

_TYPES: Final = {
    name: "INTEGER" if {"int", "bool"}.intersection(str(kind).split(" | ")) else "TEXT"
    for name, kind in TrackedIssue.__annotations__.items()
}


class Condition:
    """A condition over issues; close it, or use it as a context manager.

    Args:
        text: One expression of SQLite.

    Raises:
        ValueError: it is none.

    Attributes:
        columns: The columns of `ISSUES_CTE` that it needs, ``issue_id`` first.
    """

    def __init__(self, text: str) -> None:
        if len(text.encode(errors="replace")) > LONGEST_CONDITION:
            raise ValueError(f"a condition may have {LONGEST_CONDITION:,} bytes, and this one has more")
        _require_flat(text)
        self._text = text
        self._sql = _names_only(text)
        self._named: set[str] = set()
        self._reason: str | None = None
        self._is_denied = False
        self._until = 0.0
        self._connection = connect_to_memory()
        try:
            self._prepare()
            for form in _FORMS:
                self._ask(form.format(self._sql), f"{text!r} is no condition over issues")
        except BaseException:
            self._connection.close()
            raise
        self.columns: Sequence[str] = [
            "issue_id",
            *(name for name in ISSUE_COLUMNS if name in self._named - {"issue_id"}),
        ]

    def __enter__(self) -> Condition:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the rows; more than once is fine."""
        self._connection.close()

    def matching(self, rows: Iterable[Sequence[object]]) -> list[str]:
        """Return the ids of the issues that fit, the smallest first.

        Args:
            rows: Every issue, each with the values of ``columns`` in their order.

        Raises:
            KeyboardInterrupt: Ctrl-C arrived.
            ValueError: it fails on some of them, takes too long or makes too large a value.
        """
        names, marks = ", ".join(self.columns), ", ".join("?" * len(self.columns))
        self._connection.set_authorizer(None)
        self._connection.set_progress_handler(None, 0)
        length = self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2**31 - 1)
        self._connection.executemany(f"INSERT INTO tracked.issues ({names}) VALUES ({marks})", rows)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, length)
        self._watch()
        return self._ask(_FORMS[0].format(self._sql), f"the condition {self._text!r} failed")

    def _prepare(self) -> None:
        # A database with a name of its own: nothing answers to `main.issues`.
        columns = ", ".join(f"{name} {_TYPES[name]}" for name in ISSUE_COLUMNS)
        self._connection.execute("ATTACH ':memory:' AS tracked")
        self._connection.execute(
            f"CREATE TABLE tracked.issues ({columns}, PRIMARY KEY (issue_id)) WITHOUT ROWID"
        )
        for name, arguments, function in REPLACED:
            self._connection.create_function(name, arguments, self._watched(function), deterministic=True)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        self._watch()

    def _watch(self) -> None:
        self._connection.set_authorizer(self._authorize)
        self._connection.set_progress_handler(self._must_stop, _STEPS)

    def _ask(self, condition: str, failed: str) -> list[str]:
        self._reason, self._is_denied = None, False
        self._until = time.monotonic() + DEADLINE_S
        try:
            rows = self._connection.execute(
                f"SELECT issue_id FROM issues WHERE {condition} ORDER BY issue_id"
            )
            return [issue_id for (issue_id,) in rows]
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            # Whoever stops it is asked here: SQLite drops what is raised inside of what it calls.
            if self._reason is None and self._was_stopped(error):
                raise KeyboardInterrupt from error
            reason = self._reason or str(error)
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_TOOBIG:
                reason = f"a value has more than {LONGEST_VALUE:,} bytes"
            elif "no such column" in reason:
                reason += f"; columns are {', '.join(ISSUE_COLUMNS)}"
            raise ValueError(f"{failed}: {reason}") from error

    def _was_stopped(self, error: Exception) -> bool:
        """Tell whether something was raised inside of what SQLite calls, which is Ctrl-C."""
        code = getattr(error, "sqlite_errorcode", None)
        return (
            code == sqlite3.SQLITE_INTERRUPT
            or (code == sqlite3.SQLITE_AUTH and not self._is_denied)
            or "user-defined function raised exception" in str(error)
        )

    def _must_stop(self) -> bool:
        if time.monotonic() < self._until:
            return False
        self._reason = f"it takes longer than {DEADLINE_S:g} s"
        return True

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        # Statements can be written that take for ever to prepare.
        if self._must_stop():
            return sqlite3.SQLITE_DENY
        is_issues = action == sqlite3.SQLITE_READ and first == "issues"
        if is_issues and second:
            self._named.add(second)
        # A statement that needs rows but none of their columns is said to read the table.
        if (
            is_issues
            or action == sqlite3.SQLITE_SELECT
            or (action == sqlite3.SQLITE_FUNCTION and str(second).lower() in FUNCTIONS)
        ):
            return sqlite3.SQLITE_OK
        self._is_denied = True
        return sqlite3.SQLITE_DENY

    def _watched(self, function: Callable[..., str | int | None]) -> Callable[..., str | int | None]:
        def call(*values: object) -> str | int | None:
            try:
                return function(*values)
            except PatternError as error:
                self._reason = str(error)
                raise

        return call


def _require_flat(text: str) -> None:
    """Refuse subqueries within subqueries: a short one can stand for more than fits into memory when it is prepared.

    Raises:
        ValueError: there is one.
    """
    # Whether what is between parentheses, of all those that are open, is a subquery.
    opened = [False]
    for token in _TOKEN.finditer(text):
        word = (token["word"] or "").lower()
        if token["parenthesis"] == "(":
            opened.append(False)
        elif token["parenthesis"] == ")":
            opened = opened[:-1] or [False]
        elif word == "with":
            raise ValueError(f"{text!r} is no condition over issues: it may not use WITH")
        elif word in ("select", "values"):
            if any(opened[:-1]):
                raise ValueError(
                    f"{text!r} is no condition over issues: a subquery may not have one within it"
                )
            opened[-1] = True


def _names_only(text: str) -> str:
    """Return a condition in which double quotes are those of names alone.

    SQLite takes a text in double quotes for a value if there is no such column, so that a misspelt name gives a wrong
    answer. Backquotes have no such second meaning.
    """

    def requoted(token: re.Match[str]) -> str:
        name: str | None = token["name"]
        if name is None:
            return str(token[0])
        return "`" + name.replace('""', '"').replace("`", "``") + "`"

    return _TOKEN.sub(requoted, text)
