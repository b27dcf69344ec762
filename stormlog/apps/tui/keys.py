"""Every key of the application, once: bindings, the help and the table in docs/tui.md are made of this list."""

from __future__ import annotations

from typing import Final, NamedTuple

from textual.binding import Binding

__all__ = ["KEYS", "Key", "bindings", "help_lines", "hints", "keys_table", "label"]


class Key(NamedTuple):
    """A key.

    Attributes:
        keys: As Textual names them, with commas between several.
        action: Method ``action_...`` of the widget.
        meaning: What it does.
        place: Where it holds: everywhere, list, detail, statement or action.
        short: Word for the line at the bottom; '' to leave it out there.
    """

    keys: str
    action: str
    meaning: str
    place: str
    short: str = ""


#: Places in the order of the help -> their headings.
PLACES: Final = {
    "everywhere": "Everywhere",
    "list": "In a list",
    "issues": "In the list of issues",
    "action": "Actions on the selected issues, or the one under the cursor",
    "detail": "In the detail pane",
    "statement": "In the SQL view",
}

KEYS: Final = (
    Key("1", "show('issues')", "show the issues", "everywhere"),
    Key("2", "show('runs')", "show runs and sessions", "everywhere"),
    Key("3", "show('sql')", "ask in SQL", "everywhere"),
    Key(
        "colon",
        "command",
        "type a command: filter, sort, sql, runs, quit, or the name of an action",
        "everywhere",
    ),
    Key("f5", "refresh_now", "look at the files again, or run the statement again", "everywhere"),
    Key("question_mark", "help", "show the keys", "everywhere", "Help"),
    Key("q", "leave", "leave", "everywhere", "Quit"),
    Key("j,down", "down", "one row down", "list"),
    Key("k,up", "up", "one row up", "list"),
    Key("g,home", "first", "to the first row", "list"),
    Key("G,end", "last", "to the last row", "list"),
    Key("pagedown,ctrl+f", "page_down", "one page down", "list"),
    Key("pageup,ctrl+b", "page_up", "one page up", "list"),
    Key(
        "enter",
        "enter",
        "go in: the detail of an issue, the sessions of a run, the evidence of a detail",
        "list",
    ),
    Key(
        "escape",
        "back",
        "go back; in the list of issues, let go of the selection, the search, the filter",
        "list",
    ),
    Key("slash", "search", "look for a text, a number or a fingerprint", "list", "Search"),
    Key("n", "next_match", "to the next row that was found", "list"),
    Key("N", "previous_match", "to the one before", "list"),
    Key("f", "facet", "narrow the list by severity, kind or state, with counts", "issues", "Facet"),
    Key("F", "filter", "type the filter, in the words of the command line", "issues", "Filter"),
    Key("s", "sort", "next order: severity, last seen, first seen, hits, sessions", "issues", "Sort"),
    Key("t", "tracker_only", "list what only the tracker has too, or leave it out", "issues"),
    Key("space", "select", "select the row, or let go of it", "issues"),
    Key("y", "copy", "copy the id", "issues"),
    Key("Y", "copy_command", "copy the command of the last action", "issues"),
    Key("w", "rule", "show the SQL of the list, and the rule that makes the issue", "issues"),
    Key("c", "act('claim')", "claim", "action", "Claim"),
    Key("r", "act('resolve')", "resolve, in a version or without one", "action", "Resolve"),
    Key(
        "i",
        "act('ignore')",
        "ignore, for good, or until a time, a count, runs, or next",
        "action",
        "Ignore",
    ),
    Key("o", "act('reopen')", "reopen", "action"),
    Key("m", "act('comment')", "comment", "action"),
    Key("a", "act('assign')", "assign", "action"),
    Key("M", "act('merge')", "merge the selected issues into the one under the cursor", "action"),
    Key("U", "act('unmerge')", "bring back an issue that was merged into this one", "action"),
    Key("u", "act('undo')", "undo your last change", "action"),
    Key("j,down", "scroll_down", "one line down", "detail"),
    Key("k,up", "scroll_up", "one line up", "detail"),
    Key("g,home", "scroll_home", "to the top", "detail"),
    Key("G,end", "scroll_end", "to the end", "detail"),
    Key("pagedown,ctrl+f", "page_down", "one page down", "detail"),
    Key("pageup,ctrl+b", "page_up", "one page up", "detail"),
    Key("enter", "evidence", "list the evidence, with the raw event and its file:line", "detail"),
    Key(
        "enter",
        "run",
        "run the statement; a new line within several without a ; at their end",
        "statement",
        "Run",
    ),
    Key("tab", "complete", "complete the word", "statement", "Complete"),
    Key(
        "escape",
        "back",
        "stop what runs; else back to the statement, then to the issues",
        "statement",
        "Back",
    ),
)

_SHOWN: Final = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "space": "Space",
    "enter": "Enter",
    "escape": "Esc",
    "f5": "F5",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "down": "Down",
    "up": "Up",
    "tab": "Tab",
}


def label(key: Key) -> str:
    """Return the keys as they are printed on keyboards: ``j Down``."""
    return " ".join(_label(name) for name in key.keys.split(","))


def _label(name: str) -> str:
    return f"Ctrl-{name[5:].upper()}" if name.startswith("ctrl+") else _SHOWN.get(name, name)


def bindings(*places: str) -> list[Binding]:
    """Return the bindings of some places, for ``BINDINGS`` of a widget."""
    return [Binding(key.keys, key.action, key.meaning) for key in KEYS if key.place in places]


#: View -> the places whose keys are named at the bottom while it is shown.
_PLACES_OF_VIEW: Final = {
    "issues": ("issues", "action", "list", "everywhere"),
    "runs": ("list", "everywhere"),
    "sql": ("statement",),
}


def hints(view: str) -> list[tuple[str, str]]:
    """Return the keys that are named at the bottom, each with a word.

    Args:
        view: issues, runs or sql.
    """
    places = _PLACES_OF_VIEW[view]
    shown = [key for place in places for key in KEYS if key.place == place and key.short]
    return [(label(key), key.short) for key in shown]


def help_lines() -> list[tuple[str, str]]:
    """Return the lines of the help: keys and meaning; a heading has no meaning."""
    lines: list[tuple[str, str]] = []
    for place, heading in PLACES.items():
        lines.append((heading, ""))
        lines += [(label(key), key.meaning) for key in KEYS if key.place == place]
    return lines


def keys_table() -> str:
    """Return the table of keys in Markdown, as docs/tui.md has it."""
    rows = ["| Where | Key | Does |", "|---|---|---|"]
    for place, heading in PLACES.items():
        for key in KEYS:
            if key.place == place:
                names = ", ".join(f"`{_label(name)}`" for name in key.keys.split(","))
                rows.append(f"| {heading} | {names} | {key.meaning} |")
                heading = ""
    return "\n".join(rows) + "\n"
