"""Issues show what a tracker, or ``issues.json`` beside the artifacts, says about them; SQL sees the tracker."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.tracked.schema import TrackingSchema
from stormlog.engine.tracked.sqlite_file import TrackerFile
from stormlog.errors import LifecycleError, MigrationError, SourceError
from stormlog.query import IssueFilter, QueryStore
from stormlog.query.adhoc import names_in
from stormlog.tracking import Tracker
from stormlog.tracking.sidecar_exchange import export_states
from tests.apps.cli.samples import event
from tests.tracking import evidence
from tests.tracking.evidence import see


def write_runs(folder: Path, *names: str) -> Path:
    """Write a session with an issue for each name, by default for three."""
    folder.mkdir()
    lines = [
        event(session_id="s-1", event_type="warning", context=f"{name} is low", metadata={"backend": "cuda"})
        for name in names or ("disk", "room", "time")
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return write_runs(tmp_path / "runs")


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The fingerprints of the three issues; they are made of what was captured."""
    runs = write_runs(tmp_path_factory.mktemp("ids") / "runs")
    with stormlog.query.open(runs, cache=False) as store:
        found = sorted(issue.fingerprint_id for issue in store.list_issues())
    assert len(found) == 3
    return found


@contextmanager
def tracker_in(folder: Path, ids: list[str]) -> Iterator[Tracker]:
    """Open a tracker that knows the first two: resolved in 1.4.0, and new."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(evidence, "fingerprint_id", lambda name: name)
        with Tracker(folder / "tracker.db") as opened:
            for fingerprint_id in ids[:2]:
                see(opened, fingerprint_id, "s-1", version="1.0")
            put(opened, ids[0], "resolved", fix_version="1.4.0", assignee="Ada")
            yield opened


@pytest.fixture
def tracker(tmp_path: Path, ids: list[str]) -> Iterator[Tracker]:
    """A tracker to change."""
    with tracker_in(tmp_path, ids) as opened:
        yield opened


@pytest.fixture(scope="module")
def unchanged_tracker(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> Iterator[Tracker]:
    with tracker_in(tmp_path_factory.mktemp("unchanged"), ids) as opened:
        yield opened


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, unchanged_tracker: Tracker) -> Iterator[QueryStore]:
    """A store with a tracker that nobody changes."""
    runs = write_runs(tmp_path_factory.mktemp("tracked") / "runs")
    with stormlog.query.open(runs, tracker=path_of(unchanged_tracker), cache=False) as store:
        yield store


def put(tracker: Tracker, fingerprint_id: str, status: str, *, is_dev: bool = False, **columns: Any) -> None:
    columns = {"fix_version": None, **columns, "status": status}
    with tracker.store.writing() as connection:
        connection.execute(
            f"UPDATE issues SET {', '.join(f'{name} = :{name}' for name in columns)} WHERE is_dev = :is_dev AND "
            "issue_id IN (SELECT issue_id FROM issue_fingerprints WHERE fingerprint_id = :id)",
            {**columns, "is_dev": is_dev, "id": fingerprint_id},
        )


def states(store: QueryStore, **arguments: Any) -> list[str]:
    return [issue.state for issue in sorted(store.list_issues(**arguments), key=lambda i: i.fingerprint_id)]


def write(path: Path, *entries: dict[str, Any]) -> None:
    document = {"format": "stormlog-issues", "version": 1, "issues": list(entries)}
    path.write_text(json.dumps(document), encoding="utf-8")


def path_of(tracker: Tracker) -> Path:
    return tracker.store.path


# ---- a tracker ---------------------------------------------------------------------------------------------


STATES = {
    "new": "open",
    "in_progress": "open",
    "resolved": "resolved",
    "silenced": "ignored",
    "regressed": "regressed",
}


def test_issues_show_the_state_of_their_status(runs: Path, tracker: Tracker, ids: list[str]) -> None:
    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        for status, state in STATES.items():
            put(tracker, ids[1], status)
            assert states(store) == ["resolved", state, "open"], status
            found = store.list_issues(IssueFilter(state="resolved"))
            assert [issue.fingerprint_id for issue in found] == [ids[0]] + [ids[1]] * (state == "resolved")


def test_what_a_caller_says_wins(tracked: QueryStore, ids: list[str]) -> None:
    said = {ids[0]: "open", ids[2]: "ignored"}
    assert states(tracked, state_overrides=said) == ["open", "open", "ignored"]
    with pytest.raises(ValueError, match="closed"):
        tracked.list_issues(state_overrides={"unknown": "closed"})


@pytest.mark.parametrize("cache", [True, False])
def test_a_change_between_two_questions_is_seen(
    cache: bool, runs: Path, tracker: Tracker, ids: list[str], tmp_path: Path
) -> None:
    kept = str(tmp_path / "cache") if cache else False
    with stormlog.query.open(runs, tracker=path_of(tracker), cache=kept) as store:
        assert states(store) == states(store) == ["resolved", "open", "open"]
        put(tracker, ids[1], "silenced")
        assert states(store) == ["resolved", "ignored", "open"]
        put(tracker, ids[0], "regressed")
        assert states(store) == ["regressed", "ignored", "open"]
    with stormlog.query.open(runs, cache=kept) as store:
        assert states(store) == ["open", "open", "open"]
    with stormlog.query.open(runs, tracker=path_of(tracker), cache=kept) as store:
        assert states(store) == ["regressed", "ignored", "open"]


def test_the_twin_names_the_states_that_are_used(tracked: QueryStore, ids: list[str]) -> None:
    _, parameters = tracked.list_issues_sql(state_overrides={ids[1]: "regressed"})

    assert dict(zip(parameters["override_ids"], parameters["override_states"], strict=True)) == {
        ids[0]: "resolved",
        ids[1]: "regressed",
    }


def test_production_speaks_before_development_then_the_urgent(
    runs: Path, tracker: Tracker, ids: list[str]
) -> None:
    see(tracker, ids[0], "s-1", is_dev=True)
    see(tracker, ids[2], "s-1", is_dev=True)
    put(tracker, ids[2], "silenced", is_dev=True)
    for app in ("b", "c"):
        see(tracker, ids[1], "s-1", app=app)
    put(tracker, ids[1], "silenced")

    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        assert states(store) == ["resolved", "ignored", "ignored"]
        with tracker.store.writing() as connection:
            connection.execute(
                "UPDATE issues SET status = 'regressed' WHERE app_id = (SELECT app_id FROM apps WHERE name = 'c')"
            )
        assert states(store) == ["resolved", "regressed", "ignored"]
        rows = store.sql(
            "SELECT fingerprint_id, app, is_dev, status FROM tracking.issue_states ORDER BY 1"
        ).rows
        assert rows == [
            (ids[0], "a", False, "resolved"),
            (ids[1], "c", False, "regressed"),
            (ids[2], "a", True, "silenced"),
        ]


def test_only_the_project_that_was_named_counts(runs: Path, tracker: Tracker, ids: list[str]) -> None:
    with Tracker(path_of(tracker), project="other") as other:
        see(other, ids[2], "s-1")
        put(other, ids[2], "silenced")

    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        assert states(store) == ["resolved", "open", "open"]
    with stormlog.query.open(runs, tracker=path_of(tracker), project="other") as store:
        assert states(store) == ["open", "open", "ignored"]
    with pytest.raises(LifecycleError, match="no project 'none'; there are default, other"):
        stormlog.query.open(runs, tracker=path_of(tracker), project="none")


def test_a_tracker_without_projects_knows_nothing(runs: Path, tmp_path: Path) -> None:
    with Tracker(tmp_path / "fresh.db"):
        pass
    with stormlog.query.open(runs, tracker=tmp_path / "fresh.db") as store:
        assert states(store) == ["open", "open", "open"]


def test_another_tracker_in_its_place_is_seen(
    runs: Path, tracker: Tracker, ids: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    with Tracker(other) as opened:
        see(opened, ids[2], "s-1")
        put(opened, ids[2], "silenced")
        with opened.reading() as connection:
            connection.execute("SELECT 1")
    tracker.close()
    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        assert states(store) == ["resolved", "open", "open"]
        os.replace(other, path_of(tracker))
        assert states(store) == ["open", "open", "ignored"]
        path_of(tracker).unlink()
        with pytest.raises(SourceError, match="no such tracker"):
            store.list_issues()


def test_refresh_says_that_a_state_changed(runs: Path, tracker: Tracker, ids: list[str]) -> None:
    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        assert not store.refresh()
        put(tracker, ids[1], "in_progress")
        assert not store.refresh()
        put(tracker, ids[1], "silenced")
        assert store.refresh() and not store.refresh()


def test_readers_keep_nobody_from_writing(runs: Path, tracker: Tracker, ids: list[str]) -> None:
    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        store.list_issues()
        store.sql("SELECT * FROM tracking.issues")
        with sqlite3.connect(path_of(tracker), timeout=0) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE issues SET assignee = 'Eve'")
            # Nobody sees what may be taken back.
            assert store.sql("SELECT DISTINCT assignee FROM tracking.issues ORDER BY 1").rows[0] == ("Ada",)
            writer.rollback()
        writer.close()


def test_a_tracker_that_cannot_be_read_is_refused(runs: Path, tmp_path: Path, tracker: Tracker) -> None:
    with pytest.raises(SourceError, match="no such tracker; 'stormlog scan' makes one"):
        stormlog.query.open(runs, tracker=tmp_path / "missing.db")
    text = tmp_path / "text.db"
    text.write_text("not a database, whatever its name says " * 100, encoding="utf-8")
    with pytest.raises(MigrationError, match="no tracker"):
        stormlog.query.open(runs, tracker=text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE issues (id)")
    connection.close()
    with pytest.raises(MigrationError, match="is no tracker"):
        stormlog.query.open(runs, tracker=other)
    with pytest.raises(SourceError, match="cannot read this tracker"):
        stormlog.query.open(runs, tracker=tmp_path)


@pytest.mark.parametrize(("version", "code"), [(99, "store_too_new"), (0, "store_too_old")])
def test_a_tracker_of_another_version_is_refused(
    version: int, code: str, runs: Path, tracker: Tracker
) -> None:
    with tracker.store.writing() as connection:
        if version:
            connection.execute("INSERT INTO schema_migrations VALUES (?, 'later', '', '')", [version])
        else:
            connection.execute("DELETE FROM schema_migrations")
    with pytest.raises(MigrationError) as caught:
        stormlog.query.open(runs, tracker=path_of(tracker))
    assert caught.value.code == code


# ---- SQL ---------------------------------------------------------------------------------------------------


def test_issues_join_what_is_tracked(tracked: QueryStore, ids: list[str]) -> None:
    text = """
        SELECT fingerprint_id, kind, coalesce(state, 'open'), fix_version, assignee, occurrence_count
        FROM issues LEFT JOIN tracking.issue_states USING (fingerprint_id) ORDER BY fingerprint_id
    """
    assert tracked.sql(text).rows == [
        (ids[0], "alert", "resolved", "1.4.0", "Ada", 1),
        (ids[1], "alert", "open", None, None, 1),
        (ids[2], "alert", "open", None, None, None),
    ]


def test_every_table_of_the_tracker_is_there(tracked: QueryStore, unchanged_tracker: Tracker) -> None:
    with sqlite3.connect(path_of(unchanged_tracker)) as connection:
        expected = {
            name: f"SELECT * FROM {name}"
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        }
        rows = {name: sorted(map(repr, connection.execute(text))) for name, text in expected.items()}
    connection.close()
    for name in expected:
        assert sorted(map(repr, tracked.sql(f"SELECT * FROM tracking.{name}").rows)) == rows[name]
    assert len(rows["issues"]) == 2 and len(rows["issue_evidence_keys"]) == 2


def test_tables_follow_the_tracker(runs: Path, tracker: Tracker, ids: list[str]) -> None:
    text = "SELECT status FROM tracking.issues JOIN tracking.issue_states USING (issue_id, status) ORDER BY status"
    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        assert store.sql(text).rows == [("new",), ("resolved",)]
        put(tracker, ids[1], "silenced")
        assert store.sql(text).rows == [("resolved",), ("silenced",)]
        assert store.connection.execute(text).fetchall() == [("resolved",), ("silenced",)]


def test_an_unchanged_tracker_is_copied_once(
    runs: Path, tracker: Tracker, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    copy = TrackingSchema._copy

    def counted(schema: TrackingSchema, tracker: sqlite3.Connection, table: str, columns: Any) -> None:
        copied.append(table)
        copy(schema, tracker, table, columns)

    monkeypatch.setattr(TrackingSchema, "_copy", counted)
    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        for _ in range(3):
            store.sql("SELECT count(*) FROM tracking.issues")
        assert copied == ["issues"]
        store.sql("SELECT count(*) FROM tracking.apps")
        assert copied == ["issues", "apps"]
        put(tracker, ids[1], "silenced")
        store.sql("SELECT count(*) FROM tracking.apps")
        assert copied == ["issues", "apps", "apps"]


def test_a_statement_sees_one_moment(
    runs: Path, tracker: Tracker, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody changes the tracker after it was looked at, and while tables are copied."""
    text = "SELECT status, state FROM tracking.issues JOIN tracking.issue_states USING (issue_id, status)"
    statuses = iter(["silenced", "in_progress", "new"])
    copy, read = TrackingSchema._copy, TrackerFile.states

    def copying(*given: Any) -> None:
        put(tracker, ids[1], next(statuses, "new"))
        copy(*given)

    def reading(*given: Any) -> Any:
        found = read(*given)
        put(tracker, ids[1], next(statuses, "new"))
        return found

    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        monkeypatch.setattr(TrackerFile, "states", reading)
        monkeypatch.setattr(TrackingSchema, "_copy", copying)
        for _ in range(4):
            assert len(store.sql(text).rows) == 2


