"""Compares what some paths hold with what is known already: what is new, what is back, what was never fixed.

The promise: nothing is changed, neither the artifacts nor what they are compared with, so that a gate may run as
often as one likes and gives the same answer every time.

Source: docs/ci.md#gate.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from stormlog.errors import SourceError
from stormlog.explaining import BudgetResult
from stormlog.issues import ignoring_rule, may_be_ignored
from stormlog.issues.kinds import severity_rank_sql
from stormlog.issues.sidecar import TrackedState, read_sidecar, state_precedence
from stormlog.issues.what import what_of
from stormlog.tracking.gate.models import FAILURES, Baseline, GateIssue, GateReport
from stormlog.tracking.projects import DEFAULT_PROJECT, project_row
from stormlog.tracking.reading.filters import IssueConditions, IssueFilter, conditions_of
from stormlog.tracking.reading.lookup import ISSUES_CTE
from stormlog.tracking.scanning.options import ScanOptions
from stormlog.tracking.scanning.scan import scan
from stormlog.tracking.session import TrackerSession
from stormlog.tracking.sidecar_exchange import export_states
from stormlog.tracking.versions import compare_versions, repository_for, seen_among

if TYPE_CHECKING:
    from stormlog.explaining import Budget
    from stormlog.query import QueryStore
    from stormlog.query.filters import Words

__all__ = ["baseline_of_file", "baseline_of_tracker", "evaluate"]


def baseline_of_file(path: str | os.PathLike[str], *, version_order: str = "auto") -> Baseline:
    """Return what ``issues.json`` says.

    Raises:
        SourceError: it is missing or wrong; the message says where.
    """
    sidecar = read_sidecar(path)
    return Baseline(os.fspath(path), sidecar.states, version_order, ignore=sidecar.ignore)


def baseline_of_tracker(tracker: TrackerSession) -> Baseline:
    """Return what a tracker says about its project.

    Raises:
        LifecycleError: there is no such project.
    """
    exported = export_states(tracker)
    states = exported.states
    baseline = Baseline(os.fspath(tracker.store.path), states, ignore=exported.ignore)
    with tracker.reading() as connection:
        if tracker.project == DEFAULT_PROJECT and not states:
            return baseline
        project = project_row(connection, tracker.project)
        return replace(
            baseline,
            version_order=project["version_order"],
            regress_on_equal=bool(project["regress_on_equal"]),
            first_seen=_first_seen(connection, project["project_id"]),
        )


def evaluate(
    paths: Sequence[str | os.PathLike[str]],
    baseline: Baseline,
    options: ScanOptions | None = None,
    *,
    fail_on: Collection[str] = ("new", "regressed"),
    app: str | None = None,
    only: IssueConditions | None = None,
    budgets: Sequence[str | Budget] = (),
    watching: Callable[[QueryStore], AbstractContextManager[None]] = lambda _: contextlib.nullcontext(),
) -> GateReport:
    """Say what became of the issues that some paths hold, and of budgets of memory.

    An issue that is not in the baseline is new. One that is resolved there is regressed if a newer version has it,
    recurring if nobody can tell whether a version has the fix, and older if all versions are from before it. All
    others are known, or ignored. Findings of hidden memory in sessions that may still grow are what no scan records
    yet: an issue that rests on nothing else is pending where it would be new, regressed or recurring.

    Args:
        paths: Files and directories.
        baseline: What to compare with.
        options: How evidence is read: what a scan would record counts.
        fail_on: Some of `FAILURES`.
        app: Count only what the baseline says about this program, and take what names none for it. Without it,
            what is said about another program is better than nothing.
        only: Count only the issues that fit: fields of `stormlog.tracking.reading.filters.IssueFilter`. What is
            counted in an issue, and how its versions compare, stays the same. Its runs, jobs, ranks and hosts are
            those that budgets are about too, as is ``since_ns`` of the options.
        budgets: What phases may need at most, such as ``"train/forward peak_reserved < 70GiB"``. With ``strict``, it
            fails where not all is known as well.
        watching: Entered while the store that it is given reads.

    Raises:
        SourceError: none of the paths exists, they hold neither sessions nor issues, there are budgets and no session
            that they are about, or something was skipped and ``strict`` is set.
        ValueError: an unknown outcome, version order or word of a filter, or a text that is no budget.
    """
    from stormlog.explaining import parse_budget

    wanted_budgets = [parse_budget(budget) if isinstance(budget, str) else budget for budget in budgets]
    found_budgets: list[BudgetResult] = []
    run_sessions: list[str] = []
    unknown = sorted(set(fail_on).difference(FAILURES))
    if unknown:
        raise ValueError(f"unknown outcome {unknown[0]!r}: choose from {', '.join(FAILURES)}")
    wanted = IssueFilter.of(only or {})
    options = replace(options or ScanOptions(), full=False, dry_run=False)
    if app is not None:
        options = replace(options, app=app)

    @contextlib.contextmanager
    def watched(store: QueryStore) -> Iterator[None]:
        with watching(store):
            yield
            if wanted.run is not None:
                run_sessions.extend(_sessions_of_runs(store, wanted.run))
            scope = {name: _listed(getattr(wanted, field)) for name, field in _SCOPE.items()}
            found_budgets.extend(store.check_budgets(wanted_budgets, since_ns=options.since_ns, **scope))

    with (
        # What is found is recorded as a scan would, in a tracker that nobody else sees.
        tempfile.TemporaryDirectory(prefix="stormlog-gate-") as folder,
        TrackerSession(os.path.join(folder, "tracker.db")) as found,
    ):
        growing: set[str] = set()
        report = scan(found, paths, options, watching=watched, growing=growing)
        with found.reading() as connection:
            connection.execute("CREATE TEMP TABLE growing_sessions (session_id TEXT PRIMARY KEY)")
            connection.executemany(
                "INSERT INTO temp.growing_sessions VALUES (?)", [(key,) for key in growing]
            )
            connection.execute(_COUNTED)
            rows = connection.execute(_FOUND).fetchall()
            fitting = _fitting(connection, wanted)
            if run_sessions:
                # Trackers know runs by job; what an envelope holds together is known by its sessions.
                fitting |= _fitting(connection, replace(wanted, run=None, session_id=tuple(run_sessions)))
            versions = _versions(connection)
            first_seen = _first_seen(connection)
    if not rows and not report.sessions_scanned:
        # A gate that saw nothing has not looked at the job, and must not let it pass.
        why = "".join(f" ({SourceError(w['message'], path=w['path'])})" for w in report.warnings[:1])
        raise SourceError(
            f"no session and no issue to judge{why}", path=", ".join(os.fspath(path) for path in paths)
        )
    if found_budgets and not any(result.session_count for result in found_budgets):
        raise SourceError(
            "no session to judge budgets by: the run, job, rank, host or time that was asked for has none",
            path=", ".join(os.fspath(path) for path in paths),
        )
    known = _by_fingerprint(baseline.states, app)
    times = {
        key: min(times[key] for times in (baseline.first_seen, first_seen) if key in times)
        for key in baseline.first_seen.keys() | first_seen.keys()
    }
    fixes = [state.fix_version for states in known.values() for state in states]
    repository = repository_for(options.repo, [*itertools.chain(*versions.values()), *fixes])
    baseline = replace(baseline, first_seen=times, repo=repository)
    issues = [
        _judged(row, versions.get(row["issue_id"], ()), _closest(known, row), baseline)
        for row in rows
        if row["issue_id"] in fitting
    ]
    return GateReport(
        baseline.source,
        [name for name in FAILURES if name in fail_on],
        issues,
        report.sources_seen,
        report.sessions_scanned,
        report.lines_skipped,
        report.warnings,
        len(rows) - len(issues),
        found_budgets,
        options.strict,
    )


#: Argument of `check_budgets` -> the field of a filter that means the same.
_SCOPE: Final = {"runs": "run", "jobs": "job_id", "ranks": "rank", "hosts": "host"}


def _sessions_of_runs(store: QueryStore, run: Words) -> Iterable[str]:
    """Return the sessions of runs that are named by their ids, those of envelopes among them."""
    from stormlog.query import RunFilter

    return itertools.chain.from_iterable(found.sessions for found in store.list_runs(RunFilter(run_id=run)))


def _listed(value: Any) -> list[Any] | None:
    if value is None:
        return None
    return list(value) if isinstance(value, (list, tuple)) else [value]


#: What counts of each issue: occurrences that a scan records, or all if it would record none of them.
_COUNTED: Final = """
CREATE TEMP TABLE counted AS
SELECT *
FROM (
    SELECT
        o.*, is_growing, min(is_growing) OVER (PARTITION BY o.issue_id) AS is_pending
    FROM (
        SELECT
            o.*,
            i.kind = 'hidden_memory_anomaly' AND o.session_id IN (SELECT session_id FROM temp.growing_sessions)
                AS is_growing
        FROM issue_occurrences AS o
        INNER JOIN issues AS i ON i.issue_id = o.issue_id
    ) AS o
) AS c
WHERE is_growing = is_pending
"""

_FOUND: Final = f"""
SELECT
    f.fingerprint_id, a.name AS app, i.is_dev, i.kind, i.severity, i.title, i.issue_id, f.dimensions_json,
    count(*) AS occurrence_count, count(DISTINCT c.run_id) AS run_count, sum(c.hit_count) AS hit_count,
    min(c.first_ns) AS first_seen_ns, max(c.last_ns) AS last_seen_ns, max(c.is_pending) AS is_pending
