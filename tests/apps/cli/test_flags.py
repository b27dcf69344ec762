"""Every option of every command does something that can be seen: a table of command lines without and with it."""

from __future__ import annotations

import gzip
import io
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest

from stormlog.apps.cli.app import root
from stormlog.tracking import Tracker
from stormlog.tracking.digest import NotifySettings
from tests.apps.cli.flag_rows import (
    JSON,
    Row,
    answers,
    formats,
    limits,
    place,
    reading,
    stores,
    times,
    verbs,
)
from tests.apps.cli.flag_rows_of_questions import BASES as BASES_OF_QUESTIONS
from tests.apps.cli.flag_rows_of_questions import TABLE as ROWS_OF_QUESTIONS
from tests.apps.cli.runner import Outcome, stormlog
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.apps.mcp.sessions import session as session_of_agent
from tests.artifacts.factories import make_oom_bundle
from tests.query.sinks import SECOND, busy_session, write_sink
from tests.tracking.tables import everything, tables

#: Options without a row, and why.
EXCEPTIONS = {
    "--help": "prints the help: tests/apps/cli/test_help.py has that of every command",
    "--no-color": "colours are printed on terminals only: tests/apps/cli/test_terminal.py",
}
READS = "who reads is written nowhere"
EXCEPTIONS_OF = {
    **{
        ("run", option): "tests/capture/test_run.py runs commands with it"
        for option in (
            *("--sink", "--interval", "--job-id", "--app", "--code-version", "--environment", "--no-alerts"),
            "--quiet",
        )
    },
    ("issues merge", "--yes"): "taken as by the other verbs, but two issues are never too many",
    ("issues unmerge", "--yes"): "taken as by the other verbs, but two issues are never too many",
    ("cache verify", "--quiet"): "progress is shown on terminals only",
    ("db purge", "--as-agent"): "removes what was deleted, as nobody",
    ("scan", "--as-agent"): "what scans change is said to be changed by scans",
    ("notify", "--as-agent"): READS,
    ("gate", "--as-agent"): READS,
    ("projects list", "--as-agent"): READS,
    ("issues list", "--as-agent"): READS,
    ("issues show", "--as-agent"): READS,
    ("issues history", "--as-agent"): READS,
    ("issues stats", "--as-agent"): READS,
    ("issues comments", "--as-agent"): READS,
    ("issues export", "--as-agent"): READS,
    **{
        ("tui", option): "it needs a terminal: tests/apps/tui/test_command.py has all of its options"
        for option in (
            *("--interval", "--allow", "--db", "--project", "--strict", "--threads", "--memory-limit"),
            *("--spill-dir", "--spill-limit", "--unpack-limit", "--cache-dir", "--no-cache", "--quiet"),
        )
    },
}


#: What stands behind a command where a row says nothing else.
BASES = {
    **{f"query {name}": "runs" for name in ("issues", "sessions", "events", "ooms")},
    "why": "runs",
    "scan": "more --settle 0s",
    "issues show": "{alert}",
    "issues history": "{alert}",
    "issues comments": "{alert}",
    "issues claim": "{alert}",
    "issues resolve": "{alert}",
    "issues reopen": "{resolved}",
    "issues ignore": "{alert}",
    "issues assign": "{alert} --to ann",
    "issues merge": "{alert} {degraded}",
    "issues unmerge": "{merged}",
    "issues comment": "{alert} looked-at",
    "issues edit-comment": "{comment} changed",
    "issues delete-comment": "{comment}",
    "issues record": "'Loss is NaN'",
    "issues export": "-",
    "issues import": "issues.json",
    "gate": "runs --settle 0s",
    "projects create": "fresh",
    "projects set": "default --alert-frequency daily",
    "db backup": "copy.db",
    "db restore": "copy.db",
    "compact": "sink",
    "cache info": "runs",
    "cache clear": "runs",
    "cache verify": "runs",
    **BASES_OF_QUESTIONS,
}

MAIL = "--smtp-host 127.0.0.1 --from a@example.org"
#: What stdin holds.
STATEMENTS = "SHOW TABLES;\nSELECT session_id FROM sessions;\n"
#: What an agent does.
CALLS = [("query", {"sql": "SELECT count(*) FROM events"}), ("comment", {"issue": "1", "body": "looked at"})]
#: What makes an index of each kind of files.
REMEMBER = "query issues damaged -q --cache-dir other-cache"

