"""Reads the files of a catalog into ``raw.records``: one pass, no line lost, no line judged twice.

Promise: DuckDB types every line that is plainly valid; all others go to `stormlog.query.arbiter`, one
by one, and come back as canonical records or as located rejects. Nothing here grows with the number
of plainly valid lines.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stormlog.query.arbiter import MAX_LINE_BYTES, Arbiter, FileOrigin, Verdicts
from stormlog.query.catalog_tables import lists_its_ledger
from stormlog.query.line_statements import (
    INSERT_SHAPED,
    INSERT_TYPED,
    IS_JSON,
    LOOKS_COMPLETE,
    deferred_lines_view,
    lines_view,
)
from stormlog.query.shapes import learn_shapes
from stormlog.query.tables import LINES_GIVEN_VIEW
from stormlog.query.texts import is_storable, storable_text

if TYPE_CHECKING:
    from stormlog.query.catalog.artifact_catalog import ArtifactCatalog
    from stormlog.query.catalog.models import CatalogSource
    from stormlog.query.database import Database

__all__ = ["Reader"]

#: From this many bytes on, looking for shapes first is worth its fixed cost.
SHAPES_PAY_BYTES = 8 * 1024 * 1024

#: Lines handed to the arbiter, and records handed back, at a time.
BATCH = 10_000

#: What DuckDB takes for a pattern in a path.
_GLOB_CHARACTERS = frozenset("*?[")
_PACKED_SUFFIXES = (".gz", ".zst")


class Reader:
    """Fills ``raw.files`` and ``raw.records`` from a catalog.

    Args:
        database: Where to put it.
        catalog: What to read; load warnings are added to its warnings.
    """

    def __init__(self, database: Database, catalog: ArtifactCatalog) -> None:
        self._database = database
        self._catalog = catalog
        self._warning_count = len(catalog.warnings)
        self._scratch = tempfile.TemporaryDirectory(prefix="stormlog-")
        self._origins: list[FileOrigin] = []
        for source_id, source in enumerate(catalog.sources):
            if source.source_kind != "diagnose_bundle":
                self._origins += _origins(source_id, source, first_file_id=len(self._origins))

    @property
    def has_unlisted_sessions(self) -> bool:
        """Whether some sessions are known from events only, or must be compared with them."""
        return any(not lists_its_ledger(self._catalog.sources[origin.source_id]) for origin in self._origins)

    def readable_paths(self, opened: Sequence[Path]) -> list[str]:
        """Return every path that reading may touch."""
        paths = [*(str(path) for path in opened), *(str(source.path) for source in self._catalog.sources)]
        return [*(path for path in paths if is_storable(path)), self._scratch.name]

    def close(self) -> None:
        """Remove temporary copies."""
        self._scratch.cleanup()

    @property
    def origins(self) -> list[FileOrigin]:
        """Every file to read, in the order of the catalog."""
        return self._origins

    def read(self, *, keep_all: bool) -> None:
        """Read everything anew.

        Args:
            keep_all: Keep every record's text, which the cold columns of ``events`` need. Otherwise
                only the texts that issues need are kept.
        """
        database = self._database
        del self._catalog.warnings[self._warning_count :]
        database.execute("DELETE FROM raw.rejects")
        database.execute("DELETE FROM raw.files")
        # Not DELETE: line numbers are counted from row ids, which start at 0 in a new table only.
        database.execute("CREATE OR REPLACE TABLE raw.records AS SELECT * FROM raw.records LIMIT 0")
        self._database.append(
            "raw.files",
            [
                [origin.file_id for origin in self._origins],
                [origin.source_id for origin in self._origins],
                [storable_text(_recorded_path(origin)) for origin in self._origins],
            ],
            "INTEGER, INTEGER, VARCHAR",
            extra=", 0",
        )
        statement = INSERT_TYPED.format(keep="true" if keep_all else "is_needed OR NOT is_valid")
        shaped = INSERT_SHAPED.format(keep="true" if keep_all else "NOT is_valid")
        arbiter = Arbiter(self._catalog.warnings)
        by_format: dict[str, list[FileOrigin]] = {"lines": [], "parquet": [], "document": []}
        for origin in self._origins:
            by_format[_format_of(origin)].append(origin)
        lines = by_format["lines"]
        plain = [origin.path for origin in lines if not origin.path.lower().endswith(_PACKED_SUFFIXES)]
        has_shapes = _total_bytes(plain) >= SHAPES_PAY_BYTES and learn_shapes(database, plain) > 0
        self._read_lines(lines, shaped if has_shapes else statement, statement, arbiter)
        for origin in self._read_typed_parquet(by_format["parquet"], keep_all=keep_all):
            self._read_parquet(origin, statement, arbiter)
        for origin in by_format["document"]:
            self._read_document(origin, statement, arbiter)
        self._settle_odd_lines(statement, arbiter)

    # ---- lines ---------------------------------------------------------------------------------------------

    def _read_lines(
        self, origins: Sequence[FileOrigin], first_statement: str, statement: str, arbiter: Arbiter
    ) -> None:
        """Read line files, with ``first_statement`` unless something is damaged, else with ``statement``."""
        if not origins:
            return
        paths = [self._spelling(origin) for origin in origins]
        is_shaped = first_statement is not statement and self._scan(
            origins, paths, first_statement, tests_json=False
        )
        if not is_shaped and not self._scan(origins, paths, statement):
            # Something in some file stops the whole scan: look at each, and read repaired copies.
            self._scan_or_judge(*self._repair(origins, arbiter), statement, arbiter)
        self._number_rows()
        if is_shaped:
            self._judge_deferred(statement)

    def _judge_deferred(self, statement: str) -> None:
        """Type the lines that have no known shape."""
        import duckdb

        for is_json in (LOOKS_COMPLETE, IS_JSON):
            try:
                self._database.execute(deferred_lines_view(is_json))
                self._database.execute(statement)
                return
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                raise
            except duckdb.Error:
                # Damaged JSON stops the first attempt; nothing should stop the second.
                continue
        self._database.execute("UPDATE raw.records SET is_deferred = false WHERE is_deferred")

    def _scan_or_judge(
        self, origins: Sequence[FileOrigin], paths: Sequence[str], statement: str, arbiter: Arbiter
    ) -> None:
        """Insert the lines of repaired files; what DuckDB still refuses is left to the arbiter alone."""
        if self._scan(origins, paths, statement):
            return
        for origin, path in zip(origins, paths, strict=True):
            if not self._scan([origin], [path], statement):
                self._judge_every_line(origin, statement, arbiter)

    def _judge_every_line(self, origin: FileOrigin, statement: str, arbiter: Arbiter) -> None:
        from stormlog.query.repair import repair_lines

        try:
            lines = repair_lines(origin.path, MAX_LINE_BYTES).data.split(b"\n")
        except OSError as error:
            arbiter.refuse_file(origin, "unreadable", error.strerror or str(error))
            return
        for number, line in enumerate(lines, start=1):
            arbiter.judge(origin, number, line.decode("utf-8"))
            if number % BATCH == 0:
                self._insert_verdicts(arbiter.take(), statement)
        self._insert_verdicts(arbiter.take(), statement)

    def _spelling(self, origin: FileOrigin) -> str:
        """Return a path that means this file, and nothing else, to DuckDB."""
        path = origin.path
        if not is_storable(path):
            # The database cannot name such a file: the scan stops, and its repair makes a copy.
            return os.path.join(self._scratch.name, f"{origin.file_id}-unnamable")
        is_packed_oddly = path.lower().endswith(_PACKED_SUFFIXES) and not path.endswith(_PACKED_SUFFIXES)
        if _GLOB_CHARACTERS.isdisjoint(path) and not is_packed_oddly:
            return path
        link = os.path.join(self._scratch.name, f"{origin.file_id}-{origin.plain_name}")
        if not os.path.lexists(link):
            Path(link).symlink_to(os.path.abspath(path))
        return link

    def _scan(
        self, origins: Sequence[FileOrigin], paths: Sequence[str], statement: str, *, tests_json: bool = True
    ) -> bool:
        """Insert the lines of files; false when DuckDB refuses the batch as a whole."""
        import duckdb

        if not origins:
            return True
        ids = [origin.file_id for origin in origins]
        if ids == list(range(ids[0], ids[0] + len(ids))):
            file_id = f"CAST(file_index + {ids[0]} AS INTEGER)"
        else:
            file_id = f"{ids!r}[CAST(file_index + 1 AS BIGINT)]"
        attempts = [LOOKS_COMPLETE, IS_JSON] if tests_json else [LOOKS_COMPLETE]
        for is_json in attempts:
            try:
                self._database.execute(lines_view(paths, file_id, is_json))
                self._database.execute(statement)
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                raise
            except duckdb.Error as error:
                # Damaged JSON stops the first attempt; the second tests each line before it looks inside.
                if "Malformed JSON" in str(error):
                    continue
                return False
            return True
        return False

    def _repair(self, origins: Sequence[FileOrigin], arbiter: Arbiter) -> tuple[list[FileOrigin], list[str]]:
        from stormlog.query.repair import repair_lines

        readable, paths = [], []
        for origin in origins:
            try:
                repaired = repair_lines(origin.path, MAX_LINE_BYTES)
            except OSError as error:
                arbiter.refuse_file(origin, "unreadable", error.strerror or str(error))
                continue
            if repaired.problem is not None:
                arbiter.refuse_file(origin, "damaged", f"{repaired.problem}; what came before it was read")
            readable.append(origin)
            if not repaired.is_changed and is_storable(origin.path):
                paths.append(self._spelling(origin))
                continue
            copy = os.path.join(self._scratch.name, f"{origin.file_id}.jsonl")
            with open(copy, "wb") as stream:
                stream.write(repaired.data)
            paths.append(copy)
            for line_number, reason, excerpt in repaired.damaged:
                arbiter.reject(origin, line_number, reason, excerpt)
        return readable, paths

    def _number_rows(self, first_row: int = 0) -> None:
        """Remember at which row each file starts: its line numbers are counted from there."""
        self._database.execute(
            """
            UPDATE raw.files SET first_row = counted.first_row
            FROM (
                SELECT file_id, min(rowid) AS first_row FROM raw.records
                WHERE line_number IS NULL AND rowid >= $first_row GROUP BY file_id
            ) AS counted
            WHERE raw.files.file_id = counted.file_id
            """,
            {"first_row": first_row},
        )

    # ---- other formats -------------------------------------------------------------------------------------

    def _read_typed_parquet(self, origins: Sequence[FileOrigin], *, keep_all: bool) -> list[FileOrigin]:
        """Read the segments that compaction wrote; return all others."""
        if not origins:
            return []
        from stormlog.query.typed_parquet import insert_typed_parquet

        files = [(o.file_id, self._spelling(o)) for o in origins if is_storable(o.path)]
        inserted = insert_typed_parquet(self._database, files, keep_all=keep_all)
        return [origin for origin in origins if origin.file_id not in inserted]

    def _read_parquet(self, origin: FileOrigin, statement: str, arbiter: Arbiter) -> None:
        import duckdb

        from stormlog.query.parquet_rows import parquet_lines

        try:
            path = self._spelling(origin)
            if not is_storable(origin.path):
                shutil.copyfile(origin.path, path)
            self._database.execute(
                f"""
                CREATE OR REPLACE VIEW raw.lines AS
                SELECT {origin.file_id} AS file_id, line_number, line,
                    CASE WHEN json_valid(line) THEN line END AS json_line,
                    CAST(NULL AS VARCHAR) AS record_id, false AS is_canonical
                FROM ({parquet_lines(self._database.connection, path)})
                """
            )
            self._database.execute(statement)
        except (OSError, duckdb.Error) as error:
            arbiter.refuse_file(origin, "unreadable", str(error).splitlines()[0])

    def _read_document(self, origin: FileOrigin, statement: str, arbiter: Arbiter) -> None:
        from stormlog.query.documents import csv_verdicts, json_document_verdicts

        verdicts = json_document_verdicts if origin.source_kind != "telemetry_csv" else csv_verdicts
        try:
            for batch in verdicts(origin, arbiter, BATCH):
                self._insert_verdicts(batch, statement)
        except OSError as error:
            arbiter.refuse_file(origin, "load_failed:unreadable", error.strerror or str(error))
        except UnicodeDecodeError:
            arbiter.refuse_file(origin, "load_failed:invalid_utf8", "is not UTF-8 text")
        except RecursionError:
            arbiter.refuse_file(
                origin, "load_failed:nested_too_deeply", "holds values too deep within each other"
            )
        except ValueError as error:
            code = getattr(error, "code", "json_malformed")
            arbiter.refuse_file(origin, f"load_failed:{code}", str(error))

    # ---- odd lines -----------------------------------------------------------------------------------------

    def _settle_odd_lines(self, statement: str, arbiter: Arbiter) -> None:
        cursor = self._database.connection.cursor()
        cursor.execute(
            """
            SELECT r.file_id, coalesce(r.line_number, r.rowid - f.first_row + 1), r.record
            FROM raw.records AS r INNER JOIN raw.files AS f ON r.file_id = f.file_id
            WHERE NOT r.is_valid AND r.record IS NOT NULL AND NOT r.is_deferred
            ORDER BY r.file_id, r.rowid
            """
        )
        while rows := cursor.fetchmany(BATCH):
            for file_id, line_number, line in rows:
                arbiter.judge(self._origins[file_id], line_number, line)
            self._insert_verdicts(arbiter.take(), statement)
        self._insert_verdicts(arbiter.take(), statement)

    def _insert_verdicts(self, verdicts: Verdicts, statement: str) -> None:
        if verdicts.records:
            self._database.append(
                "raw.lines_given",
                [list(column) for column in zip(*verdicts.records, strict=True)],
                "INTEGER, BIGINT, VARCHAR, VARCHAR",
            )
            self._database.execute(LINES_GIVEN_VIEW)
            self._database.execute(statement)
            self._database.execute("DELETE FROM raw.lines_given")
        if verdicts.rejects:
            self._database.append(
                "raw.rejects",
                [list(column) for column in zip(*verdicts.rejects, strict=True)],
                "INTEGER, BIGINT, VARCHAR, VARCHAR, VARCHAR",
            )


def _origins(source_id: int, source: CatalogSource, first_file_id: int) -> Iterator[FileOrigin]:
    # An empty session id is none: records without one then get that of the path, as in an unlisted file.
    segments = (
        {}
        if source.manifest is None
        else {s.filename: s.session_id or None for s in source.manifest.segments}
    )
    for offset, path in enumerate(source.event_files):
        yield FileOrigin(
            file_id=first_file_id + offset,
            source_id=source_id,
            path=path,
            source_path=str(source.path),
            source_kind=source.source_kind,
            session_hint=segments.get(os.path.basename(path)),
        )


def _format_of(origin: FileOrigin) -> str:
    path = origin.path.lower()
    if path.endswith(".parquet"):
        return "parquet"
    # Whatever a ledger calls its segments, they hold lines.
    return "lines" if origin.source_kind in ("sink", "telemetry_jsonl") else "document"


def _recorded_path(origin: FileOrigin) -> str:
    """Return the path that rows of a file name: documents go by their true one, however they were spelled."""
    return os.path.realpath(origin.path) if _format_of(origin) == "document" else origin.path


def _total_bytes(paths: Sequence[str]) -> int:
    total = 0
    for path in paths:
        # What cannot be looked at is reported by those who read it.
        with contextlib.suppress(OSError):
            total += os.stat(path).st_size
    return total
