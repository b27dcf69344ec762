"""Which bytes of which files are known already, and which have to be read.

Promise: a file counts as unchanged only if nothing that the file system says about it changed, and as grown
only if what was read of it is still there as far as samples of it tell. Everything else is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from stormlog._values import frozen_class, mutable_class
from stormlog.artifacts.event_files import FileOrigin
from stormlog.artifacts.file_state import FileState, sample_of

__all__ = [
    "Piece",
    "Plan",
    "Task",
    "plan_reading",
]


@mutable_class
class Piece:
    """What was read of one file.

    Attributes:
        piece_id: Number of its rows in all tables; never used for anything else.
        state: State of the file whose bytes were read; None when it changed meanwhile.
        session_basis: What the session of records without one was made from.
        settled_bytes: Length of the whole lines that were read.
        line_count: Number of these lines.
        sample: Digest of some blocks of them, empty where the file cannot grow.
        warnings: Code and message of what was skipped as a whole.
        tail_id: Number of the rows of an unfinished last line, if they are in memory.
    """

    piece_id: int
    state: FileState | None
    session_basis: str
    settled_bytes: int = 0
    line_count: int = 0
    sample: str = ""
    warnings: list[tuple[str, str]] = field(default_factory=list)
    tail_id: int | None = None

    def begin_anew(self, piece_id: int) -> None:
        """Forget what was read, and take another number."""
        self.piece_id, self.settled_bytes, self.line_count, self.sample = piece_id, 0, 0, ""

    @property
    def has_tail(self) -> bool:
        """Whether the file goes on behind the whole lines that were read."""
        return bool(self.sample) and self.state is not None and self.state.size > self.settled_bytes


@frozen_class
class Task:
    """A file to read, from some byte on.

    Attributes:
        origin: The file.
        piece: Takes what is found.
        state: The state to read; bytes behind its size belong to a later one.
        start: First byte to read.
    """

    origin: FileOrigin
    piece: Piece
    state: FileState | None
    start: int

    @cached_property
    def size(self) -> int:
        """Bytes to read."""
        return 0 if self.state is None else self.state.size - self.start


@frozen_class
class Plan:
    """What to keep and what to read.

    Attributes:
        pieces: The piece of each file, in the order of the files.
        tasks: What has to be read for them.
        is_changed: Whether anything differs from what is known, files that are gone included.
        next_id: First number that no piece has.
    """

    pieces: dict[str, Piece]
    tasks: list[Task]
    is_changed: bool
    next_id: int


def plan_reading(
    origins: Sequence[FileOrigin],
    states: Mapping[str, FileState | None],
    known: Mapping[str, Piece],
    next_id: int,
) -> Plan:
    """Compare files with what is known of them.

    Args:
        origins: The files of the catalog.
        states: What the file system says now.
        known: Pieces by `FileOrigin.key`.
        next_id: First free number.
    """
    pieces: dict[str, Piece] = {}
    tasks: list[Task] = []
    for origin in origins:
        state = states.get(origin.path)
        piece = known.get(origin.key)
        start = None
        if piece is not None and piece.session_basis == origin.session_basis:
            start = _first_unread_byte(origin, piece, state)
        if piece is None or start is None:
            piece, start = Piece(next_id, state, origin.session_basis), 0
            next_id += 1
            tasks.append(Task(origin, piece, state, start))
        elif start >= 0:
            # What is known stays true if reading fails.
            piece = replace(piece)
            tasks.append(Task(origin, piece, state, start))
        pieces[origin.key] = piece
    is_changed = bool(tasks) or len(pieces) != len(known)
    return Plan(pieces, tasks, is_changed, next_id)


def _first_unread_byte(origin: FileOrigin, piece: Piece, state: FileState | None) -> int | None:
    """Return where reading goes on; -1 if all was read, None if it has to begin anew."""
    if state is None or piece.state is None:
        return None
    if state == piece.state:
        return piece.settled_bytes if piece.has_tail and piece.tail_id is None else -1
    is_same_file = state[:2] == piece.state[:2]
    if not piece.sample or not is_same_file or state.size <= piece.state.size:
        return None
    try:
        is_still_there = sample_of(origin.path, piece.settled_bytes) == piece.sample
    except OSError:
        return None
    return piece.settled_bytes if is_still_there else None
