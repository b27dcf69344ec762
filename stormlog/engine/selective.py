"""Reads for a question about some events only the Parquet files that may have a say in its answer.

Promise: a file that is left out holds no event of the session and the times that are asked for, and nothing
of what its events say about their session: which file it begins in, and how it ended. What a file may hold is
known from the manifest where compaction wrote it there, else from the statistics in its footer; a file about
which these leave a doubt is read.

Source: docs/architecture.md#parquet.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog._storable_text import is_storable, storable_text
from stormlog.artifacts.file_state import state_of
from stormlog.artifacts.files import read_json_object
from stormlog.engine.analysis.copies import shared_ids
from stormlog.engine.database.sql_files import quote_literal
from stormlog.engine.engine import Engine
from stormlog.engine.index.updating import let_clock_tick

if TYPE_CHECKING:
    from pathlib import Path

    from stormlog._opening import OpenedPaths
    from stormlog.artifacts.event_files import FileOrigin
    from stormlog.artifacts.snapshot import Snapshot
    from stormlog.engine.database.settings import Settings

__all__ = ["SelectiveEngine", "may_leave_out", "scope_of"]

#: Files are left out if they hold at least this share of all bytes: the next question may be about everything,
#: and then all is read again.
LEAST_SHARE_LEFT_OUT = 0.5

#: Footers that are read in one statement.
_FILES_AT_A_TIME = 1024

#: Columns from which a row has session and time, and the one by which it has them from nowhere else: records
#: without a version are of older forms.
_COLUMNS = ["schema_version BIGINT", "session_id VARCHAR", "timestamp_ns BIGINT"]

#: Other texts may be blank, which means another session, or are not written as they are where they are bounds.
_IS_PLAIN = r"regexp_full_match({}, '[!-\[\]-~][ -\[\]-~]*')"

#: Rows take session and time as they stand in the columns, unless they are null or the text of the record is there.
_DESCRIBE = """
INSERT INTO raw.row_groups
WITH plain_files AS (
    SELECT file_name FROM parquet_schema({files})
    WHERE lower(name) IN ('schema_version', 'session_id', 'timestamp_ns', 'record')
    GROUP BY file_name
    HAVING list(concat(name, ' ', duckdb_type) ORDER BY name) IN ($columns, list_prepend('record VARCHAR', $columns))
        AND bool_and(repetition_type IN ('REQUIRED', 'OPTIONAL'))
),

row_groups AS (
    SELECT
        file_name,
        max(stats_min_value) FILTER (path_in_schema = 'session_id') AS first_session,
        max(stats_max_value) FILTER (path_in_schema = 'session_id') AS last_session,
        TRY_CAST(max(stats_min_value) FILTER (path_in_schema = 'timestamp_ns') AS BIGINT) AS first_ns,
        TRY_CAST(max(stats_max_value) FILTER (path_in_schema = 'timestamp_ns') AS BIGINT) AS last_ns,
        count(*) FILTER (path_in_schema IN ('session_id', 'timestamp_ns') AND stats_null_count = 0) AS full_count,
        count(*) FILTER (
            path_in_schema = 'record' AND stats_null_count IS DISTINCT FROM row_group_num_rows
        ) AS text_count
    FROM parquet_metadata({files})
    GROUP BY file_name, row_group_id
),

known AS (
    -- Not a window: the database would read all footers twice for it.
    SELECT file_name, unnest(list((first_session, last_session, first_ns, last_ns))) AS bounds
    FROM row_groups
    GROUP BY file_name
    HAVING bool_and(coalesce(
        full_count = 2 AND text_count = 0 AND first_ns IS NOT NULL AND last_ns IS NOT NULL
        AND {is_first_plain} AND {is_last_plain},
        false
    ))
)

SELECT f.file_id, f.source_id, k.bounds[1], k.bounds[2], k.bounds[3], k.bounds[4]
FROM known AS k
INNER JOIN plain_files AS p ON k.file_name = p.file_name
INNER JOIN (
    SELECT unnest($ids) AS file_id, unnest($source_ids) AS source_id, unnest($paths) AS path
) AS f ON k.file_name = f.path
"""

#: Files that may hold events of a question.
_FILES_OF_EVENTS = """
SELECT DISTINCT file_id FROM raw.row_groups
WHERE (
        CAST($session_id AS VARCHAR) IS NULL
        OR CAST($session_id AS VARCHAR) BETWEEN first_session AND last_session
    )
    AND (CAST($time_start_ns AS BIGINT) IS NULL OR last_ns >= CAST($time_start_ns AS BIGINT))
    AND (CAST($time_end_ns AS BIGINT) IS NULL OR first_ns <= CAST($time_end_ns AS BIGINT))
