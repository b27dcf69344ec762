"""``stormlog scan``: what recurs below some paths becomes tracked issues."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.options.configured import configured_option, paths_argument
from stormlog.apps.cli.options.options import cache_dir_option, memory_limit_option, threads_option
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.tracker_options import (
    evidence_options,
    group_shared_option,
    settle_option,
    tracker_options,
)

if TYPE_CHECKING:
    from stormlog.tracking import NotifySettings, ScanReport
    from stormlog.tracking.scanning.options import ScanOptions

__all__ = ["scan"]


@click.command()
@paths_argument(type=NamedPath())
@tracker_options
@configured_option(
    "--app",
    key="app",
    default="default",
    show_default=True,
    metavar="NAME",
    help="Training program, where telemetry names none.",
)
@evidence_options
@group_shared_option
@click.option(
    "--since",
    metavar="TIME",
    help="Leave out evidence before then: 7d (ago), yesterday, an ISO date or time.",
)
@settle_option
@click.option("--full", is_flag=True, help="Look at every session again.")
@click.option("--dry-run", is_flag=True, help="Say what a scan would do, and change nothing.")
@click.option("--watch", is_flag=True, help="Scan again and again, until SIGINT or SIGTERM.")
@click.option("--interval", metavar="TIME", default="30s", show_default=True, help="How long --watch sleeps.")
@click.option("--notify", is_flag=True, help="Then send the digests that are due.")
@click.option(
    "--fail-on",
    metavar="WORDS",
    help="Exit with status 10 if there were issues that are: new, regressed, any; with commas between.",
)
@click.option(
    "--wait", metavar="TIME", default="0s", help="Wait so long for another scan (default: not at all)."
)
@click.option("--strict", is_flag=True, help="Fail with status 3 if anything has to be skipped.")
@threads_option
@memory_limit_option
@click.option("--no-cache", is_flag=True, help="Read all changed sources anew, and remember nothing.")
@cache_dir_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object (with --watch: one for each scan that read something).",
)
@click.option("-q", "--quiet", is_flag=True, help="Print neither warnings nor progress.")
@click.help_option("-h", "--help")
def scan(paths: tuple[str, ...], **options: Any) -> ExitCode:
    """Record what recurs below PATHs as tracked issues.

    Only what changed since the last scan is read. Scanning twice changes nothing, so it may run as often as
    one likes: from cron, a systemd timer, or with --watch.

    \b
    Examples:
      stormlog scan runs/
      stormlog scan runs/ --code-version "$(git describe)" --notify --json
      stormlog scan runs/ --watch --interval 1m
    """
    from stormlog.apps.cli.options.times import duration_ns
    from stormlog.apps.cli.printing import output
    from stormlog.workflows import has_outcome

    wanted = _fail_on(options["fail_on"])
    if options["watch"] and options["dry_run"]:
        raise click.UsageError("Choose one of --watch and --dry-run: they exclude each other.")
    if options["notify"] and options["dry_run"]:
        raise click.UsageError("Choose one of --notify and --dry-run: they exclude each other.")
    scan_options = _scan_options(options)
    if options["watch"]:
        interval_s = duration_ns(options["interval"], "--interval") / 1e9
        return _watch(paths, scan_options, options, interval_s, wanted)
    report, next_step = _scan(paths, scan_options, options, lambda: False)
    _print(report, options, next_step)
    output.flush()
    return ExitCode.FOUND if has_outcome(report, wanted) else ExitCode.OK


def _fail_on(text: str | None) -> set[str]:
    from stormlog.workflows import SCAN_OUTCOMES

    words = {word.strip() for word in (text or "").split(",") if word.strip()}
    if text is not None and not words:
        raise click.BadParameter(f"name some of {', '.join(SCAN_OUTCOMES)}.", param_hint="--fail-on")
    unknown = sorted(words.difference(SCAN_OUTCOMES))
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is none of {', '.join(SCAN_OUTCOMES)}.", param_hint="--fail-on"
        )
    return words


def _scan_options(options: dict[str, Any]) -> ScanOptions:
    from stormlog.apps.cli.options.options import cache_of
    from stormlog.apps.cli.options.times import duration_ns, moment_ns
    from stormlog.tracking.scanning.options import ScanOptions

    return ScanOptions(
        app=options["app"],
        is_dev=options["dev"],
        code_version=options["code_version"] or None,
        min_severity=options["min_severity"],
        repo=options["repo"],
        since_ns=None if options["since"] is None else moment_ns(options["since"], "--since"),
        settle_ns=duration_ns(options["settle"], "--settle"),
        full=options["full"],
        dry_run=options["dry_run"],
        strict=options["strict"],
        wait_s=duration_ns(options["wait"], "--wait") / 1e9,
        cache=cache_of(options),
        threads=options["threads"],
        memory_limit=options["memory_limit"],
    )


def _scan(
    paths: tuple[str, ...],
    scan_options: ScanOptions,
    options: dict[str, Any],
    should_stop: Callable[[], bool],
) -> tuple[ScanReport, str]:
    """Scan once; return what was done, and where it is and how to see it."""
    from stormlog.apps.cli.options.tracker_options import open_tracker
    from stormlog.apps.cli.printing.diagnostics import print_message
    from stormlog.apps.cli.watching import watching
    from stormlog.workflows import scan_and_notify

    # A setting that is wrong is said before anything is done.
    settings = _notify_settings() if options["notify"] else None
    names = ("db", "project", "as_agent", "allow", "group_shared")
    with open_tracker(
        **{name: options[name] for name in names}, makes=True, scratch=options["dry_run"]
    ) as tracker:
        done = scan_and_notify(
            tracker,
            paths,
            scan_options,
            settings,
            watching=watching(quiet=options["quiet"]),
            should_stop=should_stop,
        )
        path, named = tracker.store.path.absolute(), tracker.command_options()
    if not options["quiet"]:
        for failure in done.failures:
            print_message(f"not sent to {failure.recipient}: {failure.error}", "Warning")
    is_new = done.report.issues_created or done.report.issues_regressed
    statuses = " --status new --status regressed" if is_new else ""
    return done.report, f"Tracker: {path}\nNext:    stormlog issues list{statuses}{named}\n"


def _notify_settings() -> NotifySettings:
    from stormlog.tracking import NotifySettings

    return NotifySettings.from_environment()


def _watch(
    paths: tuple[str, ...],
    scan_options: ScanOptions,
    options: dict[str, Any],
    interval_s: float,
    wanted: set[str],
) -> ExitCode:
    from stormlog.apps.cli.app import error_code
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.errors import StormlogError
    from stormlog.tracking.scanning.watch import watch
    from stormlog.workflows import has_outcome

    stop = threading.Event()
    has_found = False

    def on_report(report: ScanReport) -> None:
        nonlocal has_found
        has_found = has_found or has_outcome(report, wanted)
        if report.sources_read:
            _print(report, options)
            output.flush()

    def on_error(error: StormlogError) -> None:
        diagnostics.print_error(error, error_code(error), as_json=options["as_json"])

    def note(_number: int, _frame: FrameType | None) -> None:
        # From another thread: the main one, which is stopped here, may hold the lock of the event.
        _thread.start_new_thread(stop.set, ())

    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        watch(
            lambda: _scan(paths, scan_options, {**options, "quiet": True}, stop.is_set)[0],
            interval_s=interval_s,
            stop=stop,
            on_report=on_report,
            on_error=on_error,
        )
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return ExitCode.FOUND if has_found else ExitCode.OK


def _print(report: ScanReport, options: dict[str, Any], next_step: str = "") -> None:
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.apps.cli.printing.json_text import json_line
    from stormlog.presenting import printable

    if options["as_json"]:
        output.print_text(json_line(report.as_dict()) + "\n")
        return
    output.print_text(_as_text(report, dry_run=options["dry_run"]))
    if not options["dry_run"]:
        output.print_text("".join(f"{printable(line)}\n" for line in next_step.splitlines()))
    if not options["quiet"]:
        notices = diagnostics.notices_of_report(report.warnings)
        diagnostics.print_skipped(notices, "--json names all of it")


def _as_text(report: ScanReport, *, dry_run: bool) -> str:
    from stormlog.presenting import counted

    settled = f", {report.sources_settled:,} settled" if report.sources_settled else ""
    lines = [
        f"{counted(report.sources_seen, 'source')}, {report.sources_read - report.sources_settled:,} changed{settled}: "
        f"{counted(report.lines_read, 'record')} of {counted(report.sessions_scanned, 'session')}",
    ]
    if report.evidence_new or report.occurrences_updated:
        lines.append(
            f"{counted(report.issues_created, 'new issue')}, {report.issues_regressed:,} regressed, "
            f"{counted(report.occurrences_created, 'new occurrence')}, {report.evidence_new:,} new pieces of evidence"
        )
    elif not report.sources_read:
        lines = [f"{counted(report.sources_seen, 'source')}, nothing changed"]
    else:
        lines.append("Nothing new in them")
    for number, one, many in (
        (report.lines_skipped, "line was skipped", "lines were skipped"),
        (report.sources_pending, "source ends within a line", "sources end within a line"),
        (
            report.sources_missing,
            "source is gone; what it showed stays",
            "sources are gone; what they showed stays",
        ),
        (report.notices_queued, "message queued", "messages queued"),
    ):
        if number:
            lines.append(f"{number:,} {one if number == 1 else many}")
    if dry_run:
        lines.append("Nothing of this was kept: --dry-run")
    return "\n".join(lines) + "\n"
