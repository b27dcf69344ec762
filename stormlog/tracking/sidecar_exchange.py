"""Moves the states of a project's issues into ``issues.json`` and back.

The promise: a file says the same for the same states, byte for byte; what is restored from it, in one store or in
another, are statuses, fix versions, silences, assignees and which fingerprints belong together. Evidence stays
where it is, and what is counted is counted from evidence alone.

Source: docs/ci.md#the-sidecar.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from stormlog.issues.sidecar import TrackedState, read_sidecar
from stormlog.issues.state import STATUS_PRECEDENCE
from stormlog.tracking.database import aggregates
from stormlog.tracking.database.activity import canonical_json, log
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.database.sequences import next_sequence
from stormlog.tracking.projects import ensure_project
from stormlog.tracking.recording.exporting import export_states
from stormlog.tracking.recording.ignore_rules import add_rule, apply_rules
from stormlog.tracking.triage.verbs import readable

if TYPE_CHECKING:
    from stormlog.tracking.session import TrackerSession

__all__ = ["ImportReport", "export_states", "import_states"]

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: What an import may change of an issue.
_RESTORED: Final = ("status", "fix_version", "ignore_until_json", "assignee")


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        fingerprints: Entries of the file.
        issues_created: Issues of which nothing was known; they have no evidence yet.
        fingerprints_added: Fingerprints of which nothing was known.
        issues_changed: Issues that have another status, fix version, silence or assignee than before.
        issues_unchanged: Issues of the file that were so already.
        contradictions: Issues of this store of which the file has several opinions, because it does not know that
            they were merged; the most urgent counted.
    """

    fingerprints: int = 0
    issues_created: int = 0
    fingerprints_added: int = 0
    issues_changed: int = 0
    issues_unchanged: int = 0
    contradictions: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return all fields in order."""
        return asdict(self)


# ---- import ------------------------------------------------------------------------------------------------


def import_states(tracker: TrackerSession, path: str | os.PathLike[str]) -> ImportReport:
    """Restore what a sidecar says, all of it or nothing.

    A status is restored as it is. Where only a state is said, ``open`` leaves an issue alone that is open or
    regressed, ``ignored`` silences. What the file does not name stays as it is, and evidence is never touched.

    Args:
        tracker: The project is made if there is none.
        path: The file.

    Raises:
        PermissionDeniedError: ``issues:write`` is missing.
        SourceError: the file is missing or wrong; the message says where, and nothing was changed.
    """
    sidecar = read_sidecar(path)
    with tracker.writing() as connection:
        now_ns = tracker.clock()
        project = ensure_project(connection, tracker.project, now_ns)
        report = _Restoration(tracker, connection, project["project_id"], now_ns, os.fspath(path)).run(
            sidecar.states
        )
        for rule in sidecar.ignore:
            add_rule(connection, project["project_id"], tracker.actor, rule, now_ns=now_ns)
        apply_rules(connection, project["project_id"], tracker.actor, None, now_ns=now_ns)
        return report


class _Restoration:
    """One import, inside its transaction."""

    def __init__(
        self,
        tracker: TrackerSession,
        connection: sqlite3.Connection,
        project_id: str,
        now_ns: int,
        source: str,
    ) -> None:
        self._tracker = tracker
        self._connection = connection
        self._project_id = project_id
        self._now_ns = now_ns
        self._source = source

    def run(self, states: Sequence[TrackedState]) -> ImportReport:
        self._put(states)
        self._find_known()
        created, gained = self._place_unknown()
        added = self._add_fingerprints()
        changed, unchanged, contradictions = self._restore(created)
        aggregates.touch(self._connection, issues=sorted(created | gained | changed))
        aggregates.rebuild_issues(self._connection, now_ns=self._now_ns)
        return ImportReport(len(states), len(created), added, len(changed), unchanged, contradictions)

    def _put(self, states: Sequence[TrackedState]) -> None:
        self._table(
            "said",
            "position INTEGER PRIMARY KEY, fingerprint_id, app, is_dev, named_issue, kind, schema_version, "
            "dimensions_json, severity, title, title_ns, state, status, fix_version, has_fix_version, "
            "ignore_until_json, has_ignore_until, assignee, has_assignee, number, former_numbers_json, "
            "is_by_rule, issue_id",
        )
        self._connection.executemany(
            f"INSERT INTO temp.said VALUES ({', '.join('?' * 23)})",
            (_values(position, state) for position, state in enumerate(states)),
        )
        self._connection.execute("CREATE INDEX temp.said_by_fingerprint ON said (fingerprint_id)")
        self._connection.execute("CREATE INDEX temp.said_by_issue ON said (named_issue)")

    def _find_known(self) -> None:
        """Note which issues an entry is about: without an app, those of every app."""
        self._table("about", "position INTEGER, issue_id TEXT")
        self._connection.execute(
            """
            INSERT INTO temp.about
            SELECT DISTINCT s.position, f.issue_id
            FROM temp.said AS s
            INNER JOIN issue_fingerprints AS f ON f.fingerprint_id = s.fingerprint_id
            INNER JOIN apps AS a ON a.app_id = f.app_id AND a.project_id = ?
            WHERE a.name = coalesce(s.app, a.name) AND f.is_dev = coalesce(s.is_dev, f.is_dev)
            """,
            [self._project_id],
        )
        self._connection.execute("CREATE INDEX temp.about_by_position ON about (position)")

    def _place_unknown(self) -> tuple[set[str], set[str]]:
        """Give each entry that is about nothing known an issue.

        That is the one with the id that the entry names, else the one that a known fingerprint of the same issue has
        here, else a new one.

        Returns:
            Ids of the new issues, and of those that gain a fingerprint.
        """
        self._table("unknown", "position INTEGER PRIMARY KEY, together TEXT, named_issue, issue_id")
        self._connection.execute(
            """
            INSERT INTO temp.unknown
            SELECT
                s.position, coalesce('=' || s.named_issue, s.position), s.named_issue,
                coalesce(
                    (
                        SELECT i.issue_id FROM issues AS i
                        WHERE i.issue_id = s.named_issue AND i.project_id = ? AND i.is_dev = coalesce(s.is_dev, 0)
                    ),
                    (
                        SELECT min(i.issue_id)
                        FROM temp.said AS sibling
                        INNER JOIN temp.about AS b ON b.position = sibling.position
                        INNER JOIN issues AS i ON i.issue_id = b.issue_id
                        WHERE sibling.named_issue = s.named_issue AND i.is_dev = coalesce(s.is_dev, 0)
                    )
                )
            FROM temp.said AS s
            WHERE s.position NOT IN (SELECT position FROM temp.about)
            """,
            [self._project_id],
        )
        gained = {
            issue_id
            for (issue_id,) in self._connection.execute(
                "SELECT DISTINCT issue_id FROM temp.unknown WHERE issue_id IS NOT NULL"
            )
        }
        groups = self._connection.execute(
            """
            SELECT together, named_issue FROM temp.unknown WHERE issue_id IS NULL GROUP BY together ORDER BY position
            """
        ).fetchall()
        ids = {group["together"]: self._free_id(group["named_issue"]) for group in groups}
        self._connection.execute("CREATE INDEX temp.unknown_together ON unknown (together)")
        self._connection.executemany(
            "UPDATE temp.unknown SET issue_id = ? WHERE issue_id IS NULL AND together = ?",
            ((issue_id, together) for together, issue_id in ids.items()),
        )
        self._connection.execute(
            """
            UPDATE temp.said SET issue_id = (SELECT u.issue_id FROM temp.unknown AS u WHERE u.position = said.position)
            """
        )
        return set(ids.values()), gained

    def _free_id(self, named: str | None) -> str:
        """Return the id that a file names, so that links to it keep working, unless it is taken or is none."""
        if named is None or not _UUID.fullmatch(named):
            return new_id()
        taken = self._connection.execute(
            "SELECT 1 FROM issues WHERE issue_id = :id "
            "UNION ALL SELECT 1 FROM issue_merges WHERE source_issue_id = :id AND undone_ns IS NULL",
            {"id": named},
        ).fetchone()
        return named if taken is None else new_id()

    def _add_fingerprints(self) -> int:
        connection = self._connection
        apps = connection.execute(
            """
            SELECT DISTINCT coalesce(s.app, 'default')
            FROM temp.said AS s
            WHERE s.issue_id IS NOT NULL
                AND NOT EXISTS (
                    SELECT 1 FROM apps AS a WHERE a.project_id = ? AND a.name = coalesce(s.app, 'default')
                )
            ORDER BY 1
            """,
            [self._project_id],
        ).fetchall()
        connection.executemany(
            "INSERT INTO apps (app_id, project_id, name) VALUES (?, ?, ?)",
            ((new_id(), self._project_id, name) for (name,) in apps),
        )
        self._keep_numbers()
        # Of an issue with several fingerprints the one that was seen first says what kind it is.
        connection.execute(
            """
            INSERT INTO issues (
                issue_id, project_id, app_id, is_dev, kind, status, title, severity, last_activity_ns, created_ns,
                updated_ns, revision
            )
            SELECT issue_id, ?, app_id, is_dev, kind, 'new', title, severity, ?, ?, ?, 0
            FROM (
                SELECT
                    s.issue_id, a.app_id, coalesce(s.is_dev, 0) AS is_dev, s.kind, s.title, s.severity,
                    row_number() OVER (
                        PARTITION BY s.issue_id ORDER BY s.title_ns IS NULL, s.title_ns, s.position
                    ) AS place
                FROM temp.said AS s
                INNER JOIN apps AS a ON a.project_id = ? AND a.name = coalesce(s.app, 'default')
                WHERE s.issue_id IS NOT NULL
            ) AS first
            WHERE place = 1 AND NOT EXISTS (SELECT 1 FROM issues AS i WHERE i.issue_id = first.issue_id)
            """,
            [self._project_id, self._now_ns, self._now_ns, self._now_ns, self._project_id],
        )
        self._note_activity()
        added = connection.execute(
            """
            INSERT INTO issue_fingerprints (
                fingerprint_id, app_id, is_dev, issue_id, kind, schema_version, dimensions_json, severity, title,
                title_ns, title_evidence_id, added_ns
            )
            SELECT
                s.fingerprint_id, a.app_id, coalesce(s.is_dev, 0), s.issue_id, s.kind, s.schema_version,
                s.dimensions_json, s.severity, s.title, s.title_ns, '', ?
            FROM temp.said AS s
            INNER JOIN apps AS a ON a.project_id = ? AND a.name = coalesce(s.app, 'default')
            WHERE s.issue_id IS NOT NULL
            """,
            [self._now_ns, self._project_id],
        ).rowcount
        connection.execute(
            "INSERT INTO temp.about SELECT position, issue_id FROM temp.said WHERE issue_id IS NOT NULL"
        )
        self._keep_former_numbers()
        return added

    def _keep_numbers(self) -> None:
        """Give issues that are about to be made the numbers that the file says, where no issue has had them."""
        self._connection.execute(
            """
            INSERT OR IGNORE INTO issue_numbers (project_id, number, issue_id)
            SELECT ?, s.number, s.issue_id
            FROM temp.said AS s
            WHERE s.issue_id IS NOT NULL AND s.number IS NOT NULL
            ORDER BY s.position
            """,
            [self._project_id],
        )

    def _keep_former_numbers(self) -> None:
        """Let numbers of issues that the file does not have any more lead to those that they were merged into."""
        self._connection.execute(
            """
            INSERT OR IGNORE INTO issue_numbers (project_id, number, issue_id, is_former)
            SELECT ?, n.value, b.issue_id, 1
            FROM temp.said AS s
            INNER JOIN json_each(s.former_numbers_json) AS n
            INNER JOIN temp.about AS b ON b.position = s.position
            ORDER BY s.position, n.value
            """,
            [self._project_id],
        )

    def _note_activity(self) -> None:
        """Let digests tell of issues that were made just now."""
        made = "project_id = ? AND activity_sequence = 0"
        [has_made] = self._connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM issues WHERE {made})", [self._project_id]
        ).fetchone()
        if has_made:
            self._connection.execute(
                f"UPDATE issues SET activity_sequence = ? WHERE {made}",
                [next_sequence(self._connection, self._project_id), self._project_id],
            )

    def _restore(self, created: set[str]) -> tuple[set[str], int, int]:
        """Give the issues what the file says of them; of several opinions the most urgent counts."""
        urgency = " ".join(f"WHEN '{status}' THEN {place}" for place, status in enumerate(STATUS_PRECEDENCE))
        rows = self._connection.execute(
            f"""
            WITH opinions AS (
                SELECT
                    b.issue_id,
                    s.*,
                    CASE
                        -- The rules of the file decide afterwards, under numbers of their own.
                        WHEN s.is_by_rule THEN iif(i.status IN ('regressed', 'silenced'), i.status, 'new')
                        WHEN s.status IS NOT NULL THEN s.status
                        WHEN s.state = 'resolved' THEN 'resolved'
                        WHEN s.state = 'ignored' THEN 'silenced'
                        WHEN s.state = 'regressed' THEN 'regressed'
                        WHEN i.status IN ('resolved', 'silenced') THEN 'new'
                        ELSE i.status
                    END AS wanted
                FROM temp.about AS b
                INNER JOIN temp.said AS s ON s.position = b.position
                INNER JOIN issues AS i ON i.issue_id = b.issue_id
            ),

            ranked AS (
                SELECT
                    *,
                    row_number() OVER (
                        PARTITION BY issue_id ORDER BY CASE wanted {urgency} END, position
                    ) AS place,
                    min(wanted) OVER (PARTITION BY issue_id) <> max(wanted) OVER (PARTITION BY issue_id) AS is_disputed
                FROM opinions
            )

            SELECT
                i.issue_id, i.status, i.fix_version, i.ignore_until_json, i.assignee, r.wanted, r.is_disputed,
                CASE
                    WHEN r.wanted = 'resolved' THEN r.fix_version
                    WHEN r.wanted = 'silenced' THEN iif(r.has_fix_version, r.fix_version, i.fix_version)
                END AS wanted_fix_version,
                CASE
                    WHEN r.wanted = 'silenced' THEN iif(r.has_ignore_until, r.ignore_until_json, i.ignore_until_json)
                END AS wanted_ignore_until_json,
                iif(r.has_assignee, r.assignee, i.assignee) AS wanted_assignee
            FROM ranked AS r
            INNER JOIN issues AS i ON i.issue_id = r.issue_id
            WHERE r.place = 1
            ORDER BY i.issue_id
            """
        ).fetchall()
        changed = set()
        for row in rows:
            before = {name: row[name] for name in _RESTORED}
            after = {name: row["wanted" if name == "status" else f"wanted_{name}"] for name in _RESTORED}
            is_new = row["issue_id"] in created
            if before != after:
                self._change(row["issue_id"], before["status"], after)
            if before != after and not is_new:
                changed.add(row["issue_id"])
            if before != after or is_new:
                log(
                    self._connection,
                    self._tracker.actor,
                    "import",
                    project_id=self._project_id,
                    issue_id=row["issue_id"],
                    at_ns=self._now_ns,
                    before=None if is_new else readable(before),
                    after={**readable(after), "source": self._source},
                )
        disputed = sum(bool(row["is_disputed"]) for row in rows)
        return changed, len(rows) - len(changed) - len(created), disputed

    def _change(self, issue_id: str, status_before: str, after: dict[str, Any]) -> None:
        self._connection.execute(
            """
            UPDATE issues
            SET status = :status, fix_version = :fix_version, ignore_until_json = :ignore_until_json,
                assignee = :assignee,
                resolved_ns = CASE
                    WHEN :status <> 'resolved' THEN NULL
                    WHEN status = 'resolved' THEN resolved_ns
                    ELSE :now_ns
                END
            WHERE issue_id = :issue_id
            """,
            {**after, "issue_id": issue_id, "now_ns": self._now_ns},
        )
        if after["status"] != status_before:
            # What recurred while it was resolved is over.
            self._connection.execute(
                """
                UPDATE issue_evidence_keys SET is_recurrence = 0
                WHERE is_recurrence = 1
                    AND occurrence_id IN (SELECT occurrence_id FROM issue_occurrences WHERE issue_id = ?)
                """,
                [issue_id],
            )

    def _table(self, name: str, columns: str) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
        self._connection.execute(f"CREATE TEMP TABLE {name} ({columns})")


def _values(position: int, state: TrackedState) -> tuple[Any, ...]:
    """Return a row of ``temp.said``; what a new fingerprint cannot do without is made up."""
    is_text = state.fingerprint_id.startswith("error:")
    is_by_rule = state.status == "silenced" and "rule" in (state.ignore_until or {})
    return (
        position,
        state.fingerprint_id,
        state.app,
        None if state.is_dev is None else int(state.is_dev),
        state.issue_id,
        state.kind or ("error" if is_text else "unknown"),
        state.schema_version,
        canonical_json(state.dimensions or {}),
        state.severity or "unknown",
        state.title or state.fingerprint_id,
        state.title_ns,
        state.state,
        state.status,
        state.fix_version,
        "fix_version" in state.given,
        None if state.ignore_until is None else canonical_json(state.ignore_until),
        "ignore_until" in state.given and not is_by_rule,
        state.assignee,
        "assignee" in state.given,
        state.number,
        canonical_json(state.former_numbers or ()),
        is_by_rule,
        None,
    )
