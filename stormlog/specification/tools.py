"""The tools of ``stormlog mcp``, as their schema files describe them: their SDK need not be installed for that.

The promise: the files are what the server announces; ``docs/generate_schemas.py`` makes them of its tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from stormlog._resources import resource_directory
from stormlog.specification.models import ToolDescription

__all__ = ["tool_descriptions", "tool_schema_names"]

#: How the names of the schemas of tools begin; those of what they take have the ending too.
_PREFIX: Final = "mcp_"
_ENDING: Final = "_arguments"


def tool_schema_names(tool: str) -> tuple[str, str]:
    """Return the names of the schemas of what a tool takes and of what it answers."""
    return f"{_PREFIX}{tool}{_ENDING}", f"{_PREFIX}{tool}"


def tool_descriptions() -> list[ToolDescription]:
    """Return all tools, those that only look first."""
    found = []
    for file in resource_directory("schemas").glob(f"{_PREFIX}*{_ENDING}.json"):
        name = file.stem.removeprefix(_PREFIX).removesuffix(_ENDING)
        taken, given = (_schema(one) for one in tool_schema_names(name))
        found.append(
            ToolDescription(name, taken["title"], taken["description"], taken["x-permission"], taken, given)
        )
    return sorted(found, key=lambda tool: (tool.permission, tool.name))


def _schema(name: str) -> Mapping[str, Any]:
    file = resource_directory("schemas") / f"{name}.json"
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
