"""The root command, and the one place where exceptions become messages and exit statuses."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

import click

from stormlog import __version__
from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.groups import LazyGroup
from stormlog.apps.cli.printing import diagnostics, output
from stormlog.errors import (
    LifecycleError,
    MigrationError,
    PermissionDeniedError,
    SourceError,
    StoreBusyError,
    TrackingError,
    UnknownIdError,
)

__all__ = ["error_code", "root", "run"]


_REFUSALS = {
    LifecycleError: ExitCode.REFUSED,
    PermissionDeniedError: ExitCode.PERMISSION,
    StoreBusyError: ExitCode.BUSY,
    MigrationError: ExitCode.MIGRATION,
}


class _Stopped(Exception):
    """Carries what click would otherwise answer by itself: Ctrl-C and a reader that went away."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


@contextmanager
def _kept_from_click() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, BrokenPipeError) as error:
        raise _Stopped(error) from None


class _Root(LazyGroup):
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        # Prints help and version.
        with _kept_from_click():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _kept_from_click():
            return super().invoke(ctx)


@click.command(
    cls=_Root,
    modules={
        "query": "stormlog.apps.cli.commands.query:query",
        "sql": "stormlog.apps.cli.commands.sql:sql",
        "shell": "stormlog.apps.cli.commands.shell:shell",
        "tui": "stormlog.apps.cli.commands.tui:tui",
        "describe": "stormlog.apps.cli.commands.describe:describe",
        "export": "stormlog.apps.cli.commands.export:export",
        "spec": "stormlog.apps.cli.commands.spec:spec",
        "why": "stormlog.apps.cli.commands.why:why",
        "diff": "stormlog.apps.cli.commands.diff:diff",
        "report": "stormlog.apps.cli.commands.report:report",
        "run": "stormlog.apps.cli.commands.run:run",
        "top": "stormlog.apps.cli.commands.top:top",
        "scan": "stormlog.apps.cli.commands.scan:scan",
        "issues": "stormlog.apps.cli.commands.issues:issues",
        "gate": "stormlog.apps.cli.commands.gate:gate",
        "mcp": "stormlog.apps.cli.commands.mcp:mcp",
        "notify": "stormlog.apps.cli.commands.notify:notify",
        "projects": "stormlog.apps.cli.commands.projects:projects",
        "db": "stormlog.apps.cli.commands.db:db",
        "rollups": "stormlog.apps.cli.commands.rollups:rollups",
        "compact": "stormlog.apps.cli.commands.compact:compact",
        "cache": "stormlog.apps.cli.commands.cache:cache",
        "doctor": "stormlog.apps.cli.commands.doctor:doctor",
    },
    # So that the list of commands imports none of them.
    summaries={
        "query": "Answer from telemetry files, sinks and bundles.",
        "sql": "Run one SELECT over the views and your own tables.",
        "shell": "Ask one statement after the other.",
        "tui": "Look through issues, runs and their telemetry, and decide what becomes of them.",
        "describe": "Show the views that statements may name, or the columns of one.",
        "export": "Write all views to a file that other tools open, or to a directory of Parquet files; or metrics, or "
        "log lines.",
        "spec": "Describe all commands and what they answer, or one COMMAND.",
        "why": "Explain why a run failed: which rank first, in which phase, and where its memory went.",
        "diff": "Compare two runs: issues that came and went, peaks of memory by phase, and how both ended.",
        "report": "Write a report to send: why the latest failed run failed, and which issues there are.",
        "run": "Run COMMAND unchanged, and record its memory and how it ended.",
        "top": "Follow live runs: memory, phase and health of each rank, what needs attention first.",
        "scan": "Record what recurs below PATHs as tracked issues.",
        "issues": "Follow issues from run to run, and say what becomes of them.",
        "gate": "Compare what PATHs hold with what is known, and change nothing.",
        "mcp": "Serve agents: tools of the Model Context Protocol, over stdin and stdout.",
        "notify": "Tell people of new and regressed issues.",
        "projects": "List, make and set up projects.",
        "db": "Look after the tracker's file: its version, backups, soundness.",
        "rollups": "Write rollups.json of sinks anew: sums and peaks of sessions, ranks and windows.",
        "compact": "Write the closed segments of a sink as Parquet.",
        "cache": "Look at what was remembered of files, and remove it.",
        "doctor": "Show versions, limits and paths, and check them.",
    },
    epilog="""\b
Shell completion:
  bash  eval "$(_STORMLOG_COMPLETE=bash_source stormlog)"
  zsh   eval "$(_STORMLOG_COMPLETE=zsh_source stormlog)"
  fish  _STORMLOG_COMPLETE=fish_source stormlog | source

\b
Exit status: 0 fine, 1 query failed, 2 wrong usage, 3 nothing to read
(or, with --strict, something was skipped), 4 refused or not found,
5 permission missing, 6 store busy, 7 store too new or damaged,
8 digest not delivered, 10 --fail-on found something, 130 interrupted.""",
)
@click.version_option(__version__, message="stormlog %(version)s")
@click.help_option("-h", "--help")
def root() -> None:
    """Which ML memory failures recur, where, since when, and did the fix hold."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and report its failure, if any, on stderr.

    Args:
        arguments: What follows ``stormlog``; by default those of this process.

    Returns:
        The exit status, see `ExitCode`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with _watch_for_interrupts() as was_interrupted:
        return _run(given, was_interrupted)


@contextmanager
def _watch_for_interrupts() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C: inside a statement it does not arrive as KeyboardInterrupt but as some failure."""
    seen: list[int] = []
    previous = signal.getsignal(signal.SIGINT)
    if (
        threading.current_thread() is not threading.main_thread()
        or previous is not signal.default_int_handler
    ):
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, previous)


