"""How many issues there are, and how many came and went."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from stormlog.issues import severity_rank
from stormlog.tracking.projects import DEFAULT_PROJECT, project_row
from stormlog.tracking.statuses import STATUSES

__all__ = ["PERIODS", "IssueStats", "PeriodStats", "issue_stats"]

#: Period -> its days, and SQL for its first day.
PERIODS: Final = {
    "day": (1, "date(a.at_ns / 1000000000, 'unixepoch')"),
    "week": (7, "date(a.at_ns / 1000000000, 'unixepoch', 'weekday 0', '-6 days')"),
}
_MOST_PERIODS: Final = 1000


@dataclass(frozen=True)
class PeriodStats:
    """What happened in a day or a week.

    Attributes:
        start: Its first day (UTC), as ISO date; weeks begin on Monday.
        new: Issues that were found.
        closed: Times that an issue became resolved or ignored, and this was not undone.
        regressed: Times that a resolved issue was found again in a newer version.
    """

    start: str
    new: int
    closed: int
    regressed: int


@dataclass(frozen=True)
class IssueStats:
    """Counts of the issues of a project, or of all.

    Attributes:
        project: None for all projects.
        by: day or week.
        periods: The latest ones, the earliest of them first.
    """

    project: str | None
    issue_count: int
    statuses: dict[str, int]
    kinds: dict[str, int]
    severities: dict[str, int]
    by: str
    periods: tuple[PeriodStats, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready."""
        return asdict(self)


def issue_stats(
    connection: sqlite3.Connection, project: str | None, *, now_ns: int, by: str = "day", periods: int = 14
) -> IssueStats:
    """Count the issues of a project.

    Args:
        project: Its name; None for all projects.
        now_ns: Time by the clock: end of the last period.
        by: ``day`` or ``week``.
        periods: How many, at most 1000.

    Raises:
        LifecycleError: there is no such project.
        ValueError: an unknown period, or too few or many of them.
    """
    if by not in PERIODS:
        raise ValueError(f"unknown period {by!r}: choose from {', '.join(PERIODS)}")
    if not 1 <= periods <= _MOST_PERIODS:
        raise ValueError(f"there may be 1 to {_MOST_PERIODS} periods, not {periods}")
    if project is not None and project != DEFAULT_PROJECT:
        project_row(connection, project)
    counts = {
        column: dict(
            connection.execute(
                f"SELECT i.{column}, count(*) FROM issues AS i INNER JOIN projects AS p USING (project_id) "
                f"WHERE p.name = coalesce(?, p.name) GROUP BY 1 ORDER BY 1",
                [project],
            ).fetchall()
        )
        for column in ("status", "kind", "severity")
    }
    return IssueStats(
        project=project,
        issue_count=sum(counts["status"].values()),
        statuses={name: counts["status"][name] for name in STATUSES if name in counts["status"]},
        kinds=counts["kind"],
        severities=dict(
            sorted(counts["severity"].items(), key=lambda item: (severity_rank(item[0]), item[0]))
        ),
        by=by,
        periods=_periods(connection, project, now_ns, by, periods),
    )


def _periods(
    connection: sqlite3.Connection, project: str | None, now_ns: int, by: str, periods: int
) -> tuple[PeriodStats, ...]:
    days, first_day = PERIODS[by]
    today = datetime.fromtimestamp(now_ns // 10**9, UTC).date()
    last = today if by == "day" else today - timedelta(days=today.weekday())
    starts = [last - timedelta(days=days * number) for number in reversed(range(periods))]
    rows = connection.execute(
        f"""
        SELECT
            {first_day} AS start,
            count(*) FILTER (WHERE a.action = 'create') AS new,
            count(*) FILTER (
                WHERE json_extract(a.after_json, '$.status') IN ('resolved', 'silenced')
                    AND coalesce(json_extract(a.before_json, '$.status'), 'new') NOT IN ('resolved', 'silenced')
            ) AS closed,
            count(*) FILTER (WHERE a.action = 'regress') AS regressed
        FROM activity AS a
        INNER JOIN projects AS p ON p.project_id = a.project_id
        LEFT JOIN undo_records AS u ON u.activity_id = a.activity_id
        WHERE a.issue_id IS NOT NULL AND a.action NOT IN ('undo', 'merge', 'amend') AND u.undone_by IS NULL
            AND p.name = coalesce(:project, p.name) AND a.at_ns >= :since_ns
        GROUP BY 1
        """,
        {"project": project, "since_ns": _start_ns(starts[0])},
    )
    found = {row["start"]: (row["new"], row["closed"], row["regressed"]) for row in rows}
    return tuple(PeriodStats(day.isoformat(), *found.get(day.isoformat(), (0, 0, 0))) for day in starts)


def _start_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9
