"""Questions that take their time: asked in threads, so that the screen never waits for them.

The promise: of the questions of one group only the latest is answered, and nothing is answered once the user leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from textual.app import App
from textual.message import Message

from stormlog.apps.tui.board import Board

__all__ = ["Answered", "Background"]

Result = TypeVar("Result")


class Answered(Message):
    """A question was answered, or failed."""

    bubble = False

    def __init__(self, deliver: Callable[[], None]) -> None:
        super().__init__()
        self.deliver = deliver


class Background(Generic[Result]):
    """Asks questions.

    Args:
        app: Gets a message for each answer.
        board: Whether it is closed.
    """

    def __init__(self, app: App[Any], board: Board) -> None:
        self._app = app
        self._board = board
        self._latest: dict[str, int] = {}
        self._running: dict[str, int] = {}

    def ask(
        self,
        group: str,
        work: Callable[[], Result],
        done: Callable[[Result], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run something in a thread, and hand its result to the screen.

        Args:
            group: Earlier questions of the same group are answered no more.
            work: What takes its time.
            done: Called with the result, in the thread of the screen.
            failed: Called with what was raised.
        """
        number = self._latest[group] = self._latest.get(group, 0) + 1

        def run() -> None:
            if self._board.is_closed or self._latest[group] != number:
                self._app.post_message(Answered(lambda: self._end(group)))
                return
            try:
                result = work()
            # Whatever it is, it is said on the screen, which stays usable.
            except Exception as error:
                problem = error
                self._deliver(group, number, lambda: failed(problem))
            else:
                self._deliver(group, number, lambda: done(result))

        self._running[group] = self._running.get(group, 0) + 1
        self._app.run_worker(run, thread=True, group=group, exit_on_error=False)

    def is_busy(self, group: str) -> bool:
        """Tell whether a question of a group is not answered yet."""
        return self._running.get(group, 0) > 0

    def forget(self, group: str) -> None:
        """Answer no question of a group any more that was asked so far."""
        self._latest[group] = self._latest.get(group, 0) + 1

    def _deliver(self, group: str, number: int, answer: Callable[[], None]) -> None:
        def deliver() -> None:
            self._end(group)
            if not self._board.is_closed and self._latest[group] == number:
                answer()

        self._app.post_message(Answered(deliver))

    def _end(self, group: str) -> None:
        self._running[group] -= 1
