"""Help, versions, completion, and what wrong usage says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import click
import pytest

from stormlog import __version__
from stormlog.apps.cli.app import root
from stormlog.apps.cli.commands import gate, issue_lists, projects
from stormlog.apps.cli.commands.query_issues import ISSUE_KIND_CHOICES, ISSUE_STATE_CHOICES
from stormlog.issues import ISSUE_KINDS, ISSUE_STATES
from stormlog.tracking import projects as project_settings
from stormlog.tracking import statuses, versions
from stormlog.tracking.gate.models import FAILURES
from stormlog.tracking.reading import listing
from tests.apps.cli.runner import COMMAND, stormlog


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    """Yield the words that name every command, groups included."""
    yield before
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        else:
            yield *before, name


ALL = list(commands(root))


def test_the_list_of_commands_says_what_their_help_says() -> None:
    context = click.Context(root)
    said = {
        name: root.get_command(context, name).get_short_help_str(10_000)
        for name in root.list_commands(context)
    }  # type: ignore[union-attr]
    assert root.summaries == said


ISSUE_VERBS = (
    "list",
    "show",
    "history",
    "stats",
    "claim",
    "resolve",
    "reopen",
    "ignore",
    "ignores",
    "assign",
    "merge",
    "unmerge",
    "undo",
    "comment",
    "comments",
    "edit-comment",
    "delete-comment",
    "record",
    "export",
    "import",
)


def test_the_expected_commands_are_there() -> None:
    assert [
        (),
        ("query",),
        ("query", "issues"),
        ("query", "sessions"),
        ("query", "events"),
        ("query", "ooms"),
        ("query", "runs"),
        ("query", "attachments"),
        ("query", "summary"),
        ("query", "correlate"),
        ("sql",),
        ("shell",),
        ("tui",),
        ("describe",),
        ("export",),
        ("spec",),
        ("why",),
        ("diff",),
        ("report",),
        ("run",),
        ("top",),
        ("scan",),
        ("issues",),
        *(("issues", verb) for verb in ISSUE_VERBS),
        ("gate",),
        ("mcp",),
        ("notify",),
        ("projects",),
        ("projects", "list"),
        ("projects", "create"),
        ("projects", "set"),
        ("db",),
        ("db", "status"),
        ("db", "migrate"),
        ("db", "backup"),
        ("db", "restore"),
        ("db", "check"),
        ("db", "purge"),
        ("rollups",),
        ("compact",),
        ("cache",),
        ("cache", "list"),
        ("cache", "info"),
        ("cache", "clear"),
        ("cache", "verify"),
        ("doctor",),
    ] == ALL


@pytest.mark.parametrize("words", ALL, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help(words: tuple[str, ...], flag: str) -> None:
    outcome = stormlog(*words, flag)
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith(f"Usage: {' '.join(['stormlog', *words])} ")
    assert max(map(len, outcome.stdout.splitlines())) <= 100


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_option_says_what_it_does(words: tuple[str, ...]) -> None:
    command: click.Command = root
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    assert command.help
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("words", [(), ("query",), ("issues",), ("projects",), ("db",)])
def test_a_group_alone_prints_its_help(words: tuple[str, ...]) -> None:
    alone = stormlog(*words)
    assert (alone.status, alone.stderr) == (0, "")
    assert alone.stdout == stormlog(*words, "--help").stdout


def test_version() -> None:
    assert stormlog("--version").stdout == f"stormlog {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], "No such command 'nope'"),
        (["query", "nope"], "No such command 'nope'"),
        (["query", "issues"], "PATH"),
        (["query", "issues", ".", "--nope"], "--nope"),
        (["query", "issues", ".", "--sess", "s"], "--sess"),
        (["query", "sessions", ".", "--has-oom"], "--has-oom"),
        (["query", "events", ".", "--rank", "x"], "'x' is not a whole number."),
        (["sql", ".", "SELECT 1", "--limit", "x"], "'x' is not a whole number."),
        (["run", "--interval", "x", "--", "true"], "'x' is not a number."),
        (["query", "events", ".", "--limit", "-1"], "limit must be 0 or more"),
        (["query", "issues", ".", "--kind", "zzz"], "'hidden_memory_anomaly'"),
        (["query", "issues", ".", "--threads", "0"], "thread"),
        (["query", "issues", ".", "--memory-limit", "plenty"], "Memory"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], words: str, tmp_path: os.PathLike[str]
) -> None:
    outcome = stormlog(*(str(tmp_path) if argument == "." else argument for argument in arguments))
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1
    assert words in outcome.stderr


def test_choices_are_those_of_issues() -> None:
    assert set(ISSUE_KIND_CHOICES) == set(ISSUE_KINDS)
    assert set(ISSUE_STATE_CHOICES) == set(ISSUE_STATES)


def test_choices_are_those_of_the_tracker() -> None:
    assert set(issue_lists.STATUS_CHOICES) == {*statuses.STATUSES, *statuses.SHOWN_STATUSES}
    assert issue_lists.KIND_CHOICES == listing.KINDS
    assert tuple(listing.SORTS) == issue_lists.SORT_CHOICES
    assert gate._OUTCOMES == FAILURES
    assert projects.FREQUENCY_CHOICES == project_settings.ALERT_FREQUENCIES
    assert projects.ORDER_CHOICES == project_settings.VERSION_ORDERS == versions.VERSION_ORDERS
    assert projects.WEBHOOK_CHOICES == project_settings.WEBHOOK_FORMATS


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("stormlog ", "query"), ("stormlog query ", "issues"), ("stormlog query issues --kind ", "oom")],
)
def test_the_shell_completes(typed: str, expected: str) -> None:
    variables = {
        "_STORMLOG_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split())),
    }
    done = subprocess.run(
        COMMAND, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert f"plain,{expected}" in done.stdout.splitlines()
