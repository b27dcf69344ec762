"""Summaries: reading, inferring, ordering and the writers' life cycle."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stormlog.telemetry import (
    SessionSummary,
    create_session_summary,
    finalize_session_summary,
    infer_session_summary_from_events,
    new_session_id,
    select_default_loaded_session,
    select_default_session,
    session_summary_from_dict,
    session_summary_to_dict,
    sort_session_summaries,
    stable_legacy_session_id,
    update_session_summary,
)
from tests.telemetry.outcomes import assert_same, outcome
from tests.vectors.harness import Case, load_cases


def answer(given: dict[str, Any]) -> Any:
    match given["call"]:
        case "infer":
            options = {key: given[key] for key in ("session_id", "source")}
            if "fallback_status" in given:
                options["fallback_status"] = given["fallback_status"]
            events = [SimpleNamespace(**event) for event in given["events"]]
            return session_summary_to_dict(infer_session_summary_from_events(events=events, **options))
        case "order":
            summaries = [SessionSummary(**summary) for summary in given["summaries"]]
            default = select_default_session(summaries)
            return {
                "order": [summary.session_id for summary in sort_session_summaries(summaries)],
                "default": None if default is None else default.session_id,
            }
        case "select_loaded":
            sessions = [
                SimpleNamespace(
                    summary=SessionSummary(**item["summary"]), events=[None] * item["event_count"]
                )
                for item in given["sessions"]
            ]
            chosen = select_default_loaded_session(sessions)
            return None if chosen is None else chosen.summary.session_id
        case "from_dict":
            return session_summary_to_dict(session_summary_from_dict(given["payload"]))
        case _:
            return stable_legacy_session_id(*given["parts"])


@pytest.mark.parametrize("case", load_cases("sessions"), ids=str)
def test_sessions_answer_as_recorded(case: Case) -> None:
    assert_same(outcome(answer, case.input), case.expected)


def test_a_new_summary_describes_this_process_now() -> None:
    summary = create_session_summary(source="x", status=" Running ")
    assert summary.status == "running"
    assert summary.started_at_ns > 1_700_000_000 * 10**9
    assert summary.pid > 0
    assert summary.host
    assert new_session_id() != summary.session_id


def test_finishing_completes_only_what_runs() -> None:
    summary = create_session_summary(source="x", started_at_ns=1)
    assert finalize_session_summary(summary, ended_at_ns=9).status == "completed"
    broken = update_session_summary(summary, status="INTERRUPTED", ended_at_ns=5)
    assert finalize_session_summary(broken, ended_at_ns=9).status == "interrupted"
    assert update_session_summary(broken).ended_at_ns == 5
    assert update_session_summary(broken, ended_at_ns=None, source="y").ended_at_ns is None


def test_numbers_of_a_summary_that_are_none_are_rejected_with_a_code() -> None:
    base = {"session_id": "s", "source": "x", "status": "running", "started_at_ns": 0, "host": "h"}
    for value in (None, [1], float("inf"), "x"):
        assert outcome(session_summary_from_dict, {**base, "pid": value})["reason"] == "not_integer:pid"


def test_paths_that_are_not_unicode_still_get_an_id() -> None:
    assert stable_legacy_session_id("/tmp/\udcff.jsonl", "sink").startswith("legacy-")
