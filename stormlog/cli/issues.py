"""``stormlog issues``: the tracked issues, and what people and agents do with them."""

from __future__ import annotations

import click

from stormlog.cli.groups import LazyGroup

__all__ = ["issues"]

_ALIASES = {"silence": "ignore"}


class _Issues(LazyGroup):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, _ALIASES.get(cmd_name, cmd_name))


@click.command(
    cls=_Issues,
    modules={
        "list": "stormlog.cli.issue_lists:list_",
        "show": "stormlog.cli.issue_lists:show",
        "history": "stormlog.cli.issue_lists:history",
        "claim": "stormlog.cli.issue_verbs:claim",
        "resolve": "stormlog.cli.issue_verbs:resolve",
        "reopen": "stormlog.cli.issue_verbs:reopen",
        "ignore": "stormlog.cli.issue_verbs:ignore",
        "assign": "stormlog.cli.issue_verbs:assign",
        "merge": "stormlog.cli.issue_merges:merge",
        "unmerge": "stormlog.cli.issue_merges:unmerge",
        "comment": "stormlog.cli.issue_comments:comment",
        "comments": "stormlog.cli.issue_comments:comments",
        "edit-comment": "stormlog.cli.issue_comments:edit_comment",
        "delete-comment": "stormlog.cli.issue_comments:delete_comment",
        "record": "stormlog.cli.issue_record:record",
        "export": "stormlog.cli.issue_files:export_command",
        "import": "stormlog.cli.issue_files:import_command",
    },
)
@click.help_option("-h", "--help")
def issues() -> None:
    """Follow issues from run to run, and say what becomes of them.

    ID is the id of an issue or of one merged into it, at least 6 characters of its start or end, or a
    fingerprint id. 'silence' is another word for 'ignore'.
    """
