"""What front ends do with a tracker in more than one step, each in the same way: scan then notify, gate then report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stormlog.errors import SourceError
from stormlog.tracking.scanning.scan import ScanOptions, scan

if TYPE_CHECKING:
    from stormlog.query import QueryStore
    from stormlog.tracking import GateReport, NotifySettings, ScanReport, Tracker
    from stormlog.tracking.digest import Delivery
    from stormlog.tracking.gate import Baseline

__all__ = [
    "SCAN_OUTCOMES",
    "GateSummary",
    "NotifiedScan",
    "append_summary",
    "gate_and_summarise",
    "has_outcome",
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
    report = scan(tracker, paths, options, watching=watching, should_stop=should_stop)
    if settings is None:
        return NotifiedScan(report)
    from stormlog.tracking.digest import deliver, queue_if_due

    queued = queue_if_due(tracker, scan_id=report.scan_id)
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
    watching: _Watching = _unwatched,
) -> GateSummary:
    """Compare what some paths hold with what is known, and write it down for people; see `Tracker.gate`."""
    from stormlog.tracking.gate import evaluate, markdown_summary

    report = evaluate(paths, baseline, options, fail_on=fail_on, app=app, watching=watching)
    return GateSummary(report, markdown_summary(report))


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
