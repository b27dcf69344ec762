"""Views and a time leave out what was not asked for, say so, and leave out nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import stormlog.query
from stormlog.engine import view_names
from stormlog.exporting import ExportReport, chosen_views
from stormlog.exporting.selection import _ENDED
from stormlog.query import IssueFilter, QueryStore
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.artifacts.factories import make_oom_bundle
from tests.exporting.conftest import CAPTURES

SECOND = 10**9


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions a minute apart, each with an alert of its own and one that both have, and a bundle."""
    root = tmp_path_factory.mktemp("runs")
    records = []
    for number, session in enumerate(("early", "late")):
        begin = START_NS + number * 60 * SECOND
        of = {"session_id": session, "job_id": f"job-{session}"}
        records += [
            event(**of, timestamp_ns=begin, event_type="start"),
            event(**of, timestamp_ns=begin + SECOND, event_type="warning", context=f"only {session}"),
            event(**of, timestamp_ns=begin + 2 * SECOND, event_type="warning", context="in both of them"),
            event(**of, timestamp_ns=begin + 3 * SECOND, event_type="stop"),
        ]
    write_lines(root / "events.jsonl", *records)
    return root


@pytest.fixture(scope="module")
def two_sessions(capture: Path) -> Iterator[QueryStore]:
    with stormlog.query.open(capture, cache=False) as opened:
        yield opened


def of_view(report: ExportReport, name: str) -> tuple[int | None, int | None, str | None]:
    (view,) = (view for view in report.views if view.view == name)
    return view.row_count, view.left_out_count, view.left_out