def test_relations_name_tables_of_the_tracker(tracked: QueryStore) -> None:
    assert tracked.relation("tracking.issues").filter("status = 'resolved'").count("*").fetchall() == [(1,)]
    assert len(tracked.relation("tracking.issue_states").fetchall()) == 2
    with pytest.raises(ValueError, match=r"no table 'tracking\.nothing'; there are tracking.activity"):
        tracked.relation("tracking.nothing")


@pytest.fixture(scope="module")
def untracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    with stormlog.query.open(write_runs(tmp_path_factory.mktemp("untracked") / "runs")) as store:
        yield store


def test_without_a_tracker_its_tables_are_empty(untracked: QueryStore) -> None:
    assert untracked.sql("SELECT * FROM tracking.issue_states").rows == []
    assert untracked.sql("SELECT issue_id, status FROM tracking.issues").rows == []
    assert untracked.connection.execute("SELECT count(*) FROM tracking.activity").fetchone() == (0,)


def test_the_view_is_documented_in_the_database(untracked: QueryStore) -> None:
    (row,) = untracked.sql("SELECT comment FROM duckdb_views() WHERE schema_name = 'tracking'").rows
    assert row[0].startswith("What became of")


def test_a_table_of_the_tracker_reads_no_telemetry(runs: Path, tracker: Tracker) -> None:
    with stormlog.query.open(runs, tracker=path_of(tracker), cache=False) as store:
        store.sql("SELECT * FROM tracking.issues")
        assert not store.snapshot.catalog.warnings and store.rejects_summary() == []
        assert not store._has_read  # the promise is about cost, which nothing else shows


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FROM tracking.issues", {"from", "tracking", "tracking.issues"}),
        ('FROM "tracking" . "Issues"', {"from", "tracking", "tracking.issues"}),
        ("FROM tracking.issues, issues", {"from", "tracking", "tracking.issues", "issues"}),
        ("FROM tracking.issues AS issues", {"from", "tracking", "tracking.issues", "as", "issues"}),
    ],
)
def test_tables_of_the_tracker_are_told_from_views(text: str, names: set[str]) -> None:
    assert names_in(text) == names


