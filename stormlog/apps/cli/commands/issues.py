"""``stormlog issues``: the tracked issues, and what people and agents do with them."""

from __future__ import annotations

import click

from stormlog.apps.cli.groups import LazyGroup

__all__ = ["issues"]

_ALIASES = {"silence": "ignore"}


class _Issues(LazyGroup):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, _ALIASES.get(cmd_name, cmd_name))


@click.command(
    cls=_Issues,
    modules={
        "list": "stormlog.apps.cli.commands.issue_lists:list_",
        "show": "stormlog.apps.cli.commands.issue_page:show",
        "history": "stormlog.apps.cli.commands.issue_lists:history",
        "stats": "stormlog.apps.cli.commands.issue_stats:stats",
        "claim": "stormlog.apps.cli.commands.issue_verbs:claim",
        "resolve": "stormlog.apps.cli.commands.issue_verbs:resolve",
        "reopen": "stormlog.apps.cli.commands.issue_verbs:reopen",
        "ignore": "stormlog.apps.cli.commands.issue_verbs:ignore",
        "ignores": "stormlog.apps.cli.commands.issue_ignores:ignores",
        "assign": "stormlog.apps.cli.commands.issue_verbs:assign",
        "merge": "stormlog.apps.cli.commands.issue_merges:merge",
        "unmerge": "stormlog.apps.cli.commands.issue_merges:unmerge",
        "undo": "stormlog.apps.cli.commands.issue_undo:undo",
        "comment": "stormlog.apps.cli.commands.issue_comments:comment",
        "comments": "stormlog.apps.cli.commands.issue_comments:comments",
        "edit-comment": "stormlog.apps.cli.commands.issue_comments:edit_comment",
        "delete-comment": "stormlog.apps.cli.commands.issue_comments:delete_comment",
        "record": "stormlog.apps.cli.commands.issue_record:record",
        "export": "stormlog.apps.cli.commands.issue_files:export_command",
        "import": "stormlog.apps.cli.commands.issue_files:import_command",
    },
)
@click.help_option("-h", "--help")
def issues() -> None:
    """Follow issues from run to run, and say what becomes of them.

    ID is the number of an issue (12, '#12', PROJECT/12), its id or that of one merged into it, at least 6
    characters of its start or end, or a fingerprint id. Digits alone are a number. 'silence' is another word for
    'ignore'.
    """
