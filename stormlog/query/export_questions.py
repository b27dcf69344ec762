"""Exports of a store: its views at one moment, in files for other tools."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stormlog.query.asking import AnsweringStore

if TYPE_CHECKING:
    from stormlog.engine import Question
    from stormlog.exporting import ExportReport
    from stormlog.query.filters import Time

__all__ = ["ExportingStore"]


class ExportingStore(AnsweringStore):
    """The part of `QueryStore` that writes exports."""

    def export(
        self,
        target: str | os.PathLike[str],
        *,
        views: Iterable[str] | None = None,
        since: Time = None,
        replace: bool = False,
    ) -> ExportReport:
        """Write the public views to a DuckDB or SQLite database, or to a directory of Parquet files.

        The file is read again and compared before it gets its name; until then there is none.

        Args:
            target: ``NAME.duckdb``, ``NAME.sqlite``, or a directory: a name without an ending, or with a slash at its
                end.
            views: Names of views; None for all. ``rejects`` and ``catalog_warnings`` are always there.
            since: Leave out what had ended before this time; see `stormlog.query.parse_time`.
            replace: Whether an export that is there already may be replaced.

        Raises:
            ValueError: the target has another ending, exists, lies in the opened paths or in no directory; there is
                no view of a name; or the time is none.
            ExportError: it cannot be written, or would not say the same as the store. Nothing is left of it.
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.

        Source: docs/export.md.
        """
        from stormlog.exporting import (
            ExportSource,
            chosen_views,
            export_files,
            require_target,
            target_of,
            views_to_prepare,
        )
        from stormlog.query.filter_checks import time_ns

        chosen = chosen_views(views)
        since_ns = None if since is None else time_ns("since", since)
        place = target_of(target)
        require_target(place, replaces=replace, kept=self.catalog.opened, tracker=self._states.tracker)
        states: dict[str, str] = {}

        def begin() -> Question:
            states.update(self._issue_states())
            return self._question(self._prepared(views_to_prepare(chosen)), "")

        def read(question: Question) -> ExportReport:
            paths = tuple(map(str, self.catalog.paths))
            with question.cursor as cursor:
                source = ExportSource(cursor, self._fitting_settings(), paths, states)
                return export_files(source, place, chosen, since_ns=since_ns, replaces=replace)

        return self._ask(begin, read)
