"""``stormlog issues record``: an error that a program reported in words."""

from __future__ import annotations

import sys
from typing import Any

import click

from stormlog.apps.cli.options.configured import configured_option
from stormlog.apps.cli.options.options import session_option
from stormlog.apps.cli.options.tracker_options import (
    group_shared_option,
    json_option,
    tracker_of,
    tracker_options,
)

__all__ = ["record"]


@click.command()
@click.argument("message", metavar="MESSAGE")
@click.option("--module", metavar="NAME", help="Part of the program that reported it.")
@click.option("--discriminator", metavar="TEXT", help="What else tells it apart, such as the exception type.")
@session_option("Session of the program; without one every call is a session of its own.")
@click.option("--run", "run_id", metavar="ID", help="Run (job) of the session.")
@configured_option(
    "--app", key="app", metavar="NAME", default="default", show_default=True, help="Training program."
)
@click.option("--dev", "is_dev", is_flag=True, help="It is development.")
@click.option(
    "--code-version",
    metavar="VERSION",
    envvar="STORMLOG_CODE_VERSION",
    help="Version of the code (default: STORMLOG_CODE_VERSION).",
)
@click.option("--severity", metavar="WORD", default="error", show_default=True, help="How bad it is.")
@click.option("--at", metavar="TIME", help="When it happened: 2h (ago), an ISO date or time (default: now).")
@click.option("--rank", type=click.INT, help="Global rank.")
@click.option("--host", metavar="NAME", help="Machine.")
@click.option("--user", metavar="NAME", help="Who ran it.")
@tracker_options
@group_shared_option
@json_option
@click.help_option("-h", "--help")
def record(message: str, at: str | None, as_json: bool, **options: Any) -> None:
    """Track an error by its text; MESSAGE of - is what stdin says.

    Texts that differ in numbers, ids and quoted parts are the same issue.

    \b
    Example:
      stormlog issues record "CUDA error: device-side assert" --module trainer --session "$JOB"
    """
    from stormlog.apps.cli.options.times import moment_ns
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import printable

    with tracker_of(options, makes=True) as tracker:
        issue = tracker.record_error(
            sys.stdin.read() if message == "-" else message,
            timestamp_ns=None if at is None else moment_ns(at, "--at"),
            **options,
        )
    if as_json:
        output.print_text(json_document(issue.as_dict()) + "\n")
    else:
        output.print_text(f"Recorded as #{issue.number} ({printable(issue.title)})\n")
    output.flush()
