"""What the tools of a server work on: the telemetry as it is now, and a tracker.

The promise: an answer is about files as they were after the call came in, and about one state of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar

from stormlog.errors import QueryError
from stormlog.presenting import printable

if TYPE_CHECKING:
    from stormlog.query import QueryStore
    from stormlog.tracking import Tracker

__all__ = ["Workplace", "skipped_lines"]

_Answer = TypeVar("_Answer")

#: So often a question is asked again because files changed meanwhile; then they are not looked at until it is answered.
_ATTEMPTS: Final = 2
#: Most characters of the name of an agent.
_LONGEST_NAME: Final = 80


class Workplace:
    """What the tools of a server work on.

    Args:
        store: The telemetry; whoever opened it closes it.
        tracker: File of the tracker, if there is one; the store was opened with it.
        project: Its project.
        permissions: What agents may do: ``issues:read``, ``issues:write``.
        agent: Name under which changes are recorded; None for the name that the client gives itself.
        timeout_s: Seconds that a statement of an agent may take.
    """

    def __init__(
        self,
        store: QueryStore,
        *,
        tracker: str | None = None,
        project: str = "default",
        permissions: Iterable[str] = ("issues:read",),
        agent: str | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self.tracker = tracker
        self.project = project
        self.permissions = frozenset(permissions)
        self.timeout_s = timeout_s
        self._agent = agent
        self._store = store
        self._arrivals = count(1)
        self._latest_arrival = 0
        # Calls that came in up to this one see what was looked at last.
        self._looked_for = 0
        self._looking = threading.Lock()

    def arrive(self) -> int:
        """Return the number of a call that comes in now; from one thread."""
        self._latest_arrival = next(self._arrivals)
        return self._latest_arrival

    def ask(self, arrival: int, question: Callable[[QueryStore], _Answer]) -> _Answer:
        """Return what a question says of the files as they are now; from any thread.

        Args:
            arrival: What `arrive` returned for the call.
            question: Asks the store, several times if it likes; called again if files changed meanwhile.

        Raises:
            SourceError: none of the paths exists any more.
        """
        for _ in range(_ATTEMPTS):
            with self._looking:
                # Of many calls that wait, one looks for all.
                if self._looked_for < arrival:
                    newest = self._latest_arrival
                    self._store.refresh()
                    self._looked_for = newest
            seen = self._store.snapshot
            try:
                answer = question(self._store)
            except QueryError:
                if self._store.snapshot is seen:
                    raise
            else:
                if self._store.snapshot is seen:
                    return answer
        with self._looking:
            return question(self._store)

    def agent_name(self, client: str | None) -> str:
        """Return the name under which the changes of a client are recorded.

        Args:
            client: What it calls itself.
        """
        name = " ".join(printable(self._agent or client or "").split())[:_LONGEST_NAME]
        return name or "unnamed agent"

    def open_tracker(self, agent: str) -> Tracker:
        """Open the tracker for the time of a call: it may be moved, replaced or locked between two of them.

        Args:
            agent: What `agent_name` returned.

        Raises:
            SourceError: it is gone.
            MigrationError: it is of another version, or something else.
        """
        import os

        from stormlog.errors import SourceError
        from stormlog.tracking import Actor, Tracker

        assert self.tracker is not None
        if not os.path.exists(self.tracker):
            raise SourceError("the tracker is gone", path=self.tracker)
        return Tracker(
            self.tracker,
            project=self.project,
            actor=Actor("agent", agent, agent),
            permissions=self.permissions,
            read_only="issues:write" not in self.permissions,
            make_folder=False,
        )


def skipped_lines(store: QueryStore) -> int:
    """Return how many lines of what was read are no valid records."""
    return sum(count for _, count in store.rejects_summary())