"""

#: Files that may say something about the sessions of these events: where the ledger has a session, those before the
#: first that is known to hold it, or only the first of them; else all, because any of them may hold its end.
_FILES_OF_SESSIONS = """
WITH found AS (
    SELECT source_id, session_id, min(file_id) AS first_file_id
    FROM raw.events
    WHERE CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR)
    GROUP BY source_id, session_id
    HAVING bool_or(
            (CAST($time_start_ns AS BIGINT) IS NULL OR timestamp_ns >= CAST($time_start_ns AS BIGINT))
            AND (CAST($time_end_ns AS BIGINT) IS NULL OR timestamp_ns <= CAST($time_end_ns AS BIGINT))
        )
),

candidates AS (
    SELECT
        g.file_id,
        l.session_id IS NOT NULL AS is_in_ledger,
        dense_rank() OVER (PARTITION BY f.source_id, f.session_id ORDER BY g.file_id) AS position
    FROM found AS f
    INNER JOIN raw.row_groups AS g
        ON f.source_id = g.source_id AND f.session_id BETWEEN g.first_session AND g.last_session
    LEFT JOIN raw.ledger_sessions AS l
        ON f.source_id = l.source_id AND f.session_id = l.session_id AND l.is_last
    WHERE l.session_id IS NULL OR g.file_id <= f.first_file_id
)

SELECT DISTINCT file_id FROM candidates WHERE NOT is_in_ledger OR position = 1 OR $takes_all
"""

#: Files that may hold a part of what may be a copy.
_FILES_OF_COPIES = """
SELECT DISTINCT g.file_id
FROM raw.row_groups AS g
SEMI JOIN (
    SELECT s.session_id FROM stage.session_files AS s
    WHERE list_contains(CAST($compared_ids AS VARCHAR[]), s.compared_id)
) AS c ON c.session_id BETWEEN g.first_session AND g.last_session
"""


def scope_of(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of ``query_events`` that files are left out by; None if it asks for nothing of these."""
    scope = {name: parameters.get(name) for name in ("session_id", "time_start_ns", "time_end_ns")}
    return None if all(value is None for value in scope.values()) else scope


def may_leave_out(snapshot: Snapshot) -> bool:
    """Return whether enough of the files are such that they could be left out."""
    rows = [origin for origin in snapshot.origins if origin.format == "parquet"]
    share = LEAST_SHARE_LEFT_OUT * _size(snapshot, snapshot.origins)
    return bool(rows) and _size(snapshot, rows) >= share


def _size(snapshot: Snapshot, origins: Iterable[FileOrigin]) -> int:
    """Return the bytes of some files."""
    return sum(state.size for origin in origins if (state := snapshot.states[origin.path]) is not None)


