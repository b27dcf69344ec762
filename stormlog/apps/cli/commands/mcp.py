"""``stormlog mcp``: serve agents over stdin and stdout."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.options import cache_of, name_tracker, reading_options
from stormlog.apps.cli.options.sections import SectionedCommand, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stormlog.query import QueryStore

__all__ = ["mcp"]

#: Versions of the SDK that it works with: the second has another interface than the first.
_LEAST, _BELOW = (2, 3), (3,)


@click.command(cls=SectionedCommand)
@section(
    "Options",
    click.option(
        "--allow",
        metavar="PERMISSIONS",
        envvar="STORMLOG_ALLOW",
        help="What agents may do, with commas between: issues:read (always), issues:write (default: STORMLOG_ALLOW, "
        "else only read).",
    ),
    click.option(
        "--as-agent",
        metavar="NAME",
        help="Record changes under this name (default: STORMLOG_AGENT, else what the client calls itself).",
    ),
    click.option(
        "--timeout",
        metavar="TIME",
        default="30s",
        show_default=True,
        help="Stop a statement of an agent that takes longer.",
    ),
)
@reading_options
def mcp(allow: str | None, as_agent: str | None, timeout: str, **options: Any) -> None:
    """Serve agents: tools of the Model Context Protocol, over stdin and stdout.

    Agents list issues, explain runs and ask with SQL. With a tracker and --allow issues:write they also claim, comment
    on, resolve, ignore and reopen issues, under their name.

    The protocol needs its SDK: pip install 'stormlog[mcp]'.

    \b
    Examples:
      stormlog mcp runs/
      stormlog mcp runs/ --db tracker.db --allow issues:write
    """
    from stormlog.apps.cli.answers import Request, open_store
    from stormlog.apps.cli.printing import diagnostics
    from stormlog.apps.cli.sql_answers import seconds_of

    permissions = _permissions(allow)
    timeout_s = seconds_of(timeout) or 0.0
    _require_sdk()
    cache = cache_of(options)
    name_tracker(options)
    settings = {name: value for name, value in options.items() if name not in ("no_cache", "cache_dir")}
    request = Request(format_name="table", sql=None, cache=cache, **settings)
    if "issues:write" in permissions and request.tracker is None:
        raise click.UsageError("--allow issues:write needs a tracker: --db FILE; 'stormlog scan' makes one.")
    store = open_store(request)
    # After the paths were found: it takes a second to load.
    from stormlog.apps.mcp.server import run_stdio
    from stormlog.apps.mcp.workplace import Workplace

    if not request.quiet:
        diagnostics.print_skipped(diagnostics.notices(store))
    workplace = Workplace(
        store,
        tracker=request.tracker,
        project=request.project or "default",
        permissions=permissions,
        agent=as_agent or os.environ.get("STORMLOG_AGENT") or None,
        timeout_s=timeout_s,
    )
    if sys.stdin.isatty():
        diagnostics.print_message(
            "serving on stdin and stdout, for a program that starts this; Ctrl-C ends it", "Note"
        )
    with _ended_by_interrupts(store):
        run_stdio(workplace, store)


@contextmanager
def _ended_by_interrupts(store: QueryStore) -> Iterator[None]:
    """End the process with Ctrl-C: a thread waits for the next line of stdin, and cannot be told to stop.

    Programs that start it end it with SIGTERM: it leaves no file behind then, either.
    """
    from stormlog.apps.cli.exit_codes import ExitCode
    from stormlog.apps.cli.printing import diagnostics

    def leave(*_: object) -> None:
        store.abandon()
        diagnostics.print_error(KeyboardInterrupt(), "interrupted", as_json=False)
        os._exit(ExitCode.INTERRUPTED)

    def die(number: int, *_: object) -> None:
        store.abandon()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        signal.SIGINT: signal.signal(signal.SIGINT, leave),
        signal.SIGTERM: signal.signal(signal.SIGTERM, die),
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _permissions(allow: str | None) -> Sequence[str]:
    """Return what agents may do; looking is what the server is for.

    Raises:
        ValueError: an unknown permission.
    """
    from stormlog.tracking import Permissions

    named = [] if allow is None else [word.strip() for word in allow.split(",") if word.strip()]
    return sorted(Permissions(["issues:read", *named]).allowed)


def _require_sdk() -> None:
    """Refuse to go on without the SDK, or with one of another generation.

    Raises:
        click.UsageError: how to get it.
    """
    from importlib.metadata import PackageNotFoundError, version

    from packaging.version import Version

    try:
        found = version("mcp")
    except PackageNotFoundError:
        raise click.UsageError(
            "The server needs the SDK of the protocol: pip install 'stormlog[mcp]'."
        ) from None
    if not _LEAST <= Version(found).release < _BELOW:
        raise click.UsageError(
            f"The server needs version 2.3 or newer of the SDK, below 3, not mcp {found}: pip install 'stormlog[mcp]'."
        )
