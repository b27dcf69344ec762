"""The store: artifacts as views, and the questions people ask of them.

Promise: every method has an ``_sql`` twin that returns the exact text and parameters that it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from stormlog.errors import SourceError
from stormlog.query import statements
from stormlog.query.engine import Engine
from stormlog.query.rows import Reject
from stormlog.query.statements import Statement

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from types import TracebackType

    import duckdb

    from stormlog.issues.evidence import IssueEvidenceLink
    from stormlog.issues.models import StormlogIssue
    from stormlog.query.adhoc import SqlResult
    from stormlog.query.catalog.artifact_catalog import ArtifactCatalog
    from stormlog.query.catalog.models import ExternalAttachment
    from stormlog.query.filters import (
        AttachmentFilter,
        EventFilter,
        IssueFilter,
        OOMBundleFilter,
        SessionFilter,
    )
    from stormlog.query.rows import EventRow, OOMBundleRow, SessionRow

__all__ = ["QueryStore", "open_store"]


def open_store(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    strict: bool = False,
    threads: int | None = None,
    memory_limit: str | None = None,
) -> QueryStore:
    """Open telemetry artifacts for questions.

    Manifests are read at once, events when a question needs them. What was read is kept: later changes
    of the files are not seen, but for one case: a question about whole events (`query_events`, the views
    ``events`` and ``projected_records``) reads the files again when only issues were asked for before.
    Nothing is ever written to the artifacts.

    Args:
        paths: Files and directories; one may be given without a list.
        strict: Raise for the first thing that would be skipped.
        threads: Threads of DuckDB; all cores by default.
        memory_limit: Memory limit of DuckDB, such as ``512MB``; what does not fit goes to the system's
            temporary directory.

    Raises:
        SourceError: none of the paths exists, or ``strict`` and something had to be skipped.
        ValueError: no path, or a setting that DuckDB does not take.

    Source: docs/concepts.md#catalog.
    """
    from stormlog.query.catalog.artifact_catalog import ArtifactCatalog

    catalog = ArtifactCatalog(paths)
    if not catalog.paths:
        raise ValueError("nothing to open: name at least one file or directory")
    missing = {warning.path for warning in catalog.warnings if warning.code == "path_missing"}
    given = [str(path) for path in catalog.paths]
    if missing.issuperset(given):
        raise SourceError("no such file or directory", path=", ".join(given))
    return QueryStore(catalog, strict=strict, threads=threads, memory_limit=memory_limit)


class QueryStore:
    """Views over the artifacts of a catalog. Use `stormlog.query.open`.

    Several threads may ask at once. Close it, or use it as a context manager.

    Attributes:
        catalog: What was found, and what was skipped as a whole.
    """

    def __init__(
        self,
        catalog: ArtifactCatalog,
        *,
        strict: bool = False,
        threads: int | None = None,
        memory_limit: str | None = None,
    ) -> None:
        self.catalog = catalog
        self._strict = strict
        self._engine = Engine(catalog, threads=threads, memory_limit=memory_limit)
        self._lock = threading.RLock()
        if strict:
            self._refuse_skipped()

    def __enter__(self) -> QueryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the database; questions after this raise `QueryError`."""
        self._engine.close()

    # ---- questions -----------------------------------------------------------------------------------------

    def list_issues(
        self, filters: IssueFilter | None = None, *, state_overrides: Mapping[str, str] | None = None
    ) -> list[StormlogIssue]:
        """Return recurring issues, the worst and latest first.

        Args:
            filters: Exact matches; they never change the counts of the issues they keep.
            state_overrides: Fingerprint id -> state; unknown ids are ignored, the default is ``open``.

        Raises:
            ValueError: a state is not known.
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.

        Source: docs/concepts.md#issues.
        """
        from stormlog.query.results import issue

        statement = self.list_issues_sql(filters, state_overrides=state_overrides)
        rows = self._run("list_issues", statement, "issues")
        return [issue(row, partial(self._load_evidence, row[0])) for row in rows]

    def list_issues_sql(
        self, filters: IssueFilter | None = None, *, state_overrides: Mapping[str, str] | None = None
    ) -> Statement:
        """Return the text and the parameters that `list_issues` runs."""
        return statements.issues_statement(filters, state_overrides)

    def list_sessions(self, filters: SessionFilter | None = None) -> list[SessionRow]:
        """Return sessions, the latest first, one per source that knows them.

        Sinks with a ledger answer from it without reading events.

        Source: docs/concepts.md#sessions.
        """
        from stormlog.query.results import session_row

        rows = self._run("list_sessions", self.list_sessions_sql(filters), "sessions")
        return [session_row(row) for row in rows]

    def list_sessions_sql(self, filters: SessionFilter | None = None) -> Statement:
        """Return the text and the parameters that `list_sessions` runs."""
        return statements.sessions_statement(filters)

    def query_events(self, filters: EventFilter | None = None) -> list[EventRow]:
        """Return events in the order of time.

        Source: docs/concepts.md#events.
        """
        from stormlog.query.results import event_row

        rows = self._run("query_events", self.query_events_sql(filters), "events")
        return [event_row(row) for row in rows]

    def query_events_sql(self, filters: EventFilter | None = None) -> Statement:
        """Return the text and the parameters that `query_events` runs."""
        return statements.events_statement(filters)

    def list_oom_bundles(self, filters: OOMBundleFilter | None = None) -> list[OOMBundleRow]:
        """Return OOM bundles by date.

        Source: docs/concepts.md#artifacts.
        """
        from stormlog.query.results import oom_bundle_row

        rows = self._run("list_oom_bundles", self.list_oom_bundles_sql(filters), "oom_bundles")
        return [oom_bundle_row(row) for row in rows]

    def list_oom_bundles_sql(self, filters: OOMBundleFilter | None = None) -> Statement:
        """Return the text and the parameters that `list_oom_bundles` runs."""
        return statements.oom_bundles_statement(filters)

    def list_attachments(self, filters: AttachmentFilter | None = None) -> list[ExternalAttachment]:
        """Return the attachments that sidecars declare.

        Source: docs/concepts.md#artifacts.
        """
        from stormlog.query.catalog.listing import list_attachments

        return list_attachments(self.catalog, filters)

    # ---- SQL -----------------------------------------------------------------------------------------------

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in which every view answers. Everything is read for it."""
        with self._lock:
            self._engine.prepare_all()
            self._refuse_skipped()
            return self._engine.cursor()

    def relation(self, name: str) -> duckdb.DuckDBPyRelation:
        """Return a view as a DuckDB relation, for further SQL, Arrow, or data frames.

        Raises:
            ValueError: there is no such view.
        """
        with self._lock:
            if name not in self._engine.view_names:
                raise ValueError(f"no view {name!r}; there are {', '.join(self._engine.view_names)}")
            self._engine.prepare({name})
            self._refuse_skipped()
            return self._engine.cursor().view(name)

    def sql(self, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> SqlResult:
        """Run one SELECT over the views.

        Only the opened paths are readable, and nothing is writable.

        Args:
            text: The statement, with ``$name`` or ``?`` for values.
            params: The values.

        Raises:
            QueryError: the statement is refused or fails.
        """
        from stormlog.query.adhoc import SqlResult, names_in, require_one_select

        with self._lock:
            require_one_select(self._engine.cursor(), text)
            self._engine.prepare(names_in(text))
            self._refuse_skipped()
            cursor = self._engine.cursor()
        return SqlResult(*self._engine.fetch(cursor, "sql", text, params))

    # ---- what was skipped ----------------------------------------------------------------------------------

    def rejects_summary(self) -> list[tuple[str, int]]:
        """Return (path, number of skipped lines) of the files read so far."""
        rows = self._run(
            "rejects_summary", ("SELECT path, count(*) FROM rejects GROUP BY path ORDER BY path", {})
        )
        return [(path, count) for path, count in rows]

    def rejects(self, limit: int | None = None) -> list[Reject]:
        """Return the lines skipped so far, in order of files and lines."""
        text = """
            SELECT path, line_number, reason, message, excerpt FROM rejects
            ORDER BY source_id, path, line_number LIMIT CAST($limit AS BIGINT)
        """
        return [Reject(*row) for row in self._run("rejects", (text, {"limit": limit}))]

    def progress(self) -> float | None:
        """Return how much of the running statement is done, in percent; ``None`` when unknown."""
        return self._engine.progress()

    def interrupt(self) -> None:
        """Make every statement that runs now raise `QueryError`; may be called from any thread."""
        self._engine.interrupt()

    # ---- inside --------------------------------------------------------------------------------------------

    def _run(self, name: str, statement: Statement, view: str | None = None) -> list[tuple[Any, ...]]:
        """Run a statement, after ``view`` was made to answer; without one, over what was read so far."""
        with self._lock:
            if view is not None:
                self._engine.prepare({view})
                self._refuse_skipped()
            cursor = self._engine.cursor()
        return self._engine.fetch(cursor, name, *statement)[1]

    def _load_evidence(self, fingerprint_id: str) -> list[IssueEvidenceLink]:
        from stormlog.query.results import evidence_link

        rows = self._run("list_issues", statements.evidence_statement(fingerprint_id), "issues")
        return [evidence_link(row[1:]) for row in rows]

    def _refuse_skipped(self) -> None:
        if not self._strict:
            return
        for warning in self.catalog.warnings:
            raise SourceError(warning.message, path=warning.path)
        for reject in self.rejects(limit=1):
            raise SourceError(
                f"{reject.message} ({reject.reason}): {reject.excerpt}",
                path=reject.path,
                line=reject.line_number,
            )