def test_time_leaves_out_what_had_ended_before_and_keeps_issues_whole(
    two_sessions: QueryStore, tmp_path: Path
) -> None:
    since = START_NS + 30 * SECOND
    views = ["catalog_sources", "events", "issue_evidence", "issues", "runs", "sessions"]
    report = two_sessions.export(tmp_path / "late.duckdb", views=views, since=since)
    old = "rows that had ended before since_ns"
    assert of_view(report, "events") == (4, 4, old)
    assert of_view(report, "sessions") == (1, 1, old)
    assert of_view(report, "runs") == (1, 1, old)
    assert of_view(report, "issues") == (2, 1, old)
    # The hit of the early session belongs to an issue that the late one has too.
    assert of_view(report, "issue_evidence") == (3, 1, old)
    assert of_view(report, "catalog_sources") == (1, 0, None)
    with duckdb.connect(str(tmp_path / "late.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT fingerprint_id, hit_count FROM issues ORDER BY 1").fetchall()
        listed = two_sessions.list_issues(IssueFilter(since=since))
        assert rows == sorted((issue.fingerprint_id, issue.hit_count) for issue in listed)
        assert connection.execute("SELECT DISTINCT session_id FROM events").fetchall() == [("late",)]
        assert connection.execute("SELECT since_ns, epoch_ns(since_at) FROM export_info").fetchall() == [
            (since, since)
        ]
        said = connection.execute(
            "SELECT row_count, left_out_count, left_out FROM export_views WHERE view = 'events'"
        )
        assert said.fetchall() == [(4, 4, old)]


@pytest.mark.parametrize(
    ("offset_ns", "events", "issues"),
    [(-1, 8, 3), (0, 8, 3), (1, 7, 3), (SECOND + 1, 6, 2), (63 * SECOND, 1, 0), (63 * SECOND + 1, 0, 0)],
)
def test_the_moment_itself_is_kept(
    offset_ns: int, events: int, issues: int, two_sessions: QueryStore, tmp_path: Path
) -> None:
    report = two_sessions.export(
        tmp_path / "moment.duckdb", views=["events", "issues"], since=START_NS + offset_ns
    )
    assert of_view(report, "events")[:2] == (events, 8 - events)
    assert of_view(report, "issues")[:2] == (issues, 3 - issues)


def test_what_has_no_time_is_kept(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path / "runs" / "oom_dump_1", created_at_utc=None)
    with stormlog.query.open(tmp_path / "runs", cache=False) as store:
        report = store.export(
            tmp_path / "out.duckdb", views=["issues", "issue_evidence", "oom_bundles"], since="2026-11-01"
        )
    for name in ("issues", "issue_evidence", "oom_bundles"):
        assert of_view(report, name) == (1, 0, None)


def test_bundles_of_a_second_that_is_not_over_are_kept(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path / "runs" / "oom_dump_1", created_at_utc="2026-01-02T03:04:05Z")
    views = ["issues", "issue_evidence", "oom_bundles"]
    with stormlog.query.open(tmp_path / "runs", cache=False) as store:
        for since, count in ((START_NS + SECOND - 1, 1), (START_NS + SECOND, 0)):
            report = store.export(tmp_path / f"{count}.duckdb", views=views, since=since)
            assert [of_view(report, name)[0] for name in views] == [count] * 3
            assert len(store.list_issues(IssueFilter(since=since))) == count


def test_every_public_view_has_a_rule() -> None:
    assert sorted(_ENDED) == sorted(view_names())


def test_rows_that_are_left_out_and_kept_make_up_each_view(store: QueryStore, tmp_path: Path) -> None:
    since = "2026-01-01T08:20:00Z"
    report = store.export(tmp_path / "since", since=since)
    for view in report.views:
        total = store.sql(f"SELECT count(*) FROM {view.view}").rows[0][0]
        assert (view.row_count or 0) + (view.left_out_count or 0) == total, view
    shortened = [view.view for view in report.views if view.left_out_count]
    assert len(shortened) > 20 and of_view(report, "issues")[0]
    kept = (
        duckdb.connect()
        .sql(f"SELECT fingerprint_id FROM '{tmp_path}/since/issues.parquet' ORDER BY 1")
        .fetchall()
    )
    listed = store.list_issues(IssueFilter(since=since))
    assert kept == sorted((issue.fingerprint_id,) for issue in listed)


def test_views_that_are_named_come_with_what_could_not_be_read(tmp_path: Path) -> None:
    with stormlog.query.open(CAPTURES / "torn-tail", cache=False) as store:
        report = store.export(tmp_path / "out", views=[" Sessions", "runs"])
        wanted = store.sql("SELECT count(*) FROM sessions").rows[0][0]
    assert of_view(report, "sessions") == (wanted, 0, None)
    assert of_view(report, "events") == (None, None, "the view was not asked for")
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == [
        *("catalog_warnings", "export_columns", "export_info", "export_paths", "export_views"),
        *("rejects", "runs", "sessions"),
    ]
    rows = (
        duckdb.connect().sql(f"SELECT view, left_out FROM '{tmp_path}/out/export_views.parquet'").fetchall()
    )
    assert ("events", "the view was not asked for") in rows and len(rows) == len(view_names())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["sesions"], "there is no view 'sesions'; did you mean sessions?"),
        (["issues", "evnts"], "there is no view 'evnts'; did you mean events?"),
        ("isues", "did you mean issues?"),
        (["zzzz"], "there is no view 'zzzz'; there are attachments, "),
        (["correlation"], "there is no view 'correlation'; "),
        ([""], "there is no view ''; there are "),
        ([], "name the views to export; there are attachments, "),
        ([5], "views must be names, not 5"),
    ],
)
def test_a_view_that_is_not_there_is_refused_with_the_nearest_one(names: list[str], message: str) -> None:
    with pytest.raises(ValueError) as error:
        chosen_views(names)
    assert message in str(error.value)


def test_a_name_may_stand_alone_and_twice() -> None:
    assert chosen_views("issues") == ["catalog_warnings", "issues", "rejects"]
    assert chosen_views(["issues", "ISSUES"]) == chosen_views("issues")
    assert chosen_views(None) == sorted(view_names())


def test_times_at_the_bounds_are_compared_as_any_other(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "events.jsonl",
        event(timestamp_ns=2**63 - 1, event_type="warning", context="late"),
        event(timestamp_ns=0, event_type="warning", context="early"),
    )
    views = ["events", "issues", "issue_evidence"]
    with stormlog.query.open(tmp_path / "events.jsonl", cache=False) as store:
        for since, count in ((2**63 - 1, 1), (-(2**63), 2)):
            report = store.export(tmp_path / f"{count}.duckdb", views=views, since=since)
            for name in views:
                assert of_view(report, name)[:2] == (count, 2 - count), since


@pytest.mark.parametrize("since", ["soon", True, [], 1_700_000_000])
def test_a_time_that_is_none_is_refused(since: object, two_sessions: QueryStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="since"):
        two_sessions.export(tmp_path / "out", since=since)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