# ---- a sidecar ---------------------------------------------------------------------------------------------


def test_a_sidecar_in_an_opened_directory_counts(runs: Path, tracker: Tracker, ids: list[str]) -> None:
    export_states(tracker, runs / "issues.json")

    with stormlog.query.open(runs) as store:
        assert states(store) == ["resolved", "open", "open"]
        assert store.catalog.warnings == [] and store.rejects_summary() == []
        assert [source.path.name for source in store.catalog.sources] == ["events.jsonl"]
        assert store.sql("SELECT * EXCLUDE (issue_id) FROM tracking.issue_states ORDER BY 1").rows[0] == (
            *(ids[0], "a", False, "resolved", "resolved", "1.4.0", "Ada", None, 1, 1, 0, 0, "1.0", "1.0"),
        )


@pytest.mark.parametrize(
    "names", [["events.jsonl"], ["events.jsonl", "issues.json"], ["issues.json", "events.jsonl"]]
)
def test_a_sidecar_beside_an_opened_file_counts(names: list[str], runs: Path, ids: list[str]) -> None:
    write(runs / "issues.json", {"fingerprint_id": ids[2], "state": "ignored"})

    with stormlog.query.open([runs / name for name in names]) as store:
        assert states(store) == ["open", "open", "ignored"]
        assert store.catalog.warnings == [] and store.rejects_summary() == []


