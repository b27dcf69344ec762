"""An export answers as its store does, with nothing but the library that opens it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest

from stormlog import __version__
from stormlog.engine import view_names
from stormlog.exporting import ExportReport
from stormlog.query import QueryStore
from stormlog.query.schema import describe_views
from tests.exporting.conftest import NAMES

pytestmark = pytest.mark.usefixtures("reports")

HEADER = ["export_columns", "export_info", "export_paths", "export_views"]

#: As docs/export.md has it.
LIST_ISSUES = """
SELECT
    fingerprint_id, kind, state, severity, title, dimensions, hit_count, first_seen_ns, last_seen_ns,
    affected_sessions, details, bundle_details, session_id, timestamp_ns, rank, source_path, source_kind,
    event_type, bundle_path, metadata
FROM issues
ORDER BY severity_rank, coalesce(last_seen_ns, -1) DESC, fingerprint_id
"""


@pytest.fixture(scope="module")
def in_duckdb(folder: Path, reports: object) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(folder / "all.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def in_sqlite(folder: Path, reports: object) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "all.sqlite")) as connection:
        yield connection


@pytest.fixture(scope="module")
def in_parquet(folder: Path, reports: object) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a view for each file."""
    with duckdb.connect() as connection:
        for path in (folder / "all").iterdir():
            connection.execute(f"CREATE VIEW {path.stem} AS FROM read_parquet('{path}')")
        yield connection


def test_issues_are_those_that_are_listed_row_for_row(
    store: QueryStore, in_duckdb: duckdb.DuckDBPyConnection
) -> None:
    listed = store.sql(*store.list_issues_sql()).rows
    assert in_duckdb.execute(LIST_ISSUES).fetchall() == listed
    assert {row[2] for row in listed} == {"open", "ignored"} and len(listed) > 25
    issues = store.list_issues()
    assert [row[0] for row in listed] == [issue.fingerprint_id for issue in issues]
    for issue in issues:
        evidence = in_duckdb.execute(
            """
            SELECT session_id, timestamp_ns, rank, source_path, event_type, bundle_path, metadata
            FROM issue_evidence WHERE fingerprint_id = ?
            ORDER BY stage, sort_ns, sort_text, sort_file, sort_line
            """,
            [issue.fingerprint_id],
        ).fetchall()
        assert [(*row[:6], json.loads(row[6])) for row in evidence] == [
            (
                link.session_id,
                link.timestamp_ns,
                link.rank,
                link.source_path,
                link.event_type,
                link.bundle_path,
                dict(link.metadata),
            )
            for link in issue.evidence
        ]


def test_sqlite_alone_counts_issues_by_group(store: QueryStore, in_sqlite: sqlite3.Connection) -> None:
    text = """
        SELECT kind, severity, state, count(*) AS issues, sum(hit_count) AS hits, max(last_seen_ns) AS last_seen_ns
        FROM issues GROUP BY kind, severity, state ORDER BY kind, severity, state
    """
    groups: dict[tuple[str, ...], list[Any]] = {}
    for issue in store.list_issues():
        groups.setdefault((issue.kind, issue.severity, issue.state), []).append(issue)
    assert in_sqlite.execute(text).fetchall() == [
        (*key, len(of), sum(issue.hit_count for issue in of), max(issue.last_seen_ns for issue in of))
        for key, of in sorted(groups.items())
    ]
    counts = "SELECT fingerprint_id, failure_count, run_count, session_count FROM issue_counts ORDER BY 1"
    assert in_sqlite.execute(counts).fetchall() == [
        (fingerprint_id, counts.failure_count, counts.run_count, counts.session_count)
        for fingerprint_id, counts in sorted(store.issue_counts().items())
    ]


