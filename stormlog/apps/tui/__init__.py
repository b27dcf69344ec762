"""The terminal application: issues, runs and statements on one screen, for triage with the keyboard.

Nothing here is a rule: what is shown comes from `stormlog.query` and `stormlog.tracking`, what is done from
`stormlog.workflows`. Importing this package imports no Textual; `run` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stormlog.apps.tui.board import Board

__all__ = ["run"]


def run(board: Board, *, interval_s: float, ascii_only: bool = False) -> None:
    """Show a board until the user leaves.

    Args:
        board: What is shown; it is closed afterwards.
        interval_s: Seconds between two looks at the paths.
        ascii_only: Whether plots are drawn in ASCII.
    """
    from stormlog.apps.tui.app import StormlogApp

    try:
        StormlogApp(board, interval_s=interval_s, ascii_only=ascii_only).run()
    finally:
        board.close()
