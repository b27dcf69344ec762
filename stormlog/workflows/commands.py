"""The command lines that do what a front end has done: people and agents learn them from it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stormlog.tracking import Tracker

__all__ = ["triage_command"]


def triage_command(
    tracker: Tracker, verb: str, issue: str | int, *words: str, **options: str | int | bool | None
) -> str:
    """Return the command of ``stormlog issues`` that does the same to an issue, as it is typed into a shell.

    Args:
        tracker: Where the issue is; the command names its file and project, as far as it has to.
        verb: Such as ``resolve``.
        issue: Its number, or another id.
        words: What follows the id, such as the text of a comment.
        options: Name of an option, with underscores, and its value: True for one without a value. Those that are None
            or False are left out.

    Source: docs/cli.md#stormlog-issues.
    """
    said = [verb, str(issue)]
    for name, value in options.items():
        if value is None or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        # A value may begin like an option.
        said += (
            [option]
            if value is True
            else [f"{option}={value}"]
            if str(value)[:1] == "-"
            else [option, str(value)]
        )
    behind = ["--", *words] if any(word[:1] == "-" for word in words) else list(words)
    return " ".join(
        filter(
            None, ["stormlog issues", shlex.join(said), tracker.command_options().strip(), shlex.join(behind)]
        )
    )
