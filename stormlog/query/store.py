"""The store: artifacts as views, and the questions people ask of them.

Promise: every list has an ``_sql`` twin that returns the exact text and parameters that it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from stormlog._collector import collector_paused
from stormlog.engine import Generation, Question, Settings, StateSource, require_one
from stormlog.query import statements
from stormlog.query.account_questions import AccountQuestions
from stormlog.query.follow_questions import FollowQuestions, LiveQuestions
from stormlog.query.metric_questions import MetricQuestions
from stormlog.query.row_lists import IssueList, RowList
from stormlog.query.run_questions import RunQuestions
from stormlog.query.sql_store import SqlStore
from stormlog.query.statements import Statement

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from stormlog.artifacts import OOMBundleRow
    from stormlog.explaining import EvidencePlace
    from stormlog.issues import IgnoreRule
    from stormlog.query.counts import IssueCounts
    from stormlog.query.filters import (
        EventFilter,
        IssueFilter,
        OOMBundleFilter,
        SessionFilter,
    )
    from stormlog.query.issue_tables import IssuePageFacts, IssueTable
    from stormlog.query.rows import EventRow, SessionRow
    from stormlog.query.streams import RowStream
    from stormlog.query.unmatched import UnmatchedFilter

__all__ = ["QueryStore", "open"]


def open(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    strict: bool = False,
    threads: int | None = None,
    memory_limit: str | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    spill_directory: str | None = None,
    spill_limit: str | None = None,
    unpack_limit: str | None = None,
    tracker: str | os.PathLike[str] | None = None,
    project: str = "default",
    ignore: Sequence[Mapping[str, Any] | IgnoreRule] = (),
) -> QueryStore:
    """Open telemetry artifacts for questions.

    Manifests are read at once, events when a question needs them. What was there when the store was opened
    is kept: what files gain later is seen after `QueryStore.refresh`. Nothing is ever written to the artifacts.

    Args:
        paths: Files and directories; one may be given without a list.
        strict: Raise for the first thing that would be skipped.
        threads: Threads of DuckDB; by default one where the files hold less than 16 MiB, and else all cores.
        memory_limit: Memory limit of DuckDB, such as ``512MB``.
        cache: Directory in which to remember what was read; False for none. By default the environment
            decides: ``STORMLOG_CACHE`` (a directory, or ``off``), else the user's cache directory.
        spill_directory: Where rows go that do not fit into memory; the system's temporary directory by default.
        spill_limit: Most bytes there, such as ``10GB``.
        unpack_limit: Most bytes that one packed file (``.gz``, ``.zst``) may hold, such as ``10GB``; one that holds
            more is skipped with a warning. By default the environment decides: ``STORMLOG_UNPACK_LIMIT``, else 4 GiB
            and 500 times the size of the file.
        tracker: A tracker: issues show the states that it has when they are listed, and SQL sees its tables as
            schema ``tracking``. Without one, ``issues.json`` in an opened directory or beside an opened file counts.
        project: Project of the tracker.
        ignore: Rules by which issues are ignored, each a mapping with ``kind``, ``dimensions``, ``fingerprint_id``
            and ``reason``. With a tracker, only its own rules count.

    Raises:
        SourceError: none of the paths exists, or ``strict`` and something had to be skipped; or there is no such
            tracker.
        LifecycleError: the tracker has no such project.
        MigrationError: the tracker is of another version, or something else.
        ValueError: no path, a setting that DuckDB does not take, or an unpack limit that is no size.

    Source: docs/concepts.md#catalog.
    """
    from stormlog.artifacts import ArtifactCatalog
    from stormlog.engine import cache_root

    catalog = ArtifactCatalog(paths)
    if not catalog.paths:
        raise ValueError("nothing to open: name at least one file or directory")
    require_one(catalog)
    settings = Settings(threads, memory_limit, spill_directory, spill_limit, unpack_limit)
    # Said now: a question that is answered from what is kept unpacks nothing.
    _ = settings.limit_of_unpacking
    rules: Sequence[IgnoreRule] = ()
    if ignore:
        from stormlog.issues import ignore_rules_of

        rules = ignore_rules_of(ignore)
    states = StateSource(tracker, project, rules)
    return QueryStore(catalog, strict=strict, settings=settings, cache_root=cache_root(cache), states=states)


class QueryStore(RunQuestions, AccountQuestions, FollowQuestions, LiveQuestions, MetricQuestions, SqlStore):
    """Views over the artifacts of a catalog. Use `stormlog.query.open`.

    Several threads may ask at once. Close it, or use it as a context manager.

    Attributes:
        catalog: What was found, and what was skipped as a whole.
        on_start: Called before anything is read or asked of a database; kept answers come without.
    """

    def __repr__(self) -> str:
        from stormlog._short_repr import short_repr  # Late: commands print no stores.

        catalog = self.catalog
        paths = short_repr([str(path) for path in catalog.paths])
        if self._is_closed:
            return f"<QueryStore of {paths}, closed>"
        counts = f"sources: {len(catalog.sources):,}, OOM bundles: {len(catalog.oom_bundles):,}"
        return f"<QueryStore of {paths}, {counts}, warnings: {len(catalog.warnings):,}>"

    def _repr_html_(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands have no notebook.

        return shown_by("store_html", self)

    # ---- questions -----------------------------------------------------------------------------------------

    def list_issues(
        self, filters: IssueFilter | None = None, *, state_overrides: Mapping[str, str] | None = None
    ) -> IssueList:
        """Return recurring issues, the worst and latest first.

        Args:
            filters: Exact matches; they never change the counts of the issues they keep.
            state_overrides: Fingerprint id -> state; unknown ids are ignored. They win over what a tracker or a
                sidecar says; the default is ``open``.

        Raises:
            ValueError: a state is not known.
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.

        Source: docs/concepts.md#issues.
        """
        from stormlog.issues import StormlogIssue
        from stormlog.query.evidence import EvidenceLoader
        from stormlog.query.results import issue

        found = self._issues_statement(filters, state_overrides)
        rows, generation = self._run("list_issues", found.statement, found.views)
        loader = EvidenceLoader(partial(self._evidence_rows, generation), [(row[0], row[6]) for row in rows])
        build = partial(issue, loader.load)
        with collector_paused():
            return IssueList([StormlogIssue.of_row(row, build, row[2]) for row in rows])

    def _evidence_rows(self, generation: Generation, fingerprint_ids: list[str]) -> list[tuple[Any, ...]]:
        statement = statements.evidence_statement(fingerprint_ids)
        return self._run("list_issues", statement, "issues", generation=generation).rows

    def list_issues_sql(
        self, filters: IssueFilter | None = None, *, state_overrides: Mapping[str, str] | None = None
    ) -> Statement:
        """Return the text and the parameters that `list_issues` runs."""
        return self._issues_statement(filters, state_overrides).statement

    def _issues_statement(
        self, filters: IssueFilter | None, state_overrides: Mapping[str, str] | None = None
    ) -> statements.FilteredStatement:
        overrides = self._issue_states(state_overrides)
        return statements.issues_statement(filters, overrides)

    def issue_table(self, filters: IssueFilter | None = None) -> IssueTable:
        """Return the issues that `list_issues` lists as one value, whose rows are made when they are looked at.

        It stays as it is after a `refresh`.

        Args:
            filters: As of `list_issues`.

        Raises:
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.
        """
        from stormlog.query.issue_tables import IssueTable, light_statement

        found = self._issues_statement(filters)
        text = light_statement(found.text)

        def read(question: Question) -> IssueTable:
            with question.cursor as cursor, cursor.using("list_issues", text) as connection:
                return IssueTable(connection.sql(text, params=found.parameters).to_arrow_table())

        statement = text, found.parameters

        def ask() -> IssueTable:
            return self._ask(lambda: self._begin(statement, found.views, None, is_selective=False), read)

        return self._again("issue_table", statement, ask)

    def fingerprint_ids(self) -> list[str]:
        """Return the fingerprint ids of all issues, in order.

        Raises:
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.
        """
        statement = statements.issue_names_statement()
        return [name for (name,) in self._run("issue_names", statement, "issue_evidence").rows]

    def issue_page_facts(self, fingerprint_ids: Sequence[str]) -> dict[str, IssuePageFacts]:
        """Return what lists show of some issues besides their own fields, by fingerprint id; see `issue_table`."""
        from stormlog.query.issue_tables import IssuePageFacts

        statement = statements.issue_page_statement(fingerprint_ids)

        def read(question: Question) -> list[tuple[Any, ...]]:
            with question.cursor as cursor:
                return question.engine.fetch(cursor, "issue_page", *statement)[1]

        views = "issue_counts issue_trend run_sessions stage.hit_places"

        def ask() -> list[tuple[Any, ...]]:
            return self._ask(lambda: self._begin(statement, views, None, is_selective=False), read)

        rows = self._again("issue_page_facts", statement, ask)
        return {fingerprint_id: IssuePageFacts(*facts) for fingerprint_id, *facts in rows}

    def evidence_places(self, fingerprint_ids: Sequence[str], *, limit: int = 1_000) -> list[EvidencePlace]:
        """Return where hits of some issues are recorded, the latest first.

        Args:
            fingerprint_ids: Whole ids.
            limit: At most this many.
        """
        from stormlog.explaining import EvidencePlace

        statement = statements.issue_hits_statement(fingerprint_ids, limit)
        rows = self._run("issue_hits", statement, "issue_evidence memory_gaps").rows
        return [EvidencePlace(*row) for row in rows]

    def recorded_text(self, place: EvidencePlace) -> str:
        """Return what stands where a hit is recorded: its line, the manifest of its bundle, or the event as JSON.

        Raises:
            SourceError: it is not there any more, or cannot be read.
        """
        from stormlog.query.recorded import recorded_text

        return recorded_text(self, self.catalog.opened, place)

    def issue_counts(self, fingerprint_ids: Sequence[str] | None = None) -> dict[str, IssueCounts]:
        """Return how many failures, runs and sessions each issue has, by fingerprint id.

        Args:
            fingerprint_ids: Whole ids; None for all issues.

        Source: docs/concepts.md#failures-runs-and-sessions.
        """
        from stormlog.query.counts import IssueCounts

        rows = self._run("issue_counts", self.issue_counts_sql(fingerprint_ids), "issue_counts").rows
        return {fingerprint_id: IssueCounts(*counts) for fingerprint_id, *counts in rows}

    def issue_counts_sql(self, fingerprint_ids: Sequence[str] | None = None) -> Statement:
        """Return the text and the parameters that `issue_counts` runs."""
        return statements.issue_counts_statement(fingerprint_ids)

    def list_sessions(self, filters: SessionFilter | None = None) -> RowList[SessionRow]:
        """Return sessions, the latest first, one per source that knows them.

        Sinks with a ledger answer from it without reading events.

        Source: docs/concepts.md#sessions.
        """
        from stormlog.query.results import session_row

        found = statements.sessions_statement(filters)
        rows = self._run("list_sessions", found.statement, found.views).rows
        return RowList(map(session_row, rows))

    def list_sessions_sql(self, filters: SessionFilter | None = None) -> Statement:
        """Return the text and the parameters that `list_sessions` runs."""
        return statements.sessions_statement(filters).statement

    def query_events(self, filters: EventFilter | None = None) -> RowList[EventRow]:
        """Return events in the order of time.

        Parquet segments that hold nothing of the session and the times that are asked for are left out, unless
        the store is strict: what is wrong with them is neither noticed nor told.

        Source: docs/concepts.md#events.
        """
        from stormlog.query.results import event_row

        found = statements.events_statement(filters)
        # Which sessions belong to a run shows only when all files were read.
        is_selective = found.views == "events"
        rows = self._run("query_events", found.statement, found.views, is_selective=is_selective).rows
        return RowList(map(event_row, rows))

    def iter_events(self, filters: EventFilter | None = None) -> RowStream[EventRow]:
        """Return an iterator over what `query_events` returns, whose memory does not grow with the number of events.

        Files are read, and sorting begins, when this is called: it returns when the first rows are there. All rows
        are of that moment, also after a `refresh`. Without a memory limit of the store 256 MB are used; what does not
        fit goes to the spill directory.

        Source: docs/python.md#many-events.
        """
        from stormlog.query.results import event_row

        found = statements.events_statement(filters)
        return self._stream_events(found.statement, event_row, found.views)

    def query_events_sql(self, filters: EventFilter | None = None) -> Statement:
        """Return the text and the parameters that `query_events` runs."""
        return statements.events_statement(filters).statement

    def list_oom_bundles(self, filters: OOMBundleFilter | None = None) -> RowList[OOMBundleRow]:
        """Return OOM bundles by date.

        Source: docs/concepts.md#artifacts.
        """
        from stormlog.query.results import oom_bundle_row

        found = statements.oom_bundles_statement(filters)
        rows = self._run("list_oom_bundles", found.statement, found.views).rows
        return RowList(map(oom_bundle_row, rows))

    def list_oom_bundles_sql(self, filters: OOMBundleFilter | None = None) -> Statement:
        """Return the text and the parameters that `list_oom_bundles` runs."""
        return statements.oom_bundles_statement(filters).statement

    def count_rows(self, filters: statements.Filter) -> int:
        """Return how many rows fit a filter, on whatever page they are.

        Raises:
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.
        """
        found = statements.counting_statement(self._statement_of(filters))
        is_selective = found.views == "events"
        rows = self._run("count_rows", found.statement, found.views, is_selective=is_selective).rows
        return int(rows[0][0])

    def rows_behind(self, filters: statements.Filter) -> int:
        """Return how many rows fit a filter and come behind its page, or behind its limit."""
        page = self._statement_of(filters).parameters
        last: int | None = page["limit"]
        return 0 if last is None else max(self.count_rows(filters) - page["offset"] - last, 0)

    def _statement_of(self, filters: statements.Filter) -> statements.FilteredStatement:
        from stormlog.query.filters import (
            EventFilter,
            IssueFilter,
            RunAttachmentFilter,
            RunFilter,
            SessionFilter,
        )

        if isinstance(filters, IssueFilter):
            return self._issues_statement(filters)
        if isinstance(filters, SessionFilter):
            return statements.sessions_statement(filters)
        if isinstance(filters, EventFilter):
            return statements.events_statement(filters)
        if isinstance(filters, RunFilter):
            return statements.runs_statement(filters)
        if isinstance(filters, RunAttachmentFilter):
            return statements.run_attachments_statement(filters)
        return statements.oom_bundles_statement(filters)

    def unmatched_filters(self, filters: statements.Filter) -> list[UnmatchedFilter]:
        """Return the values of a filter that no row has, and what there is instead; for answers without rows.

        Each field is looked at by itself: nothing is returned where every value occurs, but not together. Fields
        whose words are fixed, times and yes-or-no fields are left out.

        Raises:
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.
        """
        from stormlog.query.filters import EventFilter
        from stormlog.query.unmatched import unmatched_filters

        def run(text: str, parameters: dict[str, Any], view: str) -> list[tuple[Any, ...]]:
            # A stream without rows has read the events so, and may be why this is asked.
            return self._run(
                "unmatched_filters", (text, parameters), view, is_sparing=isinstance(filters, EventFilter)
            ).rows

        return unmatched_filters(filters, run)
