"""Which JSON answers there are: which commands give them, and the classes that say what is in them.

A command that prints JSON has a line here; schemas, ``stormlog spec`` and their tests follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict

from stormlog._values import frozen_class
from stormlog.apps.cli.commands.environment import EnvironmentDocument
from stormlog.apps.cli.commands.follow import ChangeDocument
from stormlog.apps.cli.commands.issue_files import ExportDocument
from stormlog.apps.cli.commands.top import TopDocument
from stormlog.apps.cli.documents import (
    ErrorDocument,
    IssueCells,
    StatementDocument,
    TrackedIssueCells,
)
from stormlog.compaction import CompactionReport
from stormlog.explaining import Explanation, RunDiff
from stormlog.exporting import ExportReport
from stormlog.issues import IgnoreRule, StormlogIssue
from stormlog.issues.sidecar import TrackedState
from stormlog.presenting import ComparisonRow
from stormlog.query import (
    CorrelationAnchor,
    CorrelationEvidence,
    CorrelationResult,
    EventRow,
    OOMBundleRow,
    RunAttachmentRow,
    RunRow,
    SessionRow,
    SummaryRow,
)
from stormlog.query.remembered import Cleared, IndexState, IndexSummary, Verification
from stormlog.query.schema import ViewDescription
from stormlog.reporting import EnvelopeDocument
from stormlog.rollups import RollupReport
from stormlog.specification import (
    AnswerDescription,
    CommandSpecification,
    SomeOf,
    Specification,
    json_schema,
)
from stormlog.tracking import (
    Change,
    Comment,
    GateReport,
    HistoryPage,
    IssuePage,
    IssueStats,
    NotifyReport,
    Project,
    ScanReport,
    TrackedIssue,
    TrackedRule,
    Undone,
)
from stormlog.tracking.database.documents import (
    BackupDocument,
    CheckDocument,
    MigrationDocument,
    PurgeDocument,
    RestoreDocument,
)
from stormlog.tracking.database.maintenance import StoreStatus
from stormlog.tracking.sidecar_exchange import ImportReport
from stormlog.workflows import IssuePageDocument

__all__ = ["answer_descriptions", "answers_of"]


class SidecarDocument(TypedDict):
    """What became of each fingerprint, in a file that can be committed and compared.

    Attributes:
        format: ``stormlog-issues``.
        version: Of the format.
        issues: Those that were said; what is not said of one is not known.
        ignore: Rules by which issues are ignored.
    """

    format: str
    version: int
    issues: list[Annotated[TrackedState, SomeOf(("fingerprint_id", "state"))]]
    ignore: NotRequired[list[Annotated[IgnoreRule, SomeOf()]]]


class IssuesWithSomeFields(TypedDict):
    """Some issues of a list, with the fields that were asked for.

    Attributes:
        cursor: Where the next page starts; null on the last one.
        has_more: Whether there is a next page.
    """

    issues: list[Annotated[TrackedIssue, SomeOf(also=TrackedIssueCells)]]
    cursor: str | None
    has_more: bool


class CorrelationWithSomeFields(TypedDict):
    """What happened around a moment, with the fields that were asked for.

    Attributes:
        anchor: The moment.
        evidence: The surest and nearest first.
        warnings: What was skipped when files were found and read.
    """

    anchor: CorrelationAnchor
    evidence: list[Annotated[CorrelationEvidence, SomeOf()]]
    warnings: list[str]


@frozen_class
class _Answer:
    """A JSON answer.

    Args:
        name: Its name.
        title: What it is.
        hint: Type of the value that is printed.
        commands: The commands that give it, by their words; ``*`` stands for every command that prints JSON.
        when: With which options they do.
        line: JSON pointer to what one line of ``--jsonl`` is.
    """

    name: str
    title: str
    hint: Any
    commands: tuple[str, ...]
    when: str = "--json"
    line: str | None = None


def _rows(name: str, title: str, row: Any, also: Any = None) -> tuple[_Answer, _Answer]:
    """Return the answers of a query that lists rows: whole ones, and some fields of them.

    Args:
        name: The second word of the command.
        title: What the rows are.
        row: Class of a row.
        also: What tables show of a row beside its own fields.
    """
    commands = (f"query {name}",)
    some = Annotated[row, SomeOf(also=also)]
    return (
        _Answer(f"query_{name}", title, list[row], commands, line=_ROWS),
        _Answer(
            f"query_{name}_fields", f"{title}, some fields", list[some], commands, "--json --fields", _ROWS
        ),
    )


_ROWS = "/items"
_QUERIES = tuple(
    f"query {name}"
    for name in ("issues", "sessions", "events", "ooms", "runs", "attachments", "summary", "correlate")
)

_ANSWERS = (
    *_rows("issues", "Issues", StormlogIssue, IssueCells),
    _Answer(
        "query_issues_follow",
        "What happened to an issue",
        ChangeDocument,
        ("query issues",),
        "--follow --json",
        "",
    ),
    *_rows("sessions", "Sessions", SessionRow),
    *_rows("events", "Events", EventRow),
    *_rows("ooms", "OOM bundles", OOMBundleRow),
    *_rows("runs", "Runs", RunRow),
    *_rows("attachments", "Attachments", RunAttachmentRow),
    *_rows("summary", "One number for each group", SummaryRow),
    _Answer(
        "query_correlate",
        "What happened around a moment",
        CorrelationResult,
        ("query correlate",),
        line="/properties/evidence/items",
    ),
    _Answer(
        "query_correlate_fields",
        "What happened around a moment, some fields",
        CorrelationWithSomeFields,
        ("query correlate",),
        "--json --fields",
        "/properties/evidence/items",
    ),
    _Answer(
        "statement", "The statement that answers a command", StatementDocument, _QUERIES, "--sql --json", ""
    ),
    _Answer(
        "sql_rows",
        "Rows of a statement: an object each, with a key for every column",
        list[dict[str, Any]],
        ("sql", *_QUERIES),
        "--json, of query with a statement behind --sql",
        _ROWS,
    ),
    _Answer("describe", "The public views", list[ViewDescription], ("describe",), "--json without a VIEW"),
    _Answer("describe_view", "A public view", ViewDescription, ("describe",), "--json with a VIEW"),
    _Answer("why", "Explanation of a run", Explanation, ("why",)),
    _Answer("top", "What live runs do", TopDocument, ("top",), "--json, one for each look", ""),
    _Answer("diff", "Comparison of two runs", RunDiff, ("diff",)),
    _Answer("diff_rows", "A row of a comparison of two runs", ComparisonRow, ("diff",), "--jsonl", ""),
    _Answer("report", "A report for programs", EnvelopeDocument, ("report",)),
    _Answer("scan", "What a scan did", ScanReport, ("scan",), "--json; with --watch, one for each scan", ""),
    _Answer("issues_list", "Tracked issues", IssuePage, ("issues list",), line="/properties/issues/items"),
    _Answer(
        "issues_list_fields",
        "Tracked issues, with the fields that were asked for",
        IssuesWithSomeFields,
        ("issues list",),
        "--json --fields",
        "/properties/issues/items",
    ),
    _Answer("issues_show", "One issue", IssuePageDocument, ("issues show",)),
    _Answer(
        "issues_history",
        "What was done to an issue",
        HistoryPage,
        ("issues history",),
        line="/properties/activities/items",
    ),
    _Answer("issues_stats", "Counts of issues", IssueStats, ("issues stats",)),
    _Answer(
        "issues_change",
        "What a verb did",
        Change,
        ("issues claim", "issues resolve", "issues reopen", "issues ignore", "issues assign"),
        "--json; of ignore, with an ID or --where",
    ),
    _Answer(
        "issues_rule",
        "A rule that ignores issues",
        TrackedRule,
        ("issues ignore",),
        "--json --kind, --dimension",
    ),
    _Answer("issues_ignores", "Rules that ignore issues", list[TrackedRule], ("issues ignores",), line=_ROWS),
    _Answer(
        "issues_issue", "A tracked issue", TrackedIssue, ("issues merge", "issues unmerge", "issues record")
    ),
    _Answer("issues_undo", "What was reversed", Undone, ("issues undo",)),
    _Answer("issues_comments", "Comments", list[Comment], ("issues comments",), line=_ROWS),
    _Answer(
        "issues_comment",
        "A comment",
        Comment,
        ("issues comment", "issues edit-comment", "issues delete-comment"),
    ),
    _Answer("issues_export", "What was written", ExportDocument, ("issues export",), "--json with a FILE"),
    _Answer("issues_file", "The file issues.json", SidecarDocument, ("issues export",), "without a FILE"),
    _Answer("issues_import", "What an import did", ImportReport, ("issues import",)),
    _Answer("gate", "What a gate found", GateReport, ("gate",)),
    _Answer("notify", "What was queued and sent", NotifyReport, ("notify",)),
    _Answer("projects_list", "Projects", list[Project], ("projects list",), line=_ROWS),
    _Answer("projects_project", "A project", Project, ("projects create", "projects set")),
    _Answer("db_status", "Version and size of a tracker", StoreStatus, ("db status",)),
    _Answer("db_migrate", "What was done to bring a tracker up to date", MigrationDocument, ("db migrate",)),
    _Answer("db_backup", "A copy of a tracker", BackupDocument, ("db backup",)),
    _Answer("db_restore", "What took the place of a tracker", RestoreDocument, ("db restore",)),
    _Answer("db_check", "Whether a tracker is sound", CheckDocument, ("db check",)),
    _Answer("db_purge", "What was removed", PurgeDocument, ("db purge",)),
    _Answer("rollups", "What was written, sink by sink", list[RollupReport], ("rollups",)),
    _Answer("export", "What was written, and what was left out", ExportReport, ("export",)),
    _Answer("compact", "What a compaction did", CompactionReport, ("compact",)),
    _Answer("cache_list", "Indexes", list[IndexSummary], ("cache list",)),
    _Answer("cache_info", "An index; null where there is none", IndexState | None, ("cache info",)),
    _Answer("cache_clear", "What was removed", Cleared, ("cache clear",)),
    _Answer(
        "cache_verify",
        "What comparing found; null where there is no index",
        Verification | None,
        ("cache verify",),
    ),
    _Answer("doctor", "The environment", EnvironmentDocument, ("doctor",)),
    _Answer("spec", "Everything that Stormlog takes and answers", Specification, ("spec",), "--json"),
    _Answer(
        "spec_command",
        "What one command takes and answers",
        CommandSpecification,
        ("spec",),
        "--json with a COMMAND",
    ),
    _Answer(
        "error", "Why a command failed, on stderr", ErrorDocument, ("*",), "a JSON format, where it fails", ""
    ),
)


def answer_descriptions() -> Iterator[AnswerDescription]:
    """Yield every JSON answer with its schema."""
    for answer in _ANSWERS:
        yield AnswerDescription(
            name=answer.name,
            title=answer.title,
            commands=answer.commands,
            when=answer.when,
            line=answer.line,
            schema=json_schema(answer.hint, title=answer.title),
        )


def answers_of(command: str) -> list[str]:
    """Return the names of the answers that a command gives, but for errors."""
    return [answer.name for answer in _ANSWERS if command in answer.commands]