FROM issues AS i
INNER JOIN issue_fingerprints AS f ON f.issue_id = i.issue_id
INNER JOIN apps AS a ON a.app_id = i.app_id
INNER JOIN temp.counted AS c ON c.issue_id = i.issue_id
GROUP BY f.fingerprint_id, a.name, i.is_dev
ORDER BY
    {severity_rank_sql("i.severity")},
    max(c.last_ns) DESC, f.fingerprint_id, a.name, i.is_dev
"""


def _fitting(connection: sqlite3.Connection, wanted: IssueFilter) -> set[str]:
    """Return the ids of the issues that fit a filter."""
    conditions, parameters = conditions_of(connection, wanted)
    where = " AND ".join(conditions) or "TRUE"
    return {
        issue_id
        for (issue_id,) in connection.execute(
            f"{ISSUES_CTE} SELECT issue_id FROM issues WHERE {where}", parameters
        )
    }


def _versions(connection: sqlite3.Connection) -> dict[str, list[str | None]]:
    """Return the versions of each issue, None for evidence that names none."""
    rows = connection.execute(
        """
        SELECT DISTINCT o.issue_id, k.code_version
        FROM issue_evidence_keys AS k
        INNER JOIN temp.counted AS o ON o.occurrence_id = k.occurrence_id
        ORDER BY o.issue_id, k.code_version
        """
    )
    versions: dict[str, list[str | None]] = {}
    for issue_id, version in rows:
        versions.setdefault(issue_id, []).append(version)
    return versions


def _first_seen(connection: sqlite3.Connection, project_id: str | None = None) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        """
        SELECT a.name, v.version, v.first_event_ns
        FROM code_versions AS v
        INNER JOIN apps AS a ON a.app_id = v.app_id
        WHERE a.project_id = coalesce(?, a.project_id)
        """,
        [project_id],
    )
    return {(app, version): time_ns for app, version, time_ns in rows}


def _by_fingerprint(states: Iterable[TrackedState], app: str | None) -> dict[str, list[TrackedState]]:
    known: dict[str, list[TrackedState]] = {}
    for state in sorted(states, key=state_precedence):
        if app is None or state.app in (None, app):
            known.setdefault(state.fingerprint_id, []).append(state)
    return known


def _closest(known: Mapping[str, list[TrackedState]], row: sqlite3.Row) -> TrackedState | None:
    """Return what is known of the same program, in production or development as it was found, or nearly so."""
    candidates = known.get(row["fingerprint_id"], ())
    return min(
        candidates,
        key=lambda state: (
            state.app not in (None, row["app"]),
            state.is_dev not in (None, bool(row["is_dev"])),
        ),
        default=None,
    )


def _judged(
    row: sqlite3.Row, versions: Iterable[str | None], state: TrackedState | None, baseline: Baseline
) -> GateIssue:
    outcome, basis = "new", None
    if state is not None:
        outcome = "ignored" if state.state == "ignored" else "known"
        if state.state == "resolved":
            outcome, basis = _since_the_fix(row["app"], versions, state.fix_version, baseline)
    if (
        outcome == "regressed" or may_be_ignored(None if state is None else state.effective_status)
    ) and ignoring_rule(
        baseline.ignore, row["fingerprint_id"], row["kind"], json.loads(row["dimensions_json"])
    ):
        outcome, basis = "ignored", None
    if row["is_pending"] and outcome in FAILURES:
        outcome = "pending"
    return GateIssue(
        fingerprint_id=row["fingerprint_id"],
        outcome=outcome,
        app=row["app"],
        is_dev=bool(row["is_dev"]),
        kind=row["kind"],
        severity=row["severity"],
        title=row["title"],
        session_count=row["occurrence_count"],
        run_count=row["run_count"],
        hit_count=row["hit_count"],
        first_seen_ns=row["first_seen_ns"],
        last_seen_ns=row["last_seen_ns"],
        code_versions=[version for version in versions if version is not None],
        issue_id=None if state is None else state.issue_id,
        fix_version=None if state is None else state.fix_version,
        basis=basis,
        what=what_of(row["kind"], json.loads(row["dimensions_json"]), {}, row["fingerprint_id"]),
    )


def _since_the_fix(
    app: str, versions: Iterable[str | None], fix_version: str | None, baseline: Baseline
) -> tuple[str, str | None]:
    """Return the outcome for a resolved issue, and what it rests on: one newer version is enough."""
    found = [
        compare_versions(
            version,
            fix_version,
            order=baseline.version_order,
            first_seen=seen_among(
                {seen: time_ns for (name, seen), time_ns in baseline.first_seen.items() if name == app}
            ),
            repo=baseline.repo,
        )
        for version in versions
    ]
    newer = {"newer", "equal"} if baseline.regress_on_equal else {"newer"}
    for comparison in found:
        if comparison.result in newer:
            return "regressed", comparison.basis
    for comparison in found:
        if comparison.result != "older":
            return "recurring", comparison.basis
    return "older", found[0].basis if found else None
