"""One deadline for a whole exchange with a server, from looking up its name to the last byte of its answer.

The promise: a server that is slow in any way, also one that sends a byte now and then, is waited for no longer; and
what was given up cannot go on behind anybody's back.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from stormlog.tracking.digest.failures import DeliveryError

__all__ = ["MOST_ANSWER_BYTES", "SPARE_S", "Connections", "run_until"]

Result = TypeVar("Result")

#: Most bytes of an answer that are read.
MOST_ANSWER_BYTES = 1 << 20

#: How much longer than the whole of an exchange each of its steps may take, so that the deadline speaks first.
SPARE_S = 5.0

# How long an exchange may take to end once its connections are shut.
_GRACE_S = 0.5


class Connections:
    """The connections of an exchange, which may be shut from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_shut = False

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Open a connection.

        Args:
            timeout_s: How long to wait for each step of its exchange.

        Raises:
            OSError: there is no such host, or it does not answer; or the connections were shut meanwhile.
        """
        opened = socket.create_connection((host, port), timeout_s)
        try:
            self.add(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    def add(self, opened: socket.socket) -> None:
        """Take a connection in.

        Raises:
            TimeoutError: they were shut meanwhile.
        """
        with self.open():
            # A copy: that of the exchange may be wrapped for TLS or closed at any time.
            self._sockets.append(socket.socket(fileno=os.dup(opened.fileno())))

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Keep the connections open inside.

        Raises:
            TimeoutError: they are shut.
        """
        with self._lock:
            if self._is_shut:
                raise TimeoutError("the connections are shut")
            yield

    def shut(self) -> None:
        """End all connections: whoever waits for one gets an error, and no other will be opened."""
        with self._lock:
            self._is_shut = True
            for opened in self._sockets:
                with contextlib.suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
                opened.close()
            self._sockets.clear()


class _Exchange(threading.Thread, Generic[Result]):
    """A thread with what became of its work.

    Attributes:
        results: What it gave, if its connections were open until then: of one that is shut, the end looks like the end
            of an answer.
    """

    def __init__(self, work: Callable[[], Result], connections: Connections) -> None:
        super().__init__(daemon=True, name="stormlog-delivery")
        self._work = work
        self._connections = connections
        self.results: list[Result] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            result = self._work()
            with self._connections.open():
                self.results.append(result)
        except BaseException as error:
            self.error = error


def run_until(
    until_s: float, work: Callable[[], Result], connections: Connections, *, timeout_s: float
) -> Result:
    """Do something that needs a server, and give up at a deadline.

    Args:
        until_s: The deadline, by `time.monotonic`.
        work: What to do, with connections from ``connections`` only. It runs in a thread of its own, as looking up a
            name cannot be interrupted.
        timeout_s: How long the whole of it may take, for the message.

    Raises:
        DeliveryError: the deadline passed; trying again may help.
    """
    exchange = _Exchange(work, connections)
    exchange.start()
    is_done = False
    try:
        exchange.join(max(until_s - time.monotonic(), 0.0))
        is_done = not exchange.is_alive()
    finally:
        if not is_done:
            connections.shut()
    if not is_done:
        exchange.join(_GRACE_S)
    if exchange.results:
        return exchange.results[0]
    if not is_done:
        raise DeliveryError(f"timed out: no answer within {timeout_s:g} s")
    assert exchange.error is not None
    raise exchange.error
