"""Records what recurs, compares with it, and tells people: scan then notify, gate then report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stormlog.errors import SourceError, StormlogError, UnknownIdError

if TYPE_CHECKING:
    from stormlog.query import QueryStore
    from stormlog.tracking import (
        GateReport,
        IssueConditions,
        NotifyReport,
        NotifySettings,
        ScanReport,
        Tracker,
    )
    from stormlog.tracking.digest import Delivery, LatestRun
    from stormlog.tracking.gate import Baseline
    from stormlog.tracking.scanning.options import ScanOptions

__all__ = [
    "SCAN_OUTCOMES",
    "GateSummary",
    "NotifiedScan",
    "append_summary",
    "gate_and_summarise",
    "has_outcome",
    "latest_failure",
    "notify_and_explain",
    "scan_and_notify",
]

#: What a scan may find that somebody wants to hear of; ``any`` stands for the others.
SCAN_OUTCOMES: Final = ("new", "regressed", "any")

_Watching = Callable[["QueryStore"], AbstractContextManager[None]]


def _unwatched(_: QueryStore) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class NotifiedScan:
    """A scan and the messages that went out after it.

    Attributes:
        report: What the scan found, with the number of messages that it queued.
        failures: The messages that did not arrive; they are tried again by the next scan or digest.
    """

    report: ScanReport
    failures: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class GateSummary:
    """What a gate found, and the same in Markdown."""

    report: GateReport
    markdown: str


def scan_and_notify(
    tracker: Tracker,
    paths: Sequence[str],
    options: ScanOptions,
    settings: NotifySettings | None = None,
    *,
    watching: _Watching = _unwatched,
    should_stop: Callable[[], bool] = lambda: False,
) -> NotifiedScan:
    """Scan some paths; then queue the digest of the project if it is due, and send what waits.

    Args:
        tracker: Where issues are recorded, in its project.
        paths: Files and directories.
        options: How to scan.
        settings: How messages are sent; None sends none.
        watching: Wraps the time in which files are read.
        should_stop: Asked between two sources.

    Raises:
        SourceError, StoreBusyError, PermissionDeniedError: see `Tracker.scan`.
    """
    # Not every command that works in several steps scans.
    from stormlog.tracking.scanning.scan import scan

    report = scan(tracker, paths, options, watching=watching, should_stop=should_stop)
    if settings is None:
        return NotifiedScan(report)
    from stormlog.tracking.digest import deliver, queue_if_due

    queued = queue_if_due(
        tracker, scan_id=report.scan_id, explain=lambda _: latest_failure(paths, cache=options.cache)
    )
    deliveries = deliver(tracker, settings, projects=[tracker.project])
    failures = tuple(delivery for delivery in deliveries if delivery.state != "sent")
    return NotifiedScan(replace(report, notices_queued=queued), failures)


def has_outcome(report: ScanReport, outcomes: Collection[str]) -> bool:
    """Return whether a scan found something of `SCAN_OUTCOMES`."""
    is_any = "any" in outcomes
    return bool(
        (report.issues_created and (is_any or "new" in outcomes))
        or (report.issues_regressed and (is_any or "regressed" in outcomes))
    )


def gate_and_summarise(
    paths: Sequence[str],
    baseline: Baseline,
    options: ScanOptions,
    *,
    fail_on: Collection[str],
    app: str | None = None,
    only: IssueConditions | None = None,
    budgets: Sequence[str] = (),
    watching: _Watching = _unwatched,
) -> GateSummary:
    """Compare what some paths hold with what is known, and write it down for people; see `Tracker.gate`."""
    from stormlog.tracking.gate import evaluate, markdown_summary

    report = evaluate(
        paths, baseline, options, fail_on=fail_on, app=app, only=only, budgets=budgets, watching=watching
    )
    is_clean = not any(report.counts[outcome] for outcome in ("new", "regressed", "recurring", "pending"))
    why = None if is_clean else latest_failure(paths, cache=options.cache)
    return GateSummary(report, markdown_summary(report, why=why))


def notify_and_explain(
    tracker: Tracker,
    settings: NotifySettings,
    *,
    projects: Sequence[str] | None,
    force: bool = False,
    dry_run: bool = False,
) -> NotifyReport:
    """Queue the digests that are due, with why the latest run failed, and send everything that waits.

    Args:
        projects: Names of projects; None for all.
        force: Whether to take every digest for due.
        dry_run: Whether to say what would be sent only.

    Raises:
        LifecycleError, PermissionDeniedError: see `Tracker.notify`.
    """
    from stormlog.tracking.digest import notify

    def explain(run: LatestRun) -> str | None:
        try:
            return _why_failed(run.sources or run.sources_with_evidence, run.run_id, None)
        except UnknownIdError:
            # Where records name no session, telemetry knows the run by another name.
            return latest_failure(run.sources_with_evidence)

    return notify(
        tracker, projects=projects, settings=settings, force=force, dry_run=dry_run, explain=explain
    )


def latest_failure(paths: Sequence[str], *, cache: str | bool | None = None) -> str | None:
    """Return why the run failed that failed last, on one line.

    Args:
        paths: Files and directories.
        cache: See `stormlog.query.open`.

    Returns:
        None if no run failed, or if the files are not there any more or cannot be read: this is an addition to
        something that is told in any case.
    """
    return _why_failed(paths, None, cache)


def _why_failed(paths: Sequence[str], run_id: str | None, cache: str | bool | None) -> str | None:
    """Return why a run failed, by default the latest that did.

    Raises:
        UnknownIdError: there is no such run.
    """
    if not paths:
        return None
    import time

    from stormlog.presenting import brief
    from stormlog.query import open

    try:
        with open(list(paths), cache=cache) as store:
            explanation = store.explain(run_id=run_id)
    except UnknownIdError:
        raise
    except (StormlogError, OSError, ValueError):
        return None
    return None if explanation.first_failure is None else brief(explanation, now_ns=time.time_ns())


def append_summary(path: str, summary: GateSummary) -> None:
    """Append a summary to a file, as continuous integration shows it.

    Raises:
        SourceError: the file cannot be written.
    """
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(summary.markdown + "\n")
    except OSError as error:
        raise SourceError(f"cannot be written: {error.strerror or error}", path=path) from error
