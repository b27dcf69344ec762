"""Finds telemetry that lies below the opened paths more than once, and lets it count once.

Promise: only what shares a session and overlaps in time is compared, and what is left out is, record by record, in
what counts instead. Which of two copies counts depends on the copies alone, not on the order in which they were named.

Source: docs/concepts.md#copies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.artifacts import CatalogWarning
from stormlog.artifacts.event_files import PACKED_SUFFIXES, FileOrigin
from stormlog.artifacts.models import note_of_copy
from stormlog.engine.analysis.copy_digests import Extent, Unit, first_events, unit_columns

if TYPE_CHECKING:
    from stormlog.engine.database.lazy_schema import Database

__all__ = ["CopyFinder", "forget_copies", "shared_ids"]

#: Sessions in sources, and sessions in files: a sink is compared as a whole first, then what is left file by file.
_UNITS = {
    "source": """
        SELECT
            source_id AS place, compared_id, source_id, session_id, min(file_id) AS first_file_id,
            max(file_id) AS last_file_id, CAST(sum(event_count) AS BIGINT) AS event_count,
            min(first_ns) AS first_ns, max(last_ns) AS last_ns
        FROM stage.session_files
        GROUP BY compared_id, source_id, session_id
    """,
    "file": """
        SELECT
            f.file_id AS place, f.compared_id, f.source_id, f.session_id, f.file_id AS first_file_id,
            f.file_id AS last_file_id, f.event_count, f.first_ns, f.last_ns
        FROM stage.session_files AS f
        ANTI JOIN raw.copied_files AS c ON f.file_id = c.file_id AND f.session_id = c.session_id
    """,
}

#: Units of which one lies within the time of another.
_OVERLAPPING = """
WITH units AS MATERIALIZED ({units})

SELECT a.compared_id, a.source_id, a.session_id, a.first_file_id, a.last_file_id, a.event_count
FROM units AS a
SEMI JOIN units AS b
    ON a.compared_id = b.compared_id AND a.place <> b.place
    AND (
        (a.first_ns >= b.first_ns AND a.last_ns <= b.last_ns)
        OR (b.first_ns >= a.first_ns AND b.last_ns <= a.last_ns)
    )
"""

_PIECES = """
SELECT p.source_id, s.session_id, p.file_id, s.piece_id, CAST(sum(s.event_count) AS BIGINT) AS event_count
FROM stage.session_parts AS s
INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
SEMI JOIN (
    SELECT unnest(CAST($source_ids AS INTEGER[])) AS source_id, unnest(CAST($session_ids AS VARCHAR[])) AS session_id
) AS w ON p.source_id = w.source_id AND s.session_id = w.session_id
GROUP BY ALL
ORDER BY p.file_id, s.piece_id
"""

#: What follows from the files that are copies. A skipped line of a copy is told only if what counts has none like it.
_FOLLOW = """
INSERT INTO raw.copied_rows
SELECT p.piece_id, c.session_id
FROM raw.copied_files AS c
INNER JOIN raw.pieces AS p ON c.file_id = p.file_id;

INSERT INTO raw.copied_sessions
SELECT f.source_id, f.session_id
FROM stage.session_files AS f
LEFT JOIN raw.copied_files AS c ON f.file_id = c.file_id AND f.session_id = c.session_id
GROUP BY f.source_id, f.session_id
HAVING bool_and(c.file_id IS NOT NULL);

INSERT INTO raw.copied_sessions
-- Of a source of which nothing counts, also those of which it has no events, if what counts lists them as well.
SELECT DISTINCT l.source_id, l.session_id
FROM raw.ledger_sessions AS l
INNER JOIN raw.copied_files AS c ON l.source_id = c.source_id
INNER JOIN raw.ledger_sessions AS k ON c.kept_source_id = k.source_id AND l.session_id = k.session_id
WHERE l.source_id NOT IN (
        SELECT f.source_id FROM stage.session_files AS f
        ANTI JOIN raw.copied_sessions AS d ON f.source_id = d.source_id AND f.session_id = d.session_id
    )
    AND l.session_id NOT IN (SELECT d.session_id FROM raw.copied_sessions AS d WHERE l.source_id = d.source_id);