@pytest.mark.parametrize("name", view_names())
def test_every_view_has_the_rows_of_the_store_in_every_format(
    name: str,
    store: QueryStore,
    in_duckdb: duckdb.DuckDBPyConnection,
    in_parquet: duckdb.DuckDBPyConnection,
    in_sqlite: sqlite3.Connection,
) -> None:
    found = store.sql(f"FROM {name}")
    columns = ", ".join(found.columns)
    rows = sorted(found.rows, key=repr)
    assert sorted(in_duckdb.execute(f"SELECT {columns} FROM {name}").fetchall(), key=repr) == rows
    kinds = in_duckdb.execute(f"DESCRIBE SELECT {columns} FROM {name}").fetchall()
    assert [row[1] for row in kinds] == found.types
    assert sorted(in_parquet.execute(f"SELECT {columns} FROM {name}").fetchall(), key=repr) == rows
    of_sqlite = sorted(in_sqlite.execute(f"SELECT {columns} FROM {name}").fetchall(), key=repr)
    as_sqlite = [tuple(map(_sqlite_value, row)) for row in rows]
    assert of_sqlite == sorted(as_sqlite, key=repr)


def _sqlite_value(value: object) -> object:
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"))
    return int(value) if isinstance(value, bool) else value


def test_times_stand_beside_their_nanoseconds(
    in_duckdb: duckdb.DuckDBPyConnection, in_sqlite: sqlite3.Connection
) -> None:
    text = """
        SELECT table_name, column_name FROM duckdb_columns()
        WHERE data_type = 'TIMESTAMP_NS' ORDER BY table_name, column_index
    """
    columns = in_duckdb.execute(text).fetchall()
    # A new column of nanoseconds is a time, or one of those that tables.py lists as none.
    assert {f"{table}.{column}" for table, column in columns} == {
        *("attachments.start_at", "attachments.end_at", "attachments.created_at"),
        *("derived_fields.timestamp_at", "events.timestamp_at", "failures.timestamp_at"),
        *("export_info.created_at", "export_info.newest_at", "export_info.since_at"),
        *("issue_evidence.timestamp_at", "issue_trend.bucket_start_at", "issue_trend.bucket_end_at"),
        *("issues.first_seen_at", "issues.last_seen_at", "issues.timestamp_at"),
        *("memory_account.timestamp_at", "memory_gaps.timestamp_at", "memory_readings.timestamp_at"),
        *("oom_bundles.created_at", "phase_spans.start_at", "phase_spans.end_at"),
        *("projected_records.timestamp_at", "projected_records.observed_timestamp_at"),
        *(
            f"{view}.{name}_at"
            for view in ("rollup_ranks", "rollup_sessions", "rollup_windows")
            for name in ("peak_allocated", "peak_reserved", "peak_used")
        ),
        *("rollup_ranks.first_at", "rollup_ranks.last_at", "rollup_sessions.first_at"),
        *("rollup_sessions.last_at", "rollup_sessions.started_at", "rollup_sessions.ended_at"),
        *("rollup_windows.start_at", "rollup_windows.end_at", "rollups.generated_at"),
        *("run_attachments.start_at", "run_attachments.end_at", "run_attempts.start_at"),
        *("run_attempts.last_at", "run_attempts.failed_at", "run_ranks.failed_at"),
        *("run_ranks.start_at", "run_ranks.last_at", "run_sessions.start_at", "run_sessions.end_at"),
        *(
            "run_sessions.last_event_at",
            "run_sessions.fifth_last_enter_at",
            "runs.started_at",
            "runs.ended_at",
        ),
        *("sessions.started_at", "sessions.ended_at", "timeline_markers.start_at", "timeline_markers.end_at"),
    }
    for table, column in columns:
        nanoseconds = f"{column.removesuffix('_at')}_ns"
        if nanoseconds not in _columns_of(in_duckdb, table):
            nanoseconds = f"{column}_ns"
        wrong = f"SELECT count(*) FROM {table} WHERE epoch_ns({column}) IS DISTINCT FROM {nanoseconds}"
        assert in_duckdb.execute(wrong).fetchall() == [(0,)], column
        shown = f"SELECT {nanoseconds}, {column} FROM {table}"
        for number, time in in_sqlite.execute(shown):
            text = None if number is None else f".{number % 10**9:09}Z"
            assert (time is None) if text is None else time.endswith(text), column
    seconds = "SELECT count(*) FROM issues WHERE unixepoch(last_seen_at) <> last_seen_ns / 1000000000"
    assert in_sqlite.execute(seconds).fetchall() == [(0,)]


