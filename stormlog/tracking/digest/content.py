"""Collects what a digest is about: issues that somebody has to look at and has not been told of.

The promise: what a digest holds is plain data, bounded in size, and safe to show on one line; how it is laid
out is decided when it is sent.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from stormlog._readable_times import ReadableTime
from stormlog.tracking.database.aggregates import SEVERITY_RANK
from stormlog.tracking.reading.lookup import FINGERPRINTS, what_of_fingerprints

__all__ = [
    "MOST_OF_WHY",
    "MOST_RECURRING",
    "MOST_ROWS",
    "Digest",
    "DigestIssue",
    "collect",
    "LatestRun",
    "latest_run",
    "one_line",
]

#: Most issues that are listed one by one.
MOST_ROWS: Final = 50
#: Most resolved issues that are listed one by one.
MOST_RECURRING: Final = 10

_MOST_CHARACTERS: Final = 80
#: The text is short by itself: its end tells apart what it had to leave out.
_MOST_OF_WHAT: Final = 1000
MOST_OF_WHY: Final = 1000
#: Most sources that are read to explain a run.
_MOST_SOURCES: Final = 1000
# Marks that turn the direction of text around, for whatever follows them too.
_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

#: What nobody was told yet. Activity is the write of the scan: late evidence of an early event counts as well.
_UNTOLD: Final = """
    i.project_id = :project_id
    AND i.is_dev = 0
    AND i.activity_sequence > i.notified_sequence