TABLE: dict[str, list[Row]] = {
    "query issues": [
        *answers("fingerprint_id", "fingerprint_id"),
        Row("--fingerprint-id", "--fingerprint-id {alert_fingerprint}", gone="Collector degradation"),
        Row("--kind", "--kind oom", gone="Collector degradation"),
        Row("--state", "--state resolved", "runs --db tracker.db", gone="Collector degradation"),
        Row("--severity", "--severity critical", gone="Collector degradation"),
        Row("--session-id", "--session s-2", gone="Collector degradation"),
        *place("Collector degradation"),
        Row("--hide-ignored", "--hide-ignored", "runs --state ignored", new="exclude", on="stderr", status=2),
        Row("--sort", "--sort colour", new="'colour' is not one of", on="stderr", status=2),
        Row("--limit", "--limit 1", gone="Collector degradation"),
        Row("--fields", "--fields title", gone="critical"),
        Row("--follow", "--follow", "runs --csv", new="--follow", on="stderr", status=2),
        Row("--interval", "--interval 1s", new="--follow", on="stderr", status=2),
    ],
    "query sessions": [
        *answers("session_id", "session_id"),
        Row("--session-id", "--session-id s-2", gone="s-1"),
        Row("--status", "--status completed", gone="s-2"),
        *place("s-1", has=("--search",)),
        Row("--search", "--search S-2", gone="s-1"),
        Row("--sort", "--sort rank", "runs --csv --limit 1", gone="s-2"),
        Row("--limit", "--limit 1", gone="s-1"),
        Row("--fields", "--fields session_id", gone="completed"),
        Row("--world-size", "--world-size 2", gone="s-1"),
        Row("--source-kind", "--source-kind sink", "runs sink", gone="s-1"),
        Row("--has-oom-bundle", "--has-oom-bundle", gone="s-1"),
        Row("--has-oom-bundle", "--no-has-oom-bundle", gone="s-2"),
    ],
    "query events": [
        *answers("session_id", "session_id"),
        Row("--session-id", "--session-id s-2", gone="s-1"),
        Row("--event-type", "--event-type error", gone="collector_degraded"),
        *place("s-1", has=("--since",)),
        Row("--since", "--since 2026-01-02T03:04:08.5", gone="s-1"),
        Row("--severity", "--severity loud", new="has severity 'loud'", on="stderr"),
        Row("--sort", "--sort newest", "runs --csv --limit 1", gone="s-1"),
        Row("--fields", "--fields rank", gone="s-1"),
        Row("--collector", "--collector other", gone="s-1"),
        Row("--status", "--status completed", gone="s-2"),
        Row("--time-start-ns", f"--time-start-ns {START_NS + 1}", "runs --csv", gone=f",{START_NS},sample"),
        Row("--time-end-ns", f"--time-end-ns {START_NS}", "runs --csv", gone=f",{START_NS + SECOND},warning"),
        Row("--has-alert", "--has-alert", gone="sample"),
        Row("--has-alert", "--no-has-alert", gone="warning"),
        Row("--collector-health-status", "--collector-health-status degraded", gone="sample"),
        Row("--backend", "--backend rocm", gone="s-1"),
        Row("--limit", "--limit 1", gone="warning"),
        Row("--follow", "--follow", "runs --markdown", new="--follow", on="stderr", status=2),
        Row("--interval", "--interval 1s", new="--follow", on="stderr", status=2),
    ],
    "query ooms": [
        *answers("bundle_path", "bundle_path", "damaged-dumps"),
        Row("--session-id", "--session-id s-9", gone="oom_dump_a"),
        Row("--backend", "--backend rocm", gone="oom_dump_a"),
        Row("--reason", "--reason r2", gone="oom_dump_a"),
        *place("oom_dump_b", has=("--since", "--search")),
        Row("--since", "--since 2026-01-15", gone="oom_dump_a"),
        Row("--search", "--search R1", gone="oom_dump_b"),
        Row("--sort", "--sort newest", "runs --csv --limit 1", gone="oom_dump_a"),
        Row("--limit", "--limit 1", gone="oom_dump_b"),
        Row("--fields", "--fields reason", gone="oom_dump_a"),
        Row("--created-after", "--created-after 2026-02-01", gone="oom_dump_a"),
        Row("--created-before", "--created-before 2026-01-01", gone="oom_dump_b"),
    ],
    "why": [
        Row("--run", "--run nowhere", new="nowhere", on="stderr", status=4),
        Row("--attempt", "--attempt 7", new="has no attempt 7", on="stderr", status=4),
        Row("--session-id", "--session s-1", gone="Run session:s-9"),
        Row("--issue", "--issue nowhere", new="nowhere", on="stderr", status=4),
        Row("--at", "--at 2030-01-01", new="Memory at 2030-01-01 00:00:00 UTC"),
        Row("--format", "--format markdown", new="## "),
        Row("--json", "--json", new='"first_failure": '),
        Row("--brief", "--brief", gone="\nWhen "),
        Row("--schema", "--schema", new='"$defs": '),
        Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3),
        # Nothing is left to explain.
        *(replace(row, status=3) if row.option == "--unpack-limit" else row for row in reading()),
    ],
    "scan": [
        Row("--db", "--db fresh.db", new="fresh.db", on="files"),
        Row("--allow", "--allow issues:read", new="issues:write", on="stderr", status=5),
        Row("--project", "--project fresh", new="'fresh'", on="tracker"),
        Row("--app", "--app trainer7", new="'trainer7'", on="tracker"),
        Row("--dev", "--dev", new="'default', 1,", on="fingerprints"),
        Row("--code-version", "--code-version 7.8.9", new="'7.8.9'", on="tracker"),
        Row("--repo", "--repo no-such-folder", new="no-such-folder", on="stderr", status=2),
        Row("--min-severity", "--min-severity info", "quiet", new="1 new issue"),
        Row("--group-shared", "--group-shared", "more --db fresh.db", new="fresh.db 660", on="files"),
        Row("--since", "--since 2030-01-01", gone="new issue"),
        Row("--settle", "--settle 99999h", "drift --settle 0s", gone="new issue"),
        Row("--full", "--full", "runs --settle 0s", gone="nothing changed", before="scan runs --settle 0s"),
        Row("--dry-run", "--dry-run", new="--dry-run"),
        Row("--dry-run", "--dry-run", gone="Disk is low", on="tracker"),
        Row("--watch", "--watch", "more --dry-run", new="--watch", on="stderr", status=2),
        Row("--interval", "--watch --interval never", new="--interval", on="stderr", status=2),
        Row("--notify", "--notify", new="NotifySettings", on="mail"),
        Row("--fail-on", "--fail-on new", status=10),
        Row("--wait", "--wait never", new="--wait", on="stderr", status=2),
        Row("--strict", "--strict", "damaged", status=3, new="malformed", on="stderr"),
        *limits(),
        Row("--no-cache", "--no-cache", gone="\ncache/", on="files"),
        Row("--cache-dir", "--cache-dir elsewhere", new="elsewhere/", on="files"),
        JSON,
        Row("--quiet", "-q", "damaged", gone="damaged.jsonl", on="stderr"),
    ],
    "issues list": [
        *stores(),
        *formats("issue_id", "issue_id"),
        Row("--state", "--state resolved", gone="Collector degradation"),
        Row("--hide-ignored", "--hide-ignored", "--state ignored", new="exclude", on="stderr", status=2),
        *place("Collector degradation", "", "job-9", has=("--app", "--search", "--since", "--rank", "--dev")),
        Row("--since", "--since 2026-01-02T03:04:08.5", gone="Loss diverged"),
        Row("--rank", "--rank 1", gone="Loss diverged"),
        Row("--dev", "--dev", gone="Collector degradation"),
        Row("--search", "--search diverged", gone="Collector degradation"),
        Row("--fields", "--fields kind", gone="Collector degradation"),
        Row("--kind", "--kind oom", gone="Collector degradation"),
        Row("--severity", "--severity critical", gone="Collector degradation"),
        Row("--app", "--app trainer", gone="Collector degradation"),
        Row("--prod", "--production", gone="Loss diverged"),
        Row("--session-id", "--session s-9", gone="Collector degradation"),
        Row("--version", "--version 0.9", gone="Alert:"),
        Row("--where", "--where \"kind = 'error'\"", gone="Collector degradation"),
        Row("--all-projects", "--all-projects", new="Loss is lost"),
        Row("--sort", "--sort occurrences", "--limit 1", new="Collector degradation"),
        Row("--limit", "--limit 1", new="--page 2", on="stderr"),
        Row("--after", "--after {cursor}", "--limit 1", gone="{first}"),
    ],
    "issues show": [
        *stores(),
        JSON,
        Row("--format", "--format markdown", new="- **Status:**"),
        Row("--why", "--why", new="Rule alert, version 1"),
        Row("--repo", "--repo no-such-folder", new="no-such-folder", on="stderr", status=2),
        *limits(),
        Row("--spill-dir", "--spill-dir spilled", new="'spilled/", on="engine"),
        Row("--spill-limit", "--spill-limit 2GB", new="'2GB'", on="engine"),
        Row("--unpack-limit", "--unpack-limit never", new="never", on="stderr", status=2),
        Row("--no-cache", "--no-cache", gone="\ncache/", on="files"),
        Row("--cache-dir", "--cache-dir elsewhere", new="elsewhere/", on="files"),
        Row("--quiet", "-q", "{alert_fingerprint} runs damaged", gone="damaged", on="stderr"),
    ],
    "issues history": [
        *stores(),
        *formats("at_ns", "activity_id"),
        Row("--limit", "--limit 1", new="--after", on="stderr"),
        Row("--after", "--after {history_cursor}", gone="comment"),
    ],
    "issues claim": [
        *verbs(),
        Row(
            "--take",
            "--take",
            "{alert} --as-agent bot",
            new="Claimed",
            base_status=4,
            before="issues claim --where \"title LIKE 'Alert%'\" --yes",
        ),
    ],
    "issues resolve": [
        *verbs(),
        Row("--version", "--version 1.2.3", new="in 1.2.3"),
        Row("--amend", "--amend", "{resolved} --version 9.9", new="Amended", base_status=4),
    ],
    "issues reopen": verbs("status = 'resolved'", "(OOM", yes=(4, "cannot become new", "stderr")),
    "issues ignore": [
        *verbs(),
        Row("--reason", "--reason noise", new="noise", on="tracker"),
        Row("--until-count", "--until-count 77", new='"count":77', on="tracker"),
        Row("--until-runs", "--until-runs 78", new='"runs":78', on="tracker"),
        Row("--kind", "--kind oom", "", new="Rule 2 ignores all oom issues", base_status=2),
        Row(
            "--dimension",
            "--dimension backend=*",
            "",
            new="Rule 2 ignores issues with backend=*",
            base_status=2,
        ),
        Row("--until-next", "--until-next", new='"next":true', on="tracker"),
        Row("--until", "--until 2040-01-01", new='"date_ns":2208988800000000000', on="tracker"),
    ],
    "issues assign": [
        *verbs(more="--to ann"),
        Row("--to", "--to bob", "{alert}", new="to bob", base_status=2),
        Row("--nobody", "--nobody", "{alert}", new="Unassigned", base_status=2),
    ],
    "issues stats": [
        *stores(),
        JSON,
        Row("--by", "--by week", new="Week (UTC)"),
        Row("--periods", "--periods 400", new="\n2025-"),
        Row("--all-projects", "--all-projects", new="Issues    7", gone="Issues    6"),
    ],
    "issues ignores": [
        *stores(),
        Row("--as-agent", "--remove 1 --as-agent bot", new="'agent', 'bot'", on="tracker"),
        *formats("rule_id", "rule_id"),
        Row("--remove", "--remove 77", new="no ignore rule 77", on="stderr", status=4),
    ],
    "issues merge": [
        *stores(writes=True),
        JSON,
        Row("--across-apps", "--across-apps", "{alert} {trainer}", new="Merged", base_status=4),
        Row("--keep-status", "--keep-status", "{resolved} {degraded}", new="Merged", base_status=4),
        Row("--reopen", "--reopen", "{resolved} {degraded}", new="Merged", base_status=4),
        Row("--revision", "--revision 99", new="revision", on="stderr", status=4),
    ],
    "issues unmerge": [*stores(writes=True), JSON],
    "issues undo": [
        *(row for row in stores(writes=True) if row.option != "--as-agent"),
        JSON,
        Row("--as-agent", "--as-agent bot", new="agent bot", on="stderr", status=4),
    ],
    "issues comment": [*stores(writes=True), JSON],
    "issues comments": [*stores(), *formats("comment_id", "comment_id")],
    "issues edit-comment": [
        *stores(writes=True)[:-1],
        Row("--as-agent", "--as-agent bot", new="author", on="stderr", status=4),
        JSON,
    ],
    "issues delete-comment": [
        *stores(writes=True)[:-1],
        Row("--as-agent", "--as-agent bot", new="author", on="stderr", status=4),
        JSON,
    ],
    "issues record": [
        Row("--module", "--module loader", new="loader", on="tracker"),
        Row("--discriminator", "--discriminator TypeError", new="typeerror", on="tracker"),
        Row("--session-id", "--session run-77", new="'run-77'", on="tracker"),
        Row("--run", "--run job-77", new="'job-77'", on="tracker"),
        Row("--app", "--app trainer7", new="'trainer7'", on="tracker"),
        Row("--dev", "--dev", "'Loss is NaN' --json", new='"is_dev": true'),
        Row("--code-version", "--code-version 7.8.9", new="'7.8.9'", on="tracker"),
        Row("--severity", "--severity warning", "'Loss is NaN' --json", new='"severity": "warning"'),
        Row("--at", "--at 2026-01-01", "'Loss is NaN' --json", new='"first_seen_ns": 1767225600000000000'),
        Row("--rank", "--rank 77", new="[77]", on="tracker"),
        Row("--host", "--host node-77", new="'node-77'", on="tracker"),
        Row("--user", "--user ann77", new="'ann77'", on="tracker"),
        Row("--db", "--db fresh.db", new="fresh.db", on="files"),
        Row("--as-agent", "--as-agent bot", new="'bot'", on="tracker"),
        Row("--allow", "--allow issues:read", new="issues:write", on="stderr", status=5),
        Row("--project", "--project fresh", new="'fresh'", on="tracker"),
        Row(
            "--group-shared", "--group-shared", "'Loss is NaN' --db fresh.db", new="fresh.db 660", on="files"
        ),
        JSON,
    ],
    "issues export": [
        *stores(),
        Row("--no-counts", "--no-counts", gone="hit_count"),
        Row("--json", "--json", "out.json", new="{"),
    ],
    "issues import": [
        Row("--db", "--db fresh.db", new="fresh.db", on="files"),
        Row("--as-agent", "--as-agent bot", "changed.json", new="'bot'", on="tracker"),
        Row("--allow", "--allow issues:read", new="issues:write", on="stderr", status=5),
        Row("--project", "--project fresh", new="'fresh'", on="tracker"),
        Row("--group-shared", "--group-shared", "issues.json --db fresh.db", new="fresh.db 660", on="files"),
        JSON,
    ],
    "gate": [
        Row("--budget", "--budget '* peak_used < 1KB'", new="| over |", status=10),
        Row(
            "--kind",
            "--kind oom",
            "runs --baseline empty.json",
            gone="Collector degradation",
            status=10,
            base_status=10,
        ),
        Row(
            "--severity",
            "--severity warning",
            "runs --baseline empty.json",
            gone="OOM captured",
            status=10,
            base_status=10,
        ),
        Row(
            "--since",
            "--since 2026-01-02T03:04:08.5",
            "runs --baseline empty.json",
            gone="Collector degradation",
            status=10,
            base_status=10,
        ),
        Row(
            "--run",
            "--run j2",
            "runs --baseline empty.json",
            gone="Collector degradation",
            status=10,
            base_status=10,
        ),
        Row(
            "--job-id",
            "--job-id j2",
            "runs --baseline empty.json",
            gone="Collector degradation",
            status=10,
            base_status=10,
        ),
        Row(
            "--rank",
            "--rank 1",
            "runs --baseline empty.json",
            gone="Collector degradation",
            status=10,
            base_status=10,
        ),
        Row(
            "--host",
            "--host nowhere",
            "runs --baseline empty.json",
            new="Warning: 5 of 5 issues are left out by --host",
            on="stderr",
            base_status=10,
        ),
        Row("--baseline", "--baseline empty.json", new="gate failed", status=10),
        *stores(project=None),
        Row("--project", "--project other", new="gate failed", status=10),
        Row("--fail-on", "--fail-on none", "more", new="passed", base_status=10),
        Row("--app", "--app trainer", new="gate failed", status=10),
        Row("--dev", "--dev", "more --settle 0s", new="(development)", status=10, base_status=10),
        Row("--code-version", "--code-version 99", new="gate failed", status=10),
        Row("--repo", "--repo no-such-folder", new="no-such-folder", on="stderr", status=2),
        Row("--min-severity", "--min-severity info", "quiet", new="gate failed", status=10),
        Row("--settle", "--settle 99999h", "drift --settle 0s", new="2 pending", base_status=10),
        Row(
            "--version-order",
            "--version-order string",
            "runs --code-version 10",
            gone="gate failed",
            base_status=10,
        ),
        Row("--summary", "--summary summary.md", new="summary.md", on="files"),
        Row("--strict", "--strict", "damaged", status=3, new="malformed", on="stderr"),
        Row("--no-cache", "--no-cache", gone="\ncache/", on="files"),
        Row("--cache-dir", "--cache-dir elsewhere", new="elsewhere/", on="files"),
        JSON,
        Row("--quiet", "-q", "damaged", gone="damaged.jsonl", on="stderr"),
    ],
    "notify": [
        *stores(),
        JSON,
        Row("--all-projects", "--all-projects", new="other"),
        Row("--force", "--force", "--dry-run --project other", new="Loss is lost"),
        Row("--dry-run", "--dry-run --force", "--force", gone="queued", base_status=8),
        Row(
            "--smtp-host",
            "--smtp-host mail.example.org --from a@example.org",
            new="'mail.example.org'",
            on="mail",
        ),
        Row("--smtp-port", "--smtp-port 2525", MAIL, new="port=2525", on="mail"),
        Row("--smtp-tls", "--smtp-tls none", MAIL, new="tls='none'", on="mail"),
        Row("--smtp-user", "--smtp-user ann", MAIL, new="STORMLOG_SMTP_PASSWORD", on="stderr", status=2),
        Row("--from", "--from b@example.org", MAIL, new="sender='b@example.org'", on="mail"),
        Row("--timeout", "--timeout 7s", new="webhook_timeout_s=7.0", on="mail"),
    ],
    "projects list": [*stores(project=None), *formats("name", "name")],
    "projects create": [
        Row("--alert-frequency", "--alert-frequency weekly", new="digests weekly"),
        Row("--version-order", "--version-order semver", new="versions semver"),
        Row("--regress-on-equal", "--regress-on-equal", "fresh --json", new='"regress_on_equal": true'),
        Row(
            "--regress-on-equal",
            "--no-regress-on-equal",
            "fresh --json --regress-on-equal",
            gone='"regress_on_equal": true',
        ),
        Row("--recipient", "--recipient ann@example.org", new="ann@example.org"),
        Row(
            "--clear-recipients",
            "--clear-recipients",
            "fresh --recipient ann@example.org",
            status=2,
            new="exclude",
            on="stderr",
        ),
        Row("--webhook", "--webhook https://example.org/hook", new="https://example.org/"),
        Row("--webhook-format", "--webhook-format slack", "fresh --json", new='"slack"'),
        Row(
            "--clear-webhook",
            "--clear-webhook",
            "fresh --webhook https://example.org/hook",
            status=2,
            new="exclude",
            on="stderr",
        ),
        Row("--db", "--db fresh.db", new="fresh.db", on="files"),
        Row("--as-agent", "--as-agent bot", new="'bot'", on="tracker"),
        Row("--allow", "--allow issues:read", new="issues:write", on="stderr", status=5),
        Row("--group-shared", "--group-shared", "fresh --db fresh.db", new="fresh.db 660", on="files"),
        JSON,
    ],
    "projects set": [
        Row("--alert-frequency", "--alert-frequency weekly", "default", new="digests weekly", base_status=2),
        Row("--version-order", "--version-order semver", new="versions semver"),
        Row(
            "--regress-on-equal",
            "--regress-on-equal",
            "default --version-order auto --json",
            new='"regress_on_equal": true',
        ),
        Row(
            "--regress-on-equal",
            "--no-regress-on-equal",
            "default --json --regress-on-equal",
            gone='"regress_on_equal": true',
        ),
        Row("--recipient", "--recipient bob@example.org", new="bob@example.org"),
        Row("--clear-recipients", "--clear-recipients", "other --version-order auto", gone="ann@example.org"),
        Row("--webhook", "--webhook https://example.org/hook", new="https://example.org/"),
        Row(
            "--webhook-format", "--webhook-format slack", "default --version-order auto --json", new='"slack"'
        ),
        Row("--clear-webhook", "--clear-webhook", gone="127.0.0.1"),
        *stores(writes=True, project=None),
        JSON,
    ],
    "db status": [Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3), JSON],
    "db migrate": [
        Row("--dry-run", "--dry-run", "--json", new='"dry_run": true'),
        Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3),
        JSON,
    ],
    "db restore": [
        Row("--yes", "--yes", new="is kept as", before="db backup copy.db", base_status=2),
        Row("--db", "--db fresh.db", new="fresh.db", on="files", before="db backup copy.db", base_status=2),
        Row("--json", "--json --yes", new='"kept": ', before="db backup copy.db", base_status=2),
    ],
    "db backup": [
        Row("--force", "--force", "issues.json", new="Copied", base_status=None),
        Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3),
        JSON,
    ],
    "db check": [Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3), JSON],
    "db purge": [*stores(writes=True, project=None)[:2], JSON],
    "compact": [
        Row("--output", "--output packed-sink", new="packed-sink/", on="files"),
        Row("--replace", "--replace", new="is the compacted sink now"),
        JSON,
        *limits(),
        Row("--quiet", "-q", "half-open", gone="copied as written", on="stderr"),
    ],
    "cache list": [
        Row("--cache-dir", "--cache-dir other-cache", new="damaged", before=REMEMBER),
        Row("--json", "--json", "--cache-dir other-cache", new="{", before=REMEMBER),
        *(replace(row, base="--cache-dir other-cache", before=REMEMBER) for row in times()),
    ],
    "cache info": [
        Row("--cache-dir", "--cache-dir other-cache", "damaged", new="Answers", before=REMEMBER),
        Row("--json", "--json", "damaged --cache-dir other-cache", new="{", before=REMEMBER),
    ],
    "cache clear": [
        Row(
            "--all", "--all", "--cache-dir other-cache", new="Removed 1 index", base_status=2, before=REMEMBER
        ),
        Row("--cache-dir", "--cache-dir other-cache", "damaged", new="Removed 1 index", before=REMEMBER),
        JSON,
    ],
    "cache verify": [
        *(
            replace(row, base="damaged --cache-dir other-cache", before=REMEMBER)
            for row in (
                *limits(),
                Row("--spill-dir", "--spill-dir spilled", new="'spilled/", on="engine"),
                Row("--spill-limit", "--spill-limit 2GB", new="'2GB'", on="engine"),
                Row("--unpack-limit", "--unpack-limit never", new="never", on="stderr", status=2),
                JSON,
            )
        ),
        Row("--cache-dir", "--cache-dir other-cache", "damaged", new="all equal", before=REMEMBER),
    ],
    "doctor": [JSON],
    **ROWS_OF_QUESTIONS,
    "": [Row("--version", "--version", "", new="stormlog 1", base_status=0)],
}


