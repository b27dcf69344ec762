"""Brings the database up to date with the files of a catalog, at the cost of what changed.

Promise: what is worked out here for each piece of a file is a pure function of its bytes, so that rows of
unchanged pieces serve for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog._progress import Progress
from stormlog._storable_text import storable_text
from stormlog.artifacts import CatalogWarning
from stormlog.artifacts.file_state import FileState
from stormlog.engine.analysis.staging import stage_batch
from stormlog.engine.reading.read_plan import Piece, Plan, Task, plan_reading
from stormlog.engine.reading.reader import Reader

if TYPE_CHECKING:
    from stormlog.artifacts.event_files import FileOrigin
    from stormlog.engine.database.lazy_schema import Database
    from stormlog.engine.index.index_file import Index
    from stormlog.engine.index.kept_rows import Parts
    from stormlog.engine.reading.temporary_files import TemporaryFiles

__all__ = ["DatabaseUpdater", "let_clock_tick"]

#: Longer than the time of a file stays the same while it changes: a hundredth of a second, and a little.
_TICK_NS = 12_000_000


class DatabaseUpdater:
    """Knows what was read, and reads what is missing.

    Args:
        database: Where to put it.
        temporary_files: Where readable copies go.
        parts: Keeps rows of earlier batches.
        index: Keeps them for other processes; None if nobody does.
        batch_bytes: Bytes that are read at a time.
    """

    def __init__(
        self,
        database: Database,
        temporary_files: TemporaryFiles,
        parts: Parts,
        index: Index | None,
        batch_bytes: int,
    ) -> None:
        self._database = database
        self._reader = Reader(database, temporary_files)
        self._parts = parts
        self._index = index
        self._batch_bytes = batch_bytes
        self._pieces: dict[str, Piece] = {}
        self._next_id = 0
        self._has_batch = False
        self._is_saved = True
        self._saved_findings: Mapping[tuple[str, str], Any] = {}
        self._saved_digests: Mapping[str, str] = {}
        self._bytes_total = self._bytes_read = self._bytes_now = 0
        if index is not None:
            self._next_id = index.next_id
            self._pieces = dict(index.pieces)
            self._saved_findings, self._saved_digests = index.findings, dict(index.digests)
            for part in index.parts:
                parts.attach(part.folder, part.files)

    @property
    def pieces(self) -> Mapping[str, Piece]:
        """What was read, by `FileOrigin.key`."""
        return self._pieces

    def refresh(
        self,
        origins: Sequence[FileOrigin],
        states: Mapping[str, FileState | None],
        *,
        keep_all: bool = False,
        batch_bytes: int | None = None,
    ) -> list[CatalogWarning]:
        """Read what is new in some files and forget files that are not among them.

        Args:
            origins: The files.
            states: States to read them in.
            keep_all: Keep the text of every record that is read. What was read without has to be forgotten first.
            batch_bytes: Bytes that are read at a time, if not as many as usual.

        Returns:
            Warnings about files that were skipped.
        """
        plan = plan_reading(origins, states, self._pieces, self._next_id)
        self._next_id = plan.next_id
        self._bytes_total, self._bytes_read = sum(task.size for task in plan.tasks), 0
        batches = list(_batches(plan.tasks, batch_bytes or self._batch_bytes))
        let_clock_tick(task.state for task in plan.tasks)
        unread = {task.origin.key for task in plan.tasks}
        self._is_saved = self._is_saved and not plan.is_changed
        for number, batch in enumerate(batches):
            self._bytes_now = sum(task.size for task in batch)
            if self._has_batch:
                self._parts.settle()
            try:
                self._next_id = self._reader.read(batch, self._next_id, keep_all=keep_all)
                stage_batch(self._database)
                self._has_batch = True
                if self._index is not None or number + 1 < len(batches):
                    self._write(batch, has_texts=keep_all)
            except BaseException:
                # Nothing of a batch counts before all of it does.
                self._parts.drop_batch()
                self._has_batch, self._bytes_now = False, 0
                raise
            self._bytes_read, self._bytes_now = self._bytes_read + self._bytes_now, 0
            # Whoever is interrupted now goes on from here. Files still to be read count as they were before.
            self._pieces.update((task.origin.key, task.piece) for task in batch)
            unread -= {task.origin.key for task in batch}
            if self._index is not None and unread:
                self._index.save(self._pieces, self._saved_findings, self._next_id)
        self._pieces = plan.pieces
        self._show(origins, plan)
        return [
            CatalogWarning(origin.path, message, code)
            for origin in origins
            for code, message in plan.pieces[origin.key].warnings
        ]

    def forget(self) -> None:
        """Begin anew; the index is left alone from then on."""
        self._index, self._pieces, self._has_batch = None, {}, False
        self._parts.forget()

    def progress(self, percent: float) -> Progress | None:
        """Return how far reading is.

        Args:
            percent: How far the running statement is, negative when unknown.
        """
        if self._bytes_now == 0:
            return None
        now = int(self._bytes_now * min(max(percent, 0.0), 100.0) / 100)
        return Progress(self._bytes_read + now, self._bytes_total)

    def keep(self, findings: Mapping[tuple[str, str], Any], digests: Mapping[str, str]) -> None:
        """Let the index remember what is known now."""
        has_news = findings != self._saved_findings or digests != self._saved_digests
        if self._index is None or (self._is_saved and not has_news):
            return
        small = self._index.parts_to_merge()
        if small:
            alive = {piece.piece_id for piece in self._pieces.values()}
            merged = self._parts.merge([part.folder for part in small], alive)
            ids = sorted(alive.intersection(*[{i for part in small for i in part.piece_ids}]))
            self._index.parts = [part for part in self._index.parts if part not in small]
            if merged is not None:
                self._index.add_part(*merged, ids)
        self._index.save(self._pieces, findings, self._next_id, digests)
        self._is_saved, self._saved_findings, self._saved_digests = True, dict(findings), dict(digests)

    def _write(self, batch: Sequence[Task], *, has_texts: bool) -> None:
        transient = [task.piece.tail_id for task in batch if task.piece.tail_id is not None]
        written = self._parts.write(transient, has_texts=has_texts)
        self._has_batch = False
        if written is not None and self._index is not None:
            self._index.add_part(*written, [task.piece.piece_id for task in batch])

    def _show(self, origins: Sequence[FileOrigin], plan: Plan) -> None:
        """Let the views show the rows of these files."""
        files = [(o.file_id, o.source_id, storable_text(o.recorded_path)) for o in origins]
        self._database.fill("raw.files", "INTEGER, INTEGER, VARCHAR", files)
        pieces = []
        for origin in origins:
            piece = plan.pieces[origin.key]
            pieces.append((piece.piece_id, origin.file_id, origin.source_id))
            if piece.tail_id is not None:
                pieces.append((piece.tail_id, origin.file_id, origin.source_id))
        self._database.fill("raw.pieces", "INTEGER, INTEGER, INTEGER", pieces)
        self._parts.show(hides_copies=False)


def let_clock_tick(states: Iterable[FileState | None]) -> None:
    """Wait until whoever changes a file from now on gives it another time.

    File systems set times in ticks: two changes in one tick look the same, and one between them and the other
    would read what no later look could tell from what is there then.
    """
    newest = max((max(state[3:]) for state in states if state is not None), default=0)
    left = newest + _TICK_NS - time.time_ns()
    if 0 < left <= _TICK_NS:
        time.sleep(left / 1e9)


def _batches(tasks: Sequence[Task], limit: int) -> Iterator[list[Task]]:
    batch: list[Task] = []
    size = 0
    for task in tasks:
        if batch and size + task.size > limit:
            yield batch
            batch, size = [], 0
        batch.append(task)
        size += task.size
    if batch:
        yield batch
