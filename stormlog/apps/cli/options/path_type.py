"""The type of options and arguments that name a file or a directory."""

from __future__ import annotations

import os
from typing import Any

import click

__all__ = ["NamedPath"]


class NamedPath(click.Path):
    """A path that is not empty: an unset variable of the shell does not mean the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path.

        Raises:
            click.BadParameter: it is empty, or not what the options of `click.Path` ask for.
        """
        if value == "":
            self.fail("the path is empty: name a file or directory.", param, ctx)
        path = super().convert(value, param, ctx)
        if not self.file_okay and os.path.exists(path) and not os.path.isdir(path):
            # To click a device is neither file nor directory.
            self.fail(f"{path!r} is no directory.", param, ctx)
        return path
