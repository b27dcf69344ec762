"""What a tool is: its name, what it takes and returns, and what it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_types import CallToolResult, TextContent, ToolAnnotations
from mcp_types import Tool as Described

from stormlog.apps.mcp.answers import json_text

if TYPE_CHECKING:
    from stormlog.apps.mcp.arguments import Arguments
    from stormlog.apps.mcp.workplace import Workplace

__all__ = ["Call", "Tool", "failure", "success"]


@dataclass(frozen=True)
class Call:
    """One call of a tool.

    Attributes:
        workplace: What it is about.
        arrival: Number of the call, for `Workplace.ask`.
        agent: Who calls.
        cancelled: Set once nobody waits for the answer any more.
    """

    workplace: Workplace
    arrival: int
    agent: str
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Tool:
    """A tool of the server.

    Attributes:
        name: As clients call it.
        title: For people.
        description: For agents: what it answers, and when to use it.
        arguments: What it takes.
        schema: JSON schema of its answers.
        answer: Returns the answer to a call, in a thread of its own.
        changes: Whether it changes issues.
        is_idempotent: Whether the same call twice is the same as once.
    """

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    schema: Mapping[str, Any]
    answer: Callable[[Call, Any], dict[str, Any]]
    changes: bool = False
    is_idempotent: bool = True

    def described(self) -> Described:
        """Return what clients see of it."""
        parameters = self.arguments.model_json_schema()
        # They say what the class is, and names twice; every client reads all of it.
        for named in (parameters, *parameters["properties"].values()):
            named.pop("title", None)
        parameters.pop("description", None)
        return Described(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=parameters,
            output_schema=dict(self.schema),
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=not self.changes,
                destructive_hint=False,
                idempotent_hint=self.is_idempotent,
                open_world_hint=False,
            ),
        )


def success(answer: dict[str, Any]) -> CallToolResult:
    """Return an answer: structured, and the same as text for clients that read only that."""
    return CallToolResult(
        content=[TextContent(type="text", text=json_text(answer))], structured_content=answer
    )


def failure(message: str) -> CallToolResult:
    """Return why there is no answer."""
    return CallToolResult(content=[TextContent(type="text", text=message)], is_error=True)