def test_a_sidecar_further_down_does_not_count(runs: Path, ids: list[str]) -> None:
    write(runs / "issues.json", {"fingerprint_id": ids[2], "state": "ignored"})

    with stormlog.query.open(runs.parent) as store:
        assert states(store) == ["open", "open", "open"]
        assert store.catalog.warnings == []


def test_a_tracker_wins_over_a_sidecar(runs: Path, tracker: Tracker, ids: list[str]) -> None:
    write(
        runs / "issues.json",
        {"fingerprint_id": ids[2], "state": "ignored"},
        {"fingerprint_id": ids[0], "state": "x"},
    )

    with stormlog.query.open(runs, tracker=path_of(tracker)) as store:
        assert states(store) == ["resolved", "open", "open"]
        assert store.catalog.warnings == []


def test_several_sidecars_are_one(runs: Path, ids: list[str], tmp_path: Path) -> None:
    second = tmp_path / "second"
    shutil.copytree(runs, second)
    write(
        runs / "issues.json",
        {"fingerprint_id": ids[0], "state": "ignored"},
        {"fingerprint_id": ids[1], "state": "resolved"},
    )
    write(second / "issues.json", {"fingerprint_id": ids[0], "state": "regressed"})

    with stormlog.query.open([runs, second]) as store:
        assert states(store) == ["regressed", "resolved", "open"]


