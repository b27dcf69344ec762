"""Puts what was judged line by line into tables: records as Python wrote them, and rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stormlog.engine.database.tables import LINES_GIVEN_VIEW

if TYPE_CHECKING:
    from stormlog.engine.database.lazy_schema import Database
    from stormlog.engine.reading.odd_lines import Arbiter

__all__ = ["VerdictTables"]


class VerdictTables:
    """The tables of what an arbiter says about one batch of files.

    Args:
        database: Where they are.
        arbiter: Whose verdicts they take.
        statement: Types the records that Python wrote.
    """

    def __init__(self, database: Database, arbiter: Arbiter, statement: str) -> None:
        self._database = database
        self._arbiter = arbiter
        self.statement = statement

    def flush_if_many(self) -> None:
        """Insert what the arbiter has said, if it is much: verdicts are kept in memory until then."""
        if self._arbiter.has_many:
            self.flush()

    def flush(self) -> None:
        """Insert what the arbiter has said since the last call."""
        verdicts = self._arbiter.take()
        if verdicts.records:
            self._database.append(
                "raw.lines_given",
                [list(column) for column in zip(*verdicts.records, strict=True)],
                "INTEGER, BIGINT, VARCHAR, VARCHAR",
            )
            self._database.execute(LINES_GIVEN_VIEW)
            self._database.execute(self.statement)
            self._database.clear("raw.lines_given")
        if verdicts.sessionless:
            self._database.append(
                "raw.sessionless_records",
                [list(column) for column in zip(*verdicts.sessionless, strict=True)],
                "INTEGER, BIGINT, VARCHAR, BIGINT, VARCHAR, BIGINT, BIGINT, VARCHAR",
            )
        if verdicts.rejects:
            self._database.append(
                "raw.rejects",
                [list(column) for column in zip(*verdicts.rejects, strict=True)],
                "INTEGER, BIGINT, VARCHAR, VARCHAR, VARCHAR",
            )
