"""Finds issues by whatever people call them, and reads them as values.

The promise: an id that ever was one keeps leading to its issue, and a word that could mean two means neither.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from stormlog.errors import LifecycleError
from stormlog.issues.state import STATE_OF_STATUS
from stormlog.issues.what import what_of
from stormlog.tracking.models import TrackedIssue
from stormlog.tracking.projects import project_row

__all__ = [
    "FINGERPRINTS",
    "ISSUES_CTE",
    "ISSUE_COLUMNS",
    "SHORTEST_PART",
    "STATE_SQL",
    "find_issue",
    "fingerprints_of",
    "issue_name",
    "issue_of",
    "merged_numbers",
    "part_condition",
    "tracked_issue",
    "tracked_issues",
    "what_of_fingerprints",
]

#: How much of an id has to be given at least.
SHORTEST_PART: Final = 6

#: Columns of `ISSUES_CTE`: the fields of `TrackedIssue` but the last two, one of which is made of the fingerprints; the
#: other depends on the question.
ISSUE_COLUMNS: Final = tuple(TrackedIssue.__dataclass_fields__)[:-2]

_STATE_CASES: Final = " ".join(f"WHEN '{status}' THEN '{state}'" for status, state in STATE_OF_STATUS.items())
#: SQL for the state that derived issues show for an issue ``i``.
STATE_SQL: Final = f"CASE i.status {_STATE_CASES} END"

#: ``12`` and ``#12``, and with the name of a project before it, which may hold slashes.
_NUMBER: Final = re.compile(r"(?:(?P<project>.+)/)?#?(?P<number>[0-9]+)", re.DOTALL)
_FINGERPRINT_PREFIXES: Final = ("issue:", "error:")
#: Numbers with more digits than this do not fit into the column, and none is that great.
_MOST_DIGITS: Final = 18

_COMPUTED: Final = {
    "number": "(SELECT n.number FROM main.issue_numbers AS n WHERE n.issue_id = i.issue_id AND n.is_former = 0)",
    "project": "p.name",
    "app": "a.name",
    "state": STATE_SQL,
    "ignore_until": "i.ignore_until_json",
    "fingerprint_ids": """(
        SELECT json_group_array(f.fingerprint_id)
        FROM (
            SELECT DISTINCT fingerprint_id FROM main.issue_fingerprints WHERE issue_id = i.issue_id ORDER BY 1
        ) AS f
    )""",
    # As in sql/views/public/issue_counts.sql; of bundles no rank is kept, and they are that of any rank of the session.
    "failure_count": """i.hit_count - (
        SELECT count(*)
        FROM main.issue_occurrences AS o
        INNER JOIN main.issue_evidence_keys AS b ON o.occurrence_id = b.occurrence_id
        WHERE o.issue_id = i.issue_id
            AND b.evidence_id >= 'bundle-' AND b.evidence_id < 'bundle.'
            AND EXISTS (
                SELECT 1
                FROM main.issue_evidence_keys AS e
                WHERE e.occurrence_id = b.occurrence_id
                    AND e.timestamp_ns BETWEEN b.timestamp_ns - 60000000000 AND b.timestamp_ns + 60999999999
                    AND e.fingerprint_id = b.fingerprint_id
                    AND NOT (e.evidence_id >= 'bundle-' AND e.evidence_id < 'bundle.')
            )
    )""",
}

#: SQL for the fingerprints of an issue ``i`` as JSON: id, kind and dimensions of each, first the one of its title.
FINGERPRINTS: Final = """(
    SELECT json_group_array(json_array(f.fingerprint_id, f.kind, f.dimensions_json))
    FROM (
        -- A merge changes neither title nor kind.
        SELECT
            fingerprint_id, kind, dimensions_json, title <> i.title OR kind <> i.kind AS is_other, title_ns,
            title_evidence_id
        FROM main.issue_fingerprints
        WHERE issue_id = i.issue_id
        ORDER BY is_other, title_ns IS NULL, title_ns, title_evidence_id, fingerprint_id
    ) AS f
)"""

#: SQL that names all issues with what belongs to them, for a statement that begins with it.
ISSUES_CTE: Final = f"""
WITH issues AS (
    SELECT
        {", ".join(f"{_COMPUTED.get(column, f'i.{column}')} AS {column}" for column in ISSUE_COLUMNS)},
        {FINGERPRINTS} AS fingerprints
    FROM main.issues AS i
    INNER JOIN main.projects AS p ON i.project_id = p.project_id
    INNER JOIN main.apps AS a ON i.app_id = a.app_id
)
"""


def find_issue(connection: sqlite3.Connection, project_id: str, text: str) -> tuple[sqlite3.Row, str | None]:
    """Return the row of an issue.

    Args:
        project_id: Where to look, unless the text names a project.
        text: Its number (``12``, ``#12``, ``PROJECT/12``), its id or that of an issue merged into it, a start or an
            end of one that is enough to tell it from others, or one of its fingerprint ids, or the start of one,
            with or without ``issue:``. Digits alone are always a number.

    Returns:
        The row in table ``issues``, and the full id of the merged issue if that is what was given.

    Raises:
        LifecycleError: code ``not_found``; or ``ambiguous_id``, and details name the ``issue_ids``.
    """
    word = text.strip()
    number = _NUMBER.fullmatch(word)
    if number is not None:
        found = _by_number(connection, project_id, number)
    elif word.startswith(_FINGERPRINT_PREFIXES):
        found = _by_fingerprint(connection, project_id, word.lower())
    else:
        found = _by_id(connection, project_id, word.lower(), _is_whole)
        if not found and len(word) >= SHORTEST_PART:
            found = _by_id(connection, project_id, word.lower(), part_condition)
            for prefix in _FINGERPRINT_PREFIXES:
                found += _by_fingerprint(connection, project_id, prefix + word.lower())
    ids = sorted({issue_id for issue_id, _ in found})
    if not ids:
        raise _not_found(connection, text)
    if len(ids) > 1:
        names = [f"{issue_name(connection, issue_id)} ({issue_id})" for issue_id in ids[:5]]
        raise LifecycleError(
            f"{text!r} could be {len(ids)} issues: {', '.join(names)}{', ...' if len(ids) > 5 else ''}",
            code="ambiguous_id",
            details={"issue_id": text, "issue_ids": ids},
        )
    row: sqlite3.Row = connection.execute("SELECT * FROM issues WHERE issue_id = ?", ids).fetchone()
    # A part that fits the issue itself names the issue.
    merged = [merged_from for _, merged_from in found]
    return row, None if None in merged else merged[0]


def _by_fingerprint(
    connection: sqlite3.Connection, project_id: str, text: str
) -> list[tuple[str, str | None]]:
    """Return the issues with a fingerprint id that is, or begins with, a text; too short a beginning has none."""
    is_part = len(text.partition(":")[2]) >= SHORTEST_PART
    rows = connection.execute(
        """
        SELECT DISTINCT i.issue_id, NULL
        FROM issue_fingerprints AS f
        INNER JOIN issues AS i ON f.issue_id = i.issue_id
        WHERE i.project_id = :project_id
            AND (f.fingerprint_id = :text OR (:is_part AND substr(f.fingerprint_id, 1, length(:text)) = :text))
        """,
        {"text": text, "project_id": project_id, "is_part": is_part},
    )
    return [tuple(row) for row in rows]


def issue_name(connection: sqlite3.Connection, issue_id: str) -> str:
    """Return ``#`` and the number of an issue, which may have been merged or removed.

    Args:
        issue_id: Its full id.
    """
    [number] = connection.execute(
        "SELECT number FROM issue_numbers WHERE issue_id = ? AND is_former = 0", [issue_id]
    ).fetchone()
    return f"#{number}"


def _by_number(
    connection: sqlite3.Connection, project_id: str, said: re.Match[str]
) -> list[tuple[str, str | None]]:
    """Return the issue that has a number, or into which the one that had it was merged.

    Raises:
        LifecycleError: code ``not_found``.
    """
    project = (
        connection.execute("SELECT * FROM projects WHERE project_id = ?", [project_id]).fetchone()
        if said["project"] is None
        else project_row(connection, said["project"])
    )
    number = said["number"].lstrip("0") or "0"
    if project is not None and len(number) <= _MOST_DIGITS:
        numbered = connection.execute(
            "SELECT issue_id FROM issue_numbers WHERE project_id = ? AND number = ?",
            [project["project_id"], int(number)],
        ).fetchone()
        if numbered is not None:
            found = _by_id(connection, project["project_id"], numbered["issue_id"], _is_whole)
            if found:
                return found
            reason = "was removed: none of its evidence was left"
            raise LifecycleError(
                f"issue #{number} {reason}",
                code="not_found",
                details={"issue_id": said[0], "reason": "removed"},
            )
    name = "this project" if project is None else f"project {project['name']!r}"
    [newest] = connection.execute(
        "SELECT max(number) FROM issue_numbers WHERE project_id = ?",
        [None if project is None else project["project_id"]],
    ).fetchone()
    there_are = "it has no issues yet" if newest is None else f"its numbers end with #{newest}"
    raise LifecycleError(
        f"no issue #{number} in {name}: {there_are} (digits alone are a number, not a part of an id)",
        code="not_found",
        details={"issue_id": said[0]},
    )


def _not_found(connection: sqlite3.Connection, text: str) -> LifecycleError:
    """Return the error that an id is not of this project, with where it is if another project has it."""
    word = text.strip().lower()
    elsewhere = connection.execute(
        """
        SELECT p.name, n.number
        FROM issue_numbers AS n
        INNER JOIN projects AS p ON n.project_id = p.project_id
        WHERE n.issue_id = ? AND n.is_former = 0
        """,
        [word],
    ).fetchone()
    if elsewhere is not None:
        name = f"{elsewhere['name']}/{elsewhere['number']}"
        return LifecycleError(
            f"issue {text!r} is of another project: name it {name}",
            code="not_found",
            details={"issue_id": text, "project": elsewhere["name"], "number": elsewhere["number"]},
        )
    short = (
        f"give its number, or at least {SHORTEST_PART} characters of its id; "
        if len(word) < SHORTEST_PART
        else ""
    )
    return LifecycleError(
        f"no issue {text!r} in this project; {short}'stormlog issues list' shows those there are",
        code="not_found",
        details={"issue_id": text},
    )


def fingerprints_of(connection: sqlite3.Connection, issue_id: str) -> list[str]:
    """Return the fingerprint ids of an issue, the one with the latest evidence first.

    Args:
        issue_id: Its full id.
    """
    rows = connection.execute(
        """
        SELECT
            f.fingerprint_id,
            (
                SELECT max(k.timestamp_ns)
                FROM issue_occurrences AS o
                INNER JOIN issue_evidence_keys AS k ON o.occurrence_id = k.occurrence_id
                WHERE o.issue_id = f.issue_id AND k.fingerprint_id = f.fingerprint_id
            ) AS last_ns
        FROM (SELECT DISTINCT issue_id, fingerprint_id FROM issue_fingerprints WHERE issue_id = ?) AS f
        ORDER BY last_ns DESC, f.fingerprint_id
        """,
        [issue_id],
    )
    return [fingerprint_id for fingerprint_id, _ in rows]


def part_condition(column: str) -> str:
    """Return SQL that tells whether an id starts or ends with ``:text``."""
    return f"(substr({column}, 1, length(:text)) = :text OR substr({column}, -length(:text)) = :text)"


def _is_whole(column: str) -> str:
    return f"{column} = :text"


def _by_id(
    connection: sqlite3.Connection, project_id: str, text: str, condition: Callable[[str], str]
) -> list[tuple[str, str | None]]:
    rows = connection.execute(
        f"""
        SELECT i.issue_id, NULL
        FROM issues AS i
        WHERE i.project_id = :project_id AND {condition("i.issue_id")}
        UNION ALL
        SELECT i.issue_id, m.source_issue_id
        FROM issue_merges AS m
        INNER JOIN issues AS i ON m.target_issue_id = i.issue_id
        WHERE i.project_id = :project_id AND m.undone_ns IS NULL AND {condition("m.source_issue_id")}
        """,
        {"text": text, "project_id": project_id},
    )
    return [(issue_id, merged_from) for issue_id, merged_from in rows]


def tracked_issue(
    connection: sqlite3.Connection, issue_id: str, merged_from: str | None = None
) -> TrackedIssue:
    """Return an issue that exists.

    Args:
        issue_id: Its full id.
        merged_from: By which id it was asked for, if that is of an issue merged into it.
    """
    (row,) = connection.execute(f"{ISSUES_CTE} SELECT * FROM issues WHERE issue_id = ?", [issue_id])
    return issue_of(row, merged_from)


def tracked_issues(
    connection: sqlite3.Connection,
    where_sql: str = "TRUE",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[TrackedIssue]:
    """Return issues.

    Args:
        where_sql: Condition over the fields of `TrackedIssue`, and what may follow it, such as an order.
        parameters: What it refers to.
    """
    rows = connection.execute(f"{ISSUES_CTE} SELECT * FROM issues WHERE {where_sql}", parameters)
    return [issue_of(row) for row in rows]


def merged_numbers(connection: sqlite3.Connection, issue_id: str) -> list[int]:
    """Return the numbers of the issues that are merged into one, the latest first.

    Args:
        issue_id: Full id of the one.
    """
    rows = connection.execute(
        """
        SELECT n.number
        FROM issue_merges AS m
        INNER JOIN issue_numbers AS n ON m.source_issue_id = n.issue_id AND n.is_former = 0
        WHERE m.target_issue_id = ? AND m.undone_ns IS NULL
        ORDER BY m.rowid DESC
        """,
        [issue_id],
    )
    return [number for (number,) in rows]


def what_of_fingerprints(fingerprints: Sequence[Sequence[str]]) -> str:
    """Return what tells an issue from others of its title.

    Args:
        fingerprints: Id, kind and JSON of the dimensions of each; several apps may have the same one. The first one
            speaks, and the others are counted.
    """
    if not fingerprints:
        return ""
    first, kind, dimensions = fingerprints[0]
    what = what_of(kind, json.loads(dimensions), {}, first)
    others = {fingerprint_id for fingerprint_id, *_ in fingerprints} - {first}
    return f"{what} (and {len(others)} merged)" if others else what


def issue_of(row: sqlite3.Row, merged_from: str | None = None) -> TrackedIssue:
    """Return a row of `ISSUES_CTE` as a value."""
    fields: dict[str, Any] = {column: row[column] for column in ISSUE_COLUMNS}
    ignore_until = fields["ignore_until"]
    return TrackedIssue(
        **{
            **fields,
            "is_dev": bool(fields["is_dev"]),
            "ignore_until": None if ignore_until is None else json.loads(ignore_until),
            "fingerprint_ids": tuple(json.loads(fields["fingerprint_ids"])),
            "what": what_of_fingerprints(json.loads(row["fingerprints"])),
            "merged_from": merged_from,
        }
    )
