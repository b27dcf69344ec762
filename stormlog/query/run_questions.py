"""Questions about runs and what surrounds them: attachments, summaries, markers, rollups, correlation.

Promise: every method has an ``_sql`` twin that returns the exact text and parameters that it runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.artifacts import CatalogWarning
from stormlog.artifacts.models import AMBIGUOUS_RUN
from stormlog.query import run_statements, statements
from stormlog.query.asking import AnsweringStore
from stormlog.query.row_lists import RowList
from stormlog.query.statements import Statement

if TYPE_CHECKING:
    from stormlog.artifacts import ExternalAttachment
    from stormlog.query.documents import CorrelationAnchor
    from stormlog.query.filters import AttachmentFilter, CorrelationFilter, RunAttachmentFilter, RunFilter
    from stormlog.query.run_rows import (
        CorrelationResult,
        DerivedFieldsRow,
        RollupWindowRow,
        RunAttachmentRow,
        RunRow,
        SummaryRow,
        TimelineMarker,
    )

__all__ = ["RunQuestions"]

#: Views that the statement of ``correlate`` selects from.
_CORRELATION_VIEWS = "correlation"


class RunQuestions(AnsweringStore):
    """The part of `QueryStore` that is about runs and what surrounds them."""

    def list_runs(self, filters: RunFilter | None = None) -> RowList[RunRow]:
        """Return runs, the latest first: those of envelopes, and those that jobs and sessions make up.

        Ids that several runs have are told in ``catalog.warnings``: nothing is attached by them.

        Source: docs/concepts.md#runs.
        """
        from stormlog.query.run_rows import RunRow

        rows = self._run("list_runs", self.list_runs_sql(filters), "runs").rows
        self._tell_conflicts()
        return RowList([RunRow(*(*row[:13], *map(tuple, row[13:16]), json.loads(row[16]))) for row in rows])

    def list_runs_sql(self, filters: RunFilter | None = None) -> Statement:
        """Return the text and the parameters that `list_runs` runs."""
        return statements.runs_statement(filters).statement

    def list_run_attachments(self, filters: RunAttachmentFilter | None = None) -> RowList[RunAttachmentRow]:
        """Return what belongs to runs, run by run: telemetry, bundles, and what envelopes and sidecars name.

        Source: docs/concepts.md#attachments.
        """
        from stormlog.query.run_rows import RunAttachmentRow

        statement = self.list_run_attachments_sql(filters)
        rows = self._run("list_run_attachments", statement, "run_attachments").rows
        self._tell_conflicts()
        return RowList([RunAttachmentRow(*(*row[:-1], json.loads(row[-1]))) for row in rows])

    def list_run_attachments_sql(self, filters: RunAttachmentFilter | None = None) -> Statement:
        """Return the text and the parameters that `list_run_attachments` runs."""
        return statements.run_attachments_statement(filters).statement

    def _tell_conflicts(self) -> None:
        """Add a warning about each id that several runs have, once."""
        statement = run_statements.listing_statement("list_run_conflicts", {})
        for kind, value, run_ids in self._run("list_run_conflicts", statement, "run_conflicts").rows:
            message = f"{kind} {value!r} belongs to several runs ({', '.join(run_ids)}), so nothing is attached by it"
            warning = CatalogWarning(
                "<run-catalog>", message, f"{AMBIGUOUS_RUN}:{kind}:{value}:{', '.join(run_ids)}"
            )
            with self._lock:
                self._tell([warning])

    def list_attachments(self, filters: AttachmentFilter | None = None) -> RowList[ExternalAttachment]:
        """Return the attachments that sidecars declare, by time.

        Source: docs/concepts.md#attachments.
        """
        from stormlog.artifacts import ExternalAttachment

        rows = self._run("list_attachments", self.list_attachments_sql(filters), "attachments").rows
        return RowList([ExternalAttachment(*(*row[:16], json.loads(row[16]), row[17])) for row in rows])

    def list_attachments_sql(self, filters: AttachmentFilter | None = None) -> Statement:
        """Return the text and the parameters that `list_attachments` runs."""
        return run_statements.attachments_statement(filters)

    # ---- summaries -----------------------------------------------------------------------------------------

    def summarize(self, metric: str, *, group_by: str | None = None) -> RowList[SummaryRow]:
        """Return one number for each group of events or sessions.

        Where every source is a sink with fresh rollups, numbers come from these if they can tell, and no event is
        read. A strict store always counts events.

        Args:
            metric: One of `stormlog.query.SUMMARY_METRICS`.
            group_by: One of `stormlog.query.SUMMARY_GROUPS`, by default ``session``. Sessions by status are always
                grouped by status, and interrupted sessions never are.

        Raises:
            ValueError: another metric or group.

        Source: docs/concepts.md#summaries.
        """
        from stormlog.query.run_rows import SummaryRow

        statement, views = self._summary(metric, group_by)
        found = self._run("summarize", statement, views).rows
        details = _DETAILS.get(metric, ("timestamp_ns",) if metric.startswith("peak_") else ())
        return RowList(
            [
                SummaryRow(
                    metric_, group, value, session, rank, status, dict(zip(details, others, strict=True))
                )
                for metric_, group, session, rank, status, value, *others in found
            ]
        )

    def summarize_sql(self, metric: str, *, group_by: str | None = None) -> Statement:
        """Return the text and the parameters that `summarize` runs: over rollups where it would use them."""
        return self._summary(metric, group_by)[0]

    def _summary(self, metric: str, group_by: str | None) -> tuple[Statement, str]:
        run_statements.require_metric(metric, group_by)
        with self._lock:
            return run_statements.summary_statement(metric, group_by, self._count_of_rollup_sessions())

    def _count_of_rollup_sessions(self) -> int | None:
        """Return how many sessions the rollups describe, if they may speak for all events; else None."""
        sources = self.catalog.sources
        if self._strict or not sources or len(self._snapshot.rollup_states) != len(sources):
            return None
        self._tell_rollups()
        files = self._snapshot.rollups
        sessions = [session_id for file in files for session_id in file.session_ids]
        # What is in two sinks may be a copy: only the events can tell.
        if any(file.state != "fresh" for file in files) or len(set(sessions)) != len(sessions):
            return None
        return len(sessions)

    # ---- what lies on the line of time ---------------------------------------------------------------------

    def list_timeline_markers(
        self, *, session_id: str | None = None, rank: int | None = None
    ) -> RowList[TimelineMarker]:
        """Return landmarks of sessions, by time: starts and stops, alerts, failing collectors, phases.

        Source: docs/concepts.md#timeline-markers.
        """
        from stormlog.query.run_rows import TimelineMarker

        statement = self.list_timeline_markers_sql(session_id=session_id, rank=rank)
        rows = self._run("list_timeline_markers", statement, "timeline_markers").rows
        return RowList([TimelineMarker(*(*row[:-1], json.loads(row[-1]))) for row in rows])

    def list_timeline_markers_sql(
        self, *, session_id: str | None = None, rank: int | None = None
    ) -> Statement:
        """Return the text and the parameters that `list_timeline_markers` runs."""
        given = {"session_id": session_id, "rank": rank}
        return run_statements.listing_statement("list_timeline_markers", given)

    def list_derived_fields(
        self, *, session_id: str | None = None, rank: int | None = None, limit: int | None = None
    ) -> RowList[DerivedFieldsRow]:
        """Return ratios that follow from the counters of events, by time.

        Raises:
            ValueError: ``limit`` is negative.

        Source: docs/concepts.md#derived-fields.
        """
        from stormlog.query.run_rows import DerivedFieldsRow

        statement = self.list_derived_fields_sql(session_id=session_id, rank=rank, limit=limit)
        rows = self._run("list_derived_fields", statement, "derived_fields").rows
        return RowList([DerivedFieldsRow(*row) for row in rows])

    def list_derived_fields_sql(
        self, *, session_id: str | None = None, rank: int | None = None, limit: int | None = None
    ) -> Statement:
        """Return the text and the parameters that `list_derived_fields` runs."""
        if limit is not None and limit < 0:
            raise ValueError(f"limit must be 0 or more, not {limit!r}")
        given = {"session_id": session_id, "rank": rank, "limit": limit}
        return run_statements.listing_statement("list_derived_fields", given)

    def list_rollup_windows(self, *, session_id: str | None = None) -> RowList[RollupWindowRow]:
        """Return sums and peaks of equal parts of sessions, as fresh rollups of sinks give them.

        Source: docs/concepts.md#rollups.
        """
        from stormlog.query.run_rows import RollupWindowRow

        statement = self.list_rollup_windows_sql(session_id=session_id)
        with self._lock:
            self._tell_rollups()
        rows = self._run("list_rollup_windows", statement, "rollup_windows").rows
        return RowList([RollupWindowRow(*row) for row in rows])

    def list_rollup_windows_sql(self, *, session_id: str | None = None) -> Statement:
        """Return the text and the parameters that `list_rollup_windows` runs."""
        return run_statements.listing_statement("list_rollup_windows", {"session_id": session_id})

    # ---- correlation ---------------------------------------------------------------------------------------

    def correlate(self, filters: CorrelationFilter) -> CorrelationResult:
        """Return what happened around a moment, or around the event with a record id, the surest and nearest first.

        Raises:
            ValueError: neither a moment nor a record id is given, no event has that id, or it has another time.

        Source: docs/concepts.md#correlation.
        """
        from stormlog.query.run_rows import CorrelationEvidence, CorrelationResult

        anchor = self._anchor(filters)
        statement = run_statements.correlation_statement(filters, anchor)
        with self._lock:
            self._tell_rollups()
        rows = self._run("correlate", statement, _CORRELATION_VIEWS).rows
        evidence = [
            CorrelationEvidence(*(*row[:11], json.loads(row[11]), row[12], tuple(row[13]))) for row in rows
        ]
        return CorrelationResult(anchor, evidence, [warning.message for warning in self.catalog.warnings])

    def correlate_sql(self, filters: CorrelationFilter) -> Statement:
        """Return the text and the parameters that `correlate` runs; of a record id, after looking up its event."""
        return run_statements.correlation_statement(filters, self._anchor(filters))

    def _anchor(self, filters: CorrelationFilter) -> CorrelationAnchor:
        """Return the moment that a filter means."""
        event: Sequence[Any] = (filters.at_ns, filters.session_id, filters.job_id, filters.rank, *[None] * 4)
        if filters.record_id is not None:
            event = self._event_of(filters.record_id)
            if filters.at_ns is not None and filters.at_ns != event[0]:
                raise ValueError(
                    f"the event with record id {filters.record_id!r} is at {event[0]}, not at {filters.at_ns}: "
                    "leave out one of the two"
                )
        elif filters.at_ns is None:
            raise ValueError("correlation needs a moment (at_ns) or the id of a record (record_id)")
        at_ns, session_id, job_id, rank, world_size, source_path, source_kind, event_type = event
        return {
            "at_ns": at_ns,
            "record_id": filters.record_id,
            "session_id": session_id,
            "job_id": job_id,
            "rank": rank,
            "world_size": world_size,
            "source_path": source_path,
            "source_kind": source_kind,
            "event_type": event_type,
            "scope": filters.scope,
            "window_ns": filters.window_ns,
            "clock_domain": "unix_epoch_ns",
            "clock_normalization": "producer_emitted_epoch_ns",
            "clock_note": "correlation does not rewrite cross-host clocks",
        }

    def _event_of(self, record_id: str) -> Sequence[Any]:
        for statement, view in run_statements.anchor_statements(record_id):
            found = self._run("correlate", statement, view)
            for place in found.rows:
                event = run_statements.event_statement(*place)
                return self._run("correlate", event, "events", generation=found.generation).rows[0]
        raise ValueError(
            f"no event has record id {record_id!r}: take one from column record_id of view projected_records"
        )


_DETAILS: Mapping[str, tuple[str, ...]] = {
    "hidden_memory_gap_growth": (
        "first_gap_bytes",
        "latest_gap_bytes",
        "peak_gap_bytes",
        "sample_count",
    )
}