def commands() -> dict[str, dict[str, click.Option]]:
    """Return the options of every command, by its name and by their first names."""
    found: dict[str, dict[str, click.Option]] = {}

    def walk(command: click.Command, name: str, context: click.Context) -> None:
        found[name] = {
            next(name for name in option.opts if name.startswith("--")): option
            for option in command.params
            if isinstance(option, click.Option)
        }
        if isinstance(command, click.Group):
            for part in command.list_commands(context):
                member = command.get_command(context, part)
                assert member is not None
                walk(member, f"{name} {part}".strip(), click.Context(member, parent=context, info_name=part))

    walk(root, "", click.Context(root, info_name="stormlog"))
    return found


def test_every_option_has_a_row() -> None:
    there_are = {(command, option) for command, options in commands().items() for option in options}
    rows = {(command, row.option) for command, of_command in TABLE.items() for row in of_command}
    excepted = {pair for pair in there_are if pair[1] in EXCEPTIONS or pair in EXCEPTIONS_OF}

    assert there_are - rows - excepted == set(), "these options need a row"
    assert rows - there_are == set(), "no command has these options"
    assert EXCEPTIONS_OF.keys() - there_are == set()
    assert rows & excepted == set()
    assert all(row.new or row.gone or row.status != row.base_status for of in TABLE.values() for row in of)


