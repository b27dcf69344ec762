"""What the envelope ``stormlog.report`` of version 1 holds, and what is in its payload.

Version 1 knows no other keys outside of ``payload``.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from stormlog.explaining import Explanation, IssueAccount

__all__ = ["EnvelopeDocument", "EvidenceDocument", "FindingDocument", "PayloadDocument", "PayloadIssue"]


class ToolDocument(TypedDict):
    """What made the report."""

    name: str
    command: str
    version: str


class VerdictDocument(TypedDict):
    """What the report comes to.

    Attributes:
        status: ``pass`` or ``findings``.
        exit_code: The exit status that version 1 pairs with it: 0 or 3. The command itself exits with 0.
        summary: The same for people.
    """

    status: str
    exit_code: int
    summary: str


class EvidenceDocument(TypedDict):
    """Where a hit is recorded.

    Attributes:
        kind: ``telemetry_event``, ``oom_bundle`` or ``source``.
        path: The file, or the directory of the bundle; relative paths lead from where the report lies.
        pointer: ``/`` and the line, counted from 0, of a file of lines.
        record_id: Id of the event in that line.
        description: The line, counted from 1, for people.
        start_ns: When it happened, since the Unix epoch; null also for times before that.
    """

    kind: str
    path: str | None
    pointer: NotRequired[str]
    record_id: NotRequired[str]
    description: NotRequired[str]
    session_id: str | None
    start_ns: int | None


class FindingDocument(TypedDict):
    """An issue.

    Attributes:
        id: ``issues.``, the kind, ``.x``, and the digits of the fingerprint.
        kind: oom, collector_degradation, alert or hidden_memory_anomaly.
        severity: critical, warning or info.
        message: What tells the issue apart from others with the same title.
        metrics: How often it happened: ``hit_count``, ``session_count``, ``run_count``.
    """

    id: str
    kind: str
    severity: str
    title: str
    message: str | None
    metrics: dict[str, int]
    evidence: list[EvidenceDocument]


class MetricsDocument(TypedDict):
    """Counts of the whole report.

    Attributes:
        finding_count: Issues that are open and severe.
    """

    issue_count: int
    finding_count: int
    hit_count: int
    session_count: int
    skipped_line_count: int


class ArtifactDocument(TypedDict):
    """A file that evidence lies in."""

    kind: str
    path: str


class PayloadTracked(TypedDict):
    """What a tracker knows of an issue; null is what it does not know."""

    issue_id: str
    number: int | None
    status: str
    assignee: str | None
    fix_version: str | None
    first_seen_version: str | None
    last_seen_version: str | None
    run_count: int | None


class PayloadIssue(TypedDict):
    """An issue in full.

    Attributes:
        finding_id: ``id`` of its finding.
        account: Everything that the telemetry says; null for issues after the first ones.
        tracked: Null where no tracker knows it.
    """

    finding_id: str
    fingerprint_id: str
    kind: str
    severity: str
    state: str
    title: str
    what: str
    hit_count: int
    session_count: int
    first_seen_ns: int | None
    first_seen_utc: str | None
    last_seen_ns: int | None
    last_seen_utc: str | None
    account: Annotated[dict[str, Any], IssueAccount] | None
    tracked: PayloadTracked | None


class PayloadSkipped(TypedDict):
    """What was skipped of a file, or the file as a whole.

    Attributes:
        line_count: Lines that were skipped; null where the file was skipped as a whole.
        first_line_number: The first of them.
        message: Why.
        is_note: Whether no telemetry is lost for it.
    """

    path: str
    line_count: int | None
    first_line_number: int | None
    message: str
    is_note: bool


class PayloadInput(TypedDict):
    """A file that holds evidence, as it was when it was read.

    Attributes:
        sha256: Hash of its bytes in hex digits.
        line_count: Null for files that are not lines of text.
    """

    path: str
    sha256: str
    size_bytes: int
    line_count: int | None


class PayloadDocument(TypedDict):
    """What Stormlog says beyond what version 1 has keys for.

    Attributes:
        schema_version: Of this payload.
        paths: The opened paths, as they were given.
        tracker: The tracker whose states are shown; null for none.
        explanation: Why the run failed that failed last: what ``stormlog why --json`` prints.
        commands: Part of the report -> command that says the same.
        cut_text_count: Texts that were too long and are cut.
    """

    schema_version: int
    title: str
    paths: list[str]
    tracker: str | None
    project: str | None
    fingerprint_schema_version: int
    explanation: Annotated[dict[str, Any], Explanation]
    issues: list[PayloadIssue]
    skipped: list[PayloadSkipped]
    inputs: list[PayloadInput]
    commands: dict[str, str]
    cut_text_count: int


class EnvelopeDocument(TypedDict):
    """A report for programs: the envelope ``stormlog.report``, version 1.

    Attributes:
        schema_version: 1.
        format: ``stormlog.report``.
        report_kind: ``issues``.
        generated_at_utc: Time of the latest data, or ``unknown``: the same data give the same report.
        findings: All issues, the worst and latest first.
        recommendations: Commands that lead on.
        session_id: Session of the first failure.
        run_id: The explained run.
    """

    schema_version: int
    format: str
    report_kind: str
    generated_at_utc: str
    tool: ToolDocument
    verdict: VerdictDocument
    findings: list[FindingDocument]
    metrics: MetricsDocument
    artifacts: list[ArtifactDocument]
    recommendations: list[str]
    session_id: str | None
    run_id: str | None
    payload: PayloadDocument