INSERT INTO raw.copied_rejects
WITH copied AS (
    SELECT f.file_id
    FROM stage.session_files AS f
    LEFT JOIN raw.copied_files AS c ON f.file_id = c.file_id AND f.session_id = c.session_id
    GROUP BY f.file_id
    HAVING bool_and(c.file_id IS NOT NULL)
    UNION
    -- Files without any event, of sources of which nothing counts.
    SELECT r.file_id
    FROM raw.files AS r
    WHERE r.source_id IN (SELECT source_id FROM raw.copied_sessions)
        AND r.source_id NOT IN (
            SELECT f.source_id FROM stage.session_files AS f
            ANTI JOIN raw.copied_sessions AS c ON f.source_id = c.source_id AND f.session_id = c.session_id
        )
        AND r.file_id NOT IN (SELECT file_id FROM stage.session_files)
),

located AS (
    SELECT p.source_id, p.file_id, p.file_id IN (SELECT file_id FROM copied) AS is_copied, r.*
    FROM raw.kept_rejects AS r
    INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
),

counted AS (
    SELECT k.source_id, l.excerpt, count(*) AS reject_count
    FROM (SELECT DISTINCT source_id, kept_source_id FROM raw.copied_files) AS k
    INNER JOIN located AS l ON k.kept_source_id = l.source_id AND NOT l.is_copied
    GROUP BY k.source_id, l.excerpt
)

SELECT l.piece_id, l.line_number, l.reason
FROM (
    SELECT *, row_number() OVER (PARTITION BY source_id, excerpt ORDER BY file_id, line_number) AS position
    FROM located
    WHERE is_copied
) AS l
INNER JOIN counted AS c ON l.source_id = c.source_id AND l.excerpt = c.excerpt AND l.position <= c.reject_count
"""


#: What files share that overlap in time and hold events that look equal.
_SHARED = """
WITH overlapping AS (
    SELECT DISTINCT a.compared_id, a.file_id, a.session_id
    FROM stage.session_files AS a
    SEMI JOIN stage.session_files AS b
        ON a.compared_id = b.compared_id AND a.file_id <> b.file_id
        AND a.first_ns <= b.last_ns AND b.first_ns <= a.last_ns
)

