"""Rows of the table of options for the commands that ask: statements, reports, runs and what surrounds them."""

from __future__ import annotations

from dataclasses import replace

from tests.apps.cli.flag_rows import Row, answers, formats, limits, reading, times
from tests.apps.cli.samples import START_NS

SELECT = '"SELECT session_id, source_path FROM events"'
METRIC = "--metric peak_device_used_bytes"
MOMENT = f"--at-ns {START_NS}"


def behind(rows: list[Row], path: str, words: str) -> list[Row]:
    """Return rows with the words that a command cannot do without.

    Args:
        rows: Rows whose base is paths, if they have one.
        path: Base of those that have none.
        words: What stands behind the paths.
    """
    return [replace(row, base=f"{row.base or path} {words}") for row in rows]


def opens(rows: list[Row]) -> list[Row]:
    """Return rows of options about reading, for commands that have no --sql.

    The tracker of the other rows of --project is one that the environment does not name.
    """
    return [
        Row("--db", "--db no-such.db", "runs", new="no-such.db", on="stderr", status=3),
        *(row for row in rows if row.option != "--db"),
    ]


def without_times(rows: list[Row]) -> list[Row]:
    """Return rows without those for how tables show times."""
    return [row for row in rows if row.option not in {time.option for time in times()}]


def of_runs(gone: str) -> list[Row]:
    """Return rows for the filters and pages that lists of runs and of their attachments share.

    Args:
        gone: Text that only rows of the first run have.
    """
    return [
        Row("--run-id", "--run-id run-linked-b", gone=gone),
        Row("--session-id", "--session linked-b", gone=gone),
        Row("--job-id", "--job-id job-b", gone=gone),
        Row("--rank", "--rank 1", gone=gone),
        Row("--source-namespace", "--source-namespace mlflow", gone=gone),
        Row("--source-ref", "--source-ref ref-b", gone=gone),
        Row("--since", "--since 2026-01-02", gone=gone),
        Row("--until", "--until 2026-01-02", gone="run-linked-b"),
        Row("--search", "--search 'second title'", gone=gone),
        Row("--limit", "--limit 1", gone=gone),
        Row("--page", "--page 2 --limit 50", new="there is no page 2", on="stderr"),
    ]


#: What stands behind a command where a row says nothing else.
BASES = {
    "report": "runs",
    "top": "runs",
    "diff": "runs::s-1 runs::j2",
    "shell": "runs",
    "mcp": "runs",
    "sql": f"runs {SELECT}",
    "describe": "",
    "export": "runs {out}/out.sqlite --views sessions",
    "spec": "",
    "rollups": "sink --output {out}/sums.json",
    "query runs": "linked-a linked-b",
    "query attachments": "linked-a linked-b",
    "query summary": f"runs {METRIC}",
    "query correlate": f"runs {MOMENT}",
}

