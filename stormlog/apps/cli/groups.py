"""Command groups whose commands are imported when they are looked at.

The promise: help and completion of one command import neither the others nor any engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

__all__ = ["HelpfulGroup", "LazyGroup"]


@click.pass_context
def _print_help_if_alone(ctx: click.Context, /, **_: Any) -> None:
    """Print the help of a group that is called without a command."""
    if ctx.invoked_subcommand is None:
        from stormlog.apps.cli.printing import output

        output.print_text(ctx.get_help() + "\n")
        output.flush()


class HelpfulGroup(click.Group):
    """A group that, called alone, prints its help and is content."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        alone = {"callback": _print_help_if_alone, "invoke_without_command": True}
        super().__init__(*args, **{**attributes, **alone})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which the commands were added: the most used first."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that a word names.

        Raises:
            click.UsageError: there is none; the message names those that are spelt alike.
        """
        word = args[0]
        if not ctx.resilient_parsing and not word.startswith("-") and self.get_command(ctx, word) is None:
            from difflib import get_close_matches

            near = get_close_matches(word.lower(), self.list_commands(ctx), n=2, cutoff=0.5)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise click.UsageError(f"No such command {word!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(HelpfulGroup):
    """A group that knows where its commands are.

    Args:
        modules: Command name -> ``package.module:attribute``.
        summaries: Command name -> the first sentence of its help. The help of the group imports the others.
    """

    def __init__(
        self, *args: Any, modules: dict[str, str], summaries: dict[str, str] | None = None, **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self._modules = modules
        self.summaries = summaries or {}

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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with what they do."""
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(ctx, name, limit)) for name in names])

    def _summary(self, ctx: click.Context, name: str, limit: int) -> str:
        known = self.summaries.get(name)
        command = self.get_command(ctx, name) if known is None else click.Command(name, help=known)
        assert command is not None
        return command.get_short_help_str(limit)
