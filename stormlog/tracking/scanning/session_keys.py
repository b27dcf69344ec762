"""Finds the keys of sessions whose records name none.

Such records are shown in the session that a manifest names, or in one whose id is made from the path of their source.
The tracker must know the session again when its files are moved, copied or packed, grow, or lose their oldest part or
their manifest: it keeps a digest of the earliest record in each file.

The promise: the key that was recorded first stays, and no path is in a new one.

Source: docs/tracking.md#keys.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stormlog.artifacts.event_files import path_session_id
from stormlog.tracking.scanning.inventory import Inventory
from stormlog.tracking.scanning.known_files import Seen, SourceFile

__all__ = ["Hit", "SessionKeys", "find_session_keys"]

#: In place of a digest: an id that a store of an earlier version made from a path.
_PATH_MARK = "path:"

#: Evidence: number of its source, session that is shown, fingerprint, time, and the three parts that its id is made of.
Hit = tuple[int, str, str, int | None, str, str, str]


@dataclass(frozen=True)
class SessionKeys:
    """Keys of sessions.

    Attributes:
        by_session: Number of a source and the session that is shown -> key.
        by_file: Key of a file (`SourceFile.key`) -> key of its session.
        learned: Digests of earliest records and the keys that they stand for, which the store does not have yet.
    """

    by_session: dict[tuple[int, str], str] = field(default_factory=dict)
    by_file: dict[str, str] = field(default_factory=dict)
    learned: dict[str, str] = field(default_factory=dict)

    def key_of(self, source_id: int, session_id: str) -> str:
        """Return the key of a session that is shown."""
        return self.by_session.get((source_id, session_id), session_id)

    def remember(self, connection: sqlite3.Connection, project_id: str) -> None:
        """Write what was learned, in a transaction."""
        connection.executemany(
            "INSERT OR IGNORE INTO session_keys (project_id, digest, session_key) VALUES (?, ?, ?)",
            [(project_id, digest, key) for digest, key in self.learned.items()],
        )
        connection.executemany(
            "UPDATE scan_sources SET session_key = ? WHERE project_id = ? AND path = ? AND session_key IS NULL",
            [(key, project_id, path) for path, key in self.by_file.items()],
        )


@dataclass(frozen=True)
class _Session:
    """A session that is shown for records which name none.

    Attributes:
        source_id: Number of its source.
        session_id: The id that is shown.
        files: Its files, those with the earliest records first.
        digests: Digest of the earliest record in each of them.
        first_ns: Time of the earliest.
        new_key: Its key, if none was recorded.
    """

    source_id: int
    session_id: str
    files: list[SourceFile]
    digests: list[str]
    first_ns: int
    new_key: str


def find_session_keys(
    rows: Iterable[Sequence[Any]],
    inventory: Inventory,
    known_files: Mapping[str, sqlite3.Row],
    seen: Mapping[str, Seen],
    connection: sqlite3.Connection,
    project_id: str | None,
    hits_of: Callable[[Sequence[tuple[int, str]]], Iterable[Hit]],
) -> SessionKeys:
    """Give every session without a recorded id its key.

    Args:
        rows: (file_id, source_id, session_id, timestamp_ns, host, pid, rank, job_id) of the earliest record in each
            file that names none.
        inventory: The files.
        known_files: Path -> row of ``scan_sources``, moves done.
        seen: What happened to each file.
        connection: The tracker.
        project_id: None if the project is not made yet.
        hits_of: Reads the evidence of some sessions, given by source and session that is shown.
    """
    sessions = _sessions(rows, inventory)
    found = SessionKeys()
    if not sessions:
        return found
    known = _known_keys(connection, project_id)
    undecided = []
    for session in sessions:
        key = _key_of_files(session, known_files, seen, known)
        if key is None:
            undecided.append(session)
        else:
            _note(found, session, key, known)
    unknown = [session for session in undecided if _key_of_records(session, known) is None]
    by_evidence = _keys_by_evidence(unknown, known_files, known, connection, project_id, hits_of)
    for session in undecided:
        # Asked again: one of those before may be its original, or its copy.
        key = _key_of_records(session, known) or by_evidence.get((session.source_id, session.session_id))
        _note(found, session, key or session.new_key, known)
    return found


def _sessions(rows: Iterable[Sequence[Any]], inventory: Inventory) -> list[_Session]:
    """Return the sessions, the earliest first."""
    parts: dict[tuple[int, str], list[tuple[int, str, SourceFile]]] = {}
    for file_id, source_id, session_id, timestamp_ns, host, pid, rank, job_id in rows:
        digest = _digest([timestamp_ns, host, pid, rank, job_id])
        part = (timestamp_ns, digest, inventory.files[file_id])
        parts.setdefault((source_id, session_id), []).append(part)
    sessions = []
    for (source_id, session_id), files in parts.items():
        files.sort(key=lambda part: part[:2])
        first_ns, first_digest, first_file = files[0]
        is_of_path = session_id == path_session_id(first_file.source_path, first_file.kind)
        sessions.append(
            _Session(
                source_id,
                session_id,
                [file for _, _, file in files],
                [digest for _, digest, _ in files],
                first_ns,
                f"session-{first_digest}" if is_of_path else session_id,
            )
        )
    return sorted(sessions, key=lambda session: (session.first_ns, session.digests, session.session_id))


def _digest(values: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]


def _known_keys(connection: sqlite3.Connection, project_id: str | None) -> dict[str, str]:
    rows = connection.execute(
        "SELECT digest, session_key FROM session_keys WHERE project_id = ?", [project_id]
    )
    return dict(rows.fetchall())


def _note(found: SessionKeys, session: _Session, key: str, known: dict[str, str]) -> None:
    found.by_session[session.source_id, session.session_id] = key
    for file in session.files:
        found.by_file[file.key] = key
    for digest in session.digests:
        if digest not in known:
            known[digest] = found.learned[digest] = key


def _key_of_files(
    session: _Session,
    known_files: Mapping[str, sqlite3.Row],
    seen: Mapping[str, Seen],
    known: Mapping[str, str],
) -> str | None:
    """Return the key that was recorded with one of the files, as long as what was read of it is still there."""
    for file in session.files:
        row = known_files.get(file.key)
        if row is None or seen.get(file.key) not in ("unchanged", "appended"):
            continue
        if row["session_key"] is not None:
            return str(row["session_key"])
        for path in (file.source_path, row["source_path"]):
            session_id = path_session_id(path, row["kind"])
            if _PATH_MARK + session_id in known:
                return session_id
    return None


def _key_of_records(session: _Session, known: Mapping[str, str]) -> str | None:
    return next((known[digest] for digest in session.digests if digest in known), None)


def _keys_by_evidence(
    sessions: Sequence[_Session],
    known_files: Mapping[str, sqlite3.Row],
    known: Mapping[str, str],
    connection: sqlite3.Connection,
    project_id: str | None,
    hits_of: Callable[[Sequence[tuple[int, str]]], Iterable[Hit]],
) -> dict[tuple[int, str], str]:
    """Return the keys under which the evidence of sessions was recorded.

    Looked for are keys of earlier versions, whose files may have been packed or moved since, and the key of a file
    that has lost its beginning.
    """
    from_paths = {key for digest, key in known.items() if digest.startswith(_PATH_MARK)}
    candidates: dict[tuple[int, str], Collection[str]] = {}
    for unknown in sessions:
        rows = [known_files[file.key] for file in unknown.files if file.key in known_files]
        own = {row["session_key"] for row in rows if row["session_key"] is not None}
        if own or from_paths:
            candidates[unknown.source_id, unknown.session_id] = own | from_paths
    if not candidates:
        return {}
    recorded = _recorded_evidence(connection, project_id, hits_of(list(candidates)))
    votes: dict[tuple[int, str], Counter[str]] = {}
    for source_id, session_id, prefix, head, tail, key, evidence_id in recorded:
        session = (source_id, session_id)
        if key in candidates[session] and _evidence_id(prefix, head, key, tail) == evidence_id:
            votes.setdefault(session, Counter())[key] += 1
    return {
        session: min(counts, key=lambda key, counts=counts: (-counts[key], key))  # type: ignore[misc]
        for session, counts in votes.items()
    }


def _recorded_evidence(
    connection: sqlite3.Connection, project_id: str | None, hits: Iterable[Hit]
) -> list[tuple[int, str, str, str, str, str, str]]:
    """Return source, shown session, parts of the id, session key and evidence id of what may be the same evidence."""
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS sessionless_hits "
        "(source_id, session_id, fingerprint_id, timestamp_ns, prefix, head, tail)"
    )
    connection.execute("DELETE FROM temp.sessionless_hits")
    connection.executemany("INSERT INTO temp.sessionless_hits VALUES (?, ?, ?, ?, ?, ?, ?)", hits)
    rows = connection.execute(
        """
        SELECT h.source_id, h.session_id, h.prefix, h.head, h.tail, o.session_id, k.evidence_id
        FROM temp.sessionless_hits AS h
        INNER JOIN issue_fingerprints AS f ON f.fingerprint_id = h.fingerprint_id
        INNER JOIN issues AS i ON i.issue_id = f.issue_id AND i.project_id = ?
        INNER JOIN issue_occurrences AS o ON o.issue_id = f.issue_id
        INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id AND k.timestamp_ns = h.timestamp_ns
        """,
        [project_id],
    ).fetchall()
    connection.execute("DELETE FROM temp.sessionless_hits")
    return [tuple(row) for row in rows]


def _evidence_id(prefix: str, head: str, key: str, tail: str) -> str:
    """Return the id that ``sql/queries/scan_evidence.sql`` gives the first of equal pieces of evidence."""
    text = head + json.dumps(key) + tail
    return prefix + hashlib.sha256(text.encode()).hexdigest()[:32]