"""
_LIVE: Final = f"{_UNTOLD} AND i.status IN ('new', 'regressed')"
_RECURRING: Final = f"{_UNTOLD} AND i.status = 'resolved' AND i.recurred_count > 0"

_ORDER: Final = f"i.status <> 'regressed', {SEVERITY_RANK}, i.run_count DESC, i.last_seen_ns DESC, i.issue_id"


@dataclass(frozen=True)
class DigestIssue:
    """One issue as a digest shows it; texts are one line, of at most 80 characters.

    Attributes:
        recurred_count: Sessions in which a resolved issue came back, of which nobody can say whether they
            have the fix.
        command: What opens it.
        what: What tells it from issues of the same title; at most `_MOST_OF_WHAT` characters.
    """

    issue_id: str
    status: str
    severity: str
    title: str
    kind: str
    app: str
    run_count: int
    occurrence_count: int
    unique_user_count: int
    recurred_count: int
    fix_version: str | None
    first_seen_version: str | None
    last_seen_version: str | None
    first_seen_ns: int | None
    last_seen_ns: int | None
    command: str
    what: str = ""
    first_seen = ReadableTime()
    last_seen = ReadableTime()


@dataclass(frozen=True)
class Digest:
    """What a project's people are told.

    Attributes:
        digest_ns: When it was put together.
        issues: New and regressed issues, the worst first, at most `MOST_ROWS`.
        more_count: New and regressed issues besides these.
        recurring: Resolved issues that came back, at most `MOST_RECURRING`.
        more_recurring_count: Such issues besides these.
        why: Why the latest run failed, on one line; None where nobody knows.
    """

    project: str
    digest_ns: int
    new_count: int
    regressed_count: int
    recurring_count: int
    issues: Sequence[DigestIssue]
    more_count: int
    recurring: Sequence[DigestIssue]
    more_recurring_count: int
    why: str | None = None
    digest = ReadableTime()

    @property
    def issue_count(self) -> int:
        """How many issues are new or regressed."""
        return self.new_count + self.regressed_count

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready; ``why`` only where it is known."""
        values = asdict(self)
        if self.why is None:
            del values["why"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Digest:
        """Return what `as_dict` was called on."""
        rows = {name: tuple(DigestIssue(**row) for row in values[name]) for name in ("issues", "recurring")}
        return cls(**{**values, **rows})


def collect(
    connection: sqlite3.Connection, project: sqlite3.Row, *, digest_ns: int, options: str = ""
) -> tuple[Digest, list[str]] | None:
    """Collect the digest of a project.

    Args:
        project: Its row.
        digest_ns: Time of the digest.
        options: What the commands in it need to find the tracker, such as ``--db FILE``.

    Returns:
        The digest and the ids of all issues that it tells about, also of those it only counts; None if there
        is nothing to tell.

    Source: docs/notifications.md#what-is-in-a-digest.
    """
    named = {"project_id": project["project_id"]}
    covered = connection.execute(
        f"SELECT i.issue_id, i.status FROM issues AS i WHERE ({_LIVE}) OR ({_RECURRING})", named
    ).fetchall()
    if not covered:
        return None
    statuses = [row["status"] for row in covered]
    new_count, regressed_count = statuses.count("new"), statuses.count("regressed")
    recurring_count = statuses.count("resolved")
    issues = _rows(connection, _LIVE, named, MOST_ROWS, options)
    recurring = _rows(connection, _RECURRING, named, MOST_RECURRING, options)
    digest = Digest(
        project=project["name"],
        digest_ns=digest_ns,
        new_count=new_count,
        regressed_count=regressed_count,
        recurring_count=recurring_count,
        issues=issues,
        more_count=new_count + regressed_count - len(issues),
        recurring=recurring,
        more_recurring_count=recurring_count - len(recurring),
    )
    return digest, [row["issue_id"] for row in covered]


@dataclass(frozen=True)
class LatestRun:
    """The run that had one of some issues last.

    Attributes:
        run_id: What the tracker knows it by.
        sources_with_evidence: Sinks, files and bundles in which it has evidence.
        sources: All that lie beside them: ranks of a run lie in one directory, and those without an issue belong to its
            account. Only those that were there when they were scanned last; none where there are more than 1,000.
    """

    run_id: str
    sources_with_evidence: Sequence[str]
    sources: Sequence[str]


def latest_run(connection: sqlite3.Connection, project_id: str, issue_ids: Sequence[str]) -> LatestRun | None:
    """Return the run that had one of some issues last; None if there is none, or its files are not known."""
    run = connection.execute(
        """
        SELECT o.run_id
        FROM issue_occurrences AS o
        INNER JOIN issues AS i ON i.issue_id = o.issue_id
        WHERE o.issue_id IN (SELECT value FROM json_each(?))
        -- Most runs that fail run out of memory; whatever else there is comes after them.
        ORDER BY i.kind = 'oom' DESC, o.last_ns DESC, o.occurrence_id DESC
        LIMIT 1
        """,
        [json.dumps(list(issue_ids))],
    ).fetchone()
    if run is None:
        return None
    paths = [
        path
        for (path,) in connection.execute(
            """
            -- Evidence names a file of a sink, or what is a source by itself.
            SELECT DISTINCT coalesce(s.source_path, e.source_path)
            FROM issue_occurrences AS o
            INNER JOIN issues AS i ON i.issue_id = o.issue_id AND i.project_id = :project_id
            INNER JOIN issue_evidence AS e ON e.occurrence_id = o.occurrence_id
            LEFT JOIN scan_sources AS s ON s.project_id = i.project_id AND s.path = e.source_path
            WHERE o.run_id = :run_id AND e.source_path IS NOT NULL
            """,
            {"project_id": project_id, "run_id": run["run_id"]},
        )
    ]
    if not paths or not all(map(os.path.isabs, paths)):
        return None
    folder = os.path.commonpath([os.path.dirname(path) for path in paths])
    known = connection.execute(
        """
        SELECT DISTINCT source_path FROM scan_sources
        WHERE project_id = :project_id AND missing_since_ns IS NULL
            AND substr(source_path, 1, length(:folder)) = :folder
        ORDER BY source_path
        LIMIT :most
        """,
        {"project_id": project_id, "folder": os.path.join(folder, ""), "most": _MOST_SOURCES + 1},
    ).fetchall()
    sources = [] if len(known) > _MOST_SOURCES else [path for (path,) in known]
    return LatestRun(run["run_id"], paths[:_MOST_SOURCES], sources)


def one_line(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return text that cannot break out of its line: no control characters, single spaces, and cut to a length.

    Args:
        text: Any text, from telemetry or from a server.
        most: How many characters may stay, the ellipsis of a cut included.
    """
    # Beyond this nothing is shown in any case, and texts may be huge.
    text = _DIRECTION.sub("", text[: most * 20])
    line = " ".join("".join(map(_printable, text)).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    return "\ufffd" if category == "Cs" else " " if category in ("Cc", "Zl", "Zp") else character


def _rows(
    connection: sqlite3.Connection, condition: str, named: Mapping[str, str], most: int, options: str
) -> tuple[DigestIssue, ...]:
    columns = [field.name for field in fields(DigestIssue) if field.name not in ("app", "command", "what")]
    rows = connection.execute(
        f"""
        SELECT {", ".join(f"i.{column}" for column in columns)}, a.name AS app, {FINGERPRINTS} AS fingerprints
        FROM issues AS i
        INNER JOIN apps AS a ON a.app_id = i.app_id
        WHERE {condition}
        ORDER BY {_ORDER}
        LIMIT {most}
        """,
        named,
    )
    shown = []
    for row in rows:
        fields_of_row = dict(row)
        what = what_of_fingerprints(json.loads(fields_of_row.pop("fingerprints")))
        values: dict[str, Any] = {
            name: one_line(value) if isinstance(value, str) else value
            for name, value in fields_of_row.items()
        }
        command = f"stormlog issues show {shlex.quote(values['issue_id'])}{options}"
        shown.append(DigestIssue(**values, command=command, what=one_line(what, _MOST_OF_WHAT)))
    return tuple(shown)
