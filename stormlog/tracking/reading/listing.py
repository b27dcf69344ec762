"""Lists of issues, and what belongs to one: occurrences, evidence, comments, history.

The promise: pages neither skip nor repeat a row, and a filter that nobody knows is an error, not no filter.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from stormlog.issues.kinds import severity_rank_sql
from stormlog.query import UnmatchedFilter
from stormlog.query.filter_checks import in_page, require
from stormlog.tracking.models import (
    Activity,
    Comment,
    Evidence,
    Fingerprint,
    HistoryPage,
    IssueDetail,
    IssuePage,
    Occurrence,
    OccurrencePage,
)
from stormlog.tracking.projects import DEFAULT_PROJECT, project_row
from stormlog.tracking.reading.conditions import Condition
from stormlog.tracking.reading.filters import KINDS, SEVERITIES, IssueFilter, bare_run, conditions_of, several
from stormlog.tracking.reading.lookup import ISSUES_CTE, STATE_SQL, find_issue, tracked_issue, tracked_issues
from stormlog.tracking.reading.paging import DEFAULT_LIMIT, cut, read_cursor, require_limit

__all__ = [
    "KINDS",
    "SEVERITIES",
    "SORTS",
    "count_issues",
    "fingerprints_of_issues",
    "history",
    "issue_detail",
    "list_comments",
    "list_issues",
    "list_occurrences",
    "matching",
    "rows_of_issues",
    "unmatched_filters",
]

#: What lists may be sorted by -> its column; the greatest comes first, what is unknown last.
SORTS: Final = {
    "last_seen": "last_seen_ns",
    "first_seen": "first_seen_ns",
    "hits": "hit_count",
    "sessions": "occurrence_count",
    "occurrences": "occurrence_count",
    "runs": "run_count",
    "users": "unique_user_count",
}


#: Characters of a title that lists keep, as in `stormlog.query.IssueTable`.
_TITLE_CHARACTERS: Final = 1_000

#: Fields of `IssueFilter` whose words anything may be -> where they are.
_OPEN_COLUMNS: Final = {
    "app": "a.name",
    "run": "o.run_id",
    "job_id": "CASE WHEN o.run_id <> o.session_id THEN o.run_id END",
    "session_id": "o.session_id",
    "host": "o.host",
    "rank": "k.rank",
    "version": "k.code_version",
}


def list_issues(
    connection: sqlite3.Connection,
    project: str | None,
    wanted: IssueFilter,
    *,
    sort: str = "last_seen",
    limit: int = DEFAULT_LIMIT,
    page: int | None = None,
    after: str | None = None,
) -> IssuePage:
    """Return one page of issues.

    Args:
        project: Name of their project; None for those of all.
        sort: One of `SORTS`.
        limit: 1 to 200.
        page: Number of the page, from 1.
        after: Cursor of the page before.

    Raises:
        LifecycleError: there is no such project.
        ValueError: an unknown filter value, order or cursor, or a bad condition or limit.
    """
    column = SORTS.get(sort)
    if column is None:
        raise ValueError(f"unknown order {sort!r}: choose from {', '.join(SORTS)}")
    require_limit(limit)
    if page is not None:
        require(page >= 1, "page", "1 or more", page)
        require(after is None, "page", "given without after, which names a page too", page)
    condition, parameters = _condition(connection, project, wanted)
    if after is not None:
        value, issue_id = read_cursor(after, sort)
        condition += f" AND {_behind(column, 'issue_id', value)}"
        parameters |= {"after": value, "after_id": issue_id}
    order = f"ORDER BY {column} DESC, issue_id DESC"
    # What is to be sorted is narrow: fingerprints are looked up for one page only.
    found = connection.execute(
        f"{ISSUES_CTE} SELECT issue_id FROM issues WHERE {condition} {order} LIMIT :rows OFFSET :offset",
        {**parameters, "rows": limit + 1, "offset": in_page(limit, page)["offset"]},
    )
    ids = [row["issue_id"] for row in found]
    rows = tracked_issues(connection, f"issue_id IN ({', '.join('?' * len(ids))}) {order}", ids)
    issues, cursor = cut(rows, limit, sort, column, "issue_id")
    return IssuePage(issues, cursor, cursor is not None)


def count_issues(connection: sqlite3.Connection, project: str | None, wanted: IssueFilter) -> int:
    """Return how many issues fit, on whatever page they are; see `list_issues`."""
    condition, parameters = _condition(connection, project, wanted)
    (count,) = connection.execute(
        f"{ISSUES_CTE} SELECT count(*) FROM issues WHERE {condition}", parameters
    ).fetchone()
    return int(count)


def fingerprints_of_issues(
    connection: sqlite3.Connection, project: str | None, wanted: IssueFilter
) -> list[tuple[str, str, bool]]:
    """Return fingerprint id, issue id and whether the issue fits, for every fingerprint of every issue, by number.

    Args:
        project: Name of the issues' project; None for those of all.
    """
    condition, parameters = _condition(connection, None, wanted)
    rows = connection.execute(
        f"""{ISSUES_CTE}
        SELECT DISTINCT f.fingerprint_id, f.issue_id, f.issue_id IN (SELECT issue_id FROM issues WHERE {condition})
        FROM main.issue_fingerprints AS f
        INNER JOIN main.issues AS i ON f.issue_id = i.issue_id
        INNER JOIN main.projects AS p ON i.project_id = p.project_id
        INNER JOIN main.issue_numbers AS n ON i.issue_id = n.issue_id AND n.is_former = 0
        WHERE p.name = coalesce(:of_project, p.name)
        ORDER BY n.number, f.fingerprint_id
        """,
        {**parameters, "of_project": project if project is None else project.strip()},
    )
    return [(fingerprint_id, issue_id, bool(fits)) for fingerprint_id, issue_id, fits in rows]


def rows_of_issues(
    connection: sqlite3.Connection, issue_ids: Sequence[str], sort: str | None
) -> list[tuple[Any, ...]]:
    """Return issues as rows of a `stormlog.query.IssueTable` that have no evidence there.

    Args:
        issue_ids: Full ids.
        sort: severity (the usual order: the worst and latest first), or one of `SORTS`.
    """
    order = "last_seen_ns DESC" if sort in (None, "severity") else f"{SORTS[str(sort)]} DESC"
    worst = f"{severity_rank_sql('i.severity')}, " if sort in (None, "severity") else ""
    rows = connection.execute(
        f"""
        WITH fingerprints AS (
            SELECT
                f.issue_id,
                f.fingerprint_id,
                f.dimensions_json,
                row_number() OVER (
                    PARTITION BY f.issue_id
                    -- The one that the title is of: a merge changes neither title nor kind.
                    ORDER BY f.title <> i.title OR f.kind <> i.kind, f.title_ns IS NULL, f.title_ns,
                        f.title_evidence_id, f.fingerprint_id
                ) AS place
            FROM main.issue_fingerprints AS f
            INNER JOIN main.issues AS i ON f.issue_id = i.issue_id
            WHERE f.issue_id IN (SELECT value FROM json_each(:ids))
        )

        SELECT
            f.fingerprint_id, i.kind, {STATE_SQL} AS state, i.severity, substr(i.title, 1, {_TITLE_CHARACTERS}),
            f.dimensions_json, NULL AS exception_type, i.hit_count, i.occurrence_count, i.first_seen_ns,
            i.last_seen_ns, i.issue_id, 0 AS is_exact, 0 AS has_evidence, i.issue_id AS key
        FROM main.issues AS i
        INNER JOIN fingerprints AS f ON i.issue_id = f.issue_id
        WHERE f.place = 1
        ORDER BY {worst}i.{order}, i.issue_id DESC
        """,
        {"ids": json.dumps(list(issue_ids))},
    )
    return [(*row[:12], False, False, row[14]) for row in rows]


def unmatched_filters(
    connection: sqlite3.Connection, project: str | None, wanted: IssueFilter
) -> list[UnmatchedFilter]:
    """Return the values of a filter that no issue has, whatever its other fields say, and what there is instead.

    Args:
        project: Name of the issues' project; None for those of all.
    """
    unmatched = []
    asked = [(name, value) for name in _OPEN_COLUMNS for value in several(getattr(wanted, name))]
    for name, value in asked:
        known = connection.execute(
            f"""
            SELECT value, count(*) OVER ()
            FROM (
                SELECT CAST({_OPEN_COLUMNS[name]} AS TEXT) AS value, count(DISTINCT i.issue_id) AS frequency
                FROM main.issues AS i
                INNER JOIN main.apps AS a ON a.app_id = i.app_id
                INNER JOIN main.projects AS p ON p.project_id = i.project_id
                LEFT JOIN main.issue_occurrences AS o ON o.issue_id = i.issue_id
                LEFT JOIN main.issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id
                WHERE p.name = coalesce(:project, p.name)
                GROUP BY 1
            )
            WHERE value IS NOT NULL
            ORDER BY value = :value DESC, frequency DESC, value
            LIMIT 8
            """,
            {"project": project, "value": bare_run(value) if name == "run" else str(value)},
        ).fetchall()
        if known and known[0][0] in (str(value), bare_run(value)):
            continue
        there_are = known[0][1] if known else 0
        shown = "session" if name == "session_id" else name
        found = tuple(row[0] for row in known)
        unmatched.append(UnmatchedFilter("issue", shown, str(value), found, there_are))
    return unmatched


def matching(connection: sqlite3.Connection, where: str) -> list[str]:
    """Return the ids of all issues, of whatever project, that fit a condition.

    Raises:
        KeyboardInterrupt: Ctrl-C arrived.
        ValueError: a bad condition, or one that takes too long.
    """
    with Condition(where) as condition:
        columns = ", ".join(condition.columns)
        return condition.matching(connection.execute(f"{ISSUES_CTE} SELECT {columns} FROM issues"))


def issue_detail(connection: sqlite3.Connection, project_id: str, text: str) -> IssueDetail:
    """Return an issue with what belongs to it; the latest 50 occurrences.

    Raises:
        LifecycleError: see `find_issue`.
    """
    row, merged_from = find_issue(connection, project_id, text)
    issue_id = row["issue_id"]
    page = list_occurrences(connection, issue_id)
    return IssueDetail(
        issue=tracked_issue(connection, issue_id, merged_from),
        fingerprints=_fingerprints(connection, issue_id),
        occurrences=page.occurrences,
        evidence=_evidence(connection, [occurrence.occurrence_id for occurrence in page.occurrences]),
        comments=list_comments(connection, issue_id),
        merged_into=None if merged_from is None else issue_id,
    )


def list_occurrences(
    connection: sqlite3.Connection, issue_id: str, *, limit: int = DEFAULT_LIMIT, after: str | None = None
) -> OccurrencePage:
    """Return one page of the occurrences of an issue, the latest first.

    Raises:
        ValueError: a bad cursor or limit.
    """
    require_limit(limit)
    condition, parameters = "issue_id = :issue_id", {"issue_id": issue_id, "rows": limit + 1}
    if after is not None:
        value, occurrence_id = read_cursor(after, "occurrences")
        condition += f" AND {_behind('last_ns', 'occurrence_id', value)}"
        parameters |= {"after": value, "after_id": occurrence_id}
    rows = connection.execute(
        f"SELECT * FROM issue_occurrences WHERE {condition} ORDER BY last_ns DESC, occurrence_id DESC LIMIT :rows",
        parameters,
    )
    found, cursor = cut(
        [_occurrence_of(row) for row in rows], limit, "occurrences", "last_ns", "occurrence_id"
    )
    return OccurrencePage(found, cursor, cursor is not None)


def list_comments(connection: sqlite3.Connection, issue_id: str) -> list[Comment]:
    """Return the comments of an issue, the oldest first."""
    rows = connection.execute(
        f"SELECT {', '.join(Comment.__dataclass_fields__)} FROM issue_comments "
        "WHERE issue_id = ? AND deleted_ns IS NULL "
        # Clocks may have been set meanwhile; rows are numbered in the order in which they were written.
        "ORDER BY rowid",
        [issue_id],
    )
    return [Comment(*row) for row in rows]


def history(
    connection: sqlite3.Connection, issue_id: str, *, limit: int = DEFAULT_LIMIT, after: str | None = None
) -> HistoryPage:
    """Return one page of what was done to an issue, and to those merged into it, the latest first.

    Raises:
        ValueError: a bad cursor or limit.
    """
    require_limit(limit)
    condition = """(
        issue_id = :issue_id
        OR issue_id IN (
            SELECT source_issue_id FROM issue_merges WHERE target_issue_id = :issue_id AND undone_ns IS NULL
        )
    )"""
    parameters: dict[str, Any] = {"issue_id": issue_id, "rows": limit + 1}
    if after is not None:
        _, activity_id = read_cursor(after, "history")
        condition += " AND activity_id < :after_id"
        parameters["after_id"] = activity_id
    # Entries are numbered in the order in which they were written; clocks may have been set meanwhile.
    rows = connection.execute(
        f"SELECT * FROM activity WHERE {condition} ORDER BY activity_id DESC LIMIT :rows", parameters
    )
    found, cursor = cut([_activity_of(row) for row in rows], limit, "history", "at_ns", "activity_id")
    return HistoryPage(found, cursor, cursor is not None)


def _condition(
    connection: sqlite3.Connection, project: str | None, wanted: IssueFilter
) -> tuple[str, dict[str, Any]]:
    """Return SQL over `ISSUES_CTE`, and its parameters."""
    conditions, parameters = conditions_of(connection, wanted, lambda where: matching(connection, where))
    if project is not None:
        if project != DEFAULT_PROJECT:
            project_row(connection, project)
        conditions.append("project = :project")
        parameters["project"] = project.strip()
    return " AND ".join(conditions) or "TRUE", parameters


def _behind(column: str, identity: str, value: int | None) -> str:
    """Return SQL for rows behind the last one seen, where NULL comes last."""
    if value is None:
        return f"({column} IS NULL AND {identity} < :after_id)"
    return f"({column} < :after OR {column} IS NULL OR ({column} = :after AND {identity} < :after_id))"


def _fingerprints(connection: sqlite3.Connection, issue_id: str) -> list[Fingerprint]:
    rows = connection.execute(
        "SELECT fingerprint_id, kind, schema_version, dimensions_json, severity, title, added_ns "
        "FROM issue_fingerprints WHERE issue_id = ? ORDER BY added_ns, fingerprint_id, app_id",
        [issue_id],
    )
    return [Fingerprint(**_read_json(row, "dimensions")) for row in rows]


def _evidence(connection: sqlite3.Connection, occurrence_ids: Sequence[str]) -> list[Evidence]:
    rows = connection.execute(
        f"""
        SELECT
            e.occurrence_id, o.session_id, e.evidence_id, k.fingerprint_id, k.timestamp_ns, k.rank, k.code_version,
            e.source_kind, e.event_type, e.source_path, e.bundle_path, e.metadata_json
        FROM issue_evidence AS e
        INNER JOIN issue_evidence_keys AS k ON e.occurrence_id = k.occurrence_id AND e.evidence_id = k.evidence_id
        INNER JOIN issue_occurrences AS o ON e.occurrence_id = o.occurrence_id
        WHERE e.occurrence_id IN ({", ".join("?" * len(occurrence_ids))})
        ORDER BY k.timestamp_ns DESC, e.occurrence_id DESC, e.evidence_id DESC
        """,
        occurrence_ids,
    )
    return [Evidence(**_read_json(row, "metadata")) for row in rows]


def _occurrence_of(row: sqlite3.Row) -> Occurrence:
    fields = _read_json(row, "ranks")
    return Occurrence(
        **{
            **{name: fields[name] for name in Occurrence.__dataclass_fields__},
            "ranks": tuple(fields["ranks"]),
        }
    )


def _activity_of(row: sqlite3.Row) -> Activity:
    fields = _read_json(row, "before", "after")
    return Activity(**{name: fields[name] for name in Activity.__dataclass_fields__})


def _read_json(row: sqlite3.Row, *names: str) -> dict[str, Any]:
    """Return the fields of a row, with ``<name>_json`` read as ``<name>``."""
    fields: dict[str, Any] = dict(row)
    for name in names:
        text = fields.pop(f"{name}_json")
        fields[name] = None if text is None else json.loads(text)
    return fields
