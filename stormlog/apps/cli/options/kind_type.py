"""The type of options that name a kind of issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stormlog.issues.kinds import kind_named

__all__ = ["KindChoice"]

if TYPE_CHECKING:
    _Choice = click.Choice[str]
else:
    # Older versions of click have no types of choices.
    _Choice = click.Choice


class KindChoice(_Choice):
    """A kind of issue, also by the short word that tables show."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the kind that a word means."""
        return super().convert(kind_named(value) if isinstance(value, str) else value, param, ctx)
