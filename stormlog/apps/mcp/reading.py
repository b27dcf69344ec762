"""The tools that look: issues, one issue, a failed run, and what happened around something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stormlog._times import parse_duration, parse_time
from stormlog.apps.mcp import arguments
from stormlog.apps.mcp.answers import chosen, fields_that_fit, plain, room_beside, rows_that_fit
from stormlog.apps.mcp.problems import ToolError
from stormlog.apps.mcp.shapes import (
    EVIDENCE_FIELDS,
    EXPLANATION_FIELDS,
    ISSUE_FIELDS,
    LISTED_FIELDS,
    NEAR_FIELDS,
    SCHEMAS,
)
from stormlog.apps.mcp.times import with_texts
from stormlog.apps.mcp.tool import Call, Tool
from stormlog.apps.mcp.workplace import skipped_lines
from stormlog.errors import UnknownIdError
from stormlog.explaining import coarser_timeline
from stormlog.query import (
    CORRELATION_KINDS,
    CorrelationEvidence,
    CorrelationFilter,
    IssueFilter,
    SessionFilter,
)
from stormlog.tracking import Activity, Comment, Occurrence, TrackedIssue
from stormlog.workflows import (
    ListedIssue,
    NearEvent,
    events_around,
    explain,
    fingerprints_of_issue,
    list_issue_page,
    show_issue,
)

if TYPE_CHECKING:
    from stormlog.explaining import MemoryTimeline
    from stormlog.query import QueryStore

__all__ = ["READING"]

#: Fields of issues that lists give where none are asked for: what tells them apart, and what verbs need.
_USUAL_LISTED: Final = tuple(
    name
    for name in LISTED_FIELDS
    if name
    not in (
        *("dimensions", "details", "affected_sessions", "fix_version", "failure_count"),
        *("first_seen_ns", "last_seen_ns"),
    )
)
#: Those that only trackers know.
_OF_TRACKERS: Final = ("number", "status", "assignee", "revision")
_USUAL_NEAR: Final = tuple(
    name for name in NEAR_FIELDS if name not in ("session_id", "device_id", "timestamp_ns")
)
#: Fields of an issue in the order in which they find room.
_USUAL_ISSUE: Final = (
    *("fingerprint_id", "kind", "severity", "state", "title", "what", "tracked", "account_problem"),
    *("hit_count", "session_count", "run_count", "first_ns", "first_utc", "last_ns", "last_utc", "exception"),
    *("latest_run", "versions", "evidence", "bundle_path", "dimensions", "spread", "comments"),
    *("history", "trend", "timeline", "details"),
)
#: Where more was not asked for: points of a counter in the timeline of an issue, and entries of its history.
_FEW_POINTS: Final = 6
_FEW_ENTRIES: Final = 10


# ---- issues ------------------------------------------------------------------------------------------------


def _list_issues(call: Call, wanted: arguments.ListIssues) -> dict[str, Any]:
    has_tracker = call.workplace.tracker is not None
    usual = [name for name in _USUAL_LISTED if has_tracker or name not in _OF_TRACKERS]
    fields = chosen(wanted.fields, LISTED_FIELDS, usual)
    conditions = wanted.model_dump(exclude={"limit", "offset", "fields"})
    filters = IssueFilter(**conditions)

    def question(store: QueryStore) -> dict[str, Any]:
        issues, there_are = list_issue_page(
            store, filters, offset=wanted.offset, limit=wanted.limit, has_tracker=has_tracker
        )
        answer = {
            "untrusted_data": {"issues": []},
            "issue_count": there_are,
            "skipped_lines": skipped_lines(store),
        }
        wholes = (with_texts(ListedIssue, issue.as_dict()) for issue in issues)
        rows = ({name: whole[name] for name in fields} for whole in wholes)
        found = rows_that_fit(rows, room_beside(answer))
        end = wanted.offset + len(found)
        is_cut = bool(found) and end < there_are
        how = f"call list_issues again with offset={end}, or with fewer fields" if is_cut else None
        if not found and there_are:
            how = f"there are {there_are:,} issues: a smaller offset shows them"
        listed: dict[str, Any] = {"issues": found}
        if not there_are:
            # They name what there is instead.
            listed["unmatched"] = plain([str(one) for one in store.unmatched_filters(filters)])
            how = (
                "no issue fits: leave a filter out"
                if any(value not in (None, False) for name, value in conditions.items() if name != "sort")
                else "no issue was found; why explains the latest run, and query with FROM sessions shows what was read"
            )
        return {
            **answer,
            "untrusted_data": listed,
            "truncated": is_cut,
            "next_offset": end if is_cut else None,
            "how_to_go_on": how,
        }

    return call.workplace.ask(call.arrival, question)


def _get_issue(call: Call, wanted: arguments.GetIssue) -> dict[str, Any]:
    names = chosen(wanted.fields, ISSUE_FIELDS, _USUAL_ISSUE)

    def question(store: QueryStore) -> dict[str, Any]:
        paths = [str(path) for path in store.catalog.paths]
        tracker = None if call.workplace.tracker is None else call.workplace.open_tracker(call.agent)
        with tracker or nullcontext():
            shown = show_issue(wanted.issue, paths, tracker=tracker, opening=lambda _: nullcontext(store))
        known = shown.tracked or {"issue": None, "comments": [], "occurrences": []}
        account = {} if shown.account is None else shown.account.as_dict()
        history = shown.history[: _FEW_ENTRIES if wanted.fields is None else None]
        facts = {
            **account,
            "tracked": None if known["issue"] is None else with_texts(TrackedIssue, known["issue"]),
            "comments": [with_texts(Comment, one) for one in known["comments"]],
            "history": [with_texts(Activity, one) for one in history],
            "occurrences": [with_texts(Occurrence, one) for one in known["occurrences"]],
            "account_problem": shown.account_problem,
        }
        timeline = None if shown.account is None else shown.account.timeline
        smaller: dict[str, Callable[[int], Any]] = {}
        if timeline is not None:
            if wanted.fields is None:
                facts["timeline"] = coarser_timeline(timeline, _FEW_POINTS).as_dict()
            smaller["timeline"] = partial(_halved, timeline)
        next_calls = [] if shown.account is None else _after_issue(account)
        return _record("get_issue", names, facts, store, next_calls, smaller)

    return call.workplace.ask(call.arrival, question)


def _halved(timeline: MemoryTimeline, step: int) -> dict[str, Any]:
    return coarser_timeline(timeline, max(timeline.bucket_count >> (step + 1), 1)).as_dict()


def _after_issue(account: Mapping[str, Any]) -> list[dict[str, Any]]:
    issue = account["fingerprint_id"]
    return [
        _next(
            "why", {"issue": issue}, "which rank failed first in its latest run, and where the memory went"
        ),
        _next("around", {"issue": issue}, "what all ranks did in the seconds around its last hit"),
    ]


def _next(tool: str, given: dict[str, Any], reason: str) -> dict[str, Any]:
    return {"tool": tool, "arguments": given, "reason": reason}


def _record(
    tool: str,
    names: Sequence[str],
    facts: Mapping[str, Any],
    store: QueryStore,
    next_calls: list[dict[str, Any]],
    smaller: Mapping[str, Callable[[int], Any]] | None = None,
) -> dict[str, Any]:
    """Return what is known of one thing, as much of it as an answer holds.

    Args:
        tool: The tool.
        names: The fields that are wanted, in the order in which they find room.
        facts: All that is known.
        store: Where it comes from.
        next_calls: Calls that lead on.
        smaller: See `fields_that_fit`.
    """
    answer = {"untrusted_data": {}, "skipped_lines": skipped_lines(store), "next": next_calls}
    present = {name: facts[name] for name in names if name in facts}
    kept, left_out = fields_that_fit(present, room_beside(answer), smaller)
    how = None
    if left_out:
        how = (
            f"{left_out[0]} is cut: query has the rows behind it"
            if len(present) == 1
            else f"call {tool} again with fields=[{left_out[0]!r}], one field at a time"
        )
    return {
        **answer,
        "untrusted_data": kept,
        "truncated": bool(left_out),
        "left_out": left_out,
        "how_to_go_on": how,
    }


# ---- runs --------------------------------------------------------------------------------------------------


def _why(call: Call, wanted: arguments.Why) -> dict[str, Any]:
    names = chosen(wanted.fields, EXPLANATION_FIELDS, EXPLANATION_FIELDS)
    asked = wanted.model_dump(exclude={"fields", "at"})
    if wanted.attempt is not None and (wanted.session_id is not None or wanted.issue is not None):
        raise ToolError("attempt is a number within a run: leave out session_id and issue")
    at_ns = None if wanted.at is None else parse_time(wanted.at)

    def question(store: QueryStore) -> dict[str, Any]:
        place = call.workplace
        explanation = explain(store, tracker=place.tracker, project=place.project, at_ns=at_ns, **asked)
        facts = explanation.as_dict()
        failure = explanation.first_failure
        next_calls = []
        if failure is not None and failure.fingerprint_id is not None:
            issue = {"issue": failure.fingerprint_id}
            next_calls.append(
                _next("get_issue", issue, "since which version, how often, on which ranks and hosts")
            )
            next_calls.append(_next("around", issue, "what all ranks did in the seconds around its last hit"))
        return _record("why", names, facts, store, next_calls)

    return call.workplace.ask(call.arrival, question)


# ---- what happened around something ------------------------------------------------------------------------


def _around(call: Call, wanted: arguments.Around) -> dict[str, Any]:
    window_ns = parse_duration(wanted.window)
    if sum(given is not None for given in (wanted.issue, wanted.record_id, wanted.at)) != 1:
        raise ToolError("say one of issue, record_id and at (with session_id): what to look around")
    if wanted.issue is not None and wanted.session_id is not None:
        raise ToolError("session_id goes with at or record_id; around an issue are all sessions of its job")
    if wanted.issue is not None:
        fields = chosen(wanted.fields, NEAR_FIELDS, _USUAL_NEAR)
        return call.workplace.ask(
            call.arrival, lambda store: _around_issue(store, call, wanted, window_ns, fields)
        )
    if wanted.at is not None and wanted.session_id is None:
        raise ToolError("at needs session_id: the session of the moment")
    filters = CorrelationFilter(
        session_id=wanted.session_id,
        rank=wanted.rank,
        scope="distributed",
        at_ns=None if wanted.at is None else parse_time(wanted.at),
        record_id=wanted.record_id,
        window_ns=window_ns,
        limit=wanted.limit + 1,
    )
    return call.workplace.ask(call.arrival, lambda store: _around_moment(store, wanted, filters))


def _around_issue(
    store: QueryStore, call: Call, wanted: arguments.Around, window_ns: int, fields: Sequence[str]
) -> dict[str, Any]:
    assert wanted.issue is not None
    place = call.workplace
    ids = fingerprints_of_issue(store, wanted.issue, tracker=place.tracker, project=place.project)
    found = None
    for fingerprint_id in ids:
        found = events_around(
            store, fingerprint_id, window_ns=window_ns, limit=wanted.limit, rank=wanted.rank
        )
        if found.events:
            break
    assert found is not None
    if not found.events and not store.list_issues(IssueFilter(fingerprint_id=ids)):
        raise UnknownIdError("issue", wanted.issue)
    answer = {
        "untrusted_data": {"fingerprint_id": found.fingerprint_id, "events": []},
        "row_count": found.event_count,
        "skipped_lines": skipped_lines(store),
    }
    # What finds no room is what is farthest from the hit; `_rest_of_events` goes on in the same order.
    nearest = sorted(
        found.events,
        key=lambda one: (abs(one.seconds), one.rank, one.session_id, one.segment_path, one.line_number),
    )
    wholes = {id(one): with_texts(NearEvent, one.as_dict()) for one in nearest}
    rows = [{name: wholes[id(one)][name] for name in fields} for one in nearest]
    kept = len(rows_that_fit(rows, room_beside(answer)))
    near = sorted(nearest[:kept], key=found.events.index)
    rows = [{name: wholes[id(one)][name] for name in fields} for one in near]
    is_cut = kept < found.event_count
    how = None
    if is_cut:
        how = _rest_of_events(found.fingerprint_id, wanted, window_ns, kept, found.event_count)
    elif not found.events:
        how = "no event lies so near: a longer window"
        how += "" if wanted.rank is None else ", or leave rank out"
    return {
        **answer,
        "untrusted_data": {
            "fingerprint_id": found.fingerprint_id,
            "events": rows_that_fit(rows, room_beside(answer)),
        },
        "truncated": is_cut,
        "how_to_go_on": how,
    }


def _rest_of_events(
    fingerprint_id: str, wanted: arguments.Around, window_ns: int, kept: int, there_are: int
) -> str:
    """Return how to get the events that are farther from a hit than those that an answer holds."""
    rank = "" if wanted.rank is None else f" WHERE rank = {wanted.rank}"
    return (
        f"{kept:,} of {there_are:,} events, the nearest: fewer fields, {'' if rank else 'one rank, '}or query with "
        f"SELECT * FROM evidence_context('{fingerprint_id}', {window_ns}){rank} ORDER BY abs(seconds), rank, "
        f"session_id, segment_path, line_number LIMIT 100 OFFSET {kept}"
    )


def _around_moment(store: QueryStore, wanted: arguments.Around, filters: CorrelationFilter) -> dict[str, Any]:
    found = store.correlate(filters)
    if (
        not found.evidence
        and wanted.at is not None
        and not store.list_sessions(_one_session(wanted.session_id))
    ):
        assert wanted.session_id is not None
        raise UnknownIdError("session", wanted.session_id)
    wholes = [with_texts(CorrelationEvidence, piece.as_dict()) for piece in found.evidence]
    fields = chosen(wanted.fields, EVIDENCE_FIELDS, EVIDENCE_FIELDS)
    frame: dict[str, Any] = {
        "untrusted_data": {"anchor": plain(found.anchor), "evidence": []},
        "row_count": None,
        "skipped_lines": skipped_lines(store),
    }
    rows = rows_that_fit(
        ({name: one[name] for name in fields} for one in wholes[: wanted.limit]), room_beside(frame)
    )
    is_cut = len(rows) < len(wholes)
    if not is_cut:
        frame["row_count"] = len(rows)
    how = None
    if is_cut:
        how = f"the surest and nearest {len(rows):,} are here: a shorter window, a limit up to 100, or fewer fields"
    elif not rows:
        how = "nothing lies so near: a longer window"
    frame["untrusted_data"]["evidence"] = rows
    return {**frame, "truncated": is_cut, "how_to_go_on": how}


def _one_session(session_id: str | None) -> SessionFilter:
    return SessionFilter(session_id=session_id, limit=1)


READING: Final = (
    Tool(
        "list_issues",
        "List issues",
        "List recurring failures found in the telemetry, the worst and latest first: out-of-memory crashes, alerts, "
        "failing collectors, memory that no allocator accounts for. Begin here. Filters choose among issues and never "
        "change what is counted in them.",
        arguments.ListIssues,
        SCHEMAS["list_issues"],
        _list_issues,
    ),
    Tool(
        "get_issue",
        "Show one issue",
        "Everything about one issue: hits, runs and sessions, how they spread over ranks, hosts, devices, phases and "
        "versions, the trend over time, memory around the evidence in numbers, exception, versions in which it came, "
        "went and came back, where the evidence is (file and line), and what people and agents said and did.",
        arguments.GetIssue,
        SCHEMAS["get_issue"],
        _get_issue,
    ),
    Tool(
        "why",
        "Explain a failed run",
        "Explain why a run failed, by default the one that failed last: which rank first and how certain that is, in "
        "which phase, what the error said, where the memory of that rank was and which part grew, the other ranks, the "
        "last run that did not fail, and whether this was seen before.",
        arguments.Why,
        SCHEMAS["why"],
        _why,
    ),
    Tool(
        "around",
        "What happened around it",
        "Events before and after: around the last hit of an issue on all ranks of its job, with phase and memory; or "
        f"around a record or a moment, of these kinds: {', '.join(CORRELATION_KINDS)}.",
        arguments.Around,
        SCHEMAS["around"],
        _around,
    ),
)