# ---- the world in which commands run -----------------------------------------------------------------------


def _artifacts(world: Path) -> None:
    """Write telemetry of all kinds, each in a folder of its own."""
    for name in (
        "runs",
        "damaged",
        "packed",
        "damaged-dumps/oom_dump_x",
        "more",
        "quiet",
        "drift",
        "spilled",
    ):
        (world / name).mkdir(parents=True)
    cuda = {"backend": "cuda"}
    write_lines(
        world / "runs" / "events.jsonl",
        event(),
        event(timestamp_ns=START_NS + SECOND, event_type="warning", context="High fragmentation: 40.0%"),
        event(
            timestamp_ns=START_NS + 2 * SECOND,
            event_type="collector_degraded",
            metadata={**cuda, "collector_health_status": "degraded", "collector_last_error": "NVML error"},
        ),
        event(timestamp_ns=START_NS + 3 * SECOND, event_type="stop"),
        event(
            timestamp_ns=START_NS + 4 * SECOND,
            session_id="s-2",
            job_id="j2",
            rank=1,
            world_size=2,
            collector="other",
            event_type="error",
            context="CUDA out of memory",
            metadata={"backend": "rocm", "oom_reason": "r1", "code_version": "0.9"},
        ),
    )
    made = {"a": ("s-2", "cuda", "r1", "2026-01-01"), "b": ("s-9", "rocm", "r2", "2026-02-01")}
    for name, (session, backend, reason, day) in made.items():
        make_oom_bundle(
            world / "runs" / f"oom_dump_{name}",
            session_id=session,
            backend=backend,
            reason=reason,
            created_at_utc=f"{day}T00:00:00Z",
        )
    (world / "damaged-dumps" / "oom_dump_x" / "manifest.json").write_text("{broken")
    write_lines(world / "damaged" / "damaged.jsonl", event(session_id="d"), "{broken")
    lines = "".join(json.dumps(event(session_id="p", timestamp_ns=START_NS + n)) + "\n" for n in range(50))
    (world / "packed" / "events.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    write_lines(
        world / "more" / "new.jsonl",
        event(session_id="m", event_type="warning", context="Disk is low"),
        event(session_id="m", timestamp_ns=START_NS + SECOND, event_type="stop"),
    )
    write_lines(
        world / "quiet" / "quiet.jsonl",
        event(session_id="q", metadata={**cuda, "severity": "info"}, event_type="warning", context="Hum"),
    )
    drift = [row for row in busy_session("drift", 40) if row["event_type"] == "sample"]
    write_lines(world / "drift" / "drift.jsonl", *drift)
    (world / "hosts.csv").write_text("host,team\nh,vision\n")
    (world / "old.sqlite").touch()
    (world / "question.sql").write_text("SELECT 6 AS six")
    _linked_run(world / "linked-a", "wandb", "first title", START_NS - 24 * 3600 * SECOND, 0)
    _linked_run(world / "linked-b", "mlflow", "second title", START_NS, 1)
    write_sink(world / "torn", {"segment-000001.jsonl": busy_session("t", 40)})
    with (world / "torn" / "segment-000001.jsonl").open("a") as stream:
        stream.write("{broken\n")
    write_sink(world / "sink", {"segment-000001.jsonl": busy_session("k", 40)})
    write_sink(world / "half-open", {"segment-000001.jsonl": busy_session("k2", 40)})
    with (world / "half-open" / "segment-000002.jsonl").open("w") as stream:
        stream.write(json.dumps(event(session_id="k2")))
    for path in world.rglob("*.jsonl"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def _linked_run(folder: Path, namespace: str, title: str, at_ns: int, rank: int) -> None:
    """Write a run with an envelope that names another system and links to a log."""
    name, letter = folder.name, folder.name[-1]
    folder.mkdir()
    job = {"job_id": f"job-{letter}", "rank": rank, "local_rank": 0, "world_size": 2}
    write_lines(
        folder / "events.jsonl",
        event(session_id=name, timestamp_ns=at_ns, **job),
        event(session_id=name, timestamp_ns=at_ns + SECOND, event_type="stop", **job),
    )
    source = {"source_namespace": namespace, "source_ref": f"ref-{letter}"}
    session = {"session_id": name, **job, "role": "rank", "metadata": {}}
    log = {
        "title": f"{title} log",
        "kind": "log",
        "storage": "reference",
        "url": f"https://example.org/{name}",
    }
    times = {"start_ns": at_ns, "end_ns": at_ns + SECOND}
    envelope = {
        "schema_version": 1,
        "format": "stormlog.run_envelope",
        "run_id": f"run-{name}",
        "title": title,
        "job_id": job["job_id"],
        "started_at_ns": at_ns,
        "ended_at_ns": at_ns + SECOND,
        **source,
        "sessions": [session],
        "attachments": [{**log, **source, **times, "metadata": {}}],
        "metadata": {},
    }
    (folder / "stormlog_run.json").write_text(json.dumps(envelope))


def _run(line: str) -> Outcome:
    outcome = stormlog(*shlex.split(line))
    assert outcome.status == 0, (line, outcome)
    return outcome


def _tracker(world: Path) -> dict[str, str]:
    """Fill a tracker; return what braces in the table stand for."""
    _run("scan runs --settle 0s --code-version 1.0")
    _run(
        "issues record 'Loss diverged' --app trainer --dev --run job-9 --session s-9 --code-version 0.9 --at 2025-01-01"
    )
    _run("issues record 'Worker died' --app trainer --session s-8 --at 2025-02-01")
    _run("issues record 'Loss is lost' --project other --session o --at 2025-01-01")
    _run(
        "projects set default --webhook http://127.0.0.1:9/ --alert-frequency hourly --recipient ann@example.org"
    )
    _run("projects set other --recipient ann@example.org --alert-frequency hourly")
    listed = json.loads(_run("issues list --json --limit 200").stdout)["issues"]
    ids = {issue["title"]: issue["issue_id"] for issue in listed}
    fingerprints = {issue["title"]: issue["fingerprint_ids"][0] for issue in listed}
    names = {
        "alert": next(issue_id for title, issue_id in ids.items() if title.startswith("Alert")),
        "degraded": ids["Collector degradation"],
        "trainer": ids["Error: worker died"]
        if "Error: worker died" in ids
        else next(i for t, i in ids.items() if "orker" in t),
    }
    ooms = [issue["issue_id"] for issue in listed if issue["kind"] == "oom"]
    names |= {"resolved": ooms[0], "merged": ooms[1]}
    names["alert_fingerprint"] = next(f for title, f in fingerprints.items() if title.startswith("Alert"))
    _run(f"issues resolve {names['resolved']} --version 2")
    _run(f"issues merge {names['degraded']} {names['merged']}")
    _run("issues ignore issue:0123456789abcdef01234567 --reason known")
    names["comment"] = json.loads(_run(f"issues comment {names['alert']} seen --json").stdout)["comment_id"]
    page = json.loads(_run("issues list --limit 1 --json").stdout)
    names |= {"cursor": page["cursor"], "first": page["issues"][0]["title"]}
    names["history_cursor"] = json.loads(_run(f"issues history {names['alert']} --limit 1 --json").stdout)[
        "cursor"
    ]
    with Tracker(world / "many.db") as tracker:
        for number in range(51):
            word = chr(97 + number % 26) * (number // 26 + 3)
            tracker.record_error(f"Loss {word} failed", session_id=f"s{number}")
    return names


@dataclass(frozen=True)
class World:
    folder: Path
    names: dict[str, str]
    #: What is seen of the command lines without options.
    seen: dict[tuple[str, str | None], tuple[int, dict[str, str]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        _enter(patch, folder)
        _artifacts(folder)
        names = _tracker(folder)
        _run("issues export issues.json")
        states = json.loads((folder / "issues.json").read_text())
        for entry in states["issues"]:
            entry.pop("status", None)
            entry["state"] = "ignored"
        (folder / "changed.json").write_text(json.dumps(states))
        shutil.rmtree(folder / "cache", ignore_errors=True)
        (folder / "empty.json").write_text('{"format": "stormlog-issues", "version": 1, "issues": []}')
    yield World(folder, names)


def _enter(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("STORMLOG_")]:
        patch.delenv(name)
    patch.setenv("STORMLOG_DB", str(folder / "tracker.db"))
    patch.setenv("STORMLOG_USER", "tester")
    patch.setenv("STORMLOG_CACHE", str(folder / "cache"))
    patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(STATEMENTS.encode())))


def _seen(
    world: World, tmp_path: Path, line: str, *, is_query: bool, before: str | None = None
) -> tuple[int, dict[str, str]]:
    """Run a command line in a copy of the world; return its status and what can be seen of it."""
    folder = tmp_path / "world"
    shutil.copytree(world.folder, folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            if before is not None:
                _enter(patch, folder)
                _run(before)
            return _texts(folder, shlex.split(line.format(**world.names)), patch, is_query=is_query)
    finally:
        shutil.rmtree(folder)


def _texts(
    folder: Path, line: list[str], patch: pytest.MonkeyPatch, *, is_query: bool
) -> tuple[int, dict[str, str]]:
    configurations: list[str] = []
    real = duckdb.connect

    def connect(*arguments: Any, **options: Any) -> Any:
        configurations.append(repr(options.get("config")))
        return real(*arguments, **options)

    _enter(patch, folder)
    if is_query:
        patch.delenv("STORMLOG_DB")
    if line[:1] == ["mcp"]:
        patch.setattr(sys, "stdin", session_of_agent(CALLS))
    patch.setattr(duckdb, "connect", connect)
    mail: list[str] = []
    read = NotifySettings.from_environment

    def from_environment(*arguments: Any, **options: Any) -> NotifySettings:
        settings = read(*arguments, **options)
        mail.append(repr(settings))
        return settings

    patch.setattr(NotifySettings, "from_environment", from_environment)
    outcome = stormlog(*line)
    files = "".join(
        f"\n{path.relative_to(folder)}{'/' if path.is_dir() else f' {path.stat().st_mode & 0o777:o}'}"
        for path in sorted(folder.rglob("*"))
    )
    with Tracker(folder / "tracker.db", read_only=True) as tracker:
        rows, fingerprints = everything(tracker), tables(tracker)["fingerprints"]
    texts = {
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "engine": "\n".join(configurations),
        "mail": "\n".join(mail),
        "files": files,
        "tracker": "\n".join(row for of_table in rows.values() for row in of_table),
        "fingerprints": repr(fingerprints),
    }
    return outcome.status, texts


ROWS = [(command, row) for command, of_command in TABLE.items() for row in of_command]


@pytest.mark.parametrize(("command", "row"), ROWS, ids=[f"{command} {row.args}" for command, row in ROWS])
def test_an_option_has_an_effect(world: World, tmp_path: Path, command: str, row: Row) -> None:
    is_query = command.startswith("query")
    base = f"{command} {BASES.get(command, '') if row.base is None else row.base}"
    status, given = _seen(world, tmp_path, f"{base} {row.args}", is_query=is_query, before=row.before)
    if (base, row.before) not in world.seen:
        world.seen[base, row.before] = _seen(world, tmp_path, base, is_query=is_query, before=row.before)
    base_status, left_out = world.seen[base, row.before]

    for actual, wanted, texts in ((status, row.status, given), (base_status, row.base_status, left_out)):
        assert actual != 0 if wanted is None else actual == wanted, (actual, texts["stdout"], texts["stderr"])
    if row.gone is not None and row.on == "stdout":
        # A filter that lets nothing pass would do as well.
        assert "No rows." not in given["stdout"]
    for text, there, elsewhere in ((row.new, given, left_out), (row.gone, left_out, given)):
        if text is not None:
            text = text.format(**world.names) if text in ("{first}",) else text
            assert text in there[row.on], (there[row.on], there["stderr"])
            assert text not in elsewhere[row.on], elsewhere[row.on]
