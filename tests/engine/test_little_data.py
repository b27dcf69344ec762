"""Little data is read by one thread, and a store whose files grow gets all of them without losing anything."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow
import pytest

import stormlog.query
from stormlog.artifacts import ArtifactCatalog
from stormlog.artifacts.snapshot import Snapshot
from stormlog.engine.database import settings
from stormlog.engine.database.settings import Settings
from stormlog.query import QueryStore
from tests.query.sinks import START_NS, busy_session, write_lines

LITTLE = 1 << 24
WEIGHTS = pyarrow.table({"weight": [7]})


@pytest.mark.parametrize(
    ("given", "size", "threads"),
    [(None, 0, 1), (None, LITTLE - 1, 1), (None, LITTLE, None), (4, 0, 4), (4, LITTLE, 4)],
)
def test_only_little_data_without_a_wish_gets_one_thread(
    given: int | None, size: int, threads: int | None
) -> None:
    wanted = Settings(given, "1GB", "/spill", "2GB", "3GB", is_sparing=True)

    assert wanted.for_bytes(size) == Settings(threads, "1GB", "/spill", "2GB", "3GB", is_sparing=True)


def test_compressed_files_hold_more_than_their_size(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "a.jsonl", busy_session("a", 20))
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(lines.read_bytes()))

    def expected(*paths: Path) -> int:
        return Snapshot.take(ArtifactCatalog(paths)).expected_bytes

    assert expected(lines) == lines.stat().st_size
    assert expected(packed) == 20 * packed.stat().st_size
    assert expected(lines, packed) == expected(lines) + expected(packed)


def threads_of(store: QueryStore) -> int:
    return store.sql("SELECT current_setting('threads')").fetchall()[0][0]  # type: ignore[no-any-return]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "run.jsonl", busy_session("a", 40))


def grow(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a session, and have the files be more than a little from now on."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(
            write_lines(path.with_suffix(".more"), busy_session("b", 40, start_ns=START_NS + 5)).read_text()
        )
    monkeypatch.setattr(settings, "_LITTLE_BYTES", 1)


@pytest.mark.parametrize("cache", [False, True], ids=["without index", "with index"])
def test_a_store_that_outgrew_one_thread_answers_as_a_fresh_one(
    cache: bool, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"cache": str(tmp_path / "cache") if cache else False}
    with stormlog.query.open(path, **options) as store:
        before = store.list_issues()
        assert threads_of(store) == 1
        unread = store.sql("SELECT count(*) FROM events")
        grow(path, monkeypatch)

        assert store.refresh()

        # However many cores there are.
        assert store._engine().settings == Settings()
        assert unread.fetchall() == [(40,)]
        with stormlog.query.open(path, cache=False) as fresh:
            assert store.list_issues() == fresh.list_issues() != before
            assert store.query_events() == fresh.query_events()


def test_own_tables_move_with_a_store_that_outgrew_one_thread(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stormlog.query.open(path, cache=False) as store:
        engine = store._engine()
        assert engine.settings.threads == 1
        store.register("weights", WEIGHTS)
        grow(path, monkeypatch)
        store.refresh()

        assert store.sql("SELECT weight, (SELECT count(*) FROM events) FROM weights").fetchall() == [(7, 80)]
        assert store._engine() is not engine


def test_a_store_that_was_asked_for_a_connection_keeps_its_tables(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stormlog.query.open(path, cache=False) as store:
        store.list_issues()
        store.connection.execute("CREATE TABLE mine AS SELECT 1 AS number")
        grow(path, monkeypatch)
        store.refresh()

        assert store.connection.execute(
            "SELECT number, (SELECT count(*) FROM events) FROM mine"
        ).fetchall() == [(1, 80)]


def test_own_rows_may_be_many(path: Path) -> None:
    with stormlog.query.open(path, cache=False) as store:
        store.register("weights", WEIGHTS)
        assert store._engine().settings.threads is None
    with stormlog.query.open(path, cache=False) as store:
        store.connection.execute("SELECT 1")
        assert store._engine().settings.threads is None
