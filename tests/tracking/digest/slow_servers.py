"""Servers that take their time: each connection is served by a function, until the test is over."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

#: How long a server of these would go on; much longer than any test waits.
FOR_EVER = 1000


class Peer:
    """The other side of a connection."""

    def __init__(self, connection: socket.socket, is_over: threading.Event) -> None:
        self.connection = connection
        self._is_over = is_over

    def say(self, text: bytes) -> None:
        self.connection.sendall(text)

    def hear(self) -> bytes:
        """Return what is said next; nothing at the end."""
        return self.connection.recv(65536)

    def hear_line(self, ending: bytes = b"\r\n") -> bytes:
        said = b""
        while not said.endswith(ending):
            part = self.connection.recv(1)
            if not part:
                raise ConnectionResetError
            said += part
        return said

    def drip(self, byte: bytes = b"a") -> None:
        """Say a byte now and then."""
        for _ in range(FOR_EVER):
            self.say(byte)
            if self._is_over.wait(0.02):
                return

    def wait(self) -> None:
        """Say nothing."""
        self._is_over.wait(FOR_EVER)


@contextlib.contextmanager
def slow_server(serve: Callable[[Peer], None]) -> Iterator[int]:
    """Run a server; gives its port."""
    is_over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def work(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            serve(Peer(connection, is_over))

    def accept() -> None:
        listener.settimeout(0.05)
        while not is_over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                connection.settimeout(None)
                threading.Thread(target=work, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        is_over.set()
        thread.join()
        listener.close()
