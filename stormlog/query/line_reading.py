"""Reads files of lines: where each begins, where its last whole line ends, and what to do about damage.

Promise: bytes behind the size that a task names are left for later, even if they are written meanwhile; what
a scan sees beyond it is read again.
"""

from __future__ import annotations

import contextlib
import os
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stormlog.query.arbiter import MAX_LINE_BYTES, Arbiter, Place, Verdicts
from stormlog.query.bundling import Bundle, bundle_small_files, spread_rows
from stormlog.query.line_statements import (
    IS_JSON,
    LOOKS_COMPLETE,
    deferred_lines_view,
    lines_view,
)
from stormlog.query.pieces import Task, sample_of, state_of
from stormlog.query.shapes import learn_shapes
from stormlog.query.texts import is_storable

if TYPE_CHECKING:
    from stormlog.query.database import Database
    from stormlog.query.scratch import Scratch

__all__ = ["LineReader"]

#: From this many bytes on, looking for shapes first is worth its fixed cost.
SHAPES_PAY_BYTES = 8 * 1024 * 1024
#: Open files up to this size are copied before they are scanned: a scan cannot stop at a given byte.
_COPIED_BYTES = 32 * 1024 * 1024
_BATCH = 10_000
_TAIL_BLOCK_BYTES = 4096
_START_BYTES = 256
#: A scan counts an empty first line that ends with CR and LF twice.
_BLANK_START = re.compile(rb"[ \t]*\r\n")


@dataclass(frozen=True)
class _Chunk:
    """Lines to scan.

    Attributes:
        task: What they belong to.
        path: The file itself, or a copy of the bytes wanted.
        tail_bytes: Length of an unfinished last line.
        tail_id: Number for its rows; None if there is none.
        is_copy: Whether ``path`` is a copy.
        sample: Sample of the whole lines up to its end, if it is a copy.
        is_repaired: Whether damage was taken out of the copy.
    """

    task: Task
    path: str
    tail_bytes: int
    tail_id: int | None
    is_copy: bool
    sample: str = ""
    is_repaired: bool = False

    @property
    def piece_id(self) -> int:
        return self.task.piece.piece_id


