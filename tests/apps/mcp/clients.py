"""Calls the tools of a server with the official client, within this process."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client import Client
from mcp_types import CallToolResult, Implementation

from stormlog.apps.mcp.server import make_server
from stormlog.apps.mcp.workplace import Workplace

__all__ = ["Answer", "Connected", "answer_of", "connected"]


class Answer(NamedTuple):
    """What a tool said.

    Attributes:
        data: Its structured content; None for an error.
        text: Its text.
        size: Bytes of both.
    """

    data: Any
    text: str
    size: int

    @property
    def is_error(self) -> bool:
        return self.data is None

    @property
    def untrusted(self) -> Any:
        assert self.data is not None, self.text
        return self.data["untrusted_data"]


def answer_of(result: CallToolResult) -> Answer:
    """Return what a result holds; the text has to be the structured content."""
    [block] = result.content
    text = block.text  # type: ignore[union-attr]
    if result.is_error:
        assert result.structured_content is None
        return Answer(None, text, len(text.encode()))
    compact = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
    assert json.loads(text) == result.structured_content
    return Answer(result.structured_content, text, len(text.encode()) + len(compact.encode()))


class Connected:
    """A client that is connected to the server of a workplace, for tests that are not asynchronous.

    It refuses structured content that is not what the schema of the tool says.
    """

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self._portal = portal
        self._client = client

    def ask(self, tool: str, **given: Any) -> Answer:
        """Return the answer to one call."""
        return answer_of(self._portal.call(self._client.call_tool, tool, given))

    def run(self, act: Callable[[Client], Awaitable[Any]]) -> Any:
        """Return what a coroutine makes of the client."""
        return self._portal.call(act, self._client)


@contextmanager
def connected(place: Workplace, *, client: str = "tester", mode: str = "auto") -> Iterator[Connected]:
    """Connect a client.

    Args:
        place: What the server works on.
        client: What the client calls itself.
        mode: ``legacy`` for the handshake, ``auto`` for the newest protocol.
    """
    info = Implementation(name=client, version="1")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(make_server(place), client_info=info, mode=mode)) as opened,
    ):
        yield Connected(portal, opened)