SELECT DISTINCT compared_id
FROM (
    SELECT o.compared_id
    FROM raw.events AS e
    INNER JOIN overlapping AS o ON e.file_id = o.file_id AND e.session_id = o.session_id
    GROUP BY
        o.compared_id, e.timestamp_ns, e.event_type, e.collector, e.rank, e.allocator_allocated_bytes,
        e.allocator_reserved_bytes, e.device_used_bytes, e.device_total_bytes
    HAVING count(DISTINCT e.file_id) > 1
)
"""


def shared_ids(database: Database) -> set[str]:
    """Return the compared ids under which files that were read hold events that look equal."""
    return {compared_id for (compared_id,) in database.execute(_SHARED).fetchall()}


def forget_copies(database: Database) -> None:
    """Let everything count that was read."""
    database.clear("raw.copied_rows", "raw.copied_files", "raw.copied_sessions", "raw.copied_rejects")


class CopyFinder:
    """Compares what was read.

    Args:
        database: Holds what was read, copies included.
        origins: The files.
        known: Digests by what they are made of; new ones are added.
        compute: Returns the digest of each extent, as far as its events can be read.
        compared_ids: What to compare, by `stage.session_files`; by default all.
    """

    def __init__(
        self,
        database: Database,
        origins: Sequence[FileOrigin],
        known: dict[str, str],
        compute: Callable[[Sequence[Extent]], Mapping[Extent, str]],
        compared_ids: Collection[str] | None = None,
    ) -> None:
        self._database = database
        self._origins = {origin.file_id: origin for origin in origins}
        self._known = known
        self._compute = compute
        self._compared_ids = compared_ids
        self._used: set[str] = set()
        #: Copy -> what counts instead.
        self._kept: dict[Unit, Unit] = {}

    def find(self) -> list[CatalogWarning]:
        """Fill the tables of what does not count; return a note about each copy.

        Raises:
            duckdb.Error: the database failed.
        """
        forget_copies(self._database)
        places = {
            "source": {origin.source_id for origin in self._origins.values()},
            "file": self._origins.keys(),
        }
        for kind, units in _UNITS.items():
            # What lies in one place only has nothing to be a copy of.
            groups = self._alike(units) if len(places[kind]) > 1 else []
            if groups:
                self._leave_out(self._copies_among(groups))
        for text in set(self._known) - self._used:
            del self._known[text]
        if self._kept:
            for statement in _FOLLOW.split(";\n"):
                self._database.execute(statement)
        return self._notes()

    # ---- which is a copy -----------------------------------------------------------------------------------

    def _alike(self, units: str) -> list[list[Unit]]:
        """Return groups of units that begin with the same event, each in the order of preference."""
        rows = self._database.execute(_OVERLAPPING.format(units=units)).fetchall()
        if not rows:
            return []
        wanted = self._compared_ids
        compared = {Unit(*unit): name for name, *unit in rows if wanted is None or name in wanted}
        if not compared:
            return []
        groups: dict[tuple[str, str], list[Unit]] = {}
        for unit, event in first_events(self._database, list(compared)).items():
            groups.setdefault((compared[unit], event), []).append(unit)
        return [sorted(group, key=self._preference) for group in groups.values() if len(group) > 1]

    def _copies_among(self, groups: Sequence[Sequence[Unit]]) -> dict[Unit, Unit]:
        """Return each unit that is the same as one before it in its group, or the beginning of it, with that one.

        Most units that begin alike are copies of the first one, or differ within the length of the shortest. Only
        the others are compared with each other, for that takes a digest for every pair.
        """
        shortest = [min(unit.event_count for unit in group) for group in groups]
        extents = [
            extent
            for group, count in zip(groups, shortest, strict=True)
            for unit in group
            for extent in (
                Extent(unit, count),
                Extent(unit, unit.event_count),
                Extent(group[0], unit.event_count),
            )
        ]
        digest_of = self._digests(list(dict.fromkeys(extents)))
        copies = _equal_before(groups, digest_of)
        alike: dict[tuple[int, str], list[Unit]] = {}
        for number, group in enumerate(groups):
            for unit in group:
                beginning = digest_of.get(Extent(unit, shortest[number]))
                if unit not in copies and beginning is not None:
                    alike.setdefault((number, beginning), []).append(unit)
        groups = [group for group in alike.values() if len(group) > 1]
        if not groups:
            return copies
        extents = [
            Extent(unit, count)
            for group in groups
            for unit in group
            for count in {other.event_count for other in group}
            if count <= unit.event_count
        ]
        return copies | _equal_before(groups, self._digests(extents))

    def _digests(self, extents: Sequence[Extent]) -> dict[Extent, str]:
        describe = self._describe(extent.unit for extent in extents)
        texts = {extent: describe(extent) for extent in extents}
        missing = [extent for extent, text in texts.items() if text not in self._known]
        if missing:
            self._known.update({texts[extent]: digest for extent, digest in self._compute(missing).items()})
        self._used.update(texts.values())
        return {extent: self._known[text] for extent, text in texts.items() if text in self._known}

    def _describe(self, units: Iterable[Unit]) -> Callable[[Extent], str]:
        """Return what says which bytes an extent is made of: its pieces, and how many events of each."""
        columns = unit_columns(list(dict.fromkeys(units)))
        rows = self._database.execute(
            _PIECES, {name: columns[name] for name in ("source_ids", "session_ids")}
        ).fetchall()
        pieces: dict[tuple[int, str], list[tuple[int, int, int]]] = {}
        for source_id, session_id, *piece in rows:
            pieces.setdefault((source_id, session_id), []).append((piece[0], piece[1], piece[2]))

        def describe(extent: Extent) -> str:
            unit, left = extent
            parts = []
            for file_id, piece_id, count in pieces[unit.source_id, unit.session_id]:
                if unit.first_file_id <= file_id <= unit.last_file_id and left > 0:
                    parts.append(f"{piece_id}:{min(count, left)}")
                    left -= count
            return f"{' '.join(parts)} {json.dumps(unit.session_id)}"

        return describe

    def _preference(self, unit: Unit) -> tuple[Any, ...]:
        """Return what orders copies: the longest counts, then sinks before files, originals before packed ones."""
        first = self._origins[unit.first_file_id]
        kinds = ("sink", "telemetry_jsonl", "telemetry_json", "telemetry_csv")
        path = os.path.join(first.real_source_path, os.path.basename(first.path))
        return (
            -unit.event_count,
            kinds.index(first.source_kind),
            _packing(first),
            path.count(os.sep),
            len(path),
            path,
        )

    def _leave_out(self, copies: Mapping[Unit, Unit]) -> None:
        self._kept.update(copies)
        units = list(copies)
        self._database.execute(
            """
            INSERT INTO raw.copied_files
            SELECT f.source_id, f.file_id, f.session_id, w.kept_source_id, w.kept_session_id
            FROM stage.session_files AS f
            INNER JOIN (
                SELECT
                    unnest(CAST($source_ids AS INTEGER[])) AS source_id,
                    unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
                    unnest(CAST($first_file_ids AS INTEGER[])) AS first_file_id,
                    unnest(CAST($last_file_ids AS INTEGER[])) AS last_file_id,
                    unnest(CAST($kept_source_ids AS INTEGER[])) AS kept_source_id,
                    unnest(CAST($kept_session_ids AS VARCHAR[])) AS kept_session_id
            ) AS w
                ON f.source_id = w.source_id AND f.session_id = w.session_id
                AND f.file_id BETWEEN w.first_file_id AND w.last_file_id
            """,
            {
                **{name: values for name, values in unit_columns(units).items() if name != "numbers"},
                "kept_source_ids": [copies[unit].source_id for unit in units],
                "kept_session_ids": [copies[unit].session_id for unit in units],
            },
        )

    # ---- what is told --------------------------------------------------------------------------------------

    def _notes(self) -> list[CatalogWarning]:
        """Return one note for each pair of paths: sources where all events of one are copied, else files."""
        if not self._kept:
            return []
        whole = {
            source_id
            for (source_id,) in self._database.execute(
                """
                SELECT f.source_id
                FROM stage.session_files AS f
                LEFT JOIN raw.copied_files AS c ON f.file_id = c.file_id AND f.session_id = c.session_id
                GROUP BY f.source_id
                HAVING bool_and(c.file_id IS NOT NULL) AND count(DISTINCT c.kept_source_id) = 1
                """
            ).fetchall()
        }
        said: dict[tuple[str, str], bool] = {}
        for copy, kept in sorted(self._kept.items()):
            is_whole = copy.source_id in whole and copy.source_id != kept.source_id
            paths = self._shown_path(copy, is_whole), self._shown_path(kept, is_whole)
            said[paths] = said.get(paths, False) or copy.event_count < kept.event_count
        return [note_of_copy(path, other, is_part=is_part) for (path, other), is_part in said.items()]

    def _shown_path(self, unit: Unit, is_whole: bool) -> str:
        origin = self._origins[unit.first_file_id]
        is_one_file = unit.first_file_id == unit.last_file_id
        return origin.path if is_one_file and not is_whole else origin.source_path


def _equal_before(groups: Sequence[Sequence[Unit]], digest_of: Mapping[Extent, str]) -> dict[Unit, Unit]:
    """Return each unit whose digest is one of a unit before it in its group, at whatever length, with that one."""
    lengths: dict[Unit, list[str]] = {}
    for extent, digest in digest_of.items():
        lengths.setdefault(extent.unit, []).append(digest)
    copies: dict[Unit, Unit] = {}
    for group in groups:
        kept: dict[str, Unit] = {}
        for unit in group:
            own = digest_of.get(Extent(unit, unit.event_count))
            if own is not None and own in kept:
                copies[unit] = kept[own]
            else:
                kept |= {digest: unit for digest in lengths.get(unit, ()) if digest not in kept}
    return copies


def _packing(origin: FileOrigin) -> int:
    """Return how far the format of a file is from lines as they were written."""
    if origin.format != "lines":
        return 2
    return int(origin.path.lower().endswith(PACKED_SUFFIXES))
