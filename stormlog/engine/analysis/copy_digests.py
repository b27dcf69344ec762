"""Digests of the events of a session, for comparing what lies in two places.

Promise: two digests are equal only if the same number of records are equal one by one, in order, whatever the
format and packing of their files. The session's own id is left out: where records name none, it is made from a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from stormlog.artifacts.snapshot import Snapshot
    from stormlog.engine.database.lazy_schema import Database

__all__ = ["Extent", "Unit", "batches_of_extents", "digests", "first_events", "unit_columns"]


#: Function of Python that spells a record as its id is the hash of it.
_CANONICAL = "stormlog_canonical_record"


class Unit(NamedTuple):
    """The events of a session in one file, or in all files of a source: what is compared as a whole.

    Attributes:
        source_id: Number of the source.
        session_id: The session as it is shown.
        first_file_id: First file that holds it.
        last_file_id: Last file that holds it.
        event_count: Events in these files.
    """

    source_id: int
    session_id: str
    first_file_id: int
    last_file_id: int
    event_count: int


class Extent(NamedTuple):
    """The first events of a unit, in the order of files and lines."""

    unit: Unit
    event_count: int


_WANTED = """
    SELECT
        unnest(CAST($numbers AS INTEGER[])) AS number,
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($first_file_ids AS INTEGER[])) AS first_file_id,
        unnest(CAST($last_file_ids AS INTEGER[])) AS last_file_id
"""

_IS_WITHIN = """
    e.source_id = w.source_id AND e.session_id = w.session_id
    AND e.file_id BETWEEN w.first_file_id AND w.last_file_id
"""

#: Columns that are kept of every record, and are the same in every format.
_FIRST_EVENTS = f"""
WITH wanted AS ({_WANTED})

SELECT
    w.number,
    CAST(arg_min(
        hash(
            e.timestamp_ns, e.event_type, e.collector, e.rank, e.allocator_allocated_bytes,
            e.allocator_reserved_bytes, e.device_used_bytes, e.device_total_bytes
        ),
        (e.file_id, e.line_number)
    ) AS VARCHAR)
FROM raw.events AS e
INNER JOIN wanted AS w ON {_IS_WITHIN}
GROUP BY w.number
"""

#: Records are hashed with their positions, so the order in which the hashes are combined does not matter.
_DIGESTS = f"""
WITH wanted AS ({_WANTED}),

extents AS (
    SELECT
        unnest(CAST($extent_numbers AS INTEGER[])) AS number,
        unnest(CAST($event_counts AS BIGINT[])) AS event_count,
        unnest(CAST($extent_ids AS INTEGER[])) AS extent_id
),

records AS (
    SELECT
        w.number,
        e.file_id,
        e.line_number,
        md5(coalesce(
            e.record_id,
            replace(
                CASE WHEN telemetry.is_canonical_text(e.record) THEN e.record ELSE {{respelled}} END,
                concat('"session_id": ', prim.json_ascii(e.session_id)),
                '"session_id": ""'
            )
        )) AS record_digest
    FROM raw.events AS e
    INNER JOIN wanted AS w ON {_IS_WITHIN}
),

numbered AS MATERIALIZED (
    SELECT
        number,
        record_digest,
        row_number() OVER (PARTITION BY number ORDER BY file_id, line_number) AS position
    FROM records
),

steps AS (
    -- Each record once, in the shortest extent that holds it: extents of a unit are the beginnings of each other.
    SELECT
        x.extent_id,
        x.number,
        x.event_count,
        count(n.record_digest) AS record_count,
        bit_xor(md5_number(concat(n.position, ' ', n.record_digest))) AS digest
    FROM numbered AS n
    ASOF JOIN extents AS x ON n.number = x.number AND n.position <= x.event_count
    GROUP BY x.extent_id, x.number, x.event_count
)

SELECT
    extent_id,
    CAST(sum(record_count) OVER beginning AS BIGINT) AS digest_count,
    CAST(bit_xor(digest) OVER beginning AS VARCHAR) AS digest
FROM steps
WINDOW beginning AS (PARTITION BY number ORDER BY event_count)
"""


def unit_columns(units: Sequence[Unit]) -> dict[str, list[Any]]:
    """Return parameters that name units by their place in the list."""
    return {
        "numbers": list(range(len(units))),
        "source_ids": [unit.source_id for unit in units],
        "session_ids": [unit.session_id for unit in units],
        "first_file_ids": [unit.first_file_id for unit in units],
        "last_file_ids": [unit.last_file_id for unit in units],
    }


def first_events(database: Database, units: Sequence[Unit]) -> dict[Unit, str]:
    """Return a hash of the first event of each unit, of the columns that are kept of every event."""
    rows = database.execute(_FIRST_EVENTS, unit_columns(units)).fetchall()
    return {units[number]: event for number, event in rows}


def digests(
    database: Database, extents: Sequence[Extent], allow_function: Callable[[str], None]
) -> dict[Extent, str]:
    """Return the digest of each extent whose events are all there.

    Args:
        database: One that has read the files with the texts of all records.
        extents: What to digest.
        allow_function: Makes a function of Python callable.
    """
    found = _digests(database, extents, "NULL")
    odd = [extent for extent in extents if extent not in found]
    if odd:
        # Some record is not spelled as its digest is taken of it.
        allow_function(_CANONICAL)
        found |= _digests(database, odd, f"coalesce({_CANONICAL}(e.record), e.record)")
    return found


def _digests(database: Database, extents: Sequence[Extent], respelled: str) -> dict[Extent, str]:
    units = list(dict.fromkeys(extent.unit for extent in extents))
    numbers = {unit: number for number, unit in enumerate(units)}
    rows = database.execute(
        _DIGESTS.format(respelled=respelled),
        {
            **unit_columns(units),
            "extent_ids": list(range(len(extents))),
            "extent_numbers": [numbers[extent.unit] for extent in extents],
            "event_counts": [extent.event_count for extent in extents],
        },
    ).fetchall()
    # A file that changed since its events were counted is no copy of what it was.
    return {
        extents[number]: f"{count}:{digest}"
        for number, count, digest in rows
        if count == extents[number].event_count
    }


def batches_of_extents(extents: Sequence[Extent], snapshot: Snapshot, limit: int) -> Iterator[list[Extent]]:
    """Yield extents together whose files have about so many bytes in all; those of one unit stay together."""
    sizes = {
        o.file_id: state.size for o in snapshot.origins if (state := snapshot.states[o.path]) is not None
    }
    batch: list[Extent] = []
    size = 0
    for unit, of_unit in groupby(sorted(extents), key=lambda extent: extent.unit):
        more = sum(sizes.get(i, 0) for i in range(unit.first_file_id, unit.last_file_id + 1))
        if batch and size + more > limit:
            yield batch
            batch, size = [], 0
        batch += of_unit
        size += more
    if batch:
        yield batch
