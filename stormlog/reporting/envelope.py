"""A report for programs: the envelope ``stormlog.report``, version 1.

The promise: the envelope has the keys that version 1 knows and no others; everything else is in ``payload``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from stormlog.explaining import EvidencePlace, IssueAccount
from stormlog.explaining.times import utc_text
from stormlog.issues import ISSUE_FINGERPRINT_SCHEMA_VERSION
from stormlog.reporting.bounded_texts import cut_long_texts
from stormlog.reporting.documents import (
    EnvelopeDocument,
    EvidenceDocument,
    FindingDocument,
    PayloadDocument,
    PayloadIssue,
)
from stormlog.reporting.inputs import Records, is_lines, read_records
from stormlog.reporting.models import IssueLine, Report
from stormlog.reporting.wording import ask_again, report_title, verdict

if TYPE_CHECKING:
    from stormlog.query import QueryStore

__all__ = ["report_envelope"]

_PAYLOAD_VERSION = 1

#: Status of the verdict -> the exit status that version 1 pairs with it.
_EXIT_CODES = {"pass": 0, "findings": 3}

#: Severities that version 1 knows; an error is critical, other words are warnings.
_SEVERITIES = {"critical": "critical", "error": "critical", "warning": "warning", "info": "info"}


def report_envelope(report: Report, store: QueryStore, *, directory: str | None = None) -> EnvelopeDocument:
    """Return a report as the envelope ``stormlog.report`` of version 1.

    Args:
        report: What is known.
        store: The store that it was collected from: ids of records, and hashes of files, are read from it.
        directory: Where the report will lie: relative paths of evidence lead from there. None is the current directory.

    Returns:
        A mapping of plain values. Times ending in ``_ns`` are nanoseconds since the Unix epoch. Long texts are cut, and
        ``cut_text_count`` of the payload says how many.

    Source: docs/report.md#json.
    """
    bounded, cut_text_count = cut_long_texts(dict(_whole_envelope(report, store, directory)))
    bounded["payload"]["cut_text_count"] = cut_text_count
    return cast(EnvelopeDocument, bounded)


def _whole_envelope(report: Report, store: QueryStore, directory: str | None) -> EnvelopeDocument:
    places = [
        (place.path, place.line_number)
        for account in report.accounts
        for place in account.evidence
        if place.line_number is not None
    ]
    records = read_records(store, places)
    status = "findings" if report.has_findings else "pass"
    failure = report.explanation.first_failure
    last = None if report.last_ns is None else utc_text(report.last_ns)
    accounts = {account.fingerprint_id: account for account in report.accounts}
    return {
        "schema_version": 1,
        "format": "stormlog.report",
        "report_kind": "issues",
        # The time of the data: the same data give the same report.
        "generated_at_utc": last or "unknown",
        "tool": {"name": "stormlog", "command": "report", "version": report.version},
        "verdict": {"status": status, "exit_code": _EXIT_CODES[status], "summary": verdict(report)},
        "findings": [
            _finding(issue, accounts.get(issue.fingerprint_id), records, directory) for issue in report.issues
        ],
        "metrics": {
            "issue_count": len(report.issues),
            "finding_count": sum(issue.is_finding for issue in report.issues),
            "hit_count": sum(issue.hit_count for issue in report.issues),
            "session_count": report.session_count,
            "skipped_line_count": report.skipped_line_count,
        },
        "artifacts": [
            {"kind": "telemetry_events", "path": _from(directory, file.path)} for file in records.files
        ],
        "recommendations": [step for step in report.explanation.next if step],
        "session_id": (failure.session_id if failure is not None else None) or None,
        "run_id": report.explanation.run.run_id or None,
        "payload": _payload(report, accounts, records, directory),
    }


def _from(directory: str | None, path: str) -> str:
    """Return a path as it leads from the directory of the report; absolute ones stay."""
    if directory is None or os.path.isabs(path):
        return path
    return os.path.relpath(path, directory)


def _finding_id(issue: IssueLine) -> str:
    """Return an id of lower-case letters, digits, dots and underscores, which begins with a letter."""
    kind = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in issue.kind.lower())
    return f"issues.{kind}.x{issue.fingerprint_id.removeprefix('issue:')}"


def _finding(
    issue: IssueLine, account: IssueAccount | None, records: Records, directory: str | None
) -> FindingDocument:
    metrics = {"hit_count": issue.hit_count, "session_count": issue.session_count}
    if account is not None:
        metrics["run_count"] = account.run_count
        evidence = [_evidence(place, records, directory) for place in account.evidence]
    else:
        evidence = [_first_evidence(issue, directory)]
    return {
        "id": _finding_id(issue),
        "kind": issue.kind,
        "severity": _SEVERITIES.get(issue.severity, "warning"),
        "title": issue.title or issue.kind,
        "message": issue.what or None,
        "metrics": metrics,
        "evidence": evidence,
    }


def _evidence(place: EvidencePlace, records: Records, directory: str | None) -> EvidenceDocument:
    kind = "oom_bundle" if place.line_number is None else "telemetry_event"
    found = _place(kind, _from(directory, place.path), place.session_id, place.timestamp_ns)
    if place.line_number is not None:
        record_id = records.ids.get((place.path, place.line_number))
        if record_id is not None and is_lines(place.path):
            # Version 1 counts from zero.
            found["pointer"] = f"/{place.line_number - 1}"
            found["record_id"] = record_id
        found["description"] = f"line {place.line_number}"
    return found


def _first_evidence(issue: IssueLine, directory: str | None) -> EvidenceDocument:
    path = None if not issue.path else _from(directory, issue.path)
    return _place("source", path, issue.session_id, issue.timestamp_ns)


def _place(kind: str, path: str | None, session_id: str | None, time_ns: int | None) -> EvidenceDocument:
    # Version 1 has no times before the epoch, and no empty paths and ids.
    return {
        "kind": kind,
        "path": path or None,
        "session_id": session_id or None,
        "start_ns": time_ns if time_ns is not None and time_ns >= 0 else None,
    }


def _payload(
    report: Report, accounts: dict[str, IssueAccount], records: Records, directory: str | None
) -> PayloadDocument:
    return {
        "schema_version": _PAYLOAD_VERSION,
        "title": report_title(report),
        "paths": list(report.paths),
        "tracker": report.tracker,
        "project": report.project,
        "fingerprint_schema_version": ISSUE_FINGERPRINT_SCHEMA_VERSION,
        "explanation": report.explanation.as_dict(),
        "issues": list(_issues(report, accounts)),
        "skipped": [
            {
                "path": found.path,
                "line_count": found.line_count,
                "first_line_number": found.line_number,
                "message": found.message,
                "is_note": found.is_note,
            }
            for found in report.skipped
        ],
        "inputs": [
            {
                "path": _from(directory, file.path),
                "sha256": file.sha256,
                "size_bytes": file.size_bytes,
                "line_count": file.line_count,
            }
            for file in records.files
        ],
        "commands": ask_again(report),
        # Counted once all texts are there.
        "cut_text_count": 0,
    }


def _issues(report: Report, accounts: dict[str, IssueAccount]) -> Iterator[PayloadIssue]:
    for issue in report.issues:
        account = accounts.get(issue.fingerprint_id)
        tracked = report.tracked.get(issue.fingerprint_id)
        yield {
            "finding_id": _finding_id(issue),
            "fingerprint_id": issue.fingerprint_id,
            "kind": issue.kind,
            "severity": issue.severity,
            "state": issue.state,
            "title": issue.title,
            "what": issue.what,
            "hit_count": issue.hit_count,
            "session_count": issue.session_count,
            "first_seen_ns": issue.first_ns,
            "first_seen_utc": None if issue.first_ns is None else utc_text(issue.first_ns),
            "last_seen_ns": issue.last_ns,
            "last_seen_utc": None if issue.last_ns is None else utc_text(issue.last_ns),
            "account": None if account is None else account.as_dict(),
            "tracked": None
            if tracked is None
            else {
                "issue_id": tracked.issue_id,
                "number": tracked.number,
                "status": tracked.status,
                "assignee": tracked.assignee,
                "fix_version": tracked.fix_version,
                "first_seen_version": tracked.first_version,
                "last_seen_version": tracked.last_version,
                "run_count": tracked.run_count,
            },
        }
