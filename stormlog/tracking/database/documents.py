"""What is printed as JSON of work on a tracker's file.

The promise: keys do not change.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

from stormlog.tracking.database.maintenance import Problem, StoreStep

__all__ = ["BackupDocument", "CheckDocument", "MigrationDocument", "PurgeDocument", "RestoreDocument"]


class MigrationDocument(TypedDict):
    """What was done to bring a tracker up to date.

    Attributes:
        dry_run: Whether nothing was done.
        steps: The steps that were missing.
    """

    dry_run: bool
    steps: list[StoreStep]


class BackupDocument(TypedDict):
    """A copy of a tracker.

    Attributes:
        path: Where it is.
    """

    path: str
    size_bytes: int


#: A class can have no field that is called ``from``.
RestoreDocument = TypedDict("RestoreDocument", {"path": str, "from": str, "kept": str | None})
RestoreDocument.__doc__ = """What took the place of a tracker.

Attributes:
    path: The tracker.
    from: The copy that is in its place now.
    kept: Where the tracker is that was there before; null if there was none.
"""


class CheckDocument(TypedDict):
    """Whether a tracker is sound.

    Attributes:
        is_sound: Whether there are no problems.
    """

    is_sound: bool
    problems: list[Annotated[dict[str, str], Problem]]


class PurgeDocument(TypedDict):
    """What was removed.

    Attributes:
        comments: Number of comments.
    """

    comments: int
