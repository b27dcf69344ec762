"""Command lines that together give every JSON answer, on captures and one tracker."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.cli.json_answers import answer_descriptions
from stormlog.apps.cli.options.fields import known_fields
from stormlog.apps.cli.options.run_targets import (
    CORRELATION,
    RUN_ATTACHMENTS,
    RUNS,
    summary_fields,
    summary_target,
)
from stormlog.apps.cli.options.targets import EVENTS, ISSUES, OOMS, SESSIONS, Target
from stormlog.apps.cli.options.tracked_targets import TRACKED_ISSUES
from stormlog.tracking import TrackedIssue
from tests.apps.cli.runner import stormlog
from tests.apps.cli.samples import write_lines
from tests.apps.cli.shared_stores import shared_stores

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

__all__ = ["ANSWERS", "LINES", "Line", "tell"]

ANSWERS = {answer.name: answer for answer in answer_descriptions()}


@dataclass(frozen=True)
class Line:
    """A command line.

    Attributes:
        answer: Name of its answer.
        text: What follows ``stormlog``; ``{record}``, ``{comment}``, ``{first}`` and ``{second}`` stand for ids.
        status: Exit status.
        stream: Where the answer is.
        reads: Name of the id that the answer gives -> how to get it.
    """

    answer: str
    text: str
    status: int = 0
    stream: str = "stdout"
    reads: dict[str, Any] = field(default_factory=dict)

    @property
    def is_lines(self) -> bool:
        """Whether each line of the answer is a value."""
        return "--jsonl" in self.text


def _listed(query: str, target: Target, rest: str = "") -> list[Line]:
    asked, fields = f"query {query} all {rest}", ",".join(known_fields(target))
    return [
        Line(f"query_{query}", f"{asked} --json"),
        Line(f"query_{query}", f"{asked} --jsonl"),
        Line(f"query_{query}_fields", f"{asked} --json --fields {fields}"),
    ]


_SUMMARIES = (
    "session_count_by_status",
    "peak_device_used_bytes",
    "alert_count",
    "interrupted_sessions_with_oom_bundles",
    "hidden_memory_gap_growth",
)
_SUMMARY_FIELDS = {
    name: ",".join(summary_fields(summary_target(name, None)))
    for name in ("peak_device_used_bytes", "hidden_memory_gap_growth")
}
_TRACKED_FIELDS = ",".join(
    dict.fromkeys((*TrackedIssue.__dataclass_fields__, *(column.key for column in TRACKED_ISSUES.readable)))
)
_STATEMENT = '--sql "SELECT session_id, rank FROM events"'

LINES: tuple[Line, ...] = (
    Line("error", "query issues nothing --json", 3, "stderr"),
    Line("error", "query issues all --sql 'SELECT nothing' --json", 1, "stderr"),
    Line("error", "query issues all --kind pigeon --json", 2, "stderr"),
    *_listed("issues", ISSUES),
    Line("query_issues_follow", "query issues all --follow --jsonl", 130),
    *_listed("sessions", SESSIONS),
    *_listed("events", EVENTS, "--limit 40"),
    *_listed("ooms", OOMS),
    *_listed("runs", RUNS),
    *_listed("attachments", RUN_ATTACHMENTS),
    *(Line("query_summary", f"query summary all --metric {metric} --json") for metric in _SUMMARIES),
    Line("query_summary", "query summary all --metric alert_count --group-by rank --jsonl"),
    *(
        Line("query_summary_fields", f"query summary all --metric {metric} --json --fields {fields}")
        for metric, fields in _SUMMARY_FIELDS.items()
    ),
    Line(
        "sql_rows",
        "sql all 'SELECT record_id FROM projected_records LIMIT 1' --json",
        reads={"record": lambda rows: rows[0]["record_id"]},
    ),
    Line("query_correlate", "query correlate all --record-id {record} --json"),
    Line("query_correlate", "query correlate all --record-id {record} --jsonl"),
    Line(
        "query_correlate_fields",
        f"query correlate all --record-id {{record}} --json --fields {','.join(known_fields(CORRELATION))}",
    ),
    Line("statement", "query issues all --severity critical --sql --json"),
    Line("sql_rows", f"query issues all {_STATEMENT} --jsonl"),
    Line("describe", "describe --json"),
    Line("describe_view", "describe memory_timeline --json"),
    Line("why", "why job --json"),
    Line("why", "why job --at 2026-11-17T22:40:00Z --json"),
    Line("top", "top job --since 2026-01-01 --json -n 1"),
    Line("top", "top quiet --json", 130),
    Line("diff", "diff job::lm-pretrain-1.4.0 job::lm-pretrain-1.4.1 --json"),
    Line("diff_rows", "diff quiet job::lm-pretrain-1.4.1 --jsonl"),
    Line("report", "report job --json"),
    Line("error", "issues list --json", 3, "stderr"),
    Line("scan", "scan all --settle 0s --code-version 1.0 --json"),
    Line("scan", "scan all --settle 0s --json"),
    Line("report", "report job --json --db t.db"),
    Line("query_issues", "query issues all --db t.db --json"),
    Line(
        "issues_list",
        "issues list --limit 2 --json",
        reads={
            "first": lambda page: page["issues"][0]["issue_id"],
            "second": lambda page: page["issues"][1]["issue_id"],
        },
    ),
    Line("issues_list", "issues list --jsonl"),
    Line("issues_list_fields", f"issues list --json --fields {_TRACKED_FIELDS}"),
    Line("issues_change", "issues claim {first} --json"),
    Line("issues_change", "issues resolve --version 1.1 --where \"kind = 'oom'\" --json"),
    Line("issues_change", "issues resolve {first} --json"),
    Line("issues_undo", "issues undo --json"),
    Line("issues_change", "issues assign {first} --to me --json"),
    Line("issues_change", "issues reopen {first} --json"),
    Line("issues_change", "issues ignore {first} --until-count 3 --reason noise --json"),
    Line("issues_change", f"issues ignore issue:{'0' * 24} --reason later --json"),
    Line("issues_rule", "issues ignore --kind alert --dimension 'category=nothing*' --reason noise --json"),
    Line("issues_ignores", "issues ignores --json"),
    Line("issues_ignores", "issues ignores --jsonl"),
    Line(
        "issues_comment",
        "issues comment {first} Hello --json",
        reads={"comment": lambda comment: comment["comment_id"]},
    ),
    Line("issues_comments", "issues comments {first} --json"),
    Line("issues_comments", "issues comments {first} --jsonl"),
    Line("issues_comment", "issues edit-comment {comment} Bye --json"),
    Line("issues_show", "issues show 1 quiet --why --json"),
    Line("issues_show", "issues show 63b1d6557bebb97a5d630e5b job --json"),
    Line("issues_comment", "issues delete-comment {comment} --json"),
    Line("issues_issue", "issues merge 1 2 --json"),
    Line("issues_history", "issues history 1 --json"),
    Line("issues_history", "issues history 1 --jsonl"),
    Line("issues_issue", "issues unmerge 2 --json"),
    Line("issues_issue", "issues record 'ValueError: 3 is no 4' --module m --session-id s-9 --json"),
    Line("issues_stats", "issues stats --json"),
    Line("error", "issues claim 999 --json", 4, "stderr"),
    Line("error", "issues claim {first} --revision 0 --json", 4, "stderr"),
    Line("error", "issues claim {first} --allow issues:read --json", 5, "stderr"),
    Line("issues_export", "issues export states.json --json"),
    Line("issues_file", "issues export"),
    Line("issues_file", "issues export --no-counts"),
    Line("issues_import", "issues import states.json --json"),
    Line("gate", "gate quiet --baseline states.json --fail-on new --json"),
    Line(
        "gate",
        "gate all --code-version 1.2 --budget '* peak_used < 1MB' --budget 'nowhere hidden < 50%' --json",
        10,
    ),
    Line("projects_project", "projects create p --alert-frequency hourly --recipient a@example.org --json"),
    Line(
        "projects_project", "projects set default --alert-frequency hourly --recipient a@example.org --json"
    ),
    Line("projects_list", "projects list --json"),
    Line("projects_list", "projects list --jsonl"),
    Line("notify", "notify --dry-run --force --json"),
    Line("notify", "notify --force --json", 8),
    Line("db_status", "db status --json"),
    Line("db_migrate", "db migrate --json"),
    Line("db_backup", "db backup copy.db --json"),
    Line("db_restore", "db restore copy.db --yes --json"),
    Line("db_restore", "db restore copy.db --db other.db --json"),
    Line("db_migrate", "db migrate --dry-run --json"),
    Line("db_check", "db check --json"),
    Line("db_purge", "db purge --json"),
    Line("rollups", "rollups all/steady --output rolled.json --json"),
    Line("export", "export all exported.sqlite --views sessions,oom_bundles --since 2026-01-01 --json"),
    Line("compact", "compact all/steady --output compacted --json"),
    Line("cache_list", "cache list --json"),
    Line("cache_info", "cache info all --json"),
    Line("cache_info", "cache info nothing --json"),
    Line("cache_verify", "cache verify quiet --json"),
    Line("cache_verify", "cache verify nothing --json"),
    Line("cache_clear", "cache clear all --json"),
    Line("doctor", "doctor --json"),
    Line("spec", "spec --json"),
    Line("spec_command", "spec query issues --json"),
)


def _stop(_: float) -> None:
    raise KeyboardInterrupt


def tell(place: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Line, Any]]:
    """Run all command lines, and return what each printed: a value, or one for each line."""
    for source in ("v4-cuda-sim/alerts", "v4-cuda-sim/oom_dumps", "v4-cuda-sim/drift", "run-envelope"):
        shutil.copytree(EXAMPLES / "captures" / source, place / "all" / Path(source).name)
    shutil.copytree(EXAMPLES / "captures/sink-retention/steady", place / "all" / "steady")
    write_lines(place / "all" / "damaged.jsonl", "{", "[]")
    shutil.copytree(EXAMPLES / "captures/sink-retention/steady", place / "quiet")
    (place / "job").symlink_to(EXAMPLES / "job")
    monkeypatch.chdir(place)
    monkeypatch.setenv("STORMLOG_DB", "t.db")
    monkeypatch.setenv("STORMLOG_CACHE", str(place / "cache"))
    # Ctrl-C after the first look.
    monkeypatch.setattr("stormlog.apps.cli.commands.follow.wait", _stop)
    told = []
    ids: dict[str, str] = {}
    # Commands that read the same files ask the same store.
    with shared_stores():
        for line in LINES:
            text = line.text.format(**ids)
            answer = stormlog(*shlex.split(text))
            assert answer.status == line.status, f"{text}: {answer}"
            printed = getattr(answer, line.stream)
            value = (
                [json.loads(row) for row in printed.splitlines()] if line.is_lines else json.loads(printed)
            )
            ids |= {name: read(value) for name, read in line.reads.items()}
            told.append((line, value))
    return told
