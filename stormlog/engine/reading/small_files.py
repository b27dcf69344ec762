"""Puts many small files of lines into few large ones: opening each costs the scan more than its lines do.

Promise: only whole lines of files that are as they should be go into a joined file; every other file is scanned by
itself, where its trouble can be told.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stormlog.artifacts.file_state import sample_of_bytes, state_of_open
from stormlog.engine.reading.read_plan import Task

if TYPE_CHECKING:
    from stormlog.engine.database.lazy_schema import Database
    from stormlog.engine.reading.temporary_files import TemporaryFiles

__all__ = ["JoinedFile", "join_small_files", "spread_rows"]

#: Files up to this size are joined if there are at least so many of them.
_SMALL_BYTES = 1 << 20
_LEAST_FILES = 64
#: A joined file is closed at this size, so that several can be scanned at the same time.
_JOINED_BYTES = 1 << 25


@dataclass
class JoinedFile:
    """One file with the lines of many.

    Attributes:
        joined_id: Stands for the piece of its rows until they are spread; negative.
        path: The file.
        members: Tasks in order, with the number of their lines and a sample of them.
        size: Bytes of all of them.
        text_bytes: The same without a byte-order mark at the start, which a scan drops.
    """

    joined_id: int
    path: str
    members: list[tuple[Task, int, str]] = field(default_factory=list)
    size: int = 0
    text_bytes: int = 0

    def sampled_paths(self) -> Iterator[str]:
        """Yield files that together show what the others are like: the first of each session, and some more."""
        seen = set()
        for number, (task, _, _) in enumerate(self.members):
            hint = task.origin.session_hint
            if hint not in seen or number % 32 == 0:
                seen.add(hint)
                yield task.origin.path


def join_small_files(
    tasks: Sequence[Task], temporary_files: TemporaryFiles
) -> tuple[list[JoinedFile], list[Task]]:
    """Copy small files into joined files.

    Args:
        tasks: Files of lines.
        temporary_files: Where joined files go.

    Returns:
        The joined files, and the tasks that are in none.
    """
    small = [
        task for task in tasks if task.start == 0 and 0 < task.size <= _SMALL_BYTES and task.origin.may_grow
    ]
    if len(small) < _LEAST_FILES:
        return [], list(tasks)
    joined_files: list[JoinedFile] = []
    joined_pieces: set[int] = set()
    waiting = iter(small)
    for task in waiting:
        joined = JoinedFile(
            -1 - len(joined_files),
            temporary_files.copy_named(f"joined-{len(joined_files)}-{task.piece.piece_id}.jsonl"),
        )
        try:
            with open(joined.path, "wb") as target:
                while True:
                    data = _whole_lines(task, temporary_files)
                    if data is not None:
                        target.write(data)
                        if joined.size == 0 and data.startswith(BOM_UTF8):
                            joined.text_bytes -= len(BOM_UTF8)
                        joined.text_bytes += len(data)
                        joined.members.append((task, data.count(b"\n"), sample_of_bytes(data)))
                        joined_pieces.add(task.piece.piece_id)
                        joined.size += len(data)
                    if joined.size >= _JOINED_BYTES:
                        break
                    following = next(waiting, None)
                    if following is None:
                        break
                    task = following
        except OSError:
            # There is no room for copies: the files are scanned one by one.
            temporary_files.remove(joined.path)
            joined_pieces.difference_update(task.piece.piece_id for task, _, _ in joined.members)
            break
        if joined.members:
            joined_files.append(joined)
    return joined_files, [task for task in tasks if task.piece.piece_id not in joined_pieces]


def _whole_lines(task: Task, temporary_files: TemporaryFiles) -> bytes | None:
    """Return the bytes of a file if they are whole lines in the state wanted."""
    try:
        with temporary_files.open(task.origin.path) as stream:
            if task.state is None or not state_of_open(stream).may_follow(task.state):
                return None
            data = stream.read(task.size)
    except OSError:
        return None
    if len(data) != task.size or not data.endswith(b"\n") or b"\r" in data:
        return None
    return data


def spread_rows(database: Database, joined_files: Sequence[JoinedFile]) -> None:
    """Give the rows of joined files to their pieces, and note where each begins in ``raw.chunks``."""
    if not joined_files:
        return
    ids, starts, counts, pieces = [], [], [], []
    for joined in joined_files:
        start = 0
        for task, count, _ in joined.members:
            ids.append(joined.joined_id)
            starts.append(start)
            counts.append(count)
            pieces.append(task.piece.piece_id)
            start += count
    database.append("raw.joined_files", [ids, starts, counts, pieces], "INTEGER, BIGINT, BIGINT, INTEGER")
    database.execute(
        """
        INSERT INTO raw.chunks
        SELECT b.piece_id, f.first_row + b.first_line, f.first_row + b.first_line + b.line_count - 1, 1, NULL
        FROM raw.joined_files AS b
        INNER JOIN (
            SELECT piece_id, min(rowid) AS first_row FROM raw.records WHERE piece_id < 0 GROUP BY piece_id
        ) AS f ON b.joined_id = f.piece_id
        """
    )
    database.execute(
        """
        UPDATE raw.records SET piece_id = spread.piece_id
        FROM (
            SELECT r.rowid AS row_number, c.piece_id
            FROM raw.records AS r ASOF INNER JOIN raw.chunks AS c ON r.rowid >= c.first_row
            WHERE r.piece_id < 0
        ) AS spread
        WHERE raw.records.rowid = spread.row_number AND raw.records.piece_id < 0
        """
    )
    database.clear("raw.joined_files")
