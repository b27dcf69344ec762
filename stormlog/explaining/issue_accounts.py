"""Puts the account of an issue together: its facts, its latest run, its versions, and what surrounds it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stormlog.errors import UnknownIdError
from stormlog.explaining.asking import Ask, Store
from stormlog.explaining.attempts import Attempt, list_attempts, others_of_its_job
from stormlog.explaining.failures import Failure, first_failure, list_failures
from stormlog.explaining.issue_models import (
    EvidencePlace,
    IssueAccount,
    IssueException,
    IssueRun,
    TrendBucket,
    ValueCount,
    ValueSpread,
    VersionRange,
)
from stormlog.explaining.next_steps import next_steps_of_issue
from stormlog.explaining.phases import Moment, phases_at
from stormlog.explaining.ranks import clock_spread_ns, list_ranks
from stormlog.explaining.timeline_models import MemoryTimeline
from stormlog.explaining.timelines import rows_by_issue, timelines_of_issues
from stormlog.issues.oom_messages import free_bytes, requested_bytes
from stormlog.issues.what import what_of

__all__ = ["accounts_of_issues", "find_fingerprint", "issue_account"]

#: Statements about issues, all with the same parameters.
_OF_ISSUES = ("issue_facts", "issue_runs", "issue_places", "issue_bundle", "issue_spread", "issue_buckets")

_PREFIX = "issue:"
#: Digits of an id that have to be given at least.
_SHORTEST_PART = 6
#: Ids that an error about an unknown one names.
_NAMED = 5


class _Facts(NamedTuple):
    """A row of `sql/queries/issue_facts.sql`."""

    fingerprint_id: str
    kind: str
    severity: str
    title: str
    dimensions_json: str
    hit_count: int
    first_ns: int | None
    last_ns: int | None
    details_json: str | None
    bundle_details_json: str | None
    bundle_path: str | None
    session_count: int


class _RunWithHits(NamedTuple):
    """A row of `sql/queries/issue_runs.sql`."""

    run_id: str
    attempt: int
    hit_count: int
    first_ns: int | None
    last_ns: int | None
    session_id: str


def find_fingerprint(ask: Ask, text: str) -> str:
    """Return the fingerprint id that a person means.

    Args:
        ask: The store.
        text: The id, or its first 6 digits or more, with or without ``issue:``.

    Raises:
        UnknownIdError: there is no such issue under the opened paths, or several; the message names some.
        SourceError: there is no telemetry.
    """
    word = text.strip().lower()
    wanted = word if word.startswith(_PREFIX) else f"{_PREFIX}{word}"
    if word.isdecimal() and wanted != word:
        message = f"{text!r} is a number: that of an issue in a tracker, which is not asked here; name the fingerprint"
        raise UnknownIdError("issue", text, message=message)
    rows = ask("issue_ids", {"text": wanted})
    if any(found == wanted for found, _ in rows):
        return wanted
    matches = [found for found, is_match in rows if is_match]
    if len(matches) == 1 and len(wanted) >= len(_PREFIX) + _SHORTEST_PART:
        return str(matches[0])
    others = [found for found, _ in rows][:_NAMED]
    if not rows:
        # Raises where there is no telemetry at all.
        list_attempts(ask)
    if matches and len(wanted) < len(_PREFIX) + _SHORTEST_PART:
        message = (
            f"{text!r} is too short for an issue: give {_SHORTEST_PART} digits or more, such as {others[0]}"
        )
        raise UnknownIdError("issue", text, others, message=message)
    if len(matches) > 1:
        message = f"{text!r} could be several issues: {', '.join(matches[:_NAMED])}"
        raise UnknownIdError("issue", text, others, message=message)
    raise UnknownIdError("issue", text, others)


def accounts_of_issues(store: Store, issues: Sequence[Sequence[str]]) -> list[IssueAccount]:
    """Return what the telemetry says of some issues, each asked for in the same statements.

    Args:
        store: What is asked.
        issues: The fingerprints of each issue; those without evidence here are left out.

    Returns:
        The accounts in the order of the issues, without those of which no fingerprint has evidence.
    """
    store = store._replace(ask=_remembering(store.ask))
    pairs = sorted({(number, name) for number, names in enumerate(issues) for name in names})
    wanted = {"fingerprint_ids": [name for _, name in pairs], "issues": [number for number, _ in pairs]}
    if not pairs:
        return []
    rows_of = {name: rows_by_issue(store.ask(name, wanted)) for name in _OF_ISSUES}
    timelines = timelines_of_issues(store.ask, wanted)
    return [
        _account(store, {name: rows.get(number, []) for name, rows in rows_of.items()}, timelines.get(number))
        for number in sorted(rows_of["issue_facts"])
    ]


def issue_account(store: Store, fingerprint_ids: Sequence[str]) -> IssueAccount:
    """Return what the telemetry says of an issue.

    Args:
        store: What is asked.
        fingerprint_ids: Its fingerprints; those without evidence here are left out.

    Raises:
        UnknownIdError: none of them has evidence under the opened paths.
    """
    found = accounts_of_issues(store, [fingerprint_ids])
    if not found:
        raise UnknownIdError("issue", ", ".join(fingerprint_ids))
    return found[0]


def _remembering(ask: Ask) -> Ask:
    """Return what asks a statement once: many issues have the same latest run."""
    known: dict[str, list[tuple[Any, ...]]] = {}

    def remembered(name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        key = json.dumps([name, params], sort_keys=True)
        if key not in known:
            known[key] = ask(name, params)
        return known[key]

    return remembered


def _account(
    store: Store, rows: Mapping[str, Sequence[Sequence[Any]]], timeline: MemoryTimeline | None
) -> IssueAccount:
    """Return the account of an issue, given the rows of each statement of `_OF_ISSUES` about it."""
    ask = store.ask
    found = [_Facts(*row) for row in rows["issue_facts"]]
    speaker = min(
        found, key=lambda facts: (facts.first_ns is None, facts.first_ns or 0, facts.fingerprint_id)
    )
    ids = tuple(facts.fingerprint_id for facts in found)
    hit_count = sum(facts.hit_count for facts in found)
    attempts = list_attempts(ask)
    runs = [_RunWithHits(*row) for row in rows["issue_runs"]]
    places = rows["issue_places"]
    [bundle] = rows["issue_bundle"] or [(None,) * 6]
    latest = None if not runs else _latest_run(store, runs[0], attempts, ids)
    dimensions = json.loads(speaker.dimensions_json)
    details = {
        **json.loads(speaker.bundle_details_json or "{}"),
        **json.loads(speaker.details_json or "{}"),
    }
    tracked = store.tracked(speaker.fingerprint_id)
    return IssueAccount(
        fingerprint_id=speaker.fingerprint_id,
        fingerprint_ids=ids,
        kind=speaker.kind,
        severity=found[0].severity,
        title=speaker.title,
        what=what_of(speaker.kind, dimensions, details),
        dimensions=dimensions,
        details=details,
        state="open" if tracked is None else tracked.state,
        hit_count=hit_count,
        session_count=speaker.session_count,
        run_count=len({run.run_id for run in runs}),
        first_ns=min((facts.first_ns for facts in found if facts.first_ns is not None), default=None),
        last_ns=max((facts.last_ns for facts in found if facts.last_ns is not None), default=None),
        exception=_exception(bundle, places),
        latest_run=latest,
        spread=_spread(rows["issue_spread"], hit_count),
        trend=tuple(TrendBucket(*row) for row in rows["issue_buckets"]),
        timeline=timeline,
        evidence=tuple(EvidencePlace(*place[:6]) for place in places),
        bundle_path=bundle[0] or speaker.bundle_path,
        versions=_versions(runs, attempts),
        next=next_steps_of_issue(store, speaker.fingerprint_id),
        allocator_snapshot_path=bundle[5],
    )


def _exception(bundle: Sequence[Any], places: Sequence[Sequence[Any]]) -> IssueException:
    """Return what the latest bundle with a message says, else the text of the latest event that has one."""
    _, exception_type, message, requested, free, _ = bundle
    if message is None:
        latest_first = sorted(places, key=lambda place: place[2] or 0, reverse=True)
        message = next((place[6] for place in latest_first if place[6]), None)
    return IssueException(
        exception_type,
        message,
        requested_bytes(message) if requested is None else requested,
        free_bytes(message) if free is None else free,
    )


def _latest_run(
    store: Store, run: _RunWithHits, attempts: Sequence[Attempt], fingerprint_ids: Sequence[str]
) -> IssueRun:
    attempt = next(attempt for attempt in attempts if attempt[:2] == run[:2])
    # Where sessions of a rank overlap, each is looked at alone: nothing tells which of them belong together.
    only = run.session_id if attempt.is_overlapping else None
    parameters = {"run_id": run.run_id, "attempt": run.attempt, "session_id": only}
    failures = list_failures(store.ask, parameters)
    own = [failure for failure in failures if failure.fingerprint_id in fingerprint_ids]
    shown = own or failures
    found = None
    if shown:
        ranks = list_ranks(store, parameters)
        spread_ns = clock_spread_ns(store.ask, parameters, ranks)
        hosts = {rank.rank: rank.host for rank in ranks}
        found = first_failure(shown, hosts, spread_ns, phases_at(store.ask, _moments(shown[0])))
    return IssueRun(
        run_id=run.run_id,
        attempt=run.attempt,
        code_version=attempt.code_version,
        hit_count=run.hit_count,
        first_ns=run.first_ns,
        last_ns=run.last_ns,
        first_failure=found,
        is_of_issue=bool(own),
        is_first=bool(own) and failures[0] == own[0],
    )


def _moments(failure: Failure) -> list[Moment]:
    if failure.rank is None or failure.timestamp_ns is None:
        return []
    return [
        Moment(
            failure.session_id,
            failure.rank,
            failure.timestamp_ns,
            failure.origin_thread_json,
            failure.origin_scope_json,
        )
    ]


def _spread(rows: Sequence[Sequence[Any]], hit_count: int) -> tuple[ValueSpread, ...]:
    by_field: dict[str, list[Sequence[Any]]] = {}
    for row in rows:
        by_field.setdefault(row[0], []).append(row)
    return tuple(
        ValueSpread(
            field=name,
            values=tuple(ValueCount(value, count, count / hit_count) for _, value, count, *_ in of_field),
            value_count=of_field[0][4],
            rest_hit_count=of_field[0][3] - sum(row[2] for row in of_field),
        )
        for name, of_field in by_field.items()
    )


def _versions(runs: Sequence[_RunWithHits], attempts: Sequence[Attempt]) -> VersionRange:
    with_hits = {run[:2] for run in runs}
    by_start = sorted(attempts, key=lambda attempt: (attempt.start_ns or 0, attempt.run_id, attempt.attempt))
    affected = [attempt for attempt in by_start if attempt[:2] in with_hits]
    if not affected:
        return VersionRange()
    first, latest = affected[0], affected[-1]
    without = [a for a in _kin_before(first, by_start) if a.code_version]
    between = [
        a
        for a in _kin_before(latest, by_start)
        if a[:2] not in with_hits and a.code_version and (a.start_ns or 0) > (first.start_ns or 0)
    ]
    gone = between[-1] if between else None
    back = None if gone is None else next(a for a in affected if (a.start_ns or 0) >= (gone.start_ns or 0))
    return VersionRange(
        last_without=without[-1].code_version if without else None,
        first_with=first.code_version,
        latest_with=latest.code_version,
        gone_in=None if gone is None else gone.code_version,
        back_in=None if back is None else back.code_version,
    )


def _kin_before(attempt: Attempt, by_start: Sequence[Attempt]) -> list[Attempt]:
    """Return the attempts of the same job that began before one, the latest last."""
    kin = {other[:2] for other in others_of_its_job(attempt, by_start)}
    return [a for a in by_start if a[:2] in kin and (a.start_ns or 0) < (attempt.start_ns or 0)]
