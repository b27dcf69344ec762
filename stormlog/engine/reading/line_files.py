"""Reads files of lines: scans them, checks that nothing was left out, and says what to do about damage.

Promise: bytes behind the size that a task names are left for later, even if they are written meanwhile; what
a scan sees beyond it is read again. The lengths of the lines of a file add up to its size, or the file is read in
another way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from stormlog.artifacts.file_state import sample_of, state_of
from stormlog.engine.reading.line_chunks import Chunk, ChunkMaker
from stormlog.engine.reading.line_shapes import learn_shapes
from stormlog.engine.reading.line_sql import PARSED_LINES, deferred_lines_view, lines_view
from stormlog.engine.reading.odd_lines import Arbiter, Place
from stormlog.engine.reading.read_plan import Task
from stormlog.engine.reading.repair import blocks_of
from stormlog.engine.reading.small_files import JoinedFile, join_small_files, spread_rows

if TYPE_CHECKING:
    from stormlog.engine.database.lazy_schema import Database
    from stormlog.engine.reading.temporary_files import TemporaryFiles
    from stormlog.engine.reading.verdict_tables import VerdictTables

__all__ = ["LineReader", "LinesRead"]

#: From this many bytes on, looking for shapes first is worth its fixed cost.
SHAPES_PAY_BYTES = 8 * 1024 * 1024


class LinesRead(NamedTuple):
    """What came of reading files of lines.

    Attributes:
        next_id: First free number for pieces.
        places: Piece number -> where its lines come from.
        replaced: Numbers of the pieces that come from another file than was planned.
    """

    next_id: int
    places: dict[int, Place]
    replaced: set[int]


class LineReader:
    """Brings lines into ``raw.records``.

    Args:
        database: Where to put them.
        temporary_files: Where copies go.
        arbiter: Judges what SQL leaves open.
        verdict_tables: Take what the arbiter says.
        next_id: First free number for pieces.
    """

    def __init__(
        self,
        database: Database,
        temporary_files: TemporaryFiles,
        arbiter: Arbiter,
        verdict_tables: VerdictTables,
        next_id: int,
    ) -> None:
        self._database = database
        self._temporary_files = temporary_files
        self._arbiter = arbiter
        self._verdict_tables = verdict_tables
        self._statement = verdict_tables.statement
        self._maker = ChunkMaker(temporary_files, arbiter, verdict_tables, next_id)

    def read(self, tasks: Sequence[Task], shaped: str) -> LinesRead:
        """Read tasks whose files hold lines.

        Args:
            tasks: What to read.
            shaped: Statement for lines whose shape may be known.
        """
        if tasks:
            self._read_tasks(tasks, shaped)
        return LinesRead(self._maker.next_id, self._maker.places, self._maker.replaced)

    def _read_tasks(self, tasks: Sequence[Task], shaped: str) -> None:
        joined_files, alone = join_small_files(
            [task for task in tasks if not task.origin.is_packed], self._temporary_files
        )
        unpacked = self._maker.unpack(task for task in tasks if task.origin.is_packed)
        self._read(self._maker.make(alone) + next(unpacked, []), joined_files, shaped)
        for chunks in unpacked:
            # Rows refer to shapes by number: none may be learnt or deleted before the batch is done.
            chunks = self._scan_or_repair(chunks)
            self._number_rows(chunks)
            self._finish(chunks)

    def _read(self, chunks: list[Chunk], joined_files: list[JoinedFile], shaped: str) -> None:
        # No row refers to the shapes of the batch before any more.
        self._database.clear("raw.shapes")
        size = sum(chunk.size for chunk in chunks) + sum(joined.size for joined in joined_files)
        is_shaped = size >= SHAPES_PAY_BYTES and self._has_shapes(chunks, joined_files)
        if not is_shaped or not self._scan(chunks, shaped, joined_files, tests_json=False):
            is_shaped = False
            if not joined_files or not self._scan(chunks, self._statement, joined_files):
                chunks += self._maker.make(task for joined in joined_files for task, _, _ in joined.members)
                joined_files = []
                chunks = self._scan_or_repair(chunks)
        self._finish_joined_files(joined_files)
        self._number_rows(chunks)
        # First the samples, then the look at what changed: a sample is of what was scanned, or it is not used.
        chunks = [chunk if chunk.is_copy else _with_sample(chunk) for chunk in chunks]
        changed = [chunk for chunk in chunks if _has_changed(chunk)]
        self._take_back(changed)
        if is_shaped:
            self._judge_deferred()
        self._finish([chunk for chunk in chunks if chunk not in changed])
        if changed:
            # As copies they cannot change any more.
            self._read_again([chunk.task for chunk in changed])

    def _has_shapes(self, chunks: Sequence[Chunk], joined_files: Sequence[JoinedFile]) -> bool:
        paths = [chunk.path for chunk in chunks]
        for joined in joined_files:
            paths += joined.sampled_paths()
        return learn_shapes(self._database, paths) > 0

    # ---- scanning ------------------------------------------------------------------------------------------

    def _scan_or_repair(self, chunks: list[Chunk]) -> list[Chunk]:
        """Insert lines, from repaired copies where something in a file stops the whole scan.

        Returns:
            What was read, as far as its rows are to be numbered.
        """
        if self._scan(chunks, self._statement):
            return chunks
        return self._scan_in_halves(self._maker.repair(chunks))

    def _scan_in_halves(self, chunks: list[Chunk]) -> list[Chunk]:
        """Insert the lines of as many files at a time as DuckDB takes."""
        if self._scan(chunks, self._statement):
            return chunks
        if len(chunks) == 1:
            self._judge_every_line(chunks[0])
            return []
        middle = len(chunks) // 2
        return self._scan_in_halves(chunks[:middle]) + self._scan_in_halves(chunks[middle:])

    def _scan(
        self,
        chunks: Sequence[Chunk],
        statement: str,
        joined_files: Sequence[JoinedFile] = (),
        *,
        tests_json: bool = True,
    ) -> bool:
        """Insert the lines of files; false, and none is inserted, if DuckDB refuses a file or leaves something out."""
        import duckdb

        if not chunks and not joined_files:
            return True
        ids = [*(chunk.piece_id for chunk in chunks), *(joined.joined_id for joined in joined_files)]
        if ids == list(range(ids[0], ids[0] + len(ids))):
            piece_id = f"CAST(file_index + {ids[0]} AS INTEGER)"
        else:
            piece_id = f"{ids!r}[CAST(file_index + 1 AS BIGINT)]"
        paths = [*(chunk.path for chunk in chunks), *(joined.path for joined in joined_files)]
        for is_json in PARSED_LINES if tests_json else PARSED_LINES[:1]:
            try:
                self._database.execute(lines_view(paths, piece_id, is_json))
                self._database.execute(statement)
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                raise
            except duckdb.Error as error:
                # Damaged JSON stops the first attempt; the second tests each line before it looks inside.
                if "Malformed JSON" in str(error):
                    continue
                return False
            return self._adds_up(chunks, joined_files)
        return False

    def _adds_up(self, chunks: Sequence[Chunk], joined_files: Sequence[JoinedFile]) -> bool:
        """Return whether all bytes of the files were read as lines; remove the lines if not."""
        texts = {chunk.piece_id: chunk.text_bytes for chunk in chunks}
        texts.update((joined.joined_id, joined.text_bytes) for joined in joined_files)
        rows = self._database.execute(
            """
            SELECT
                piece_id,
                coalesce(sum(line_bytes), 0) + count(*),
                count(*) = max(rowid) - min(rowid) + 1,
                count(*) FILTER (coalesce(line_bytes, 0) = 0)
            FROM raw.records WHERE line_number IS NULL AND piece_id BETWEEN $first AND $last GROUP BY piece_id
            """,
            {"first": min(texts), "last": max(texts)},
        ).fetchall()
        found = {piece_id: (text_bytes, in_order, blank) for piece_id, text_bytes, in_order, blank in rows}
        nothing = (0, True, 0)
        is_odd = any(
            found.get(joined.joined_id, nothing)[:2] != (joined.text_bytes, True) for joined in joined_files
        )
        for chunk in chunks:
            text_bytes, in_order, blank = found.get(chunk.piece_id, nothing)
            if text_bytes == chunk.text_bytes and in_order and not (blank and self._has_returns(chunk)):
                continue
            # What changed meanwhile is read again anyway.
            is_odd = is_odd or not _has_changed(chunk)
        if is_odd:
            self._database.execute(
                "DELETE FROM raw.records WHERE list_contains($ids, piece_id) AND line_number IS NULL",
                {"ids": list(texts)},
            )
        return not is_odd

    def _has_returns(self, chunk: Chunk) -> bool:
        """Return whether a carriage return may have been taken for a line of its own."""
        with contextlib.suppress(OSError), self._maker.open(chunk) as stream:
            return any(b"\r" in block for block in blocks_of(stream, chunk.size))
        return True

    def _judge_deferred(self) -> None:
        """Type the lines that have no known shape."""
        import duckdb

        for is_json in PARSED_LINES:
            try:
                self._database.execute(deferred_lines_view(is_json))
                self._database.execute(self._statement)
                return
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                raise
            except duckdb.Error:
                # Damaged JSON stops the first attempt; nothing should stop the second.
                continue
        self._database.execute("UPDATE raw.records SET is_deferred = false WHERE is_deferred")

    def _judge_every_line(self, chunk: Chunk) -> None:
        """Leave a file that DuckDB still refuses to the arbiter alone; it has no rows to number then."""
        piece = chunk.task.piece
        # Nothing was counted here, so nothing can be added later.
        piece.sample, piece.tail_id = "", chunk.tail_id
        try:
            with self._maker.open(chunk) as stream:
                left, number = chunk.size, 0
                while left > 0 and (line := stream.readline(left)):
                    left, number = left - len(line), number + 1
                    is_tail = not line.endswith(b"\n")
                    owner = chunk.tail_id if is_tail and chunk.tail_id is not None else chunk.piece_id
                    place = self._maker.places[owner]
                    text = line.rstrip(b"\n").decode("utf-8")
                    self._arbiter.judge(place, piece.line_count + number, text)
                    self._verdict_tables.flush_if_many()
        except OSError as error:
            self._arbiter.warn(chunk.task.origin, "unreadable", error.strerror or str(error))

    # ---- after a scan --------------------------------------------------------------------------------------

    def _number_rows(self, chunks: Sequence[Chunk]) -> None:
        """Remember at which row each piece starts: its line numbers are counted from there."""
        if not chunks:
            return
        self._database.append(
            "raw.lines_of_chunks",
            [
                [chunk.piece_id for chunk in chunks],
                [chunk.task.piece.line_count + 1 for chunk in chunks],
                [chunk.tail_id for chunk in chunks],
            ],
            "INTEGER, BIGINT, INTEGER",
        )
        self._database.execute(
            """
            INSERT INTO raw.chunks
            SELECT r.piece_id, min(r.rowid), max(r.rowid), any_value(l.first_line), any_value(l.tail_id)
            FROM raw.records AS r INNER JOIN raw.lines_of_chunks AS l ON r.piece_id = l.piece_id
            WHERE r.line_number IS NULL
            GROUP BY r.piece_id
            """
        )
        self._database.clear("raw.lines_of_chunks")
        if any(chunk.tail_id is not None for chunk in chunks):
            self._database.execute(
                """
                UPDATE raw.records
                SET piece_id = c.tail_id, line_number = c.last_row - c.first_row + c.first_line
                FROM raw.chunks AS c
                WHERE raw.records.piece_id = c.piece_id AND raw.records.rowid = c.last_row
                    AND c.tail_id IS NOT NULL
                """
            )

    def _finish_joined_files(self, joined_files: Sequence[JoinedFile]) -> None:
        """Number the rows of joined files and let their pieces say what was read."""
        spread_rows(self._database, joined_files)
        for joined in joined_files:
            for task, line_count, sample in joined.members:
                piece = task.piece
                self._maker.places[piece.piece_id] = Place(task.origin, piece.piece_id)
                piece.line_count, piece.settled_bytes, piece.sample = line_count, task.size, sample

    def _take_back(self, chunks: Sequence[Chunk]) -> None:
        """Remove the rows of files that changed while they were scanned."""
        if not chunks:
            return
        ids = [chunk.piece_id for chunk in chunks]
        ids += [chunk.tail_id for chunk in chunks if chunk.tail_id is not None]
        for table in ("raw.records", "raw.rejects", "raw.sessionless_records", "raw.chunks"):
            self._database.execute(f"DELETE FROM {table} WHERE list_contains(?, piece_id)", [ids])

    def _read_again(self, tasks: Sequence[Task]) -> None:
        chunks = self._maker.make(tasks, copies_all=True)
        for chunk in chunks:
            if not chunk.is_copy:
                self._arbiter.warn(chunk.task.origin, "unreadable", "vanished while it was read")
        chunks = [chunk for chunk in chunks if chunk.is_copy]
        chunks = self._scan_or_repair(chunks)
        self._number_rows(chunks)
        self._finish(chunks)

    def _finish(self, chunks: Sequence[Chunk]) -> None:
        """Let each piece say what was read of its file."""
        rows = self._database.execute("SELECT piece_id, last_row - first_row + 1 FROM raw.chunks").fetchall()
        counts = dict(rows)
        for chunk in chunks:
            piece, state = chunk.task.piece, chunk.task.state
            piece.tail_id, piece.sample = chunk.tail_id, ""
            if state is None or not chunk.task.origin.may_grow or chunk.is_repaired:
                continue
            piece.line_count += counts.get(piece.piece_id, 0) - (chunk.tail_id is not None)
            piece.settled_bytes = state.size - chunk.tail_bytes
            piece.sample = chunk.sample


def _with_sample(chunk: Chunk) -> Chunk:
    state = chunk.task.state
    if state is None or not chunk.task.origin.may_grow:
        return chunk
    with contextlib.suppress(OSError):
        return replace(chunk, sample=sample_of(chunk.task.origin.path, state.size - chunk.tail_bytes))
    return chunk


def _has_changed(chunk: Chunk) -> bool:
    is_bounded = chunk.is_copy or not chunk.task.origin.may_grow
    return not is_bounded and state_of(chunk.task.origin.path) != chunk.task.state
