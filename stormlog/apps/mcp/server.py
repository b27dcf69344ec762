"""The server: takes calls, gives each a thread for a while, and answers.

The promise: whatever a client sends, it gets an answer or an error, and other calls go on. Nothing but the protocol
goes to stdout.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolResult, ListToolsResult
from pydantic import ValidationError

from stormlog import __version__
from stormlog.apps.mcp.asking import ASKING
from stormlog.apps.mcp.instructions import INSTRUCTIONS, TRACKED
from stormlog.apps.mcp.instructions import WRITING as HOW_TO_WRITE
from stormlog.apps.mcp.problems import bad_arguments, problem_text, unknown_name
from stormlog.apps.mcp.reading import READING
from stormlog.apps.mcp.tool import Call, Tool, failure, success
from stormlog.apps.mcp.writing import WRITING

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp_types import CallToolRequestParams, PaginatedRequestParams

    from stormlog.apps.mcp.workplace import Workplace
    from stormlog.query import QueryStore

__all__ = ["make_server", "run_stdio"]

#: Calls that are answered at the same time; the others wait.
_AT_ONCE: Final = 4
#: Seconds that closing may take after the client has left.
_PATIENCE_S: Final = 2.0


def make_server(workplace: Workplace) -> Server[Any]:
    """Return the server for a workplace; it has tools that change issues only if agents may do that.

    Args:
        workplace: What its tools work on.
    """
    may_write = "issues:write" in workplace.permissions and workplace.tracker is not None
    tools = {tool.name: tool for tool in (*READING, *ASKING, *(WRITING if may_write else ()))}
    listed = [tool.described() for tool in tools.values()]
    said = [
        INSTRUCTIONS,
        *([TRACKED] if workplace.tracker is not None else ()),
        *([HOW_TO_WRITE] if may_write else ()),
    ]
    # Its threads end when the server is forgotten.
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stormlog-call")

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=listed)

    async def call_tool(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        arrival = workplace.arrive()
        tool = tools.get(params.name)
        if tool is None:
            return failure(_no_tool(params.name, tools))
        client = context.session.client_params
        agent = workplace.agent_name(None if client is None else client.client_info.name)
        call = Call(workplace, arrival, agent)
        work = partial(_answer, tool, call, params.arguments or {})
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        finally:
            # Who cancels a call does not wait for its thread. That keeps its place among the few until it is done, so
            # a statement that may take long is stopped.
            call.cancelled.set()

    return Server(
        "stormlog",
        version=__version__,
        title="Stormlog",
        instructions="\n".join(said),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _no_tool(name: str, tools: dict[str, Tool]) -> str:
    if name in {tool.name for tool in WRITING}:
        return (
            f"{name} changes issues, and this server may only read: whoever starts it gives the permission with "
            "--db FILE --allow issues:write"
        )
    return problem_text(ValueError(unknown_name("tool", name, tools)))


def _answer(tool: Tool, call: Call, given: dict[str, Any]) -> CallToolResult:
    """Return what a tool says, or what is wrong."""
    try:
        wanted = tool.arguments.model_validate(given)
    except ValidationError as error:
        return failure(problem_text(ValueError(bad_arguments(tool.name, error, tool.arguments.model_fields))))
    try:
        return success(tool.answer(call, wanted))
    except Exception as error:
        return failure(problem_text(error))


def run_stdio(workplace: Workplace, store: QueryStore) -> None:
    """Serve one client over stdin and stdout until it closes stdin, then close the store.

    Args:
        workplace: What the tools work on.
        store: Its store.
    """
    server = make_server(workplace)

    async def serve() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    try:
        anyio.run(serve)
    except* (BrokenPipeError, ConnectionResetError):
        # The client has left, and reads no more answers.
        pass
    finally:
        closing = threading.Thread(target=store.close, name="stormlog-closing", daemon=True)
        closing.start()
        closing.join(_PATIENCE_S)
        if closing.is_alive():
            # A statement that cannot be stopped: nobody waits for its answer any more.
            store.abandon()
            os._exit(0)