class SelectiveEngine(Engine):
    """An engine that reads files when a question about events needs them, and keeps what it read.

    Only ``events`` and ``rejects`` answer, for what was prepared. There is no index: of events all texts are needed.

    Args:
        snapshot: What may be read.
        settings: How much of the machine to use.
    """

    def __init__(self, snapshot: Snapshot, settings: Settings) -> None:
        self._whole = snapshot
        self._doubtful: set[int] | None = None
        self._read_ids: set[int] = set()
        self._compared_ids: set[str] | None = set()
        super().__init__(snapshot.only(()), settings, None)

    def prepare_events(self, scope: Mapping[str, Any]) -> list[FileOrigin] | None:
        """Make the events of a session, or of some time, answer.

        Args:
            scope: What `scope_of` returns.

        Returns:
            The files that the answer rests on; None, and nothing is read, if few could be left out.

        Raises:
            QueryError: DuckDB failed.
        """
        with self._preparing():
            if self._doubtful is None:
                self._doubtful = self._describe()
            needed = self._doubtful | self._ids(_FILES_OF_EVENTS, scope)
            left_out = [origin for origin in self._whole.origins if origin.file_id not in needed]
            if _size(self._whole, left_out) < LEAST_SHARE_LEFT_OUT * _size(self._whole, self._whole.origins):
                return None
            self._read_also(needed)
            # Rows of the first file may all have been skipped: then any other may be the first that counts.
            for takes_all in (False, True):
                needed |= self._ids(_FILES_OF_SESSIONS, {**scope, "takes_all": takes_all})
                self._read_also(needed)
            # Whether something is a copy shows only when all of both was read.
            while self._compared_ids is not None and (
                likely := shared_ids(self._database) - self._compared_ids
            ):
                self._compared_ids |= likely
                needed |= self._ids(_FILES_OF_COPIES, {"compared_ids": sorted(likely)})
                self._read_also(needed, again=True)
        return self._whole.only(needed).origins

    def prepare_all(self) -> list[FileOrigin]:
        """Make all events answer; return all files.

        Raises:
            QueryError: DuckDB failed.
        """
        is_compared, self._compared_ids = self._compared_ids is None, None
        self._read_also({origin.file_id for origin in self._whole.origins}, again=not is_compared)
        return self._whole.origins

    def prepare_rejects(self, paths: Collection[str]) -> None:
        """Make ``rejects`` answer for some files.

        Args:
            paths: What rows call them: `FileOrigin.recorded_path`, storable.

        Raises:
            QueryError: DuckDB failed.
        """
        origins = self._whole.origins
        self._read_also({o.file_id for o in origins if storable_text(o.recorded_path) in paths})
        self.prepare({"rejects"})

    def _forget(self) -> None:
        """Keep everything: all that is read here is read with its texts."""

    def _read_also(self, file_ids: set[int], *, again: bool = False) -> None:
        file_ids = self._read_ids | file_ids
        if again or file_ids != self._read_ids:
            self.move_to(self._whole.only(file_ids))
        self.prepare({"events"})
        self._read_ids = file_ids

    def _ids(self, text: str, params: Mapping[str, Any]) -> set[int]:
        return {file_id for (file_id,) in self._database.execute(text, params).fetchall()}

    # ---- what files may hold -------------------------------------------------------------------------------

    def _describe(self) -> set[int]:
        """Fill ``raw.row_groups``; return the files of which it says nothing."""
        states = self._whole.states
        rows = [o for o in self._whole.origins if o.format == "parquet" and is_storable(o.path)]
        let_clock_tick(states[origin.path] for origin in rows)
        told = self._take_from_manifests(rows)
        left = [origin for origin in rows if origin.file_id not in told]
        # Links have the numbers of pieces in their names, which are not negative.
        files = [(origin, self._temporary_files.spelling(origin, -1 - origin.file_id)) for origin in left]
        for start in range(0, len(files), _FILES_AT_A_TIME):
            self._describe_files(files[start : start + _FILES_AT_A_TIME])
        # What was said of another content must not decide about this one.
        changed = [origin.file_id for origin in rows if state_of(origin.path) != states[origin.path]]
        self._database.execute(
            "DELETE FROM raw.row_groups WHERE list_contains($changed, file_id)", {"changed": changed}
        )
        known = self._ids("SELECT DISTINCT file_id FROM raw.row_groups", {})
        return {origin.file_id for origin in self._whole.origins} - known

    def _take_from_manifests(self, origins: Sequence[FileOrigin]) -> set[int]:
        """Fill in what manifests say of segments; return the files of which they say enough."""
        sources, opened = self._whole.catalog.sources, self._whole.catalog.opened
        said = {
            i: _segments_described_in(sources[i].manifest_path, opened)
            for i in {o.source_id for o in origins}
        }
        rows: list[tuple[Any, ...]] = []
        for origin in origins:
            state = self._whole.states[origin.path]
            found = said[origin.source_id].get(os.path.basename(origin.path))
            if found is not None and state is not None and found["size_bytes"] == state.size:
                times = (found["first_ns"], found["last_ns"])
                rows += [(origin.file_id, origin.source_id, i, i, *times) for i in found["session_ids"]]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[]]
        self._database.append("raw.row_groups", columns, "INTEGER, INTEGER, VARCHAR, VARCHAR, BIGINT, BIGINT")
        return {row[0] for row in rows}

    def _describe_files(self, files: Sequence[tuple[FileOrigin, str]]) -> None:
        import duckdb

        text = _DESCRIBE.format(
            files=f"[{', '.join(quote_literal(path) for _, path in files)}]",
            is_first_plain=_IS_PLAIN.format("first_session"),
            is_last_plain=_IS_PLAIN.format("last_session"),
        )
        params = {
            "columns": _COLUMNS,
            "ids": [origin.file_id for origin, _ in files],
            "source_ids": [origin.source_id for origin, _ in files],
            "paths": [path for _, path in files],
        }
        try:
            self._database.execute(text, params)
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error:
            # One file that is no Parquet file hides all others.
            middle = len(files) // 2
            for half in (files[:middle], files[middle:]) if middle else ():
                self._describe_files(half)


def _segments_described_in(manifest: Path | None, opened: OpenedPaths) -> dict[str, dict[str, Any]]:
    """Return the entries that say of a segment what compaction says, by file name."""
    try:
        payload = None if manifest is None else read_json_object(str(manifest), opened)
    except OSError:
        return {}
    segments = None if payload is None else payload.get("segments")
    found: dict[str, dict[str, Any]] = {}
    for item in segments if isinstance(segments, list) else ():
        if isinstance(item, dict) and _is_described(item):
            found[item["filename"]] = item
    return found


def _is_described(entry: Mapping[str, Any]) -> bool:
    integers = [entry.get(name) for name in ("size_bytes", "first_ns", "last_ns")]
    sessions = entry.get("session_ids")
    return (
        isinstance(entry.get("filename"), str)
        and all(type(value) is int and 0 <= value < 2**63 for value in integers)
        and isinstance(sessions, list)
        and all(isinstance(session, str) and is_storable(session) for session in sessions)
    )
