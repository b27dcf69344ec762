"""``stormlog describe``: the public views, and what their columns mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stormlog.query.schema import ColumnDescription, ViewDescription

__all__ = ["describe", "described_view", "described_views"]


@click.command()
@click.argument("view", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object, or a list of all views.")
@click.help_option("-h", "--help")
def describe(view: str | None, as_json: bool) -> None:
    """Show the views that statements may name, or the columns of one.

    No telemetry is needed.

    \b
    Examples:
      stormlog describe
      stormlog describe issues
      stormlog describe --json
    """
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.query.schema import describe_view, describe_views, view_meanings

    if as_json:
        found = [one.as_dict() for one in describe_views()] if view is None else describe_view(view).as_dict()
        output.print_text(json_document(found) + "\n")
    elif view is None:
        output.print_text(described_views(view_meanings()))
    else:
        output.print_text(described_view(describe_view(view)))


def described_views(meanings: dict[str, str]) -> str:
    """Return a line for each view.

    Args:
        meanings: What one row is, by how statements name the view.
    """
    width = max(map(len, meanings))
    lines = [f"{call:<{width}}  {meaning}" for call, meaning in meanings.items()]
    return "\n".join(lines) + "\n"


def described_view(view: ViewDescription) -> str:
    """Return what a view holds, for people."""
    lines = [view.call, f"  {view.meaning}", ""]
    if view.arguments:
        lines += ["Arguments", *_lines(view.arguments), ""]
    lines += ["Columns", *_lines(view.columns), "", "Example", f"  {view.example}"]
    return "\n".join(lines) + "\n"


def _lines(columns: tuple[ColumnDescription, ...]) -> list[str]:
    rows = [(column.name, column.type, column.unit or "", column.meaning) for column in columns]
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    return [
        f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {unit:<{widths[2]}}  {meaning}"
        for name, kind, unit, meaning in rows
    ]
