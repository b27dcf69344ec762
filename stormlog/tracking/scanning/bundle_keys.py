"""Keys of OOM bundles: digests of what their manifests and metadata say.

The promise: no name and no path is in a new key, and the key that was recorded first stays.

Source: docs/tracking.md#keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stormlog._opening import OpenedPaths, read_artifact
from stormlog._storable_text import storable_text
from stormlog.artifacts.files import MOST_COMPANION_BYTES
from stormlog.artifacts.names import METADATA_NAME
from stormlog.issues import utc_text_to_ns

if TYPE_CHECKING:
    from stormlog.query import CatalogOOMBundle

__all__ = ["BundleKeys", "find_bundle_keys"]

#: How the sessions of bundles that name none begin.
_OWN_SESSION = "bundle:"

#: Session and evidence id.
_Keys = tuple[str, str]


@dataclass(frozen=True)
class BundleKeys:
    """Keys of some bundles, in their order.

    Attributes:
        sessions: Session of each: the one that it names, else one of its own.
        evidence_ids: Evidence id of each.
        learned: Digest -> session and evidence id, where they are not made of that very digest.
        completed: Digest of a manifest that was recorded alone -> digest with the metadata, which came later.
    """

    sessions: list[str] = field(default_factory=list)
    evidence_ids: list[str] = field(default_factory=list)
    learned: dict[str, _Keys] = field(default_factory=dict)
    completed: dict[str, str] = field(default_factory=dict)

    def remember(self, connection: sqlite3.Connection, project_id: str) -> None:
        """Write what was learned, in a transaction, and rename what was recorded of manifests alone."""
        connection.executemany(
            "INSERT OR IGNORE INTO bundle_keys (project_id, digest, session_key, evidence_id) VALUES (?, ?, ?, ?)",
            [(project_id, digest, *keys) for digest, keys in self.learned.items()],
        )
        for old, new in self.completed.items():
            _rename(connection, project_id, old, new)


def _rename(connection: sqlite3.Connection, project_id: str, old: str, new: str) -> None:
    values = {
        "project_id": project_id,
        "old": _evidence_id(old),
        "new": _evidence_id(new),
        "old_session": _OWN_SESSION + old,
        "new_session": _OWN_SESSION + new,
    }
    connection.execute(
        """
        UPDATE issue_evidence_keys SET evidence_id = :new
        WHERE evidence_id = :old AND occurrence_id IN (
            SELECT o.occurrence_id
            FROM issue_occurrences AS o
            INNER JOIN issues AS i ON i.issue_id = o.issue_id
            WHERE i.project_id = :project_id AND i.issue_id IN (
                SELECT issue_id FROM issue_fingerprints WHERE kind = 'oom'
            )
        )
        """,
        values,
    )
    connection.execute(
        """
        UPDATE issue_occurrences
        SET session_id = :new_session, run_id = CASE WHEN run_id = :old_session THEN :new_session ELSE run_id END
        WHERE session_id = :old_session
            AND issue_id IN (SELECT issue_id FROM issues WHERE project_id = :project_id)
        """,
        values,
    )
    connection.execute(
        """
        UPDATE issue_fingerprints SET title_evidence_id = :new
        WHERE title_evidence_id = :old AND app_id IN (SELECT app_id FROM apps WHERE project_id = :project_id)
        """,
        values,
    )


def _bundle_digests(bundle: CatalogOOMBundle, opened: OpenedPaths) -> tuple[str, str | None]:
    """Return a digest of the manifest of a bundle, and one of manifest and metadata if there are metadata.

    How the two are laid out does not count.
    """
    manifest = _content(bundle.manifest_path, opened)
    # Where it is damaged, the bytes as they are.
    with contextlib.suppress(ValueError, RecursionError):
        manifest = _canonical(manifest)
    try:
        metadata = _canonical(_content(bundle.bundle_path / METADATA_NAME, opened))
    except (ValueError, RecursionError):
        # Missing, or not written to the end yet.
        return _digest(manifest), None
    return _digest(manifest), _digest(manifest, metadata)


def _content(path: Path, opened: OpenedPaths) -> bytes:
    try:
        return read_artifact(str(path), opened, most_bytes=MOST_COMPANION_BYTES)
    except OSError:
        # Discovery has warned of it.
        return b""


def _canonical(content: bytes) -> bytes:
    return json.dumps(json.loads(content), sort_keys=True).encode()


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\n".join(contents)).hexdigest()[:32]


def _evidence_id(digest: str) -> str:
    return f"bundle-{digest}"


def find_bundle_keys(
    bundles: Sequence[CatalogOOMBundle],
    opened: OpenedPaths,
    connection: sqlite3.Connection,
    project_id: str | None,
) -> BundleKeys:
    """Give every bundle its keys: those that were recorded first.

    Args:
        bundles: What discovery has found.
        opened: The paths that were opened: nothing outside is read.
        connection: The tracker.
        project_id: The project; None if it does not exist yet.
    """
    if not bundles:
        return BundleKeys()
    rows = connection.execute("SELECT * FROM bundle_keys WHERE project_id = ?", [project_id])
    known: dict[str, _Keys] = {row["digest"]: (row["session_key"], row["evidence_id"]) for row in rows}
    claimed = {evidence_id for _, evidence_id in known.values()}
    recorded, earlier = _recorded_bundles(connection, project_id, claimed)
    found = BundleKeys()
    digests = [_bundle_digests(bundle, opened) for bundle in bundles]
    keys: dict[int, _Keys] = {}
    # Those with metadata first: a copy without them is the same bundle. Then those that kept their names.
    order = sorted(
        range(len(bundles)),
        key=lambda number: (digests[number][1] is None, not _namesakes(earlier, bundles[number])),
    )
    for number in order:
        bundle, (of_manifest, of_both) = bundles[number], digests[number]
        digest = of_both or of_manifest
        if digest not in known:
            adopted = _take(earlier, bundle)
            session = _moment(bundle)[0]
            known[digest] = adopted or (session or _OWN_SESSION + digest, _evidence_id(digest))
            if adopted is not None:
                found.learned[digest] = adopted
            if of_both is not None and of_manifest not in known:
                known[of_manifest] = found.learned[of_manifest] = known[digest]
                if adopted is None and _evidence_id(of_manifest) in recorded:
                    found.completed[of_manifest] = of_both
        keys[number] = known[digest]
    for number in range(len(bundles)):
        found.sessions.append(keys[number][0])
        found.evidence_ids.append(keys[number][1])
    return found


class _Earlier(NamedTuple):
    """A bundle that an earlier version recorded under its name, and that no scan has found since."""

    keys: _Keys
    name: str
    path: str | None


#: (session, None for bundles that name none; time) -> what was recorded.
_EarlierBundles = dict[tuple[str | None, int | None], list[_Earlier]]


def _recorded_bundles(
    connection: sqlite3.Connection, project_id: str | None, claimed: set[str]
) -> tuple[set[str], _EarlierBundles]:
    """Return the evidence ids of all bundles, and what an earlier version recorded and is not claimed yet."""
    rows = connection.execute(
        """
        SELECT o.session_id, k.evidence_id, k.timestamp_ns, k.stands_for_equal, e.bundle_path
        FROM issues AS i
        INNER JOIN issue_occurrences AS o ON o.issue_id = i.issue_id
        INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id
        LEFT JOIN issue_evidence AS e ON e.occurrence_id = k.occurrence_id AND e.evidence_id = k.evidence_id
        WHERE i.project_id = ? AND k.evidence_id LIKE 'bundle-%'
        ORDER BY k.evidence_id
        """,
        [project_id],
    )
    recorded: set[str] = set()
    earlier: _EarlierBundles = {}
    for session_key, evidence_id, timestamp_ns, is_earlier, path in rows:
        recorded.add(evidence_id)
        if is_earlier and evidence_id not in claimed:
            own_name = session_key.removeprefix(_OWN_SESSION)
            session = session_key if own_name == session_key else None
            name = own_name if session is None else os.path.basename(path or "")
            of_time = earlier.setdefault((session, timestamp_ns), [])
            of_time.append(_Earlier((session_key, evidence_id), name, path))
    return recorded, earlier


def _namesakes(earlier: _EarlierBundles, bundle: CatalogOOMBundle) -> list[_Earlier]:
    name = storable_text(bundle.bundle_path.name)
    return [row for row in earlier.get(_moment(bundle), ()) if row.name == name]


def _moment(bundle: CatalogOOMBundle) -> tuple[str | None, int | None]:
    session = storable_text(bundle.session_id) if bundle.session_id else None
    return session, utc_text_to_ns(bundle.created_at_utc) if bundle.created_at_utc else None


def _take(earlier: _EarlierBundles, bundle: CatalogOOMBundle) -> _Keys | None:
    """Take out the one of the same session, time and name; or of another name, if it is no longer there."""
    rows = earlier.get(_moment(bundle), [])
    found = _namesakes(earlier, bundle)
    if not found and _moment(bundle)[1] is not None:
        found = [row for row in rows if row.path is not None and not os.path.lexists(row.path)]
    if not found:
        return None
    rows.remove(found[0])
    return found[0].keys
