"""One store, several threads: every answer is about the files of one refresh, and no thread harms another."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

import stormlog.query
from stormlog.engine import engine as engine_module
from stormlog.engine.cursors.cursor import SnapshotCursor
from stormlog.engine.engine import Engine
from stormlog.engine.index.location import LAYOUT
from stormlog.errors import QueryError, StormlogError
from tests.engine.index.mixes import append
from tests.query.sinks import START_NS, busy_session, write_lines
from tests.soak import few_or_many

#: A hang is a failure, however slow the machine is.
HANG_S = 120
ENDLESS = "SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b WHERE a.range * b.range = -1"


def written(folder: Path) -> Path:
    """Write three sessions, each with a line that is none."""
    folder.mkdir()
    for number in range(3):
        write_lines(folder / f"{number}.jsonl", [*busy_session(f"s{number}", 20)])
        append(folder / f"{number}.jsonl", b"{bad\n")
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return written(tmp_path / "files")


def grow(files: Path, number: int) -> None:
    append(files / "0.jsonl", busy_session(f"grown-{number}", 20, start_ns=START_NS + number * 10**12))


def plain(issues: list[Any]) -> list[Any]:
    """Return everything of some issues but their evidence, which is another question."""
    return [
        (
            issue.fingerprint_id,
            issue.title,
            issue.severity,
            issue.hit_count,
            len(issue.evidence),
            issue.details,
        )
        + (issue.first_seen_ns, issue.last_seen_ns, issue.affected_sessions, issue.representative_evidence)
        for issue in issues
    ]


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "issues": lambda store: plain(store.list_issues()),
    "sessions": lambda store: [row.as_dict() for row in store.list_sessions()],
    "events": lambda store: [row.as_dict() for row in store.query_events()],
    "some events": lambda store: [
        row.as_dict() for row in store.query_events(stormlog.query.EventFilter(event_type="warning"))
    ],
    "rejects": lambda store: store.rejects_summary() or None,
    "sql over issues": lambda store: store.sql("SELECT * FROM issue_evidence ORDER BY ALL").rows,
    "sql over spans": lambda store: store.sql("SELECT count(*) FROM phase_spans").rows,
    "sql over gaps": lambda store: store.sql("SELECT * FROM memory_gaps ORDER BY ALL").rows,
    "sql over tracking": lambda store: store.sql("SELECT count(*) FROM tracking.issues").rows,
    "relation": lambda store: (
        store.relation("issues").project("fingerprint_id, hit_count").order("ALL").fetchall()
    ),
    "relation of events": lambda store: store.relation("events").count("*").fetchall(),
    "connection": lambda store: store.connection.execute(
        "SELECT count(*), sum(timestamp_ns) FROM events"
    ).fetchall(),
    "evidence": lambda store: [[link.as_dict() for link in issue.evidence] for issue in store.list_issues()],
}

#: Those whose answers are kept; what statements need is read for these.
KEPT = ("issues", "sessions", "events", "some events", "rejects", "sql over issues", "evidence")


@contextmanager
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Stop the first question between its preparation and its fetch.

    Yields:
        What is set as soon as a question stands there, and what lets it go on.
    """
    is_there, may_go_on = threading.Event(), threading.Event()
    fetch = Engine.fetch

    def waiting(self: Engine, *given: Any, **named: Any) -> Any:
        if not is_there.is_set():
            is_there.set()
            assert may_go_on.wait(HANG_S)
        return fetch(self, *given, **named)

    monkeypatch.setattr(Engine, "fetch", waiting)
    try:
        yield is_there, may_go_on
    finally:
        may_go_on.set()