def _columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()]


def test_views_and_columns_keep_what_they_mean_in_every_format(
    store: QueryStore,
    folder: Path,
    in_duckdb: duckdb.DuckDBPyConnection,
    in_sqlite: sqlite3.Connection,
) -> None:
    comments = dict(in_duckdb.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
    text = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
    meanings = {(table, column): comment for table, column, comment in in_duckdb.execute(text).fetchall()}
    listed = {
        (view, name): (kind, unit, meaning)
        for view, name, kind, unit, meaning in in_sqlite.execute(
            "SELECT view, name, type, unit, meaning FROM export_columns"
        )
    }
    assert {*comments} == {*view_names(), *HEADER}
    for view in describe_views(store):
        if view.arguments:
            continue
        metadata = pyarrow.parquet.read_schema(folder / "all" / f"{view.name}.parquet").metadata
        described = json.loads(metadata[b"stormlog"])
        assert described["table"] == view.name
        assert described["meaning"] == comments[view.name] == view.meaning
        for column in view.columns:
            place = (view.name, column.name)
            assert described["columns"][column.name] == meanings[place] == column.meaning
            assert listed[place] == (column.type, column.unit, column.meaning)
    assert meanings["issues", "last_seen_at"] == "last_seen_ns as a time, UTC"


@pytest.fixture(scope="module")
def row_counts(store: QueryStore) -> dict[str, int]:
    return {view: store.sql(f"SELECT count(*) FROM {view}").rows[0][0] for view in sorted(view_names())}


@pytest.mark.parametrize("name", ["duckdb", "sqlite", "parquet"])
def test_an_export_says_what_it_is_of(
    name: str,
    store: QueryStore,
    row_counts: dict[str, int],
    reports: dict[str, ExportReport],
    request: pytest.FixtureRequest,
) -> None:
    connection = request.getfixturevalue(f"in_{name}")
    info = connection.execute(
        "SELECT stormlog_version, format_version, newest_ns, since_ns, skipped_count, warning_count FROM export_info"
    ).fetchall()
    ((newest_ns,),) = store.sql("SELECT max(timestamp_ns) FROM events").rows
    assert info == [(__version__, 1, newest_ns, None, 3, row_counts["catalog_warnings"])]
    paths = connection.execute("SELECT path FROM export_paths ORDER BY position").fetchall()
    assert [Path(path).name for (path,) in paths] == list(NAMES)
    views = connection.execute(
        "SELECT view, row_count, left_out_count, left_out FROM export_views"
    ).fetchall()
    assert sorted(views) == [(view, count, 0, None) for view, count in row_counts.items()]
    assert ("run_conflicts", 0, 0, None) in views
    skipped = {(reject.path, reject.line_number, reject.reason) for reject in store.rejects()}
    found = connection.execute("SELECT path, line_number, reason FROM rejects").fetchall()
    assert set(found) == skipped and len(found) == len(skipped) == 3
    report = reports[name]
    assert report.skipped_count == 3 and report.newest_ns == newest_ns
    assert report.row_count == sum(row[1] for row in views) and report.size_bytes > 100_000
    assert [view["row_count"] for view in report.as_dict()["views"]] == [row[1] for row in sorted(views)]


def test_every_duckdb_from_version_1_on_can_open_the_file(folder: Path) -> None:
    # Bytes 12 to 19 of the file: 64 is the version that DuckDB 0.10 to 1.1 wrote.
    assert int.from_bytes((folder / "all.duckdb").read_bytes()[12:20], "little") == 64
