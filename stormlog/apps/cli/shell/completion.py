"""What may follow in the shell: in one of its commands, or in a statement. No terminal is needed."""

from __future__ import annotations

from stormlog.query.completion import Vocabulary, ends_statement, matching
from stormlog.query.completion import completions as completions_of_statement

__all__ = ["COMMANDS", "completions", "is_complete"]

#: Commands of the shell, and what they do.
COMMANDS = {
    ".help": "show this",
    ".tables": "list the views, and your own tables",
    ".schema": "show the columns of a view or a table, as in .schema issues",
    ".attach": "make a table of a file, as in .attach hosts=hosts.csv",
    ".format": "print rows as table, json, jsonl, csv or markdown",
    ".limit": "print at most so many rows of each statement, 0 for all",
    ".refresh": "look at the paths again",
    ".quit": "leave, as Ctrl-D does",
}


def is_complete(text: str) -> bool:
    """Tell whether a text can be run: it is blank, a command of the shell, or ends with a semicolon."""
    stripped = text.strip()
    return not stripped or stripped.startswith(".") or ends_statement(text)


def completions(text: str, vocabulary: Vocabulary) -> tuple[list[str], int]:
    """Return what may stand in place of the last word of a text, and the length of that word.

    Args:
        text: What stands before the cursor.
        vocabulary: The names that there are.
    """
    if text.lstrip().startswith("."):
        return _of_command(text.lstrip(), vocabulary)
    return completions_of_statement(text, vocabulary)


def _of_command(text: str, vocabulary: Vocabulary) -> tuple[list[str], int]:
    command, blank, argument = text.partition(" ")
    if not blank:
        return matching(COMMANDS, command), len(command)
    if command == ".schema":
        return matching(vocabulary.columns, argument), len(argument)
    if command == ".format":
        return matching(("table", "json", "jsonl", "csv", "markdown"), argument), len(argument)
    return [], 0