DAMAGED = (
    *("", "[]", "{}", "null", '{"format": "stormlog-issues"}'),
    '{"format": "stormlog-issues", "version": 2, "issues": []}',
    '{"format": "stormlog-issues", "version": 1, "issues": [{"fingerprint_id": "x", "state": "fixed"}]}',
)


def test_a_damaged_sidecar_costs_a_warning_and_no_issue(tmp_path: Path) -> None:
    """Each lies in a folder of its own, beside an issue that no other folder has."""
    folders = [write_runs(tmp_path / f"runs{number}", chr(97 + number)) for number in range(len(DAMAGED))]
    for folder, text in zip(folders, DAMAGED, strict=True):
        (folder / "issues.json").write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match="was skipped"):
            stormlog.query.open(folder, strict=True)
    with stormlog.query.open(folders) as store:
        assert states(store) == ["open"] * len(DAMAGED)
        found = {warning.path: warning for warning in store.catalog.warnings}
        assert sorted(found) == [str(folder / "issues.json") for folder in folders]
        for warning in found.values():
            assert warning.code == "issue_sidecar_invalid"
            assert warning.message.startswith("was skipped: ")
        assert sorted(path for (path,) in store.sql("SELECT path FROM catalog_warnings").rows) == sorted(
            found
        )


def test_a_sidecar_is_read_again_when_the_store_looks_again(
    runs: Path, ids: list[str], tmp_path: Path
) -> None:
    path = runs / "issues.json"
    with stormlog.query.open(runs, cache=tmp_path / "cache") as store:
        assert states(store) == ["open", "open", "open"]
        write(path, {"fingerprint_id": ids[0], "state": "ignored"})
        assert states(store) == ["open", "open", "open"]
        assert store.refresh()
        assert states(store) == ["ignored", "open", "open"]
        assert store.sql("SELECT state FROM tracking.issue_states").rows == [("ignored",)]
        assert not store.refresh()
        path.write_text("{}", encoding="utf-8")
        assert store.refresh()
        assert states(store) == ["open", "open", "open"] and len(store.catalog.warnings) == 1
        path.unlink()
        assert store.refresh()
        assert store.catalog.warnings == [] and store.sql("SELECT * FROM tracking.issue_states").rows == []


def test_telemetry_that_is_called_so_stays_telemetry(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "issues.json").write_text(
        json.dumps([event(event_type="warning", context="x")]), encoding="utf-8"
    )

    with stormlog.query.open(tmp_path / "issues.json") as store:
        assert len(store.list_issues()) == 1
