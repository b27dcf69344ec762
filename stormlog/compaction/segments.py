"""Writes segments of lines as Parquet, and reads them again to see whether they say the same.

Promise: a file is written only if SQL takes every line of its segment as it stands, and it counts only
after the reader that answers questions has made the same rows of it: values, order and, byte by byte, text.

Source: docs/compaction.md#files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stormlog.engine import (
    IS_JSON,
    LOOKS_COMPLETE,
    SEGMENT_COLUMNS,
    TEXT_COLUMN,
    Database,
    Settings,
    connect,
    insert_typed_parquet,
    lines_view,
    quote_literal,
)
from stormlog.errors import CompactionError

__all__ = ["SegmentWriter", "WrittenSegment", "segment_writer"]

#: Rows that are read or skipped together: a few of them in a segment of the usual ten thousand.
ROW_GROUP_ROWS = 4096

#: Sessions that a manifest entry names; a segment with more of them is not worth looking up.
_MOST_SESSIONS = 16

#: What `raw.records` holds of a row, besides its place and text: all that answers are made of.
_READ_COLUMNS = (
    *("schema_version", "session_id", "timestamp_ns", "event_type", "collector", "rank"),
    *("allocator_allocated_bytes", "allocator_reserved_bytes", "allocator_inactive_bytes"),
    *("device_used_bytes", "device_total_bytes", "backend", "severity", "collector_health_status"),
    *("is_fragmentation_known", "is_valid"),
)

#: Fields of a record that `raw.typed_lines` does not show as they were written.
_OTHER_INTEGERS = (
    *("allocator_active_bytes", "allocator_change_bytes", "device_free_bytes", "device_id", "local_rank"),
    *("pid", "rank", "sampling_interval_ms", "world_size"),
)
_OTHER_TEXTS = ("context", "host", "job_id")


@dataclass(frozen=True)
class WrittenSegment:
    """What came of one segment.

    Attributes:
        reason: Why it was not written; None if it was.
        row_count: Rows written.
        text_row_count: Those that keep their whole text.
        first_ns: Time of its first record, nanoseconds since the Unix epoch.
        last_ns: Time of its last record.
        session_ids: Its sessions, sorted; None if there are many.
    """

    reason: str | None
    row_count: int = 0
    text_row_count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    session_ids: tuple[str, ...] | None = None


@contextmanager
def segment_writer(
    source: Path, target: Path, *, threads: int | None, memory_limit: str | None
) -> Iterator[SegmentWriter]:
    """Open what turns segments of one directory into Parquet files of another.

    Raises:
        ValueError: DuckDB does not take the number of threads or the memory limit.
        CompactionError: DuckDB fails inside, for instance because a disk is full.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="stormlog-") as folder:
        connection = connect(Settings(threads, memory_limit), os.path.join(folder, "spill"))
        try:
            # The database takes some characters of a path for patterns: it sees the directories under plain names.
            Path(folder, "in").symlink_to(source)
            Path(folder, "out").symlink_to(target)
            yield SegmentWriter(Database(connection), os.path.join(folder, "in"), os.path.join(folder, "out"))
        except duckdb.Error as error:
            raise CompactionError(f"{source}: {error}") from error
        finally:
            connection.close()