def test_a_question_does_not_see_tables_that_another_thread_is_filling_again(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stormlog.query.open(files, cache=False) as store:
        right = plain(store.list_issues())
    is_half_filled, has_answer = threading.Event(), threading.Event()
    stage_sessions = engine_module.stage_sessions
    with (
        stormlog.query.open(files, cache=False) as store,
        ThreadPoolExecutor(2) as threads,
        stopped(monkeypatch) as (is_there, may_go_on),
    ):
        asked = threads.submit(lambda: plain(store.list_issues()))
        assert is_there.wait(HANG_S)

        def half_filled(database: Any) -> None:
            is_half_filled.set()
            assert has_answer.wait(HANG_S)
            stage_sessions(database)

        monkeypatch.setattr(engine_module, "stage_sessions", half_filled)
        # All files are read again, with their texts.
        events = threads.submit(store.query_events)
        assert is_half_filled.wait(HANG_S)
        may_go_on.set()
        try:
            assert asked.result(HANG_S) == right
        finally:
            has_answer.set()
        assert len(events.result(HANG_S)) == 60


OVERTAKEN = ("issues", "sessions", "events", "sql over issues", "sql over gaps")


@pytest.fixture(scope="module")
def right_answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one store answers about such files, whatever their folder is called."""
    folder = written(tmp_path_factory.mktemp("right") / "files")
    with stormlog.query.open(folder, cache=False) as store:
        return {name: anywhere(QUESTIONS[name](store), folder) for name in OVERTAKEN}


def anywhere(answer: Any, folder: Path) -> str:
    return repr(answer).replace(str(folder), "<folder>")


@pytest.mark.parametrize("question", OVERTAKEN)
def test_a_question_that_a_refresh_overtakes_is_about_the_files_before_it(
    files: Path,
    right_answers: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    question: str,
) -> None:
    ask, right = QUESTIONS[question], right_answers[question]
    with (
        stormlog.query.open(files, cache=tmp_path / "cache") as store,
        ThreadPoolExecutor(1) as threads,
        stopped(monkeypatch) as (is_there, may_go_on),
    ):
        asked = threads.submit(ask, store)
        assert is_there.wait(HANG_S)
        grow(files, 1)
        assert store.refresh()
        for other in ("events", "issues", "sql over spans"):
            QUESTIONS[other](store)
        before = sorted(tmp_path.glob(f"cache/{LAYOUT}/*/answers/*.json"))
        may_go_on.set()
        assert anywhere(asked.result(HANG_S), files) == right
        assert sorted(tmp_path.glob(f"cache/{LAYOUT}/*/answers/*.json")) == before, (
            "an outdated answer was kept"
        )
        assert anywhere(ask(store), files) != right


def test_answers_of_many_threads_are_those_of_one(files: Path, tmp_path: Path) -> None:
    rounds = few_or_many(1, 6)
    right: dict[str, list[Any]] = {name: [] for name in QUESTIONS}
    original = {path: path.read_bytes() for path in files.iterdir()}
    for number in range(rounds + 1):
        if number:
            grow(files, number)
        with stormlog.query.open(files, cache=False) as store:
            store.list_issues()
            for name, ask in QUESTIONS.items():
                right[name].append(ask(store))
    for path, content in original.items():
        path.write_bytes(content)
    right["rejects"].append(None)
    faults: list[str] = []
    done = threading.Event()
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:

        def go_on_asking(number: int) -> None:
            names = list(QUESTIONS)
            while not done.is_set():
                number += 1
                name = names[number % len(names)]
                try:
                    if QUESTIONS[name](store) not in right[name]:
                        faults.append(f"{name}: a wrong answer")
                except Exception as error:
                    # What was made before a refresh may say so.
                    if "ask again" in str(error) and name.startswith(("evidence", "connection", "relation")):
                        continue
                    faults.append(f"{name}: {type(error).__name__}: {error}")

        with ThreadPoolExecutor(4) as threads:
            asking = [threads.submit(go_on_asking, 3 * number) for number in range(4)]
            try:
                for number in range(1, rounds + 1):
                    grow(files, number)
                    store.refresh()
                    for name in ("events", "issues"):
                        assert QUESTIONS[name](store) == right[name][number]
            finally:
                done.set()
            for thread in asking:
                thread.result(HANG_S)
        assert faults == []
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        store.list_issues()
        for name in KEPT:
            assert QUESTIONS[name](store) == right[name][rounds], f"{name}: a wrong answer was kept"


# ---- what belongs to one generation of files -----------------------------------------------------------------


def uses(store: Any) -> dict[str, Callable[[], Any]]:
    """Return what can be done with things that a store hands out."""
    relation, connection = store.relation("issues"), store.connection
    derived = relation.filter("hit_count > 0").order("hit_count")
    table = connection.table("issues")
    issue, *_ = store.list_issues()
    return {
        "rows": relation.fetchall,
        "derived": lambda: derived.limit(1).fetchall(),
        "columns": lambda: relation.columns,
        "length": lambda: len(relation),
        "statement": lambda: connection.execute("SELECT count(*) FROM issues").fetchall(),
        "its relation": table.fetchall,
        "evidence": lambda: issue.evidence[0],
    }


def test_what_was_made_before_a_refresh_says_ask_again(files: Path) -> None:
    with stormlog.query.open(files, cache=False) as store:
        made = uses(store)
        assert not store.refresh()
        for name, unchanged in uses(store).items():
            assert (found := unchanged()) and found == made[name](), name
        late = uses(store)
        grow(files, 1)
        assert store.refresh()
        for use in late.values():
            with pytest.raises(StormlogError, match="ask again"):
                use()
        assert all(use() for use in uses(store).values())


def test_loaded_evidence_stays_after_a_refresh(files: Path) -> None:
    with stormlog.query.open(files, cache=False) as store:
        issue, *_ = store.list_issues()
        before = tuple(issue.evidence)
        grow(files, 1)
        assert store.refresh()
        assert tuple(issue.evidence) == before


def test_evidence_of_files_that_were_rewritten_is_an_error_of_stormlog(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text(json.dumps(busy_session("s", 20)))
    with stormlog.query.open(path, cache=False) as store:
        issues = store.list_issues()
        path.write_text(json.dumps(busy_session("s", 40)))
        store.query_events()
        with pytest.raises(StormlogError, match="ask again"):
            [tuple(issue.evidence) for issue in issues]


def test_a_relation_goes_on_after_a_statement_failed(files: Path) -> None:
    with stormlog.query.open(files, cache=False) as store:
        relation = store.relation("issues")
        count = len(relation)
        with pytest.raises(QueryError):
            relation.project("CAST(fingerprint_id AS INTEGER) AS number").fetchall()
        with pytest.raises(QueryError):
            relation.filter("no_such_column = 1")
        store.query_events()
        store.interrupt()
        assert len(relation) == count


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    write_lines(folder / "events.jsonl", busy_session("s", 20))
    return folder


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[Any]:
    """A store of which nobody can change anything."""
    with stormlog.query.open(folder, cache=False) as store:
        yield store


@pytest.mark.parametrize(
    "write",
    [
        lambda relation, path: relation.write_csv(str(path)),
        lambda relation, path: relation.to_csv(str(path)),
        lambda relation, path: relation.write_parquet(str(path)),
        lambda relation, path: relation.to_parquet(str(path)),
        lambda relation, path: relation.create("t"),
        lambda relation, path: relation.to_table("t"),
        lambda relation, path: relation.create_view("v"),
        lambda relation, path: relation.to_view("v"),
        lambda relation, path: relation.insert(["x"]),
        lambda relation, path: relation.insert_into("raw.files"),
        lambda relation, path: relation.update({"source_path": "'x'"}),
        lambda relation, path: relation.query("r", f"COPY (SELECT 1) TO '{path}'"),
        lambda relation, path: relation.query("r", "DELETE FROM raw.files"),
        lambda relation, path: relation.filter(
            f"1 IN (WITH w AS (COPY (SELECT 1) TO '{path}') SELECT * FROM w)"
        ).fetchall(),
        lambda relation, path: relation.filter(
            "1 IN (WITH w AS (DELETE FROM raw.files RETURNING 1) SELECT * FROM w)"
        ).fetchall(),
    ],
)
def test_a_relation_does_not_write(shared: Any, folder: Path, write: Callable[[Any, Path], Any]) -> None:
    target = folder / "written"
    relation = shared.relation("catalog_sources")
    rows = sorted(row[0] for row in relation.fetchall())
    assert rows
    with pytest.raises(QueryError):
        write(relation, target)
    for later in (relation, shared.relation("catalog_sources")):
        assert sorted(row[0] for row in later.fetchall()) == rows
    assert not target.exists()


def test_answers_are_not_kept_once_somebody_may_have_written_to_the_tables(
    files: Path, tmp_path: Path
) -> None:
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        right = plain(store.list_issues())
        store.connection.execute("DELETE FROM stage.hits")
        store.list_issues(stormlog.query.IssueFilter(kind="alert"))
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        alerts = store.list_issues(stormlog.query.IssueFilter(kind="alert"))
        assert alerts
        assert plain(store.list_issues()) == right


# ---- closing and interrupting -------------------------------------------------------------------------------------


def wait_until_running(store: Any) -> None:
    ticks = threading.Event()
    while not any(engine.is_in_use for engine in store._engines()):
        ticks.wait(0.01)


@pytest.mark.parametrize("end", ["close", "interrupt"])
def test_a_running_statement_ends(files: Path, end: str) -> None:
    store = stormlog.query.open(files, cache=False)
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(store.sql, ENDLESS) for _ in range(2)]
        wait_until_running(store)
        while not all(thread.done() for thread in asked):
            getattr(store, end)()
        for thread in asked:
            with pytest.raises(QueryError, match="the store is closed" if end == "close" else "interrupted"):
                thread.result(HANG_S)
    if end == "interrupt":
        assert store.list_issues()
    store.close()
    with pytest.raises(QueryError, match="the store is closed"):
        store.list_issues()


def test_closing_ends_what_another_thread_prepares(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_there, closes = threading.Event(), threading.Event()
    stage_sessions = engine_module.stage_sessions

    def waiting(database: Any) -> None:
        is_there.set()
        assert closes.wait(HANG_S)
        while True:
            stage_sessions(database)

    monkeypatch.setattr(engine_module, "stage_sessions", waiting)
    store = stormlog.query.open(files, cache=False)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(store.list_issues)
        assert is_there.wait(HANG_S)
        closes.set()
        store.close()
        with pytest.raises(QueryError, match="the store is closed"):
            asked.result(HANG_S)


def test_a_question_between_preparation_and_fetch_ends_with_the_store(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as threads, stopped(monkeypatch) as (is_there, may_go_on):
        store = stormlog.query.open(files, cache=False)
        asked = threads.submit(store.list_issues)
        assert is_there.wait(HANG_S)
        store.close()
        may_go_on.set()
        with pytest.raises(QueryError, match="the store is closed"):
            asked.result(HANG_S)


def test_a_question_that_is_interrupted_while_its_snapshot_is_taken_says_so(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stormlog.query.open(files, cache=False) as store:
        store.list_issues()
        begin = SnapshotCursor.begin

        def interrupted(cursor: SnapshotCursor) -> None:
            store.interrupt()
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

        monkeypatch.setattr(SnapshotCursor, "begin", interrupted)
        with pytest.raises(QueryError, match="interrupted"):
            store.sql("SELECT 1")
        monkeypatch.setattr(SnapshotCursor, "begin", begin)
        assert store.sql("SELECT 1").rows == [(1,)]
