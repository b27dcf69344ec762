"""``stormlog projects``: what digests are about, and how versions are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stormlog.apps.cli.groups import HelpfulGroup
from stormlog.apps.cli.options.shown_times import moments_of
from stormlog.apps.cli.options.tracker_options import (
    format_options,
    group_shared_option,
    json_option,
    store_options,
    tracker_of,
)

if TYPE_CHECKING:
    from stormlog.tracking import Project

__all__ = ["FREQUENCY_CHOICES", "ORDER_CHOICES", "WEBHOOK_CHOICES", "projects"]

Command = TypeVar("Command", bound=Callable[..., Any])

#: Written out here so that completing an option does not import the tracker.
FREQUENCY_CHOICES = ("none", "hourly", "6_hourly", "daily", "weekly")
ORDER_CHOICES = ("auto", "string", "pep440", "semver", "observed")
WEBHOOK_CHOICES = ("json", "slack")


def _settings_options(command: Command) -> Command:
    for option in (
        click.help_option("-h", "--help"),
        json_option,
        store_options,
        click.option("--clear-webhook", is_flag=True, help="Have no webhook."),
        click.option("--webhook-format", type=click.Choice(WEBHOOK_CHOICES), help="What the webhook gets."),
        click.option(
            "--webhook",
            "webhook_url",
            metavar="URL|env:NAME|file:PATH",
            help="Post digests to this address, or to the one that a variable or file holds when they go out.",
        ),
        click.option("--clear-recipients", is_flag=True, help="Send mail to nobody."),
        click.option(
            "--recipient",
            "recipients",
            multiple=True,
            metavar="ADDRESS",
            help="Mail digests there (repeatable).",
        ),
        click.option(
            "--regress-on-equal/--no-regress-on-equal",
            default=None,
            help="Whether the fix version itself, seen again, makes an issue regressed.",
        ),
        click.option(
            "--version-order",
            type=click.Choice(ORDER_CHOICES),
            help="How versions of the code are compared.",
        ),
        click.option(
            "--alert-frequency", type=click.Choice(FREQUENCY_CHOICES), help="How often digests go out."
        ),
        click.argument("name", metavar="NAME"),
    ):
        command = option(command)
    return command


@click.group(cls=HelpfulGroup)
@click.help_option("-h", "--help")
def projects() -> None:
    """List, make and set up projects.

    A project is a named collection of runs: issues are merged within it, and digests are about it. Scans make
    those they name.
    """


@projects.command("list")
@store_options
@format_options
@click.help_option("-h", "--help")
def list_(**options: Any) -> None:
    """List the projects by name."""
    from stormlog.apps.cli.commands.issue_lists import print_rows
    from stormlog.apps.cli.options.options import format_of
    from stormlog.apps.cli.options.tracked_targets import PROJECTS

    with tracker_of(options, read_only=True) as tracker:
        rows = [project.as_dict() for project in tracker.projects()]
    print_rows(rows, PROJECTS, format_of(options), options["no_colour"], moments_of(options))


@projects.command()
@_settings_options
@group_shared_option
def create(name: str, as_json: bool, **options: Any) -> None:
    """Make a project."""
    settings = _settings(options)
    with tracker_of(options, makes=True) as tracker:
        _confirm(tracker.create_project(name, **settings), as_json, "Created")


@projects.command("set")
@_settings_options
def set_(name: str, as_json: bool, **options: Any) -> None:
    """Change settings of a project; those not named stay."""
    settings = _settings(options)
    if not settings:
        raise click.UsageError("Name a setting to change.")
    with tracker_of(options) as tracker:
        _confirm(tracker.set_project(name, **settings), as_json, "Set")


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """Take the settings that were given from the options."""
    for name, clear in (("recipients", "clear_recipients"), ("webhook_url", "clear_webhook")):
        if options[clear] and options[name]:
            raise click.UsageError(
                f"Choose one of --{clear.replace('_', '-')} and a value: they exclude each other."
            )
    names = (
        "alert_frequency",
        "version_order",
        "regress_on_equal",
        "recipients",
        "webhook_url",
        "webhook_format",
    )
    given = {name: options.pop(name) for name in names}
    settings = {name: value for name, value in given.items() if value is not None and value != ()}
    if options.pop("clear_recipients"):
        settings["recipients"] = ()
    if options.pop("clear_webhook"):
        settings["webhook_url"] = None
    return settings


def _confirm(project: Project, as_json: bool, verb: str) -> None:
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import printable

    if as_json:
        output.print_text(json_document(project.as_dict()) + "\n")
    else:
        to = [*project.recipients, *([project.webhook_url] if project.webhook_url else [])]
        where = ", ".join(to) if to else "nobody"
        text = f"{verb} project {project.name}: digests {project.alert_frequency} to {where}"
        output.print_text(f"{printable(text)}, versions {project.version_order}\n")
    output.flush()