class SegmentWriter:
    """Use `segment_writer`.

    Args:
        database: An empty database.
        source: Directory of the segments.
        target: Directory of the Parquet files.
    """

    def __init__(self, database: Database, source: str, target: str) -> None:
        self._database = database
        self._source = source
        self._target = target
        self._links: dict[str, str] = {}
        database.require(["raw.typed_lines"])

    def write(self, names: Sequence[tuple[str, str]]) -> list[WrittenSegment]:
        """Write and verify some segments, as many as fit in memory.

        Args:
            names: Name of each segment and of its Parquet file.

        Raises:
            CompactionError: a file does not read as its segment does.
            OSError: something cannot be read or written.
        """
        paths = [os.path.join(self._source, self._plain(lines)) for lines, _ in names]
        if not self._load(paths):
            # Something in some segment stops the whole scan.
            if len(names) > 1:
                return [self.write([pair])[0] for pair in names]
            return [WrittenSegment("holds bytes that are no plain lines of text")]
        found = self._described(len(names))
        written = [number for number, segment in enumerate(found) if segment.reason is None]
        for number in written:
            self._copy(number, names[number][1])
        self._verify(written, names)
        self._database.execute("DROP TABLE raw.compaction_rows")
        return found

    def _plain(self, name: str) -> str:
        """Return a name, or the path of a link, in which DuckDB finds no pattern."""
        if not set("*?[").intersection(name):
            return name
        link = os.path.join(os.path.dirname(self._source), f"{len(self._links)}.jsonl")
        link = self._links.setdefault(name, link)
        if not os.path.lexists(link):
            Path(link).symlink_to(os.path.realpath(os.path.join(self._source, name)))
        return link

    def _load(self, paths: Sequence[str]) -> bool:
        """Fill ``raw.compaction_rows`` with every line and its columns; false if DuckDB refuses some line."""
        import duckdb

        for is_json in (LOOKS_COMPLETE, IS_JSON):
            try:
                self._database.execute(lines_view(paths, "CAST(file_index AS INTEGER)", is_json))
                self._database.execute(_LOAD)
                return True
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                raise
            except duckdb.Error as error:
                if "Malformed JSON" not in str(error):
                    return False
        return False

    def _described(self, count: int) -> list[WrittenSegment]:
        rows = self._database.execute(
            f"""
            SELECT
                piece_id,
                min(rowid) FILTER (WHERE NOT is_valid AND NOT is_blank) - min(rowid) + 1,
                count(*) FILTER (WHERE NOT is_valid AND NOT is_blank),
                count(*) FILTER (WHERE is_valid),
                count({TEXT_COLUMN}),
                min(timestamp_ns),
                max(timestamp_ns),
                list_sort(list(DISTINCT session_id) FILTER (WHERE is_valid))
            FROM raw.compaction_rows GROUP BY piece_id
            """
        ).fetchall()
        found = [WrittenSegment("holds no records")] * count
        for number, first_odd, odd_count, row_count, text_count, first_ns, last_ns, sessions in rows:
            if odd_count:
                found[number] = WrittenSegment(_odd(first_odd, odd_count))
            elif row_count:
                few = sessions if len(sessions) <= _MOST_SESSIONS else None
                found[number] = WrittenSegment(
                    None, row_count, text_count, first_ns, last_ns, None if few is None else tuple(few)
                )
        return found

    def _copy(self, number: int, name: str) -> None:
        columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in SEGMENT_COLUMNS.items())
        # Stable: records of the same moment stay in the order in which they were written.
        self._database.execute(
            f"""
            COPY (
                SELECT {columns} FROM raw.compaction_rows
                WHERE piece_id = {number} AND is_valid ORDER BY timestamp_ns, rowid
            ) TO {quote_literal(os.path.join(self._target, name))}
            (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS})
            """
        )

    def _verify(self, written: Sequence[int], names: Sequence[tuple[str, str]]) -> None:
        """Raise unless the reader makes of the files what it makes of the segments."""
        if not written:
            return
        database = self._database
        database.execute("CREATE OR REPLACE TABLE raw.records AS SELECT * FROM raw.records LIMIT 0")
        files = [(number, os.path.join(self._target, names[number][1])) for number in written]
        read = insert_typed_parquet(database, files, keep_all=True)
        columns = (*_READ_COLUMNS, "record")
        differs = " OR ".join(f"o.{name} IS DISTINCT FROM r.{name}" for name in columns)
        rows = database.execute(
            f"""
            SELECT coalesce(o.piece_id, r.piece_id), coalesce(o.line_number, r.line_number)
            FROM (
                SELECT
                    piece_id, {", ".join(_READ_COLUMNS[:5])}, coalesce(rank, 0) AS rank,
                    {", ".join(_READ_COLUMNS[6:])}, line AS record,
                    row_number() OVER (PARTITION BY piece_id ORDER BY timestamp_ns, rowid) AS line_number
                FROM raw.compaction_rows WHERE is_valid AND list_contains($written, piece_id)
            ) AS o
            FULL JOIN raw.records AS r ON o.piece_id = r.piece_id AND o.line_number = r.line_number
            WHERE {differs} OR r.record_id IS NOT NULL
            ORDER BY ALL LIMIT 1
            """,
            {"written": list(written)},
        ).fetchall()
        database.execute("CREATE OR REPLACE TABLE raw.records AS SELECT * FROM raw.records LIMIT 0")
        if rows or len(read) != len(written):
            number = rows[0][0] if rows else min(set(written) - read)
            place = f", row {rows[0][1]}" if rows else ""
            raise CompactionError(
                f"{names[number][0]}{place}: its Parquet file would not read as the segment does; "
                "nothing was changed. This is a defect of Stormlog"
            )


