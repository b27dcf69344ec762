"""Pairs each method of the store with the statement and the parameters that it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from stormlog._values import frozen_class
from stormlog.engine import load_query
from stormlog.query.filter_checks import in_page
from stormlog.query.filters import (
    EventFilter,
    IssueFilter,
    OOMBundleFilter,
    RunAttachmentFilter,
    RunFilter,
    SessionFilter,
)

__all__ = [
    "Filter",
    "FilteredStatement",
    "Statement",
    "counting_statement",
    "events_statement",
    "evidence_statement",
    "explaining_statement",
    "ignorable_statement",
    "issue_counts_statement",
    "issue_hits_statement",
    "issue_names_statement",
    "issue_page_statement",
    "issues_statement",
    "oom_bundles_statement",
    "run_attachments_statement",
    "runs_statement",
    "sessions_statement",
    "with_condition",
]

#: SQL text and its named parameters.
Statement = tuple[str, dict[str, Any]]

Filter = IssueFilter | SessionFilter | EventFilter | OOMBundleFilter | RunFilter | RunAttachmentFilter

#: What a query file says where further conditions of its WHERE may stand.
_CONDITIONS = "/* conditions */"

#: Views that tell where sessions ran.
_PLACES = "run_sessions stage.session_places"

#: Word of a filter's field ``sort`` -> what the rows are ordered by; the usual orders are those of the query files.
_ISSUE_ORDERS = {
    "last_seen": "coalesce(last_seen_ns, -1) DESC, severity_rank, fingerprint_id",
    "first_seen": "coalesce(first_seen_ns, -1) DESC, severity_rank, fingerprint_id",
    "hits": "hit_count DESC, severity_rank, coalesce(last_seen_ns, -1) DESC, fingerprint_id",
    "sessions": "coalesce(len(affected_sessions), 0) DESC, severity_rank, coalesce(last_seen_ns, -1) DESC, "
    "fingerprint_id",
}
_SESSION_ORDERS = {
    "ended": "ended_at_ns DESC NULLS FIRST, started_at_ns DESC, session_id DESC, source_id, position",
    "events": "event_count DESC NULLS LAST, started_at_ns DESC, session_id DESC, source_id, position",
    "ooms": "oom_bundle_count DESC, started_at_ns DESC, session_id DESC, source_id, position",
    "rank": "rank NULLS LAST, started_at_ns DESC, session_id DESC, source_id, position",
}
_EVENT_ORDERS = {
    "newest": "timestamp_ns DESC, session_id DESC, source_id DESC, file_id DESC, line_number DESC"
}
_BUNDLE_ORDERS = {"newest": "position DESC"}
_RUN_ORDERS = {
    "ended": "ended_at_ns DESC NULLS FIRST, coalesce(started_at_ns, -1) DESC, run_id DESC",
    "sessions": "session_count DESC, coalesce(started_at_ns, -1) DESC, run_id DESC",
}
_RUN_ATTACHMENT_ORDERS = {"started": "start_ns DESC NULLS LAST, run_id, kind, title, source_path, metadata"}


@frozen_class
class FilteredStatement:
    """The statement of a filter.

    Args:
        text: SQL.
        parameters: Its values.
        views: The views that have to answer for it, with blanks between.
    """

    text: str
    parameters: dict[str, Any]
    views: str

    @property
    def statement(self) -> Statement:
        """Text and parameters."""
        return self.text, self.parameters


def issues_statement(
    filters: IssueFilter | None, state_overrides: Mapping[str, str] | None
) -> FilteredStatement:
    """Return the statement of ``list_issues``.

    Raises:
        ValueError: a state is not known, whether or not its issue exists.
    """
    ids: list[str] = []
    states: list[str] = []
    if state_overrides:
        from stormlog.issues import normalize_issue_state

        ids = list(state_overrides)
        states = [normalize_issue_state(state) for state in state_overrides.values()]
    given = _values(filters or IssueFilter())
    names = ("since", "until", "run", "job_id", "rank", "host", "app", "is_dev")
    place, text = {name: given[name] for name in names}, {"search": given["search"]}
    statement = _filtered(
        "list_issues",
        "issues",
        {
            **{name: given[name] for name in ("fingerprint_id", "kind", "state", "severity", "session_id")},
            "hide_ignored": given["hide_ignored"],
            "override_ids": ids,
            "override_states": states,
        },
        given,
        _ISSUE_ORDERS,
    )
    statement = _narrowed(
        statement, "fingerprint_id", "issues_by_place", place, "run_sessions stage.hit_places"
    )
    return _narrowed(statement, "fingerprint_id", "issues_by_text", text, "issue_evidence")


def issue_counts_statement(fingerprint_ids: Sequence[str] | None) -> Statement:
    """Return the statement of ``issue_counts``."""
    named = None if fingerprint_ids is None else list(fingerprint_ids)
    return load_query("issue_counts"), {"fingerprint_ids": named}


def issue_names_statement() -> Statement:
    """Return the statement of ``fingerprint_ids``."""
    return load_query("issue_names"), {}


def issue_page_statement(fingerprint_ids: Sequence[str]) -> Statement:
    """Return the statement of ``issue_page_facts``."""
    return load_query("issue_page"), {"fingerprint_ids": sorted(fingerprint_ids)}


def issue_hits_statement(fingerprint_ids: Sequence[str], limit: int) -> Statement:
    """Return the statement of ``evidence_places``."""
    return load_query("issue_hits"), {"fingerprint_ids": list(fingerprint_ids), "limit": limit}


def ignorable_statement() -> Statement:
    """Return the statement that lists what ignore rules are about."""
    return load_query("list_issue_dimensions"), {}


def evidence_statement(fingerprint_ids: list[str]) -> Statement:
    """Return the statement that lists the evidence of some issues."""
    return load_query("list_evidence"), {"fingerprint_ids": fingerprint_ids}


def sessions_statement(filters: SessionFilter | None) -> FilteredStatement:
    """Return the statement of ``list_sessions``."""
    given = _values(filters or SessionFilter())
    names = ("session_id", "status", "job_id", "rank", "world_size", "source_kind", "host", "has_oom_bundle")
    statement = _filtered(
        "list_sessions",
        "sessions",
        {name: given[name] for name in (*names, "search")},
        given,
        _SESSION_ORDERS,
    )
    place = {name: given[name] for name in ("since", "until", "run", "app", "is_dev")}
    return _narrowed(statement, "session_id", "sessions_by_place", place, _PLACES)


def events_statement(filters: EventFilter | None) -> FilteredStatement:
    """Return the statement of ``query_events``."""
    given = _values(filters or EventFilter())
    names = (
        *("event_type", "rank", "collector", "status", "has_alert", "collector_health_status", "backend"),
        *("job_id", "host", "severity", "search"),
    )
    sessions = given["session_id"]
    is_one = sessions is not None and len(sessions) == 1
    statement = _filtered(
        "query_events",
        "events",
        {
            **{name: given[name] for name in names},
            # Files are left out by a single session.
            "session_id": sessions[0] if is_one else None,
            "session_ids": None if is_one else sessions,
            "time_start_ns": _greatest(given["time_start_ns"], given["since"]),
            "time_end_ns": _least(given["time_end_ns"], given["until"]),
        },
        given,
        _EVENT_ORDERS,
    )
    place = {name: given[name] for name in ("run", "app", "is_dev")}
    return _narrowed(
        statement, "session_id", "sessions_by_place", place, _PLACES, {"since": None, "until": None}
    )


def oom_bundles_statement(filters: OOMBundleFilter | None) -> FilteredStatement:
    """Return the statement of ``list_oom_bundles``."""
    given = _values(filters or OOMBundleFilter())
    after, before = given["created_after"], given["created_before"]
    statement = _filtered(
        "list_oom_bundles",
        "oom_bundles",
        {
            **{name: given[name] for name in ("session_id", "backend", "reason", "since", "until", "search")},
            "created_after_us": None if after is None else -(-after // 1000),
            "created_before_us": None if before is None else before // 1000,
        },
        given,
        _BUNDLE_ORDERS,
    )
    place = {name: given[name] for name in ("run", "job_id", "rank", "host", "app", "is_dev")}
    return _narrowed(statement, "bundle_path", "bundles_by_place", place, _PLACES)


def runs_statement(filters: RunFilter | None) -> FilteredStatement:
    """Return the statement of ``list_runs``."""
    given = _values(filters or RunFilter())
    return _filtered("list_runs", "runs", _without_rows(given), given, _RUN_ORDERS)


def run_attachments_statement(filters: RunAttachmentFilter | None) -> FilteredStatement:
    """Return the statement of ``list_run_attachments``."""
    given = _values(filters or RunAttachmentFilter())
    return _filtered(
        "list_run_attachments", "run_attachments", _without_rows(given), given, _RUN_ATTACHMENT_ORDERS
    )


def _without_rows(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("sort", "limit", "page")}


def counting_statement(listing: FilteredStatement) -> FilteredStatement:
    """Return the statement that counts the rows of another one, on whatever page they are."""
    matching, _, _ = listing.text.rpartition("ORDER BY")
    parameters = {
        name: value for name, value in listing.parameters.items() if name not in ("limit", "offset")
    }
    return FilteredStatement(f"SELECT count(*) FROM (\n{matching.rstrip()}\n)", parameters, listing.views)


def explaining_statement(name: str, params: Mapping[str, Any]) -> Statement:
    """Return one of the statements that an explanation is made of."""
    return load_query(name), dict(params)


def with_condition(
    listing: FilteredStatement, condition: str, parameters: Mapping[str, Any]
) -> FilteredStatement:
    """Return the statement of a filter with one more condition.

    Args:
        listing: The statement.
        condition: SQL about the columns that it selects from.
        parameters: Values of the condition.
    """
    text = listing.text.replace(_CONDITIONS, f"AND {condition}\n    {_CONDITIONS}")
    return FilteredStatement(text, {**listing.parameters, **parameters}, listing.views)


def _values(filters: Filter) -> dict[str, Any]:
    """Return the fields of a filter; of those that take one value or several, lists."""
    single = (
        "since",
        "until",
        "created_after",
        "created_before",
        "time_start_ns",
        "time_end_ns",
        "limit",
        "page",
    )
    return {
        name: _listed(value) if name not in (*single, "search", "sort") else value
        for name, value in asdict(filters).items()
    }


def _listed(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    return list(value) if isinstance(value, tuple) else [value]


def _filtered(
    name: str, view: str, parameters: dict[str, Any], given: Mapping[str, Any], orders: Mapping[str, str]
) -> FilteredStatement:
    """Return a statement of ``sql/queries`` in the order and for the page that a filter asks for."""
    text = load_query(name)
    order = orders.get(given["sort"] or "")
    if order is not None:
        start, _, end = text.rpartition("ORDER BY")
        text = f"{start}ORDER BY {order}\n{end[end.index('LIMIT') :]}"
    return FilteredStatement(text, {**parameters, **in_page(given["limit"], given["page"])}, view)


def _narrowed(
    listing: FilteredStatement,
    column: str,
    name: str,
    wanted: Mapping[str, Any],
    views: str,
    others: Mapping[str, Any] | None = None,
) -> FilteredStatement:
    """Return a statement with one more condition, if that asks for anything: without it, none of it is worked out.

    Args:
        column: Column of the statement's rows.
        name: Statement of ``sql/queries`` that returns the values which this column may have.
        wanted: Parameters of that statement; it asks for nothing if all of them are null.
        views: The views that have to answer for it.
        others: Parameters that say nothing by themselves.
    """
    if all(value is None for value in wanted.values()):
        return listing
    condition = "\n    ".join(load_query(name).splitlines())
    narrowed = with_condition(listing, f"{column} IN (\n    {condition}\n    )", {**wanted, **(others or {})})
    return replace(narrowed, views=f"{listing.views} {views}".rstrip())


def _greatest(*values: int | None) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _least(*values: int | None) -> int | None:
    return min((value for value in values if value is not None), default=None)
