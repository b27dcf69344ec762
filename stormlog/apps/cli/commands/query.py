"""``stormlog query``: rows of what lies under some paths."""

from __future__ import annotations

import click

from stormlog.apps.cli.groups import LazyGroup

__all__ = ["query"]


# Each command has many options, which take longer to make than the answer to some questions.
@click.group(
    cls=LazyGroup,
    modules={
        "issues": "stormlog.apps.cli.commands.query_issues:issues",
        "sessions": "stormlog.apps.cli.commands.query_rows:sessions",
        "events": "stormlog.apps.cli.commands.query_rows:events",
        "ooms": "stormlog.apps.cli.commands.query_rows:ooms",
        "runs": "stormlog.apps.cli.commands.query_runs:runs",
        "attachments": "stormlog.apps.cli.commands.query_runs:attachments",
        "summary": "stormlog.apps.cli.commands.query_runs:summary",
        "correlate": "stormlog.apps.cli.commands.query_runs:correlate",
    },
)
@click.help_option("-h", "--help")
def query() -> None:
    """Answer from telemetry files, sinks and bundles.

    PATH is a file or a directory with everything below it; several are read together. Files are only
    ever read.
    """
