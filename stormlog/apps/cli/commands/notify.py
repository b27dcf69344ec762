"""``stormlog notify``: queue the digests that are due, and send what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.options.tracker_options import json_option, open_tracker, tracker_options

if TYPE_CHECKING:
    from stormlog.tracking import NotifyReport
    from stormlog.tracking.digest import Delivery, PlannedMessage, ProjectDigest

__all__ = ["notify"]


@click.command()
@tracker_options
@click.option("--all-projects", is_flag=True, help="All projects, whatever --project says.")
@click.option("--force", is_flag=True, help="Send now what is new, due or not.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent; send and store nothing.")
@click.option("--smtp-host", metavar="HOST", help="Mail server (default: STORMLOG_SMTP_HOST).")
@click.option(
    "--smtp-port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    help="Its port (default: that of the TLS mode).",
)
@click.option(
    "--smtp-tls",
    type=click.Choice(["none", "starttls", "implicit"]),
    help="How it is encrypted (default: starttls).",
)
@click.option("--smtp-user", metavar="NAME", help="Who logs in; the password is in STORMLOG_SMTP_PASSWORD.")
@click.option(
    "--from", "sender", metavar="ADDRESS", help="Address that mails are from (default: STORMLOG_SMTP_FROM)."
)
@click.option(
    "--timeout",
    metavar="TIME",
    help="Most time for each message, from connecting to the answer (default: STORMLOG_NOTIFY_TIMEOUT, else 10s).",
)
@json_option
@click.help_option("-h", "--help")
@click.pass_context
def notify(
    context: click.Context,
    /,
    *,
    all_projects: bool,
    force: bool,
    dry_run: bool,
    smtp_host: str | None,
    smtp_port: int | None,
    smtp_tls: str | None,
    smtp_user: str | None,
    sender: str | None,
    timeout: str | None,
    as_json: bool,
    **tracker: Any,
) -> None:
    """Tell people of new and regressed issues.

    A digest goes out as often as its project says (stormlog projects set), if there is anything new, to the
    mail addresses and the webhook of the project. What did not arrive is tried again by the next call. Run
    this from a timer.

    Exit status: 0 if nothing is due or all is delivered, 8 if something waits or was refused.

    \b
    Examples:
      stormlog notify --dry-run --force
      STORMLOG_SMTP_HOST=mail.example.org stormlog notify --from stormlog@example.org
      stormlog notify --all-projects --json
    """
    from stormlog.apps.cli.options.times import duration_ns
    from stormlog.apps.cli.printing import output as answers
    from stormlog.apps.cli.printing.diagnostics import print_message
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.tracking import NotifySettings
    from stormlog.workflows import notify_and_explain

    settings = NotifySettings.from_environment(
        host=smtp_host,
        port=smtp_port,
        tls=smtp_tls,
        user=smtp_user,
        sender=sender,
        timeout_s=None if timeout is None else duration_ns(timeout, "--timeout") / 1e9,
    )
    with open_tracker(**tracker, read_only=dry_run) as opened:
        report = notify_and_explain(
            opened,
            settings,
            projects=None if all_projects else [opened.project],
            force=force,
            dry_run=dry_run,
        )
    answers.print_text(json_document(report.as_dict()) + "\n" if as_json else _as_text(report))
    answers.flush()
    for delivery in report.deliveries:
        if delivery.state != "sent":
            print_message(_delivery_line(delivery), "Warning")
    if not report.is_delivered:
        context.exit(ExitCode.UNDELIVERED)


def _as_text(report: NotifyReport) -> str:
    parts = [_project_text(project, is_dry_run=report.is_dry_run) for project in report.projects]
    parts += [f"{_delivery_line(delivery)}\n" for delivery in report.deliveries if delivery.state == "sent"]
    for message in report.messages:
        parts.append(_planned_text(message))
    return "".join(parts)


def _planned_text(message: PlannedMessage) -> str:
    """Return to whom a message would go, how, and what a webhook would get; the text of a new mail stands above."""
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import printable

    verb = "Waits to be sent" if message.is_waiting else "Would be sent"
    route = "" if message.route is None else f" through {message.route}"
    if message.channel == "webhook":
        route = "" if message.route is None else f": posts to {message.route}"
    line = f"{verb}: {message.channel} to {printable(message.recipient)}{printable(route)}"
    if message.problem is not None:
        line += f"; not now: {printable(message.problem)}"
    text = f"\n{line}\n"
    if message.channel == "webhook":
        text += json_document(dict(message.payload)) + "\n"
    elif message.is_waiting:
        text += f"{message.payload['text']}"
    return text


def _project_text(project: ProjectDigest, *, is_dry_run: bool) -> str:
    from stormlog.presenting import human_time, printable
    from stormlog.tracking.digest.rendering import as_text, subject

    if project.digest is not None:
        if is_dry_run:
            return as_text(project.digest)
        count = f"{project.notice_count} {'message' if project.notice_count == 1 else 'messages'}"
        return f"{count} queued: {subject(project.digest)}\n"
    why = {
        "off": "its digests are off",
        "not_due": "" if project.due_ns is None else f"not due before {human_time(project.due_ns)} UTC",
        "no_recipients": "it has neither recipients nor a webhook; see 'stormlog projects set --help'",
        "nothing_new": "nothing new",
    }[project.outcome]
    return f"Project {printable(project.project)}: {why}\n"


def _delivery_line(delivery: Delivery) -> str:
    from stormlog.presenting import human_time, printable

    line = f"{delivery.channel} to {printable(delivery.recipient)}: {delivery.state}"
    if delivery.error is not None:
        line += f": {printable(delivery.error)}"
    if delivery.next_attempt_ns is not None and delivery.attempts:
        line += f"; tried again after {human_time(delivery.next_attempt_ns)} UTC"
    return line