def _odd(first: int, count: int) -> str:
    what = f"line {first} is" if count == 1 else f"{count:,} lines, the first of them line {first}, are"
    return f"{what} damaged, older than version 3 or unusually spelled, and kept as written"


def _at(fields: str, name: str, kind: str) -> str:
    place = [*_OTHER_INTEGERS, *_OTHER_TEXTS, "metadata"].index(name) + 1
    return (
        f"TRY_CAST({fields}[{place}] AS BIGINT)" if kind == "BIGINT" else f"prim.json_text({fields}[{place}])"
    )


_FIELDS = ", ".join(f"'$.{name}'" for name in (*_OTHER_INTEGERS, *_OTHER_TEXTS, "metadata"))
_ALL_BUT_TEXT = [name for name in SEGMENT_COLUMNS if name != TEXT_COLUMN]

#: Metadata is taken from the line where that gives the line back, because then it has the spelling that ids
#: are made of; otherwise as the database writes it, beside the whole text.
_LOAD = f"""
CREATE OR REPLACE TABLE raw.compaction_rows AS
WITH lines AS (
    SELECT
        *,
        coalesce(regexp_full_match(line, '[ \\t]*'), true) AS is_blank,
        CASE WHEN is_valid THEN CAST(json_extract(line, [{_FIELDS}]) AS VARCHAR[]) END AS fields,
        substr(line, strpos(line, ', "metadata": {{') + 14) AS from_metadata
    FROM raw.typed_lines
),

columns AS (
    SELECT
        piece_id, line, is_blank, is_valid, schema_version, session_id, timestamp_ns, event_type, collector,
        allocator_allocated_bytes, allocator_reserved_bytes, allocator_inactive_bytes, device_used_bytes,
        device_total_bytes, backend, severity, collector_health_status, is_fragmentation_known,
        {", ".join(f"{_at('fields', name, 'BIGINT')} AS {name}" for name in _OTHER_INTEGERS)},
        {", ".join(f"{_at('fields', name, 'VARCHAR')} AS {name}" for name in _OTHER_TEXTS)},
        left(from_metadata, strpos(from_metadata, '}}, "pid": ')) AS metadata,
        fields[{len(_OTHER_INTEGERS) + len(_OTHER_TEXTS) + 1}] AS metadata_read
    FROM lines
),

compared AS (
    SELECT
        *,
        telemetry.record_text({", ".join(_ALL_BUT_TEXT)}) = line
            AS is_given_back
    FROM columns
)

SELECT
    * REPLACE (CASE WHEN is_given_back THEN metadata ELSE metadata_read END AS metadata),
    CASE WHEN is_valid AND NOT is_given_back THEN line END AS {TEXT_COLUMN}
FROM compared
"""