def _run(given: Sequence[str], was_interrupted: Callable[[], bool]) -> int:
    try:
        status = root.main(args=list(given), prog_name="stormlog", standalone_mode=False)
        output.flush()
        # Commands that say more than that they worked do so with `Context.exit`.
        return status if isinstance(status, ExitCode) else ExitCode.OK
    except SystemExit as ended:
        # `stormlog run` ends as the command did that it ran.
        return ended.code if isinstance(ended.code, int) else ExitCode.OK
    except BrokenPipeError:
        return _reader_gone()
    except _Stopped as stopped:
        if isinstance(stopped.cause, BrokenPipeError):
            return _reader_gone()
        return _report(stopped.cause, given)
    except (Exception, KeyboardInterrupt) as error:
        return _report(KeyboardInterrupt() if was_interrupted() else error, given)


def _reader_gone() -> ExitCode:
    # As in `stormlog ... | head`: the reader has all that it wanted, so this is no failure.
    output.discard()
    return ExitCode.OK


def _report(error: BaseException, given: Sequence[str]) -> ExitCode:
    code, status = _classify(error)
    try:
        output.flush()
    except (OSError, ValueError):
        # What is reported may be that very failure.
        output.discard()
    diagnostics.print_error(error, code, as_json=wants_json(given))
    return status


def error_code(error: BaseException) -> str:
    """Return the name of an error for programs."""
    return _classify(error)[0]


def _classify(error: BaseException) -> tuple[str, ExitCode]:
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "interrupted", ExitCode.INTERRUPTED
    if diagnostics.is_out_of_memory(error):
        return "out_of_memory", ExitCode.QUERY
    if isinstance(error, (click.ClickException, ValueError)):
        return "invalid_value", ExitCode.USAGE
    if isinstance(error, SourceError):
        return "source_unreadable", ExitCode.SOURCES
    if isinstance(error, UnknownIdError):
        return "not_found", ExitCode.REFUSED
    if isinstance(error, TrackingError):
        statuses = (status for kind, status in _REFUSALS.items() if isinstance(error, kind))
        return error.code, next(statuses, ExitCode.QUERY)
    if diagnostics.is_foreseen(error):
        return "query_failed", ExitCode.QUERY
    return "internal_error", ExitCode.QUERY


def wants_json(given: Sequence[str]) -> bool:
    """Tell from raw arguments whether errors are wanted as JSON, even if they could not be parsed."""
    options = list(given[: given.index("--")] if "--" in given else given)
    named = {"--json", "--jsonl", "--format=json", "--format=jsonl"}.intersection(options)
    apart = [after for option, after in pairwise(options) if option == "--format"]
    return bool(named) or "json" in apart or "jsonl" in apart
