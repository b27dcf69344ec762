"""Command groups whose commands are imported when they are looked at.

The promise: help and completion of one command import neither the others nor any engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

__all__ = ["HelpfulGroup", "LazyGroup"]


class HelpfulGroup(click.Group):
    """A group that, called alone, prints its help and is content."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{**attributes, "invoke_without_command": True})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which the commands were added: the most used first."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command named, or print the help of the group."""
        if not ctx._protected_args and not ctx.args:
            click.echo(ctx.get_help(), color=ctx.color)
            return None
        return super().invoke(ctx)


class LazyGroup(HelpfulGroup):
    """A group that knows where its commands are.

    Args:
        modules: Command name -> ``package.module:attribute``.
    """

    def __init__(self, *args: Any, modules: dict[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which they were given."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; None if there is none of that name."""
        place = self._modules.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command
