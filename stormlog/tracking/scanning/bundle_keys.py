"""Keys of OOM bundles: digests of what their manifests and metadata say, whatever they are called and wherever they lie.

Source: docs/tracking.md#keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stormlog.issues.timestamps import utc_text_to_ns
from stormlog.query.texts import storable_text

if TYPE_CHECKING:
    from stormlog.query import CatalogOOMBundle

__all__ = ["BundleKeys", "bundle_digest", "find_bundle_keys"]

#: How the sessions of bundles that name none begin.
_OWN_SESSION = "bundle:"


@dataclass(frozen=True)
class BundleKeys:
    """Keys of some bundles, in their order.

    Attributes:
        sessions: Session of each: the one that it names, else one of its own.
        evidence_ids: Evidence id of each.
        adopted: (digest, session, evidence id) of those that an earlier version recorded under their names.
    """

    sessions: list[str] = field(default_factory=list)
    evidence_ids: list[str] = field(default_factory=list)
    adopted: list[tuple[str, str, str]] = field(default_factory=list)

    def remember(self, connection: sqlite3.Connection, project_id: str) -> None:
        """Write what was adopted, in a transaction."""
        connection.executemany(
            "INSERT OR IGNORE INTO bundle_keys (project_id, digest, session_key, evidence_id) VALUES (?, ?, ?, ?)",
            [(project_id, *row) for row in self.adopted],
        )


def bundle_digest(bundle: CatalogOOMBundle) -> str:
    """Return a digest of the manifest and the metadata of a bundle; how they are laid out does not count."""
    digest = hashlib.sha256()
    for path in (bundle.manifest_path, bundle.bundle_path / "metadata.json"):
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            # Discovery has warned of it.
            content = b""
        try:
            content = json.dumps(json.loads(content), sort_keys=True).encode()
        except (ValueError, RecursionError):
            # Damaged: the bytes as they are.
            pass
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def find_bundle_keys(
    bundles: Sequence[CatalogOOMBundle], connection: sqlite3.Connection, project_id: str | None
) -> BundleKeys:
    """Give every bundle its keys: those that were recorded first."""
    known = {
        row["digest"]: (row["session_key"], row["evidence_id"])
        for row in connection.execute("SELECT * FROM bundle_keys WHERE project_id = ?", [project_id])
    }
    earlier = _recorded_before(connection, project_id, {evidence_id for _, evidence_id in known.values()})
    keys = BundleKeys()
    for bundle in bundles:
        digest = bundle_digest(bundle)
        if digest not in known:
            session = storable_text(bundle.session_id) if bundle.session_id else None
            adopted = _take(earlier, bundle, session)
            if adopted is not None:
                keys.adopted.append((digest, *adopted))
            known[digest] = adopted or (session or f"{_OWN_SESSION}{digest}", f"bundle-{digest}")
        session, evidence_id = known[digest]
        keys.sessions.append(session)
        keys.evidence_ids.append(evidence_id)
    return keys


#: (session, NULL for bundles that name none; time) -> session key, evidence id and name of what was recorded.
_Earlier = dict[tuple[str | None, int | None], list[tuple[str, str, str]]]


def _recorded_before(connection: sqlite3.Connection, project_id: str | None, claimed: set[str]) -> _Earlier:
    """Return the bundles that an earlier version recorded under their names and that no scan has found since."""
    rows = connection.execute(
        """
        SELECT o.session_id, k.evidence_id, k.timestamp_ns, e.bundle_path
        FROM issues AS i
        INNER JOIN issue_occurrences AS o ON o.issue_id = i.issue_id
        INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id
        LEFT JOIN issue_evidence AS e ON e.occurrence_id = k.occurrence_id AND e.evidence_id = k.evidence_id
        WHERE i.project_id = ? AND k.stands_for_equal AND k.evidence_id LIKE 'bundle-%'
        ORDER BY k.evidence_id
        """,
        [project_id],
    )
    earlier: _Earlier = {}
    for session_key, evidence_id, timestamp_ns, path in rows:
        if evidence_id not in claimed:
            own_name = session_key.removeprefix(_OWN_SESSION)
            session, name = session_key, os.path.basename(path or "")
            if own_name != session_key:
                session, name = None, own_name
            earlier.setdefault((session, timestamp_ns), []).append((session_key, evidence_id, name))
    return earlier


def _take(earlier: _Earlier, bundle: CatalogOOMBundle, session: str | None) -> tuple[str, str] | None:
    """Take out the one with the time and the session of a bundle: with its name if there is one, else any.

    Without a time only the name tells.
    """
    created_at_ns = utc_text_to_ns(bundle.created_at_utc) if bundle.created_at_utc else None
    rows = earlier.get((session, created_at_ns), [])
    named = [row for row in rows if row[2] == storable_text(bundle.bundle_path.name)]
    chosen = next(iter(named or (rows if created_at_ns is not None else [])), None)
    if chosen is None:
        return None
    rows.remove(chosen)
    return chosen[:2]
