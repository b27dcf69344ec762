"""Pairs each method of the store with the statement and the parameters that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from stormlog.engine import load_query
from stormlog.query.filters import EventFilter, IssueFilter, OOMBundleFilter, SessionFilter

__all__ = ["Statement", "events_statement", "evidence_statement", "issues_statement", "oom_bundles_statement"]
__all__ += ["explaining_statement", "ignorable_statement", "sessions_statement"]

#: SQL text and its named parameters.
Statement = tuple[str, dict[str, Any]]


def issues_statement(filters: IssueFilter | None, state_overrides: Mapping[str, str] | None) -> Statement:
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
    parameters = asdict(filters or IssueFilter())
    return load_query("list_issues"), {**parameters, "override_ids": ids, "override_states": states}


def ignorable_statement() -> Statement:
    """Return the statement that lists what ignore rules are about."""
    return load_query("list_issue_dimensions"), {}


def evidence_statement(fingerprint_ids: list[str]) -> Statement:
    """Return the statement that lists the evidence of some issues."""
    return load_query("list_evidence"), {"fingerprint_ids": fingerprint_ids}


def sessions_statement(filters: SessionFilter | None) -> Statement:
    """Return the statement of ``list_sessions``."""
    return load_query("list_sessions"), asdict(filters or SessionFilter())


def events_statement(filters: EventFilter | None) -> Statement:
    """Return the statement of ``query_events``."""
    return load_query("query_events"), asdict(filters or EventFilter())


def oom_bundles_statement(filters: OOMBundleFilter | None) -> Statement:
    """Return the statement of ``list_oom_bundles``."""
    filters = filters or OOMBundleFilter()
    return load_query("list_oom_bundles"), {
        "session_id": filters.session_id,
        "backend": filters.backend,
        "reason": filters.reason,
        "created_after_us": _microseconds(filters.created_after),
        "created_before_us": _microseconds(filters.created_before),
    }


def explaining_statement(name: str, params: Mapping[str, Any]) -> Statement:
    """Return one of the statements that an explanation is made of."""
    return load_query(name), dict(params)


def _microseconds(text: str | None) -> int | None:
    if text is None:
        return None
    # Few questions have a date, and the module for dates takes as long to import as a kept answer takes.
    from stormlog.issues.timestamps import utc_text_to_microseconds

    return utc_text_to_microseconds(text)
