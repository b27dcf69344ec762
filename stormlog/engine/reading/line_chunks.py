"""Prepares files of lines for a scan: which bytes of them, in place or as a copy, unpacked or repaired.

Promise: a scan gets whole lines of regular files inside the opened paths and nothing else; a file that it cannot get is
told.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from stormlog._storable_text import is_storable
from stormlog.artifacts.file_state import FileState, sample_of_open, state_of_open
from stormlog.engine.reading.odd_lines import Arbiter, Place
from stormlog.engine.reading.read_plan import Task
from stormlog.engine.reading.repair import Damage, blocks_of, needs_repair, repair_lines
from stormlog.engine.reading.unpacking import UnpackLimitError
from stormlog.telemetry.schema import LONGEST_LINE_BYTES

if TYPE_CHECKING:
    from stormlog.engine.reading.temporary_files import TemporaryFiles
    from stormlog.engine.reading.verdict_tables import VerdictTables

__all__ = ["Chunk", "ChunkMaker"]

#: Attempts to copy a file while others keep replacing it.
_MOST_COPIES = 5
#: Files that may still be written are copied before they are scanned, up to this size: a scan cannot stop at a given
#: byte.
_COPIED_BYTES = 32 * 1024 * 1024
#: Bytes of unpacked copies on the disk at a time; one file alone may be larger.
_UNPACKED_BYTES = 1 << 30
_TAIL_BLOCK_BYTES = 4096


@dataclass(frozen=True)
class Chunk:
    """Lines to scan.

    Attributes:
        task: What they belong to.
        path: The file itself, or a copy of the bytes wanted.
        size: How many bytes there are.
        tail_bytes: Length of a last line that is not ended.
        tail_id: Number for its rows; None if it counts as a line like the others.
        has_mark: Whether a byte-order mark comes first, which a scan drops.
        is_copy: Whether ``path`` is a copy.
        sample: Sample of the whole lines up to its end, if it is a copy.
        is_repaired: Whether damage was taken out of the copy.
    """

    task: Task
    path: str
    size: int
    tail_bytes: int
    tail_id: int | None
    has_mark: bool
    is_copy: bool
    sample: str = ""
    is_repaired: bool = False

    @property
    def piece_id(self) -> int:
        return self.task.piece.piece_id

    @property
    def text_bytes(self) -> int:
        """What the lengths of the lines come to, with one more for the end of each."""
        return self.size - len(BOM_UTF8) * self.has_mark + (self.tail_bytes > 0)


class ChunkMaker:
    """Makes chunks.

    Args:
        temporary_files: Opens files, and takes copies.
        arbiter: Is told of files that cannot be read, and of damaged lines.
        verdict_tables: Take what the arbiter says, when it is much.
        next_id: First free number for pieces.

    Attributes:
        next_id: The same, afterwards.
        places: Piece number -> where its lines come from.
        replaced: Numbers of the pieces that come from another file than was planned: it lay there instead.
    """

    def __init__(
        self, temporary_files: TemporaryFiles, arbiter: Arbiter, verdict_tables: VerdictTables, next_id: int
    ) -> None:
        self._temporary_files = temporary_files
        self._arbiter = arbiter
        self._verdict_tables = verdict_tables
        self.next_id = next_id
        self.places: dict[int, Place] = {}
        self.replaced: set[int] = set()

    def make(self, tasks: Iterable[Task], *, copies_all: bool = False) -> list[Chunk]:
        """Return the chunks of files that are not packed.

        Args:
            tasks: The files.
            copies_all: Copy them, however large they are: copies do not change.
        """
        chunks = []
        for task in tasks:
            try:
                chunk = self._copied(task) if copies_all or _wants_copy(task) else None
                if chunk is None and task.start > 0:
                    # A scan in place begins at the first byte.
                    task = self._from_first_byte(task)
                chunk = chunk or self._in_place(task)
            except OSError as error:
                self._refuse(task, error)
                continue
            self.places[chunk.piece_id] = Place(task.origin, chunk.piece_id)
            chunks.append(chunk)
        return chunks

    def unpack(self, tasks: Iterable[Task]) -> Iterator[list[Chunk]]:
        """Yield the chunks of packed files, so many at a time as there is room for; then their copies are removed."""
        chunks: list[Chunk] = []
        size = 0
        for task in tasks:
            chunk = self._unpacked(task)
            if chunk is None:
                continue
            self.places[chunk.piece_id] = Place(task.origin, chunk.piece_id)
            chunks.append(chunk)
            size += chunk.size
            if size >= _UNPACKED_BYTES:
                yield chunks
                for chunk in chunks:
                    self._temporary_files.remove(chunk.path)
                chunks, size = [], 0
        if chunks:
            yield chunks

    def repair(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Return the same chunks, in readable copies where something in a file stops or misleads a scan."""
        readable = []
        for chunk in chunks:
            try:
                with self.open(chunk) as stream:
                    if not needs_repair(blocks_of(stream, chunk.size), LONGEST_LINE_BYTES):
                        readable.append(chunk)
                        continue
                readable.append(self._repaired(chunk))
            except OSError as error:
                self._refuse(chunk.task, error)
        return readable

    def open(self, chunk: Chunk) -> IO[bytes]:
        """Open what a chunk holds.

        Raises:
            OSError: it cannot be read.
        """
        # The path of a scan may be a link to the file.
        return open_copy(chunk.path) if chunk.is_copy else self._temporary_files.open(chunk.task.origin.path)

    # ---- one file ------------------------------------------------------------------------------------------

    def _from_first_byte(self, task: Task) -> Task:
        task.piece.begin_anew(self.next_id)
        self.next_id += 1
        return replace(task, start=0)

    def _copied(self, task: Task) -> Chunk | None:
        """Copy what is wanted of a file; None if it would be read in another way, or there is no room."""
        for _ in range(_MOST_COPIES):
            if task.state is None:
                return None
            # What cannot be opened is told by the caller, what cannot be written is read in place.
            with self._temporary_files.open(task.origin.path) as source:
                found = state_of_open(source)
                try:
                    chunk = self._copy_of(task, task.state, source) if found.may_follow(task.state) else None
                except OSError:
                    return None
            if chunk is not None:
                # A scan drops a mark at the start of a file. Behind other lines it belongs to the line, and spoils it.
                return None if task.start > 0 and chunk.has_mark else chunk
            # The bytes of two files are never put together: all of the one that lies there now counts.
            task = replace(self._from_first_byte(task), state=found)
            self.replaced.add(task.piece.piece_id)
        return None

    def _copy_of(self, task: Task, state: FileState, source: IO[bytes]) -> Chunk | None:
        """Copy what is wanted of an open file; None if it does not begin with what was read of it before.

        The number of a file may be that of one that is gone, and a file may be written anew: so samples are taken of
        the bytes that were copied, and what was read before is compared afterwards.
        """
        name = f"{task.piece.piece_id}-from-{task.start}.jsonl"
        copy = self._temporary_files.copy_range(source, task.start, state.size, name)
        chunk = self._chunk(task, copy, is_copy=True)
        length = state.size - chunk.tail_bytes
        if task.start == 0:
            with open_copy(copy) as stream:
                return replace(chunk, sample=sample_of_open(stream, length))
        sample = sample_of_open(source, length)
        if sample_of_open(source, task.piece.settled_bytes) != task.piece.sample:
            return None
        return replace(chunk, sample=sample)

    def _in_place(self, task: Task) -> Chunk:
        chunk = self._chunk(task, task.origin.path, is_copy=False)
        return replace(chunk, path=self._temporary_files.spelling(task.origin, task.piece.piece_id))

    def _chunk(self, task: Task, path: str, *, is_copy: bool) -> Chunk:
        with open_copy(path) if is_copy else self._temporary_files.open(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            has_mark = stream.read(len(BOM_UTF8)) == BOM_UTF8
            tail_bytes = _tail_bytes(stream, size)
        tail_id = self._tail_id(task) if tail_bytes and task.origin.may_grow else None
        return Chunk(task, path, size, tail_bytes, tail_id, has_mark, is_copy)

    def _unpacked(self, task: Task) -> Chunk | None:
        origin = task.origin
        try:
            copy, problem = self._temporary_files.unpacked(
                origin.path, f"{task.piece.piece_id}-unpacked.jsonl"
            )
            chunk = self._chunk(task, copy, is_copy=True)
        except UnpackLimitError as error:
            self._arbiter.warn(
                origin, "unpack_limit", f"{error}; it was skipped; allow more with --unpack-limit"
            )
            return None
        except OSError as error:
            self._refuse(task, error)
            return None
        if problem is not None and chunk.size == 0:
            self._arbiter.warn(origin, "unreadable", problem)
        elif problem is not None:
            self._arbiter.warn(origin, "damaged", f"{problem}; what came before it was read")
        return chunk

    def _repaired(self, chunk: Chunk) -> Chunk:
        place, lines_before = self.places[chunk.piece_id], chunk.task.piece.line_count

        def report(damage: Damage) -> None:
            self._arbiter.reject(place, lines_before + damage.line_number, damage.reason, damage.excerpt)
            self._verdict_tables.flush_if_many()

        copy = self._temporary_files.copy_named(f"{chunk.piece_id}-repaired.jsonl")
        with self.open(chunk) as stream, open_copy(copy, "wb") as target:
            size = repair_lines(blocks_of(stream, chunk.size), target, LONGEST_LINE_BYTES, report)
        with open_copy(copy) as stream:
            tail_bytes = _tail_bytes(stream, size)
        tail_id = chunk.tail_id if tail_bytes else None
        return replace(
            chunk,
            path=copy,
            size=size,
            tail_bytes=tail_bytes,
            tail_id=tail_id,
            is_copy=True,
            is_repaired=True,
        )

    def _tail_id(self, task: Task) -> int:
        tail_id = self.next_id
        self.next_id += 1
        self.places[tail_id] = Place(task.origin, tail_id, is_tail=True)
        return tail_id

    def _refuse(self, task: Task, error: OSError) -> None:
        self._arbiter.warn(task.origin, "unreadable", error.strerror or str(error))


def open_copy(path: str, mode: str = "rb") -> IO[bytes]:
    """Open a temporary file."""
    return open(path, mode)


def _wants_copy(task: Task) -> bool:
    is_small = not task.origin.is_closed and task.size <= _COPIED_BYTES
    # The database cannot name a file whose name is no text.
    return task.start > 0 or is_small or not is_storable(task.origin.path)


def _tail_bytes(stream: IO[bytes], size: int) -> int:
    """Return how many bytes follow the last line feed of a file of this size."""
    position = size
    while position > 0:
        start = max(0, position - _TAIL_BLOCK_BYTES)
        stream.seek(start)
        found = stream.read(position - start).rfind(b"\n")
        if found >= 0:
            return size - (start + found + 1)
        position = start
    return size
