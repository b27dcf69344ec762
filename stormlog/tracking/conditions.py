"""Conditions that people write in SQL about issues.

The promise: what is let through is one expression over the columns of an issue. It cannot write, read other
tables, or reach the rest of the statement that it becomes a part of.
"""

from __future__ import annotations

import contextlib
import sqlite3

from stormlog.tracking.lookup import ISSUE_COLUMNS

__all__ = ["require_condition"]

_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION)

# SQLite itself decides, on a database without tables. A text that closes a parenthesis which it did not open
# fits into the second statement only, one that ends the CASE into the first.
_FORMS = ("(\n{}\n)", "CASE WHEN\n{}\nTHEN 1 END")


def require_condition(text: str) -> str:
    """Return a condition that may stand in parentheses, followed by a line break.

    Raises:
        ValueError: it is none.

    Source: docs/tracking.md#conditions.
    """
    columns = ", ".join(ISSUE_COLUMNS)
    nothing = ", ".join(["NULL"] * len(ISSUE_COLUMNS))
    with contextlib.closing(sqlite3.connect(":memory:")) as empty:
        empty.set_authorizer(_authorize)
        for form in _FORMS:
            rows = f"WITH issues ({columns}) AS (SELECT {nothing}) SELECT 1 FROM issues WHERE"
            try:
                empty.execute(f"{rows} {form.format(text)}").fetchall()
            except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
                hint = f"; columns are {columns}" if "no such column" in str(error) else ""
                raise ValueError(f"{text!r} is no condition over issues: {error}{hint}") from error
    return text


def _authorize(action: int, table: str | None, *_: str | None) -> int:
    # A statement that needs rows but none of their columns is said to read the table.
    allowed = action in _ALLOWED or (action == sqlite3.SQLITE_READ and table == "issues")
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
