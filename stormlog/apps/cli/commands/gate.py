"""``stormlog gate``: a job fails if its artifacts hold issues that nobody knew, or that were fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.options.configured import configuration_of, configured_option, paths_argument
from stormlog.apps.cli.options.filter_options import given_filters, job_option, word_option
from stormlog.apps.cli.options.options import cache_dir_option
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.sections import SectionedCommand, section
from stormlog.apps.cli.options.times import TimeType
from stormlog.apps.cli.options.tracker_options import (
    evidence_options,
    json_option,
    settle_option,
    tracker_options,
)
from stormlog.issues.kinds import TRACKED_KINDS

if TYPE_CHECKING:
    from stormlog.tracking import GateReport, IssueConditions
    from stormlog.tracking.gate import Baseline

__all__ = ["gate"]

_OUTCOMES = ("new", "regressed", "recurring", "pending")
#: Options that choose among issues.
_FILTERS = ("kind", "severity", "run", "job_id", "rank", "host")
#: A word for all of them, as `stormlog scan` has it.
_ANY = "any"


def _check_budgets(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    if texts:
        # Completing a command line looks at no budget.
        from stormlog.explaining import parse_budget

        try:
            return tuple(parse_budget(text).text for text in texts)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from None
    return ()


@click.command(cls=SectionedCommand)
@section(
    "Filters",
    word_option("--kind", "Count only issues of this kind", choices=TRACKED_KINDS),
    word_option("--severity", "Count only issues of this severity"),
    click.option(
        "--since",
        metavar="TIME",
        type=TimeType(),
        help="Leave out evidence before then: 7d (ago), an ISO date or time.",
    ),
    word_option("--run", "Count only issues with evidence of this run, by its id or its job"),
    job_option("issues with evidence"),
    word_option("--rank", "Count only issues with evidence of this rank", kind=click.INT),
    word_option("--host", "Count only issues with evidence on this machine"),
)
@paths_argument(type=NamedPath())
@click.option(
    "--baseline",
    metavar="FILE",
    type=NamedPath(dir_okay=False),
    help="Compare with an issues.json, as 'stormlog issues export' writes it, instead of a tracker.",
)
@tracker_options
@click.option(
    "--fail-on",
    metavar="WORDS",
    default="new,regressed",
    show_default=True,
    help=f"Exit with status 10 if there are issues that are: {', '.join(_OUTCOMES)}, any; none for never.",
)
@configured_option(
    "--budget",
    "budgets",
    key="budgets",
    multiple=True,
    metavar="BUDGET",
    callback=_check_budgets,
    help="Exit with status 10 if a rank needs more memory than 'PHASE METRIC OP SIZE' allows, such as "
    "'train/forward peak_reserved < 70GiB' (repeatable). PHASE * is all of a run; metrics are peak_allocated, "
    "peak_reserved, peak_used and hidden, OP is < or <=, SIZE may be a part of the device such as 90%.",
)
@click.option(
    "--app",
    metavar="NAME",
    help="Compare with this training program only, and take telemetry that names none for it.",
)
@evidence_options
@settle_option
@configured_option(
    "--version-order",
    key="version_order",
    type=click.Choice(("auto", "string", "pep440", "semver", "observed")),
    help="How versions compare (default: auto, or what the project of the tracker says).",
)
@click.option(
    "--summary",
    metavar="FILE",
    envvar="GITHUB_STEP_SUMMARY",
    type=NamedPath(dir_okay=False),
    help="Append the summary to FILE as well (default: GITHUB_STEP_SUMMARY).",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Fail with status 3 if anything has to be skipped, and with 10 if a budget is unknown.",
)
@click.option("--no-cache", is_flag=True, help="Read all files anew, and remember nothing.")
@cache_dir_option
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Print neither warnings nor progress.")
@click.help_option("-h", "--help")
def gate(paths: tuple[str, ...], **options: Any) -> ExitCode:
    """Compare what PATHs hold with what is known, and change nothing.

    An issue is new if nobody knows it, regressed if it was resolved and a newer version has it, and recurring if
    it was resolved and nobody can tell whether the version has the fix. What rests on findings of hidden memory in
    sessions that may still grow is pending instead.

    \b
    Examples:
      stormlog gate runs/ --baseline issues.json --code-version "$(git describe)"
      stormlog gate runs/ --db tracker.db --fail-on new,regressed,recurring --json
      stormlog gate runs/ --budget "train/forward peak_reserved < 70GiB" --budget "* peak_used < 95%"
    """
    from dataclasses import replace

    from stormlog.apps.cli.options.options import cache_of
    from stormlog.apps.cli.options.times import duration_ns
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.apps.cli.watching import watching
    from stormlog.tracking.scanning.options import ScanOptions
    from stormlog.workflows import append_summary, gate_and_summarise

    fail_on = _fail_on(options["fail_on"])
    if options["budgets"] and _has_no_baseline(options):
        # Budgets need nothing to compare with.
        fail_on = set()
    filters = given_filters({name: options[name] for name in _FILTERS})
    cache = cache_of(options)
    baseline = _baseline(options)
    if options["version_order"] is not None:
        baseline = replace(baseline, version_order=options["version_order"])
    found = gate_and_summarise(
        paths,
        baseline,
        ScanOptions(
            is_dev=options["dev"],
            code_version=options["code_version"] or None,
            min_severity=options["min_severity"],
            repo=options["repo"],
            since_ns=options["since"],
            settle_ns=duration_ns(options["settle"], "--settle"),
            strict=options["strict"],
            cache=cache,
        ),
        fail_on=fail_on,
        app=options["app"],
        only=cast("IssueConditions", filters),
        budgets=options["budgets"],
        watching=watching(quiet=options["quiet"]),
    )
    output.print_text(json_document(found.report.as_dict()) + "\n" if options["as_json"] else found.markdown)
    output.flush()
    if options["summary"]:
        append_summary(options["summary"], found)
    if not options["quiet"]:
        _note_left_out(found.report, filters)
        _warn(found.report)
    return ExitCode.FOUND if found.report.failed else ExitCode.OK


def _fail_on(text: str) -> set[str]:
    words = {word.strip() for word in text.split(",") if word.strip()}
    if words == {"none"}:
        return set()
    if _ANY in words:
        words = words - {_ANY} | set(_OUTCOMES)
    unknown = sorted(words.difference(_OUTCOMES))
    if unknown or not words:
        named = repr(unknown[0]) if unknown else "nothing"
        raise click.BadParameter(f"{named} is none of {', '.join(_OUTCOMES)}.", param_hint="'--fail-on'")
    return words


def _baseline(options: dict[str, Any]) -> Baseline:
    from dataclasses import replace

    from stormlog.apps.cli.options.tracker_options import open_tracker
    from stormlog.tracking.gate import Baseline, baseline_of_file, baseline_of_tracker

    if options["baseline"] is not None:
        if options["db"] is not None:
            raise click.UsageError("Choose one of --baseline and --db: they exclude each other.")
        baseline = baseline_of_file(options["baseline"])
        configured = configuration_of(click.get_current_context()).value("ignore") or ()
        return replace(baseline, ignore=(*baseline.ignore, *configured))
    if options["budgets"] and _has_no_baseline(options):
        return Baseline("nothing, as there is no tracker and no --baseline", ())
    named = {name: options[name] for name in ("db", "project", "as_agent", "allow")}
    with open_tracker(**named, read_only=True) as tracker:
        return baseline_of_tracker(tracker)


def _has_no_baseline(options: dict[str, Any]) -> bool:
    """Return whether nobody asked for a comparison of issues, and there is nothing to compare with."""
    import os

    from click.core import ParameterSource

    from stormlog.tracking import default_store_path

    source = click.get_current_context().get_parameter_source
    is_asked_for = options["baseline"] is not None or options["db"] is not None
    is_asked_for = is_asked_for or source("fail_on") is not ParameterSource.DEFAULT
    return not is_asked_for and not os.path.exists(default_store_path())


def _note_left_out(report: GateReport, filters: dict[str, Any]) -> None:
    """Say how many issues the filters left out: a mistyped word must not let a job pass in silence."""
    if report.left_out:
        from stormlog.apps.cli.printing.diagnostics import print_message

        names = ", ".join(f"--{name.replace('_', '-')}" for name in filters)
        there_are = report.left_out + len(report.issues)
        kind = "Note" if report.issues else "Warning"
        print_message(f"{report.left_out:,} of {there_are:,} issues are left out by {names}", kind)


def _warn(report: GateReport) -> None:
    from stormlog.apps.cli.printing import diagnostics

    notices = diagnostics.notices_of_report(report.warnings)
    diagnostics.print_skipped(notices, "--json names all of it")
