"""The order of the writes of a project, which does not depend on the clocks of those who write."""

from __future__ import annotations

import sqlite3

__all__ = ["next_sequence"]


def next_sequence(connection: sqlite3.Connection, project_id: str) -> int:
    """Return a number greater than that of every earlier write of a project.

    Args:
        connection: Inside a transaction to write.
    """
    connection.execute(
        "UPDATE projects SET last_sequence = last_sequence + 1 WHERE project_id = ?", [project_id]
    )
    [sequence] = connection.execute(
        "SELECT last_sequence FROM projects WHERE project_id = ?", [project_id]
    ).fetchone()
    return int(sequence)