class LineReader:
    """Brings lines into ``raw.records``.

    Args:
        database: Where to put them.
        scratch: Where copies go.
        arbiter: Judges what SQL leaves open.
        insert_verdicts: Puts what the arbiter says into tables.
        next_id: First free number for pieces.

    Attributes:
        next_id: The same, after reading.
        places: Piece number -> where its lines come from.
    """

    def __init__(
        self,
        database: Database,
        scratch: Scratch,
        arbiter: Arbiter,
        insert_verdicts: Callable[[Verdicts, str], None],
        next_id: int,
    ) -> None:
        self._database = database
        self._scratch = scratch
        self._arbiter = arbiter
        self._insert_verdicts = insert_verdicts
        self.next_id = next_id
        self.places: dict[int, Place] = {}

    def read(self, tasks: Sequence[Task], shaped: str, statement: str) -> None:
        """Read tasks whose files hold lines.

        Args:
            tasks: What to read.
            shaped: Statement for lines whose shape may be known.
            statement: Statement for all others.
        """
        if not tasks:
            return
        bundles, alone = bundle_small_files(tasks, self._scratch)
        chunks = self._chunks(alone)
        # Shapes of the batch before stand for rows that are no longer here.
        self._database.execute("DELETE FROM raw.shapes")
        is_large = sum(task.size for task in tasks) >= SHAPES_PAY_BYTES
        is_shaped = is_large and self._has_shapes(chunks, bundles)
        if not is_shaped or not self._scan(chunks, shaped, bundles, tests_json=False):
            is_shaped = False
            if not bundles or not self._scan(chunks, statement, bundles):
                chunks += self._chunks(task for bundle in bundles for task, _, _ in bundle.members)
                bundles = []
                chunks = self._scan_or_repair(chunks, statement)
        self._finish_bundles(bundles)
        self._number_rows(chunks)
        changed = [chunk for chunk in chunks if _has_changed(chunk)]
        self._take_back(changed)
        if is_shaped:
            self._judge_deferred(statement)
        self._finish([chunk for chunk in chunks if chunk not in changed])
        if changed:
            # As copies they cannot change any more.
            self._read_again([chunk.task for chunk in changed], statement)

    def _has_shapes(self, chunks: Sequence[_Chunk], bundles: Sequence[Bundle]) -> bool:
        paths = [chunk.path for chunk in chunks if chunk.task.origin.may_grow]
        for bundle in bundles:
            paths += bundle.sampled_paths()
        return learn_shapes(self._database, paths) > 0

    # ---- what to scan --------------------------------------------------------------------------------------

    def _chunks(self, tasks: Iterable[Task], copied_bytes: int = _COPIED_BYTES) -> list[_Chunk]:
        chunks = []
        for task in tasks:
            chunk = self._copied(task) if self._wants_copy(task, copied_bytes) else None
            if chunk is None and task.start > 0:
                # A scan in place begins at the first byte.
                task.piece.begin_anew(self.next_id)
                self.next_id += 1
                task = replace(task, start=0)
            self.places[task.piece.piece_id] = Place(task.origin, task.piece.piece_id)
            chunks.append(chunk or self._in_place(task))
        return chunks

    @staticmethod
    def _wants_copy(task: Task, copied_bytes: int) -> bool:
        is_wanted = task.start > 0 or (not task.origin.is_closed and task.size <= copied_bytes)
        return is_wanted and task.origin.may_grow and task.state is not None

    def _copied(self, task: Task) -> _Chunk | None:
        """Copy what is wanted of a file; None if that is not possible, or would be read in another way."""
        assert task.state is not None
        path, size = task.origin.path, task.state.size
        try:
            copy = self._scratch.copy_range(
                path, task.start, size, f"{task.piece.piece_id}-from-{task.start}.jsonl"
            )
            start = _start_of(copy)
            if task.start > 0 and start.startswith(BOM_UTF8):
                # A scan drops it from the start of a file. Behind other lines it belongs to the line, and spoils it.
                return None
            if blank := _BLANK_START.match(start):
                with open(copy, "r+b", buffering=0) as stream:
                    stream.write(b" " * (blank.end() - 1))
            tail_bytes = _tail_bytes(copy)
            # Now, because later the file may hold something else.
            sample = sample_of(path, size - tail_bytes)
        except OSError:
            return None
        return _Chunk(task, copy, tail_bytes, self._tail_id(task) if tail_bytes else None, True, sample)

    def _in_place(self, task: Task) -> _Chunk:
        path = self._scratch.spelling(task.origin, task.piece.piece_id)
        tail_bytes = 0
        if task.origin.may_grow:
            # Whoever scans it finds out again, and says so.
            with contextlib.suppress(OSError):
                tail_bytes = _tail_bytes(path)
                if _BLANK_START.match(_start_of(path)):
                    # There is no such file: the scan stops, and its repair makes a copy.
                    path = self._scratch.member(f"{task.piece.piece_id}-misread")
        return _Chunk(task, path, tail_bytes, self._tail_id(task) if tail_bytes else None, False)

    def _tail_id(self, task: Task) -> int:
        tail_id = self.next_id
        self.next_id += 1
        self.places[tail_id] = Place(task.origin, tail_id, is_tail=True)
        return tail_id

    def _repair(self, chunks: Sequence[_Chunk]) -> list[_Chunk]:
        from stormlog.query.repair import repair_lines

        readable = []
        for chunk in chunks:
            origin = chunk.task.origin
            path = chunk.path if chunk.is_copy else origin.path
            try:
                repaired = repair_lines(path, MAX_LINE_BYTES)
            except OSError as error:
                self._arbiter.refuse_file(origin, "unreadable", error.strerror or str(error))
                continue
            if repaired.problem is not None:
                self._arbiter.refuse_file(
                    origin, "damaged", f"{repaired.problem}; what came before it was read"
                )
            if not repaired.is_changed and is_storable(path):
                readable.append(chunk)
                continue
            copy = self._scratch.copy_named(f"{chunk.piece_id}-repaired.jsonl")
            with open(copy, "wb") as stream:
                stream.write(repaired.data)
            has_tail = repaired.data != b"" and not repaired.data.endswith(b"\n")
            tail_id = chunk.tail_id if has_tail else None
            readable.append(replace(chunk, path=copy, tail_id=tail_id, is_copy=True, is_repaired=True))
            for line_number, reason, excerpt in repaired.damaged:
                place = self.places[chunk.piece_id]
                self._arbiter.reject(place, chunk.task.piece.line_count + line_number, reason, excerpt)
        return readable

    # ---- scanning ------------------------------------------------------------------------------------------

    def _scan_or_repair(self, chunks: list[_Chunk], statement: str) -> list[_Chunk]:
        """Insert lines, from repaired copies where something in a file stops the whole scan.

        Returns:
            What was read, as far as its rows are to be numbered.
        """
        if self._scan(chunks, statement):
            return chunks
        chunks = self._repair(chunks)
        if self._scan(chunks, statement):
            return chunks
        return [
            chunk
            for chunk in chunks
            if self._scan([chunk], statement) or self._judge_every_line(chunk, statement)
        ]

    def _scan(
        self,
        chunks: Sequence[_Chunk],
        statement: str,
        bundles: Sequence[Bundle] = (),
        *,
        tests_json: bool = True,
    ) -> bool:
        """Insert the lines of files; false when DuckDB refuses them as a whole."""
        import duckdb

        if not chunks and not bundles:
            return True
        ids = [*(chunk.piece_id for chunk in chunks), *(bundle.bundle_id for bundle in bundles)]
        if ids == list(range(ids[0], ids[0] + len(ids))):
            piece_id = f"CAST(file_index + {ids[0]} AS INTEGER)"
        else:
            piece_id = f"{ids!r}[CAST(file_index + 1 AS BIGINT)]"
        paths = [*(chunk.path for chunk in chunks), *(bundle.path for bundle in bundles)]
        for is_json in [LOOKS_COMPLETE, IS_JSON] if tests_json else [LOOKS_COMPLETE]:
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
            return True
        return False

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

    def _judge_every_line(self, chunk: _Chunk, statement: str) -> bool:
        """Leave a file that DuckDB still refuses to the arbiter alone; it has no rows to number then."""
        from stormlog.query.repair import repair_lines

        origin, piece = chunk.task.origin, chunk.task.piece
        # Nothing was counted here, so nothing can be added later.
        piece.sample, piece.tail_id = "", chunk.tail_id
        try:
            lines = repair_lines(chunk.path, MAX_LINE_BYTES).data.split(b"\n")
        except OSError as error:
            self._arbiter.refuse_file(origin, "unreadable", error.strerror or str(error))
            return False
        for number, line in enumerate(lines, start=1):
            is_tail = number == len(lines) and chunk.tail_id is not None
            place = self.places[chunk.tail_id if is_tail and chunk.tail_id is not None else chunk.piece_id]
            self._arbiter.judge(place, chunk.task.piece.line_count + number, line.decode("utf-8"))
            if number % _BATCH == 0:
                self._insert_verdicts(self._arbiter.take(), statement)
        self._insert_verdicts(self._arbiter.take(), statement)
        return False

    # ---- after a scan --------------------------------------------------------------------------------------

    def _number_rows(self, chunks: Sequence[_Chunk]) -> None:
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
            SELECT r.file_id, min(r.rowid), max(r.rowid), any_value(l.first_line), any_value(l.tail_id)
            FROM raw.records AS r INNER JOIN raw.lines_of_chunks AS l ON r.file_id = l.piece_id
            WHERE r.line_number IS NULL
            GROUP BY r.file_id
            """
        )
        self._database.execute("DELETE FROM raw.lines_of_chunks")
        if any(chunk.tail_id is not None for chunk in chunks):
            self._database.execute(
                """
                UPDATE raw.records
                SET file_id = c.tail_id, line_number = c.last_row - c.first_row + c.first_line
                FROM raw.chunks AS c
                WHERE raw.records.file_id = c.piece_id AND raw.records.rowid = c.last_row
                    AND c.tail_id IS NOT NULL
                """
            )

    def _finish_bundles(self, bundles: Sequence[Bundle]) -> None:
        """Number the rows of bundles and let their pieces say what was read."""
        spread_rows(self._database, bundles)
        for bundle in bundles:
            for task, line_count, sample in bundle.members:
                piece = task.piece
                self.places[piece.piece_id] = Place(task.origin, piece.piece_id)
                piece.line_count, piece.settled_bytes, piece.sample = line_count, task.size, sample

    def _take_back(self, chunks: Sequence[_Chunk]) -> None:
        """Remove the rows of files that changed while they were scanned."""
        if not chunks:
            return
        ids = [chunk.piece_id for chunk in chunks]
        ids += [chunk.tail_id for chunk in chunks if chunk.tail_id is not None]
        for table, column in (
            ("raw.records", "file_id"),
            ("raw.rejects", "piece_id"),
            ("raw.sessionless_records", "piece_id"),
            ("raw.chunks", "piece_id"),
        ):
            self._database.execute(f"DELETE FROM {table} WHERE list_contains(?, {column})", [ids])

    def _read_again(self, tasks: Sequence[Task], statement: str) -> None:
        chunks = self._chunks(tasks, copied_bytes=1 << 62)
        for chunk in chunks:
            if not chunk.is_copy:
                self._arbiter.refuse_file(chunk.task.origin, "unreadable", "vanished while it was read")
        chunks = [chunk for chunk in chunks if chunk.is_copy]
        chunks = self._scan_or_repair(chunks, statement)
        self._number_rows(chunks)
        self._finish(chunks)

    def _finish(self, chunks: Sequence[_Chunk]) -> None:
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
            if chunk.is_copy:
                piece.sample = chunk.sample
            else:
                with contextlib.suppress(OSError):
                    piece.sample = sample_of(chunk.task.origin.path, piece.settled_bytes)


def _has_changed(chunk: _Chunk) -> bool:
    is_bounded = chunk.is_copy or not chunk.task.origin.may_grow
    return not is_bounded and state_of(chunk.task.origin.path) != chunk.task.state


def _start_of(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.read(_START_BYTES)


def _tail_bytes(path: str) -> int:
    """Return how many bytes follow the last line feed of a file."""
    with open(path, "rb", buffering=0) as stream:
        size = position = os.fstat(stream.fileno()).st_size
        while position > 0:
            start = max(0, position - _TAIL_BLOCK_BYTES)
            stream.seek(start)
            found = stream.read(position - start).rfind(b"\n")
            if found >= 0:
                return size - (start + found + 1)
            position = start
    return size
