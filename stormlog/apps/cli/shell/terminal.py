"""The shell on a terminal: a line editor with history and completion, a pager, and Ctrl-C that stops a statement."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.printing import diagnostics, output
from stormlog.apps.cli.printing.formats import Answer
from stormlog.apps.cli.shell.completion import completions, is_complete
from stormlog.apps.cli.shell.session import ShellSession

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.key_binding import KeyBindings

__all__ = ["history_file", "prompt_session", "run_on_terminal", "show_table"]

_PROMPT = "stormlog> "
_CONTINUED = "      ...> "
#: Lines around a table: its header, the prompt and a note.
_OTHER_LINES = 5


def history_file() -> str | None:
    """Return the file that keeps what was typed, made for this user alone; None if it cannot be written."""
    folder = os.path.join(
        os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "stormlog"
    )
    path = os.path.join(folder, "shell_history")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    except OSError as error:
        diagnostics.print_message(f"what is typed is not kept: {path}: {error.strerror or error}", "Note")
        return None
    return path


def prompt_session(session: ShellSession, history: str | None, **options: Any) -> PromptSession[str]:
    """Return the line editor.

    Args:
        session: Knows the names to complete.
        history: The file that keeps what was typed; None keeps it until the end.
        options: More arguments of ``PromptSession``: input and output.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    return PromptSession(
        message=_PROMPT,
        multiline=True,
        prompt_continuation=_CONTINUED,
        history=InMemoryHistory() if history is None else FileHistory(history),
        completer=_completer(session),
        complete_while_typing=False,
        key_bindings=_keys(),
        **options,
    )


def _completer(session: ShellSession) -> Completer:
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.document import Document

    class Names(Completer):
        def get_completions(self, document: Document, complete_event: Any) -> Iterable[Completion]:  # noqa: ARG002
            names, length = completions(document.text_before_cursor, session.vocabulary())
            return (Completion(name, start_position=-length) for name in names)

    return Names()


def _keys() -> KeyBindings:
    """Let Enter run what is complete, and begin a new line otherwise."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def enter(event: Any) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


def show_table(answer: Answer, *, no_colour: bool) -> None:
    """Print a table, in a pager if it has more lines than the terminal."""
    rows = list(answer.rows)
    if len(rows) + _OTHER_LINES <= shutil.get_terminal_size().lines or not output.is_terminal():
        output.print_answer(answer, "table", no_colour=no_colour)
        return
    # Lines are not folded, and the pager ends by itself where everything fits.
    os.environ.setdefault("LESS", "-FRSX")
    click.echo_via_pager(output.answer_chunks(answer, "table"))


def run_on_terminal(session: ShellSession, editor: PromptSession[str]) -> None:
    """Read and run until Ctrl-D or ``.quit``."""
    while not session.is_over:
        try:
            text = editor.prompt()
        except KeyboardInterrupt:
            # What was typed so far is given up.
            continue
        except EOFError:
            return
        session.handle(text)
