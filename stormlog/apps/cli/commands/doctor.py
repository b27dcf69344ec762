"""``stormlog doctor``: what Stormlog runs on, and what could be better about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

__all__ = ["doctor"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--no-color", "no_colour", is_flag=True, help="Print without colours, as NO_COLOR does.")
@click.help_option("-h", "--help")
def doctor(as_json: bool, no_colour: bool) -> None:
    """Show versions, limits and paths, and check them.

    The exit status is 0 even if a check has a warning.
    """
    import sys

    from stormlog.apps.cli.commands import environment
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.diagnostics import use_colour
    from stormlog.apps.cli.printing.json_text import json_document

    report = environment.describe(no_colour=no_colour)
    if as_json:
        output.print_text(json_document(report) + "\n")
    else:
        output.print_styled(_as_text(report, colour=use_colour(sys.stdout, no_colour)))


def _as_text(report: Mapping[str, Any], *, colour: bool) -> str:
    from stormlog.presenting import printable

    lines = []
    for section, facts in report.items():
        if section == "checks":
            continue
        lines.append(_styled(section.capitalize(), colour, bold=True))
        width = max(map(len, facts))
        lines += [
            f"  {name.removesuffix('_bytes').replace('_', ' '):<{width}}  {_shown(name, value)}"
            if section != "settings"
            else f"  {name:<{width}}  {_setting(value)}"
            for name, value in facts.items()
        ]
        lines.append("")
    lines.append(_styled("Checks", colour, bold=True))
    for check in report["checks"]:
        word = _styled(f"{check['status']:<4}", colour, fg="green" if check["status"] == "ok" else "yellow")
        lines.append(f"  {word}  {check['name']}: {printable(check['detail'])}")
        if check["hint"]:
            lines.append(f"        {check['hint']}")
    return "\n".join(lines) + "\n"


def _shown(name: str, value: Any) -> str:
    from stormlog.presenting import human_bytes, printable

    if value is None:
        return "unknown" if name.endswith(("_bytes", "_files")) else "not installed"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return human_bytes(value) if name.endswith("_bytes") else printable(str(value))


def _setting(fact: dict[str, Any]) -> str:
    from stormlog.presenting import printable

    value = fact["value"]
    if isinstance(value, list):
        text = ", ".join(map(_shown_item, value))
    else:
        text = "-" if value is None else "off" if value is False else str(value)
    return printable(text if fact["source"] == "default" else f"{text}  ({fact['source']})")


def _shown_item(item: Any) -> str:
    return item if isinstance(item, str) else ", ".join(f"{name} {value}" for name, value in item.items())


def _styled(text: str, colour: bool, **style: Any) -> str:
    return click.style(text, **style) if colour else text
