"""A question that a store was asked, and which files its answer is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from stormlog.engine.cursors.cursor import SnapshotCursor
    from stormlog.engine.engine import Engine
    from stormlog.engine.index.kept_answers import AnswerFolder, KeptAnswer

__all__ = ["REFRESHED", "Generation", "Question", "Rows", "views_of"]

#: What is said to those who use what belongs to an earlier generation.
REFRESHED = "the store was refreshed, and something has changed since; ask again"


class Generation(NamedTuple):
    """Numbers that tell what was seen when the paths were looked at last.

    Attributes:
        files: Grows when files change.
        states: Grows when the states of issues change.
    """

    files: int = 0
    states: int = 0


class Question(NamedTuple):
    """A statement that can run now, beside whatever other threads do.

    Attributes:
        engine: Whose tables the cursor reads.
        cursor: Sees the tables as they were when they were prepared; the caller closes it.
        generation: When that was.
        folder: Where to keep the answer; None for nowhere.
        answer: The answer, without its columns and rows.
    """

    engine: Engine
    cursor: SnapshotCursor
    generation: Generation
    folder: AnswerFolder | None = None
    answer: KeptAnswer | None = None


class Rows(NamedTuple):
    """The rows of a statement, and the generation of files that they are about."""

    rows: list[tuple[Any, ...]]
    generation: Generation


def views_of(names: str | None) -> set[str]:
    """Return the views that a question names, with blanks between; without any it is about what was skipped."""
    return set((names or "rejects").split())
