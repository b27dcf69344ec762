"""A whole session on stdin, for a server that runs within this process."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["session"]


class _Waiting(io.BytesIO):
    """Stdin that ends when everything was answered: a client stays until then."""

    def __init__(self, lines: bytes, answers: int) -> None:
        super().__init__(lines)
        self._answers = answers

    def _wait(self, found: bytes) -> bytes:
        until = time.monotonic() + 10
        while not found and time.monotonic() < until:
            if sys.stdout.buffer.getvalue().count(b"\n") >= self._answers:  # type: ignore[attr-defined]
                break
            time.sleep(0.005)
        return found

    def read1(self, size: int | None = -1, /) -> bytes:
        return self._wait(super().read1(size))

    def read(self, size: int | None = -1, /) -> bytes:
        return self._wait(super().read(size))


def session(calls: Sequence[tuple[str, Mapping[str, Any]]], client: str = "tester") -> io.TextIOWrapper:
    """Return a stdin that shakes hands, lists the tools, and makes some calls.

    Args:
        calls: Names of tools and what they are called with.
        client: What the client calls itself.
    """
    info = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": client, "version": "1"},
    }
    requests = [("initialize", info), ("tools/list", {})]
    requests += [("tools/call", {"name": name, "arguments": dict(given)}) for name, given in calls]
    messages: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, (method, params) in enumerate(requests)
    ]
    messages.insert(1, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    return io.TextIOWrapper(_Waiting(lines.encode(), len(requests)))
