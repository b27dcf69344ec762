"""Reads files into ``raw.records``: one pass, no line lost, no line judged twice.

Promise: DuckDB types every line that is plainly valid; all others go to `stormlog.engine.reading.odd_lines`, one
by one, and come back as canonical records or as located rejects. Nothing here grows with the number
of plainly valid lines.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stormlog._opening import read_artifact
from stormlog._storable_text import is_storable
from stormlog.artifacts.file_state import state_of
from stormlog.engine.database.tables import LINES_GIVEN_VIEW
from stormlog.engine.reading.line_files import LineReader
from stormlog.engine.reading.line_sql import insert_shaped, insert_typed
from stormlog.engine.reading.odd_lines import Arbiter, Place
from stormlog.engine.reading.read_plan import Task
from stormlog.engine.reading.temporary_files import TemporaryFiles
from stormlog.engine.reading.verdict_tables import VerdictTables

if TYPE_CHECKING:
    from stormlog.artifacts import CatalogWarning
    from stormlog.engine.database.lazy_schema import Database

__all__ = ["Reader"]

#: Lines handed to the arbiter at a time.
BATCH = 10_000

#: Documents and CSV files are read as a whole; what is larger would fill the memory.
_MOST_DOCUMENT_BYTES = 2 << 30
#: Codes of warnings about files that may be readable tomorrow, or with another setting.
_MAY_CHANGE = ("unreadable", "unpack_limit")


class Reader:
    """Fills ``raw.records`` with the rows of one batch of files at a time.

    Args:
        database: Where to put it.
        temporary_files: Where readable copies go.
    """

    def __init__(self, database: Database, temporary_files: TemporaryFiles) -> None:
        self._database = database
        self._temporary_files = temporary_files

    def read(self, tasks: Sequence[Task], next_id: int, *, keep_all: bool) -> int:
        """Read a batch; ``raw.records`` must be empty.

        Afterwards the pieces of the tasks say what was read. A piece whose file changed meanwhile has no state.

        Args:
            tasks: What to read.
            next_id: First free number for pieces.
            keep_all: Keep every record's text, which those columns of ``events`` need that are not stored typed.
                Otherwise only the texts that issues need are kept.

        Returns:
            The first number that is free now.
        """
        warnings: list[CatalogWarning] = []
        arbiter = Arbiter(warnings)
        keep = "true" if keep_all else "is_needed OR NOT is_valid"
        statement = insert_typed(keep)
        verdict_tables = VerdictTables(self._database, arbiter, statement)
        reader = LineReader(self._database, self._temporary_files, arbiter, verdict_tables, next_id)
        lines = reader.read([task for task in tasks if task.origin.format == "lines"], insert_shaped(keep))
        of_rows = [task for task in tasks if task.origin.format == "parquet"]
        for task in self._read_typed_parquet(of_rows, keep_all=keep_all):
            self._read_parquet(task, statement, arbiter)
        warned = {warning.path for warning in warnings}
        self._check_row_counts([task for task in of_rows if task.origin.path not in warned], arbiter)
        for task in tasks:
            if task.origin.format == "document":
                self._read_document(task, arbiter, verdict_tables)
        places = {task.piece.piece_id: Place(task.origin, task.piece.piece_id) for task in tasks}
        self._judge_odd_lines({**places, **lines.places}, arbiter, verdict_tables)
        said: dict[str, list[tuple[str, str]]] = {}
        for warning in warnings:
            said.setdefault(warning.path, []).append((warning.code, warning.message))
        for task in tasks:
            # What was said of the lines before is said of the whole file.
            goes_on = task.start > 0 and task.piece.piece_id not in lines.replaced
            before = task.piece.warnings if goes_on else []
            task.piece.warnings = list(dict.fromkeys([*before, *said.get(task.origin.path, [])]))
            # Whatever is scanned in place may have changed meanwhile; then nobody may rely on it later.
            is_bounded = task.origin.may_grow or state_of(task.origin.path) == task.state
            is_bounded = is_bounded and task.piece.piece_id not in lines.replaced
            # What could not be read today may be readable tomorrow, without looking any different.
            is_known = not any(code.endswith(_MAY_CHANGE) for code, _ in task.piece.warnings)
            task.piece.state = task.state if is_bounded and is_known else None
            self._fold_tail(task)
        # No view may name a copy that is gone.
        self._database.execute(LINES_GIVEN_VIEW)
        self._temporary_files.remove_copies()
        return lines.next_id

    def _fold_tail(self, task: Task) -> None:
        """Give the last line of a file that cannot grow to the other lines: nobody will read it again."""
        piece = task.piece
        if piece.tail_id is None or piece.sample:
            return
        for table in ("raw.records", "raw.rejects", "raw.sessionless_records"):
            self._database.execute(
                f"UPDATE {table} SET piece_id = ? WHERE piece_id = ?", [piece.piece_id, piece.tail_id]
            )
        piece.tail_id = None

    # ---- other formats -------------------------------------------------------------------------------------

    def _read_typed_parquet(self, tasks: Sequence[Task], *, keep_all: bool) -> list[Task]:
        """Read the segments that compaction wrote; return the tasks of all others."""
        if not tasks:
            return []
        from stormlog.engine.reading.parquet_columns import insert_typed_parquet

        files = [
            (task.piece.piece_id, self._temporary_files.spelling(task.origin, task.piece.piece_id))
            for task in tasks
            if is_storable(task.origin.path)
        ]
        inserted = insert_typed_parquet(self._database, files, keep_all=keep_all)
        return [task for task in tasks if task.piece.piece_id not in inserted]

    def _read_parquet(self, task: Task, statement: str, arbiter: Arbiter) -> None:
        import duckdb

        from stormlog.engine.reading.parquet_rows import parquet_lines

        origin = task.origin
        try:
            path = self._temporary_files.spelling(origin, task.piece.piece_id)
            if not is_storable(origin.path):
                with self._temporary_files.open(origin.path) as source, open(path, "wb") as target:
                    shutil.copyfileobj(source, target)
            self._database.execute(
                f"""
                CREATE OR REPLACE VIEW raw.lines AS
                SELECT {task.piece.piece_id} AS piece_id, line_number, line,
                    CASE WHEN json_valid(line) THEN line END AS json_line,
                    CAST(NULL AS VARCHAR) AS record_id, false AS is_canonical
                FROM ({parquet_lines(self._database.connection, path)})
                """
            )
            self._database.execute(statement)
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise
        except (OSError, duckdb.Error) as error:
            arbiter.warn(origin, "unreadable", str(error).splitlines()[0])

    def _check_row_counts(self, tasks: Sequence[Task], arbiter: Arbiter) -> None:
        """Warn of Parquet files that gave another number of rows than they say they hold."""
        if not tasks:
            return
        from stormlog.engine.reading.parquet_rows import missing_rows

        by_id = {task.piece.piece_id: task for task in tasks}
        files = [
            (number, self._temporary_files.spelling(task.origin, number)) for number, task in by_id.items()
        ]
        for number, (read, stated) in missing_rows(self._database, files).items():
            message = f"states {stated} rows, but {read} were read"
            arbiter.warn(by_id[number].origin, "row_count", message)

    def _read_document(self, task: Task, arbiter: Arbiter, verdict_tables: VerdictTables) -> None:
        from stormlog.engine.reading.documents import judge_csv, judge_json_document

        origin = task.origin
        judge = judge_json_document if origin.source_kind != "telemetry_csv" else judge_csv
        try:
            content = read_artifact(
                origin.path, self._temporary_files.opened, most_bytes=_MOST_DOCUMENT_BYTES
            )
            judge(Place(origin, task.piece.piece_id), content, arbiter, verdict_tables)
        except OSError as error:
            arbiter.warn(origin, "load_failed:unreadable", error.strerror or str(error))
        except UnicodeDecodeError:
            arbiter.warn(origin, "load_failed:invalid_utf8", "is not UTF-8 text")
        except RecursionError:
            arbiter.warn(origin, "load_failed:nested_too_deeply", "holds values too deep within each other")
        except ValueError as error:
            code = getattr(error, "code", "json_malformed")
            arbiter.warn(origin, f"load_failed:{code}", str(error))

    # ---- odd lines -----------------------------------------------------------------------------------------

    def _judge_odd_lines(
        self, places: dict[int, Place], arbiter: Arbiter, verdict_tables: VerdictTables
    ) -> None:
        cursor = self._database.connection.cursor()
        cursor.execute(
            """
            SELECT r.piece_id, coalesce(r.line_number, r.rowid - c.first_row + c.first_line), r.record
            FROM raw.records AS r LEFT JOIN raw.chunks AS c ON r.piece_id = c.piece_id
            WHERE NOT r.is_valid AND r.record IS NOT NULL AND NOT r.is_deferred
            ORDER BY r.piece_id, r.rowid
            """
        )
        while rows := cursor.fetchmany(BATCH):
            for piece_id, line_number, line in rows:
                arbiter.judge(places[piece_id], line_number, line)
            verdict_tables.flush()
        verdict_tables.flush()
