"""The pieces that a page is made of. Every text is escaped here; what is marked `Markup` already is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stormlog.presenting import human_time
from stormlog.presenting.markup import markup_text

__all__ = ["Cell", "Markup", "chip", "commands", "facts", "paragraph", "state_word", "table", "time_text"]

#: Severities with a colour of their own.
_SEVERITIES = ("critical", "error", "warning", "info")
_STATES = ("open", "resolved", "ignored", "regressed", "new", "in progress")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What stands in it.
        kind: Words of the attribute class: ``number``, ``time``, ``title``, ``marked``.
    """

    text: str | Markup
    kind: str = ""


def _markup(text: str, at_most: int = 2000) -> str:
    return text if isinstance(text, Markup) else markup_text(text, at_most)


def paragraph(text: str | None, kind: str = "") -> str:
    """Return a paragraph; nothing for None."""
    if text is None:
        return ""
    return f'<p class="{kind}">{_markup(text)}</p>' if kind else f"<p>{_markup(text)}</p>"


def facts(pairs: Iterable[tuple[str, str | None]]) -> str:
    """Return a list of names and values; those without a value are left out."""
    rows = "".join(f"<dt>{_markup(name)}</dt><dd>{_markup(text)}</dd>" for name, text in pairs if text)
    return f"<dl>{rows}</dl>" if rows else ""


def table(
    caption: str,
    header: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[Cell]],
    *,
    has_cards: bool = False,
) -> str:
    """Return a table; the first cell of a row is its heading.

    Args:
        caption: What it shows.
        header: Name and class of each column.
        rows: Cells in the order of the header.
        has_cards: Whether a narrow screen shows each row as a card.
    """
    head = "".join(f'<th scope="col"{_class(kind)}>{markup_text(name)}</th>' for name, kind in header)
    body = []
    for row in rows:
        first, *rest = row
        cells = [f'<th scope="row"{_class(first.kind)}>{_markup(first.text, 400)}</th>']
        for (name, _), cell in zip(header[1:], rest, strict=True):
            label = f' data-label="{markup_text(name)}"' if has_cards else ""
            cells.append(f"<td{_class(cell.kind)}{label}>{_markup(cell.text, 400)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    kind = ' class="cards"' if has_cards else ""
    label = markup_text(caption, 100)
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table{kind}>'
        f"<caption>{markup_text(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def chip(severity: str) -> Markup:
    """Return the word of a severity, marked with its colour."""
    kind = severity if severity in _SEVERITIES else "other"
    return Markup(f'<span class="chip {kind}">{markup_text(severity, 40)}</span>')


def state_word(state: str) -> Markup:
    """Return the word of a state, marked with its colour."""
    kind = f" {state.replace(' ', '-')}" if state in _STATES else ""
    return Markup(f'<span class="state{kind}">{markup_text(state, 40)}</span>')


def commands(lines: Iterable[str]) -> str:
    """Return commands and statements as they are typed, one below the other."""
    text = "\n".join(markup_text(line, 4000, keeps_blanks=True) for line in lines)
    return f'<pre tabindex="0">{text}</pre>' if text else ""


def time_text(time_ns: int | None) -> str:
    """Return a time in UTC, ``-`` for an unknown one."""
    return "-" if time_ns is None else human_time(time_ns)
