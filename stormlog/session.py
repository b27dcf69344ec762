"""Sessions, where stormlog 0.4.3 has them; they are those of `stormlog.telemetry`."""

from __future__ import annotations

from stormlog.telemetry import (
    SESSION_STATUS_COMPLETED,
    SESSION_STATUS_INCOMPLETE,
    SESSION_STATUS_INTERRUPTED,
    SESSION_STATUS_RUNNING,
    SESSION_STATUSES,
    SessionSummary,
    create_session_summary,
    finalize_session_summary,
    infer_session_summary_from_events,
    new_session_id,
    normalize_session_status,
    now_ns,
    select_default_loaded_session,
    select_default_session,
    session_summary_from_dict,
    session_summary_to_dict,
    sort_session_summaries,
    stable_legacy_session_id,
    update_session_summary,
)

__all__ = [
    "SESSION_STATUSES",
    "SESSION_STATUS_COMPLETED",
    "SESSION_STATUS_INCOMPLETE",
    "SESSION_STATUS_INTERRUPTED",
    "SESSION_STATUS_RUNNING",
    "SessionSummary",
    "create_session_summary",
    "finalize_session_summary",
    "infer_session_summary_from_events",
    "new_session_id",
    "normalize_session_status",
    "now_ns",
    "select_default_loaded_session",
    "select_default_session",
    "session_summary_from_dict",
    "session_summary_to_dict",
    "sort_session_summaries",
    "stable_legacy_session_id",
    "update_session_summary",
]