TABLE: dict[str, list[Row]] = {
    "top": [
        Row("--interval", "--interval never", new="never", on="stderr", status=2),
        Row("--iterations", "-n 0", new="-n", on="stderr", status=2),
        Row("--once", "--once -n 2", new="--once", on="stderr", status=2),
        Row("--since", "--since 2020-01-01", gone="not shown"),
        Row("--format", "--format json -n 1", new='"older_run_count"'),
        Row("--json", "--json -n 1", new='"older_run_count"'),
        *opens(reading()),
    ],
    "report": [
        Row("--output", "-o {out}/report.html", new="report.html", on="files"),
        Row("--force", "--force", "runs -o {out}/old.sqlite", base_status=None),
        Row("--format", "--format markdown", new="<details>"),
        Row("--json", "--json", new='"stormlog.report"'),
        Row("--run", "--run job:j2", "runs --format markdown", new="Run job:j2, "),
        Row("--limit", "--limit 1", "runs --format markdown", gone="Details of 5 issues"),
        *opens(reading()),
    ],
    "diff": [
        Row("--path", "--path runs", "s-1 j2", new="session:s-1", base_status=2),
        Row("--attempts", "--attempts 1 7", new="has no attempt 7", on="stderr", status=4),
        Row("--schema", "--schema", new='"$defs": '),
        Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3),
        Row("--json", "--json", new='"issue_counts": '),
        *(row for row in formats("section", "section") if row.option != "--json"),
        *(row for row in reading() if row.option not in ("--db", "--project")),
        Row(
            "--project",
            "--project nowhere",
            "runs::s-1 runs::j2 --db tracker.db",
            new="nowhere",
            on="stderr",
            status=None,
        ),
    ],
    "sql": [
        Row("--file", "-f question.sql", "runs", new="six", base_status=2),
        Row("--param", "-p five=5", 'runs "SELECT $five AS five"', new="five", base_status=None),
        Row("--attach", "--attach hosts=hosts.csv", 'runs "FROM hosts"', new="vision", base_status=None),
        Row("--limit", "--limit 1", gone="s-2"),
        Row("--max-bytes", "--max-bytes 80", gone="s-2"),
        Row("--timeout", "--timeout never", new="never", on="stderr", status=2),
        Row("--output", "-o {out}/rows.parquet", new="rows.parquet", on="files"),
        Row("--force", "--force", f"runs {SELECT} -o {{out}}/old.csv", base_status=None),
        *without_times(formats("session_id", "session_id")),
        *behind(opens(reading()), "runs", SELECT),
    ],
    "shell": [
        Row("--attach", "--attach hosts=hosts.csv", new="your own: host, team"),
        *opens(reading()),
    ],
    "mcp": [
        Row("--allow", "--allow issues:write", new='"name":"claim"'),
        Row("--as-agent", "--as-agent bot", "runs --allow issues:write", new="'agent', 'bot'", on="tracker"),
        Row("--timeout", "--timeout never", new="never", on="stderr", status=2),
        Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3),
        # A call is refused, not the server.
        Row("--strict", "--strict", "damaged", new="damaged.jsonl:2: "),
        Row("--quiet", "-q", "damaged-dumps", gone="damaged", on="stderr"),
        *(row for row in reading() if row.option not in ("--strict", "--quiet")),
    ],
    "describe": [Row("--json", "--json", new='"columns"')],
    "export": [
        Row("--views", "--views sessions", "runs {out}/out.sqlite", new="Not asked for"),
        Row("--since", "--since 2026-01-02T03:04:08.5", new="Left out, as it had ended before"),
        Row("--force", "--force", "runs {out}/old.sqlite --views sessions", base_status=None),
        Row("--json", "--json", new='"left_out_count"'),
        Row("--format", "--format openmetrics", "runs", new="# EOF", base_status=None),
        Row("--output", "-o {out}/counts.prom", "runs --format openmetrics", new="counts.prom", on="files"),
        *behind(opens(reading()), "runs", "{out}/out.sqlite --views sessions"),
    ],
    "spec": [
        Row("--json", "issues stats --json", new='"parameters"'),
        Row("--schema", "--schema error", new='"$schema"'),
    ],
    "rollups": [
        Row("--output", "--output {out}/sums.json", "sink", gone="sink/rollups.json", on="files"),
        Row("--window", "--window 100ms", gone="1 window\n"),
        Row("--json", "--json", new='"window_count"'),
        *limits(),
        Row("--quiet", "-q", "torn --output {out}/sums.json", gone="Warning", on="stderr"),
    ],
    "query runs": [
        *answers("run_id", "run_id"),
        *of_runs("run-linked-a"),
        Row("--sort", "--sort colour", new="'colour' is not one of", on="stderr", status=2),
        Row("--fields", "--fields run_id", gone="Started"),
    ],
    "query attachments": [
        *answers("run_id", "run_id"),
        *(row for row in of_runs("run-linked-a") if row.option != "--limit"),
        Row("--limit", "--limit 1", gone="run-linked-b"),
        Row("--kind", "--kind log", gone="telemetry_file"),
        Row("--sort", "--sort colour", new="'colour' is not one of", on="stderr", status=2),
        Row("--fields", "--fields run_id", gone="telemetry_file"),
    ],
    "query summary": [
        Row("--fields", "--fields value,rank", gone="Session"),
        Row("--metric", "--metric alert_count", "runs", new="s-1", base_status=2),
        Row("--group-by", "--group-by rank", new="Rank"),
        *behind(answers("metric", "metric"), "runs", METRIC),
    ],
    "query correlate": [
        Row("--fields", "--fields kind,start_ns", gone="Source"),
        Row("--at-ns", f"--at-ns {START_NS}", "runs", new="sample", base_status=2),
        Row("--at", "--at 2026-01-02T03:04:05Z", "runs", new="sample", base_status=2),
        Row(
            "--record-id",
            "--record-id nowhere",
            "runs",
            new="nowhere",
            on="stderr",
            status=None,
            base_status=2,
        ),
        Row("--session-id", "--session s-2", gone="s-1"),
        Row("--job-id", "--job-id j2", gone="s-1"),
        Row("--rank", "--rank 1", gone="s-1"),
        Row("--scope", "--scope cosmic", new="'cosmic' is not one of", on="stderr", status=2),
        Row("--window-ns", "--window-ns 2000000000", gone="s-2"),
        Row("--window", "--window 2s", gone="s-2"),
        Row("--kind", "--kind alert", gone="telemetry_event"),
        Row("--limit", "--limit 1", gone="s-2"),
        *behind(answers("evidence_id", "confidence"), "runs", MOMENT),
    ],
}
